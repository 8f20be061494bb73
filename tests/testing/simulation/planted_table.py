"""Writes docs/simulated_defects.md again. Arguments: defects to search for again, or `all` (some minutes).

Without any, those that the table lacks; the other rows stay.
"""

from __future__ import annotations

import sys
from pathlib import Path

from perdure.testing.simulation.planted import DEFECTS, RUNS_MAX, find, row, table
from perdure.testing.simulation.runs import RUN_STEPS

FILE = Path(__file__).parents[3] / "docs" / "simulated_defects.md"
SAYS = f"""# Defects planted in the running code

Written by `python tests/testing/simulation/planted_table.py`. Each defect of interleavings, of all three
systems, is planted in the running code by overriding the rules that it overrides in the model, and
simulations of {RUN_STEPS} steps are run, seeds 1 to {RUNS_MAX}, until a property breaks; then the scenario is
shortened. The model checker finds all of them: `perdure defects`. Some have no place in the running code,
which excludes what they need: a test plants them and sees that nothing changes.

"""


def kept() -> dict[str, str]:
    """The rows that there are, by defect."""
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    found = {line.split()[1]: line for line in text.splitlines() if line.startswith("| ")}
    return {id: line for id, line in found.items() if id in DEFECTS}  # noqa: A001


def write(again: list[str]) -> None:
    """Write the file, row by row; these defects are searched for, and those that it lacks."""
    rows = {} if again == ["all"] else {id: line for id, line in kept().items() if id not in again}  # noqa: A001
    for id in DEFECTS:  # noqa: A001
        if id not in rows:
            rows[id] = row(find(DEFECTS[id]))
        body = [rows[id] for id in DEFECTS if id in rows]  # noqa: A001
        FILE.write_text(SAYS + table([]) + "\n".join([*body, ""]), encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1:])
