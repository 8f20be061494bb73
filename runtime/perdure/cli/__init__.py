"""The command line: `perdure check | defects | demo | diagrams | simulate | conform`.

The folder's law: a file for each command, of the command's name, which turns what it is given into calls of
the library, and what comes of them into lines, JSON and an exit code. What a command needs beyond the runtime
is imported when it runs, and named if it is missing. `common.py` has what they share.
"""

from __future__ import annotations

import typer

from perdure.cli import check, conform, defects, demo, diagrams, simulate
from perdure.cli.check import exit_code
from perdure.cli.common import FOUND, GOOD, INCOMPLETE, USAGE

__all__ = ["FOUND", "GOOD", "INCOMPLETE", "USAGE", "app", "exit_code", "main"]

HELP = """The command line: `perdure check | defects | demo | diagrams | simulate | conform`.

Exit codes: 0 good, 1 a finding (violation, mismatch, loss), 2 wrong usage, 3 incomplete; 1 beats 3.
What a command needs beyond the runtime is imported when it runs, and named if it is missing.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (
    check.check,
    defects.defects,
    diagrams.diagrams,
    demo.demo,
    simulate.simulate,
    conform.conform,
):
    app.command()(command)


def main() -> None:
    """Run the command line."""
    app()
