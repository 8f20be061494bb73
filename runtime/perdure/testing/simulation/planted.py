"""Defects of the catalogue planted in the running code: what finds each, and how soon.

Two searches: `find` runs the simulator's scenarios, seed after seed; `search` lets Hypothesis drive the state
machines, and needs hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from perdure_model.core.rule import Book
from perdure_model.world import Defect
from perdure_model.world.follow import FOLLOWED
from perdure_model.world.response import RESPONSES
from perdure_model.world.transport import TRANSPORT

from perdure.testing.simulation.runs import RUN_STEPS, Run, drawn, replay, shortened
from perdure.testing.simulation.simulation import RULES

RUNS_MAX: Final = 200
CATALOGUES: Final[dict[str, Mapping[str, Defect]]] = {
    "T": TRANSPORT.defects,
    "A": FOLLOWED.defects,
    "R": RESPONSES.defects,
}
DEFECTS: Final[Mapping[str, Defect]] = {
    id: defect
    for catalogue in CATALOGUES.values()
    for id, defect in catalogue.items()  # noqa: A001
}
"""Those of interleavings, of all systems; the ids are each defect's own."""
NO_PLACE: Final[dict[str, str]] = {
    "T04": "a timer that was cancelled is never fed, not even if it has just run out: `Timers`",
    "T34": "a timer that was cancelled is never fed, not even if it has just run out: `Timers`",
    "N46": "one hub at a time has a log of its own: there is no other process that could take it",
    "N47": "one hub at a time has a log of its own: there is no other process that could take it",
    "N48": "one hub at a time has a log of its own: there is no other process that could take it",
    "N13": "the credential tells a caller in the very step in which it decides: nothing is on its way",
    "N14": "an attempt that was ended is not read any more",
    "N15": "an attempt that was ended is not read any more",
}
"""Defects that need what the running code excludes, and the worlds do not: why."""


@dataclass(frozen=True)
class Found:
    """How a defect was found: after so many `runs`; `shortest` is None where it was missed."""

    defect: Defect
    runs: int
    shortest: Run | None


def system_of(defect: Defect) -> str:
    """The system that a defect is of."""
    return next(name for name, catalogue in CATALOGUES.items() if defect.id in catalogue)


def books(defect: Defect) -> dict[str, Book]:
    """The rules of all sides with the defect, as `Simulation`, `replay` and `machine` take them."""
    return dict(defect.plant(RULES))


def find(defect: Defect, *, runs_max: int = RUNS_MAX, first_seed: int = 1) -> Found:
    """Plant a defect, and run seed after seed until it shows; not one that has no place."""
    rules = books(defect)
    runs_max = 0 if defect.id in NO_PLACE else runs_max
    for count in range(1, runs_max + 1):
        run = replay(drawn(first_seed + count - 1, RUN_STEPS, system_of(defect)), **rules)
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
    if defect.id in NO_PLACE:
        return f"| {defect.id} | {defect.says} | {defect.breaks} | no place: {NO_PLACE[defect.id]} | | |"
    if one.shortest is None or one.shortest.broken is None:
        return f"| {defect.id} | {defect.says} | {defect.breaks} | not in {one.runs} | | |"
    steps, broke = len(one.shortest.scenario.steps), one.shortest.broken.property
    return f"| {defect.id} | {defect.says} | {defect.breaks} | {one.runs} | {steps} steps | {broke} |"
