"""`python -m tests.soak`: load with accounts. Exits 0 if all is well, 1 with a finding."""

from __future__ import annotations

import argparse
import random
import sys

import anyio
from rich.console import Console
from rich.table import Table

from tests.soak.load import Load, Result, run

MINUTES_MIN = 1.0


def table(result: Result) -> Table:
    """The result for people."""
    shown = Table(title="What came of it", show_header=False, title_justify="left")
    shown.add_column()
    shown.add_column(justify="right")
    wrong = result.totals.wrong
    for name, n in result.totals.as_json().items():
        shown.add_row(name.replace("_", " "), f"{n:,}", style="bold red" if name in wrong else None)
    shown.add_row("requests with a dead token", f"{result.denied:,}")
    for what, n in sorted(result.faults.items()):
        shown.add_row(f"proxy: {what}", f"{n:,}")
    for (who, measure), memory in result.memory.items():
        says = f"{memory.sizes[-1]:,.0f}, {memory.growth:+.1%}"
        shown.add_row(f"{measure} memory of {who}", says, style=None if memory.flat else "bold red")
    for who, left in result.left.items():
        shown.add_row(f"left in {who}", str(left or "nothing"), style="bold red" if left else None)
    shown.add_row("seconds", f"{result.seconds:.0f}")
    return shown


def main() -> int:
    """Read the arguments, run, and show."""
    arguments = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=Load.minutes, help="of faults")
    arguments.add_argument("--clients", type=int, default=Load.clients)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments.add_argument("--fault-each", type=float, default=Load.fault_each_s, metavar="SECONDS")
    arguments.add_argument("--defect", default="", metavar="ID", help="plant one of the catalogue: it shows")
    given = arguments.parse_args()
    if given.minutes < MINUTES_MIN:
        arguments.error(f"--minutes {given.minutes:g}: memory tells nothing in less than {MINUTES_MIN:g}")
    console = Console()
    console.print(f"the faults' seed: {given.seed} (again with --seed {given.seed})")
    result = anyio.run(
        run, Load(given.minutes, given.clients, given.seed, given.fault_each, given.defect), console
    )
    console.print(table(result))
    for note in result.notes:
        console.print(note, markup=False)
    for finding in result.findings:
        console.print(finding, style="bold red", markup=False)
    return 1 if result.findings else 0


if __name__ == "__main__":
    sys.exit(main())
