"""`perdure conform`: is a recorded run a run of the model?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli import common
from perdure.cli.common import FOUND, GOOD, INCOMPLETE, AsJson, put_json, wrong


def conform(
    file: Annotated[Path, typer.Argument(help="a trace, as JsonLines or demo --record write it")],
    as_json: AsJson = False,
) -> None:
    """Say whether a recorded run is a run of the model; if not, show the first step that does not fit.

    Several traces of one run, of its server and its clients, are judged together when they are in one file.
    """
    from perdure_model.conformance import NoTrace
    from perdure_model.conformance import conform as judged

    try:
        found = judged(file, jobs=common.processors())
    except (OSError, NoTrace) as error:
        raise wrong(f"{file}: {error}") from error
    if as_json:
        put_json(found.as_json())
    else:
        common.console.print(found.summary(), markup=False, soft_wrap=True)
    raise typer.Exit(FOUND if found.mismatch else GOOD if found.complete else INCOMPLETE)
