"""`perdure simulate`: whole systems through simulated faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli import common
from perdure.cli.common import FOUND, GOOD, INCOMPLETE, AsJson, extra, put_json, wrong


def simulate(
    seed: Annotated[int, typer.Option(help="the first run's; each run after it has the next")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="of all runs together")] = 1200,
    minutes: Annotated[float | None, typer.Option(min=0.0, help="go on for so long")] = None,
    systems: Annotated[
        str, typer.Option(help="T: client and hub; A: followed states; R: response streams; or several: TAR")
    ] = "T",
    save: Annotated[Path | None, typer.Option(help="write the scenario to this file")] = None,
    replay: Annotated[Path | None, typer.Option(help="run this saved scenario, and no other")] = None,
    as_json: AsJson = False,
) -> None:
    """Run whole systems through simulated faults, in virtual time, until a property breaks.

    Stops at the first property that breaks, with the seed and the shortest scenario found. What --save writes
    is that one, or the first run's where none broke, with its transcript; a replayed one keeps its comments.
    """
    with extra("check"):
        from perdure.testing import simulation
        from perdure.testing.simulation import show, transcript
    try:
        if save is not None:
            check_writable(save)
        only = simulation.read(replay) if replay else None
        comments = transcript.comments(replay.read_text(encoding="utf-8")) if replay else []
        tally = simulation.simulate(
            seed, steps, systems=simulation.systems_of(systems), minutes=minutes, only=only
        )
    except (OSError, simulation.ScenarioError) as error:
        raise wrong(str(error)) from error
    if as_json:
        put_json(tally.as_json())
    else:
        for line in show.lines(tally):
            common.console.print(line, soft_wrap=True)
    code = FOUND if not tally.ok else GOOD if tally.complete else INCOMPLETE
    try:
        if save is not None and tally.first is not None:
            save.write_text(show.saved(tally, *comments), encoding="utf-8")
    except OSError as error:
        exits = wrong(str(error))
        raise (exits if code == GOOD else typer.Exit(code)) from error
    raise typer.Exit(code)


def check_writable(file: Path) -> None:
    """Whether it can be written; there is none afterwards where there was none. Raises OSError."""
    new = not file.exists()
    file.open("a").close()
    if new:
        file.unlink()
