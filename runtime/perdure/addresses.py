"""Addresses as they may be shown: in an error's text, which may end up in any log."""

from __future__ import annotations

import re
from typing import Final

import httpx2

from perdure.errors import UsageError

SHOWN_MAX: Final = 200
_USER: Final = re.compile(r"(?<=//)[^/?#]*@")


def shown(address: object) -> str:
    """The address without user, password, query and fragment, which may be secret, and not endlessly long."""
    plain = _USER.sub("", str(address))
    kept = re.split(r"[?#]", plain, maxsplit=1)[0]
    return kept[:SHOWN_MAX] + ("…" if len(kept) > SHOWN_MAX or kept != plain else "")


def without_user(url: httpx2.URL) -> None:
    """Raises UsageError for an address with a user or password: HTTP clients log addresses as they are."""
    if url.userinfo:
        raise UsageError(
            f"the address {shown(url)!r} holds a user or a password",
            hint="give a credential, or http=httpx2.AsyncClient(auth=(user, password))",
        )
