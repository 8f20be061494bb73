"""Writes docs/simulated_defects.md again, in some minutes: run this file."""

from __future__ import annotations

from pathlib import Path

from perdure.testing.simulation.planted import DEFECTS, RUNS_MAX, find, table
from perdure.testing.simulation.runs import RUN_STEPS

FILE = Path(__file__).parents[3] / "docs" / "simulated_defects.md"
SAYS = f"""# Defects planted in the running code

Written by `python tests/testing/simulation/planted_table.py`. Each defect of system T is planted in the
running client or hub, and simulations of {RUN_STEPS} steps are run, seeds 1 to {RUNS_MAX}, until a property
breaks; then the scenario is shortened. The model checker finds all of them: `perdure defects`.

"""

if __name__ == "__main__":
    FILE.write_text(SAYS + table(map(find, DEFECTS.values())), encoding="utf-8")
