"""How the demo's programs tell what they see: JSON lines on standard output."""

from __future__ import annotations

import json
import sys
from typing import Any


def tell(kind: str, **what: Any) -> None:
    """Print one line, at once: who reads it may kill us at any time."""
    sys.stdout.write(json.dumps({"kind": kind, **what}, separators=(",", ":")) + "\n")
    sys.stdout.flush()
