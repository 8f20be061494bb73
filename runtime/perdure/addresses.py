"""Addresses as they may be shown: in an error's text, which may end up in any log."""

from __future__ import annotations

import re
from typing import Final

SHOWN_MAX: Final = 200
_USER: Final = re.compile(r"(?<=//)[^/?#]*@")


def shown(address: object) -> str:
    """The address without user, password, query and fragment, which may be secret, and not endlessly long."""
    plain = _USER.sub("", str(address))
    kept = re.split(r"[?#]", plain, maxsplit=1)[0]
    return kept[:SHOWN_MAX] + ("…" if len(kept) > SHOWN_MAX or kept != plain else "")
