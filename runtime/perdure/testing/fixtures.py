"""What the pytest plugin's fixtures give: proxies and simulated worlds that remember what they did.

Everything that is drawn comes from one seed. `says` gives the lines that stand below a test that failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from random import Random
from typing import Any, Final, Self

from perdure.testing.faults import Answer, CutStream, Fault, HalfDead, HoldRequest, LoseRequest, LoseResponse
from perdure.testing.proxy import FaultProxy
from perdure.testing.simulation import (
    Run,
    Scenario,
    Simulation,
    drawn,
    parse,
    replay,
    shortened,
    systems_of,
)

STEPS: Final = 60
EVENTS_APART: Final = 6


class Faults:
    """Fault proxies for one test."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._proxies: list[tuple[FaultProxy, tuple[Fault, ...]]] = []
        self._chance = Random(f"{seed} faults")

    def __call__(self, upstream_port: int, *script: Fault, **options: Any) -> FaultProxy:
        """A proxy before this port of 127.0.0.1, to be entered; `options` are those of `FaultProxy`."""
        proxy = FaultProxy(upstream_port, script, **options)
        self._proxies.append((proxy, script))
        return proxy

    def drawn(self, count: int) -> list[Fault]:
        """So many faults by chance, each a few events or requests behind the one before. None is for ever."""
        return [self._draw(nth) for nth in range(1, count + 1)]

    def _draw(self, nth: int) -> Fault:
        chance, events = self._chance, nth * self._chance.randint(1, EVENTS_APART)
        faults: list[Fault] = [
            CutStream(after_events=events, torn=chance.random() < 0.5),
            CutStream(after_events=events, server_learns_after_s=chance.uniform(0.05, 0.5)),
            HalfDead(after_events=events, for_s=chance.uniform(0.1, 1.0)),
            LoseRequest(nth=nth),
            LoseResponse(nth=nth),
            HoldRequest(nth=nth, for_s=chance.uniform(0.05, 0.5)),
            Answer(nth=nth, status=chance.choice((429, 500, 503))),
        ]
        return chance.choice(faults)

    def says(self) -> Iterator[str]:
        """What each proxy was to do, has done, and has not."""
        for number, (proxy, script) in enumerate(self._proxies, 1):
            yield f"proxy {number}: {len(script)} faults"
            yield from (f"    {fault}" for fault in script)
            yield from (f"    {entry}" for entry in proxy.log)
            yield from (f"    has not struck: {fault}" for fault in proxy.waiting)


class Simulations:
    """Simulated worlds for one test, one at a time. Leaving it closes the one that is open."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._stack = ExitStack()
        self._world: Simulation | None = None
        self._run: Run | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def world(self, **options: Any) -> Simulation:
        """A world to be driven step by step; one that was open is closed. `options` are `Simulation`'s."""
        self._stack.close()
        self._world = self._stack.enter_context(Simulation(self.seed, **options))
        self._run = None
        return self._world

    def run(self, steps: str, *, systems: str = "T", **options: Any) -> Run:
        """A scenario, from its beginning until all is well again: its steps, apart by lines or semicolons.

        `systems`: which are there, as for `perdure simulate`; `options` are those of `replay`. Raises Broken,
        and ScenarioError where a step is none, or of a system that is not there.
        """
        self._stack.close()
        text = steps.replace(";", "\n")
        return self._done(replay(parse(f"seed {self.seed} {systems}\n{text}"), **options))

    def search(self, runs: int = 10, steps: int = STEPS, *, systems: str = "T", **options: Any) -> None:
        """So many scenarios by chance, of these systems.

        Raises Broken at the first that breaks a property, shortened, and ScenarioError for unknown systems.
        """
        self._stack.close()
        for number in range(runs):
            run = replay(drawn(self.seed + number, steps, systems_of(systems)), **options)
            if run.broken is not None:
                self._done(shortened(run, **options))

    def _done(self, run: Run) -> Run:
        self._run, self._world = run, None
        if run.broken is not None:
            raise run.broken
        return run

    @property
    def scenario(self) -> Scenario | None:
        """What was done last, so far; None: nothing."""
        if self._run is not None:
            return self._run.scenario
        if self._world is not None:
            return self._world.scenario
        return None

    def says(self) -> Iterator[str]:
        """The scenario, as `perdure simulate --replay` takes it."""
        if self.scenario is not None:
            yield "the scenario, for perdure simulate --replay:"
            yield from (f"    {line}" for line in self.scenario.text().splitlines())
