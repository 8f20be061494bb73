"""Defects of the catalogue planted in the running code: what finds each, and how soon.

Two searches: `find` runs the simulator's scenarios, seed after seed; `search` lets Hypothesis drive the state
machines, and needs hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from perdure_model.core.rule import Book
from perdure_model.world import Defect
from perdure_model.world.follow import FOLLOWED
from perdure_model.world.response import RESPONSES
from perdure_model.world.transport import TRANSPORT

from perdure.testing.simulation.runs import RUN_STEPS, Run, drawn, replay, shortened
from perdure.testing.simulation.scenario import Scenario
from perdure.testing.simulation.simulation import RULES
from perdure.testing.simulation.stateful import MACHINES, WorldMachine, machine

RUNS_MAX: Final = 500
EXAMPLES_MAX: Final = 1000
SEARCH: Final = settings(
    stateful_step_count=50,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
"""How Hypothesis searches for a defect: examples of up to 50 rules."""
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
    """How a defect was found: after so many `runs` or examples; `shortest` is None where it was missed."""

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


def search(defect: Defect, *, examples_max: int = EXAMPLES_MAX) -> Found:
    """Plant a defect, and let Hypothesis drive the machine of its system until it shows.

    Always the same examples, of one version of Hypothesis. What has broken is replayed from its text, and
    that is shortened: a stretch of steps is one choice to Hypothesis, which could only take all of it away.
    """
    if defect.id in NO_PLACE:
        return Found(defect, 0, None)
    rules, seen = books(defect), Examples()
    planted = seen.of(machine(MACHINES[system_of(defect)], **rules))
    try:
        run_state_machine_as_test(planted, settings=settings(SEARCH, max_examples=examples_max))
    except Exception:
        if seen.broken is None:
            raise
    if seen.broken is None:
        return Found(defect, seen.count, None)
    run = replay(seen.broken, **rules)
    if run.broken is None:
        raise RuntimeError(f"{defect.id}: what broke it is no scenario by itself:\n{seen.broken.text()}")
    return Found(defect, seen.count, shortened(run, **rules))


class Examples:
    """The examples of a machine, up to the first that breaks a property: how many, and that one."""

    def __init__(self) -> None:
        self.count = 0
        self.broken: Scenario | None = None

    def of(self, kind: type[WorldMachine]) -> type[WorldMachine]:
        """The machine, whose examples are seen here."""

        def teardown(machine: WorldMachine) -> None:
            try:
                kind.teardown(machine)
            finally:
                self._ended(machine)

        return type(kind.__name__, (kind,), {"teardown": teardown})

    def _ended(self, machine: WorldMachine) -> None:
        if self.broken is None and machine.world is not None:
            self.count += 1
            self.broken = None if machine.good else machine.scenario


def table(found: Iterable[Found], each: str = "run") -> str:
    """A table in Markdown; `each` is what was counted."""
    return "\n".join([*lines(found, each), ""])


def lines(found: Iterable[Found], each: str = "run") -> Iterator[str]:
    """Its lines."""
    counted = f"{each}s needed"
    yield f"| defect | what it does wrong | breaks, in the model | {counted} | shortened to | what broke |"
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
