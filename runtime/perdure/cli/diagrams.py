"""`perdure diagrams`: draw and write what is made from the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli import common
from perdure.cli.common import FOUND, GOOD, extra, progress_over


def diagrams(
    check: Annotated[bool, typer.Option("--check", help="write nothing; fail if a file is stale")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="search for nothing: take what the record has")
    ] = False,
    folder: Annotated[Path, typer.Option(help="where the drawings are")] = Path("diagrams"),
    spec: Annotated[Path, typer.Option(help="the specification")] = Path("docs/spec.md"),
) -> None:
    """Draw and write all that is made from the model: charts, overviews, counterexamples, the specification.

    A check searches for every counterexample again; what the worlds reach it takes from the record, which the
    test that explores them holds.
    """
    with extra("check"):
        from perdure_model.world import DEFECTS, MODELS

        from perdure.testing.data import DATA_DEFECTS, DATA_PROPERTIES
    with extra("diagrams"):
        from perdure_model.documents import Data
        from perdure_model.documents import folder as written
    data = Data(DATA_PROPERTIES, tuple(DATA_DEFECTS.values()))
    explore = not (quick or check)
    steps = len(DEFECTS) + explore * sum(len(model.sizes["default"]) for model in MODELS)
    with progress_over(steps, shown=not quick) as (done, _say):
        made = written.make(
            folder,
            data,
            search_defects=not quick,
            explore_worlds=explore,
            done=done,
            jobs=common.processors(),
        )
    wrongs = [f"{name} was not found: there is nothing to draw" for name in made.missed]
    if check:
        wrongs += written.stale(made, folder, spec)
    else:
        written.write(made, folder, spec)
    for line in wrongs:
        common.console.print(line, style="red", soft_wrap=True)
    say_files(len(made.drawings) + 1, check=check, wrong=len(wrongs))
    raise typer.Exit(FOUND if wrongs else GOOD)


def say_files(files: int, *, check: bool, wrong: int) -> None:
    """The last line."""
    if not check:
        common.console.print(f"{files} files written")
    else:
        common.console.print(
            f"{wrong} of {files} files are not fresh: perdure diagrams" if wrong else "all fresh"
        )
