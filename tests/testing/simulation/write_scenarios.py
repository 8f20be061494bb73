"""Replay each scenario in `tests/scenarios` and write its transcript again. Look at what changed, and why.

python tests/testing/simulation/write_scenarios.py [NAME ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from perdure.testing.simulation import parse, replay
from perdure.testing.simulation.transcript import comments, file_text, unshown

FOLDER = Path(__file__).parents[2] / "scenarios"


def main() -> None:
    """Write them, and say which changed, and which no longer show what they are for."""
    names = sys.argv[1:]
    for path in sorted(FOLDER.glob("*.txt")):
        if names and path.stem not in names:
            continue
        old = path.read_text(encoding="utf-8")
        new = file_text(replay(parse(old)), *comments(old))
        path.write_text(new, encoding="utf-8")
        lacks = unshown(new)
        if new != old or lacks:
            print(f"{path.name}: {'written again' if new != old else 'as it was'}")
        for line in lacks:
            print(f"    no longer shows: {line}")


if __name__ == "__main__":
    main()
