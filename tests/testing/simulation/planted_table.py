"""Writes docs/simulated_defects.md and docs/stateful_defects.md again. Some minutes.

Arguments: `simulated` or `stateful`, for one of them; and defects to search for again, or `all`. Without any
defect, those that a table lacks; the other rows stay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import hypothesis
from perdure.testing.simulation.planted import (
    DEFECTS,
    EXAMPLES_MAX,
    RUNS_MAX,
    SEARCH,
    Found,
    find,
    row,
    search,
    table,
)
from perdure.testing.simulation.runs import RUN_STEPS
from perdure_model.world import Defect

DOCS = Path(__file__).parents[3] / "docs"
PLACES = """The model checker finds all of them: `perdure defects`. Some have no place in the running code,
which excludes what they need: a test plants them and sees that nothing changes.
"""
SIMULATED = f"""# Defects planted in the running code

Written by `python tests/testing/simulation/planted_table.py simulated`. Each defect of interleavings, of all
three systems, is planted in the running code by overriding the rules that it overrides in the model, and
simulations of {RUN_STEPS} steps are run, seeds 1 to {RUNS_MAX}, until a property breaks; then the scenario is
shortened. What Hypothesis makes of the same defects: [stateful_defects.md](stateful_defects.md).
{PLACES}
"""
STATEFUL = f"""# Defects planted in the running code, and found by the state machines

Written by `python tests/testing/simulation/planted_table.py stateful`, with Hypothesis
{hypothesis.__version__}. Each defect of interleavings is planted in the running code as for
[the simulator](simulated_defects.md), and Hypothesis drives the state machine of its system,
{SEARCH.stateful_step_count} rules an example and {EXAMPLES_MAX} examples at most, until a property breaks.
The example's text, which says the order of tasks as well, is then replayed and shortened.
{PLACES}
"""


class Kept(NamedTuple):
    """A table that is kept: its file, what stands above it, how a defect is searched for, what is counted."""

    file: Path
    says: str
    search: Callable[[Defect], Found]
    each: str

    def rows(self) -> dict[str, str]:
        """The rows that there are, by defect."""
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        found = {line.split()[1]: line for line in text.splitlines() if line.startswith("| ")}
        return {id: line for id, line in found.items() if id in DEFECTS}  # noqa: A001

    def write(self, again: list[str]) -> None:
        """Write the file, row by row; these defects are searched for, and those that it lacks."""
        kept = {} if again == ["all"] else self.rows()
        rows = {id: line for id, line in kept.items() if id not in again}  # noqa: A001
        for id in DEFECTS:  # noqa: A001
            if id not in rows:
                rows[id] = row(self.search(DEFECTS[id]))
            body = [rows[id] for id in DEFECTS if id in rows]  # noqa: A001
            text = self.says + table([], self.each) + "\n".join([*body, ""])
            self.file.write_text(text, encoding="utf-8")


TABLES = {
    "simulated": Kept(DOCS / "simulated_defects.md", SIMULATED, find, "run"),
    "stateful": Kept(DOCS / "stateful_defects.md", STATEFUL, search, "example"),
}


def main(args: list[str]) -> None:
    """Write the tables that are named, or both."""
    named = [arg for arg in args if arg in TABLES] or list(TABLES)
    for name in named:
        TABLES[name].write([arg for arg in args if arg not in TABLES])


if __name__ == "__main__":
    main(sys.argv[1:])
