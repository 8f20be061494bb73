"""Many runs, one seed after the other, until a property breaks; and the shortest scenario that breaks it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from perdure_model.core.rule import Book

from perdure.testing.simulation.accounts import Broken
from perdure.testing.simulation.chance import chance
from perdure.testing.simulation.drawing import draw
from perdure.testing.simulation.scenario import Scenario, without
from perdure.testing.simulation.simulation import Said, Simulation, line_of
from perdure.trace import Record

RUN_STEPS: Final = 60
REPLAYS_MAX: Final = 400
"""So many replays a shortening may take."""


@dataclass(frozen=True)
class Run:
    """One run, to its end or to the property that broke. `seconds` are virtual."""

    scenario: Scenario
    seconds: float
    faults: Counter[str]
    accounts: dict[str, int]
    broken: Broken | None
    said: tuple[Said, ...] = field(repr=False)
    records: tuple[Record, ...] = field(repr=False)

    @cached_property
    def trace(self) -> tuple[str, ...]:
        """A line for each step, fault and decision, in the order in which they came."""
        return tuple(line_of(*said) for said in self.said)

    @cached_property
    def digest(self) -> str:
        """The trace in a word: equal for equal runs."""
        return sha256("\n".join(self.trace).encode()).hexdigest()

    @cached_property
    def heard(self) -> Counter[str]:
        """What the sides were told, and how often: `server GraceElapsed`, `client PostReplied 429`."""
        told = ((f"{one['side']} {one['input']['type']}", one["input"].get("status")) for one in self.records)
        return Counter(kind if status is None else f"{kind} {status}" for kind, status in told)

    def write(self, file: Path) -> None:
        """Write the records of both sides' decisions, a JSON line each: `perdure conform` judges them."""
        lines = (json.dumps(record, separators=(",", ":")) + "\n" for record in self.records)
        file.write_text("".join(lines), encoding="utf-8")


def replay(scenario: Scenario, **books: Book) -> Run:
    """Run a scenario. The same scenario gives the same run, in any process.

    books: other rules than the right ones, by their side; for tests that plant a defect.
    """
    broken = None
    with Simulation(scenario.seed, systems=scenario.systems, books=books) as world:
        try:
            for step in scenario.steps:
                world.perform(step)
            world.finish()
        except Broken as error:
            broken = error
        except Exception as error:  # whatever the code under test raises where it should not
            broken = Broken("P-ERRORS", f"{error!r} was raised")
            broken.__cause__ = error
        figures = world.figures
        return Run(
            world.scenario,
            world.now_s,
            world.network.struck,
            figures,
            broken,
            tuple(world.said),
            tuple(world.records),
        )


def drawn(seed: int, steps: int, systems: str = "T") -> Scenario:
    """The scenario of a seed. Longer ones begin as shorter ones do."""
    return Scenario(seed, draw(chance(seed, "steps"), steps, systems), systems)


def shortened(run: Run, **books: Book) -> Run:
    """As few steps as can be found that break the same property; the run itself, if it broke none."""
    size, left = len(run.scenario.steps) // 2, REPLAYS_MAX
    while run.broken is not None and size and left > 0:
        shorter, tried = pass_of(run, size, left, books)
        left -= tried
        size = size if shorter is not run and size > 1 else size // 2
        run = shorter
    return run


def pass_of(run: Run, size: int, replays_max: int, books: Mapping[str, Book]) -> tuple[Run, int]:
    """Leave out so many steps at a time where the property still breaks, and say how often it was tried."""
    begin = tried = 0
    while begin < len(run.scenario.steps) and tried < replays_max:
        fewer = without(run.scenario.steps, begin, begin + size)
        other = replay(run.scenario.of(fewer), **books)
        tried += 1
        if breaks_as(other, run):
            run = other
        else:
            begin += size
    return run, tried


def breaks_as(run: Run, other: Run) -> bool:
    """Whether both break the same property."""
    both = run.broken, other.broken
    return both[0] is not None and both[1] is not None and both[0].property == both[1].property


@dataclass
class Tally:
    """What many runs came to. `seconds` are real, `simulated_s` virtual ones; `faults` struck, and `heard` is
    what the sides were told.

    `failed` is the run that broke a property, `shortest` what it was shortened to. `complete` is False where
    the search was interrupted.
    """

    seed: int
    runs: int = 0
    steps: int = 0
    simulated_s: float = 0.0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    first: Run | None = None
    failed: Run | None = None
    shortest: Run | None = None
    complete: bool = True

    @property
    def ok(self) -> bool:
        """No property broke."""
        return self.failed is None

    @property
    def hours_per_second(self) -> float:
        """Simulated hours per real second."""
        return self.simulated_s / 3600 / self.seconds if self.seconds else 0.0

    def add(self, run: Run) -> None:
        """One more run."""
        self.first = self.first or run
        self.failed = run if run.broken else None
        self.runs += 1
        self.steps += len(run.scenario.steps)
        self.simulated_s += run.seconds
        self.faults += run.faults
        self.heard += run.heard
        self.accounts += Counter(run.accounts)

    def as_json(self) -> dict[str, Any]:
        """The result as data."""
        return {
            "ok": self.ok and self.complete,
            "complete": self.complete,
            "seed": self.seed,
            "runs": self.runs,
            "steps": self.steps,
            "simulated_hours": round(self.simulated_s / 3600, 4),
            "seconds": round(self.seconds, 3),
            "simulated_hours_per_second": round(self.hours_per_second, 4),
            "faults": dict(sorted(self.faults.items())),
            "heard": dict(sorted(self.heard.items())),
            "accounts": dict(sorted(self.accounts.items())),
            "broken": self._broken(),
        }

    def _broken(self) -> dict[str, Any] | None:
        if self.failed is None or self.failed.broken is None:
            return None
        shortest = self.shortest or self.failed
        return {
            "property": self.failed.broken.property,
            "says": str(shortest.broken),
            "seed": self.failed.scenario.seed,
            "steps": len(self.failed.scenario.steps),
            "scenario": shortest.scenario.text().splitlines(),
        }


def simulate(
    seed: int,
    steps: int,
    *,
    systems: str = "T",
    minutes: float | None = None,
    only: Scenario | None = None,
) -> Tally:
    """Run seed after seed, `RUN_STEPS` steps each, until a property breaks.

    steps: of all runs together; with `minutes` (real ones) at least so many, and more until they are over.
    only: run this scenario once instead. An interrupt ends the search, which is then not complete.
    """
    tally, begun_s = Tally(only.seed if only else seed), time.monotonic()
    try:
        if only is not None:
            tally.add(replay(only))
        while only is None and tally.ok and (left := left_of(tally, steps, minutes, begun_s)):
            tally.add(replay(drawn(seed + tally.runs, min(left, RUN_STEPS), systems)))
    except KeyboardInterrupt:
        tally.complete = False
    tally.seconds = time.monotonic() - begun_s
    if tally.failed is not None:
        tally.shortest = shortened(tally.failed)
    return tally


def left_of(tally: Tally, steps: int, minutes: float | None, begun_s: float) -> int:
    """How many steps are left to do."""
    if minutes is not None and time.monotonic() - begun_s < 60 * minutes:
        return max(RUN_STEPS, steps - tally.steps)
    return max(0, steps - tally.steps)
