"""What the commands share: exit codes, the terminal, and what to say where something is missing or wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

GOOD, FOUND, USAGE, INCOMPLETE = 0, 1, 2, 3
console = Console(highlight=False)
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON, and nothing else")]


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra brings what is missing, rather than show an ImportError."""
    try:
        yield
    except ModuleNotFoundError as missing:
        print(f"perdure: {missing.name} is not installed: pip install 'perdure[{name}]'", file=sys.stderr)  # noqa: T201
        raise typer.Exit(USAGE) from missing


def wrong(what: str) -> typer.Exit:
    """Say what is wrong with the call."""
    print(f"perdure: {what}", file=sys.stderr)  # noqa: T201
    return typer.Exit(USAGE)


def processors() -> int:
    """How many searches to run at a time."""
    return os.cpu_count() or 1


def put_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, default=str))  # noqa: T201


@contextmanager
def progress_over(
    steps: int, *, shown: bool
) -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """A bar over so many steps, on a terminal: gives `done(step)` and `say(line)`."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))
    task = bar.add_task("", total=steps)

    def say(line: str) -> None:
        if shown:
            bar.console.print(line, soft_wrap=True)

    with bar:
        yield lambda step: bar.update(task, advance=1, description=step), say
