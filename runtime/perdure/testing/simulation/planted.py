"""Defects of the catalogue planted in the running client or hub: which simulations find, and how soon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from perdure_model.core.client import CLIENT
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER
from perdure_model.world import Defect
from perdure_model.world.transport import TRANSPORT

from perdure.testing.simulation.runs import RUN_STEPS, Run, drawn, replay, shortened

RUNS_MAX: Final = 40
DEFECTS: Final[Mapping[str, Defect]] = TRANSPORT.defects
"""Those that have a place in client and hub: of system T."""


@dataclass(frozen=True)
class Found:
    """How a defect was found: after so many `runs`; `shortest` is None where it was missed."""

    defect: Defect
    runs: int
    shortest: Run | None


def books(defect: Defect) -> dict[str, Book]:
    """The rules of both sides with the defect, as `Simulation`, `replay` and `machine` take them."""
    planted = defect.plant({"client": CLIENT, "server": SERVER})
    return {"client": planted["client"], "server": planted["server"]}


def find(defect: Defect, *, runs_max: int = RUNS_MAX, first_seed: int = 1) -> Found:
    """Plant a defect, and run seed after seed until it shows."""
    rules = books(defect)
    for count in range(1, runs_max + 1):
        run = replay(drawn(first_seed + count - 1, RUN_STEPS), **rules)
        if run.broken is not None:
            return Found(defect, count, shortened(run, **rules))
    return Found(defect, runs_max, None)


def table(found: Iterable[Found]) -> str:
    """A table in Markdown."""
    return "\n".join([*lines(found), ""])


def lines(found: Iterable[Found]) -> Iterator[str]:
    """Its lines."""
    yield "| defect | what it does wrong | breaks, in the model | runs needed | shortened to | what broke |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        yield row(one)


def row(one: Found) -> str:
    """A row of it."""
    defect = one.defect
    if one.shortest is None or one.shortest.broken is None:
        return f"| {defect.id} | {defect.says} | {defect.breaks} | not in {one.runs} | | |"
    steps, broke = len(one.shortest.scenario.steps), one.shortest.broken.property
    return f"| {defect.id} | {defect.says} | {defect.breaks} | {one.runs} | {steps} steps | {broke} |"
