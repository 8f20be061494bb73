"""One target under atheris, which looks for inputs that reach code not reached before: `guided.py TARGET …`.

What follows the target is libFuzzer's. What it looks at is imported under instrumentation, so not above.
"""

from __future__ import annotations

import sys
from typing import Final

import atheris

READERS: Final = [
    *(f"perdure.{name}" for name in ("answers", "events", "remote", "routes", "sse", "states", "wire")),
    "perdure_model.conformance.lines",
    "tests.fuzz.targets",
]
"""The modules whose branches count."""


def main() -> None:
    """Fuzz until the time is over or an input breaks the target."""
    with atheris.instrument_imports(include=READERS):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
