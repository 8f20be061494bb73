"""Whole runs from code that is not async: the probes, a scenario, and a search by chance with its seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import anyio
from perdure_model.conformance import judge

from perdure.testing.remote.adapter import Adapter
from perdure.testing.remote.world import RemoteWorld, check_step
from perdure.testing.simulation.accounts import Broken
from perdure.testing.simulation.scenario import TABS, Scenario, parse, without

Make: TypeAlias = Callable[[], Adapter]
PROBES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nothing happens": "connect a; send a 2; publish 2; wait 2",
        "events of an absence": "connect a; publish 1; wait 2; cut a 0; publish 2; wait 5; publish 1; wait 2",
        "a torn stream": "connect a; connect b; publish 3; cut b 0; publish 3; cut a 0; publish 3; wait 5",
        "a lost answer": "connect a; wait 2; lose-response a send; send a 1; wait 10",
        "a lost request": "connect a; wait 2; lose-request a send; send a 1; wait 10",
        "an overloaded server": "connect a; wait 2; answer a send 503 0; send a 1; wait 10",
        "an order that must hold": "connect a; wait 2; answer a send 503 0; send a 3; wait 10",
        "a late close": "connect a; wait 2; publish 1; cut a 4; wait 8; publish 1; wait 2",
        "a stream that looks alive": "connect a; wait 2; half-open a 15; publish 2; wait 20; publish 1",
        "a tab that is killed": "connect a; send a 1; wait 2; kill a; wait 1; connect a; send a 1; publish 1",
    }
)
"""What most often goes wrong, by name: short scenarios, tried in this order."""
DRAWN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "work": ("send {tab} 1", "send {tab} 3", "publish 1", "publish 4", "wait 1", "wait 4"),
        "faults": (
            "cut {tab} 0",
            "cut {tab} 4",
            "half-open {tab} 10",
            "lose-request {tab} send",
            "lose-response {tab} send",
            "answer {tab} send 503 0",
            "hold {tab} send 3",
            "kill {tab}",
            "connect {tab}",
        ),
    }
)


@dataclass(frozen=True)
class RemoteRun:
    """One run, to its end or to what did not fit. `log` is what the proxies did."""

    scenario: Scenario
    broken: Broken | None
    accounts: Mapping[str, int]
    log: tuple[str, ...]


def replay(scenario: Scenario, make: Make, **options: Any) -> RemoteRun:
    """Run a scenario against what `make` makes. `options` are those of `RemoteWorld`.

    Raises Unsupported where a step needs the simulator; what the adapter raises, in an ExceptionGroup.
    """
    for step in scenario.steps:
        check_step(step)
    return anyio.run(partial(_replay, scenario, make, **options))


async def _replay(scenario: Scenario, make: Make, **options: Any) -> RemoteRun:
    adapter = make()
    world = RemoteWorld(adapter, **options)
    broken = None
    async with world:
        try:
            for step in scenario.steps:
                await world.perform(step)
            await world.finish()
        except Broken as error:
            broken = error
    broken = broken or unlike_the_model(getattr(adapter, "records", []))
    done = Scenario(scenario.seed, tuple(world.steps))
    return RemoteRun(done, broken, world.accounts.as_json(), tuple(world.log))


def unlike_the_model(records: list[Any]) -> Broken | None:
    """What perdure's own sides decided, held to the model; None where nothing was recorded, or all fits."""
    if not records:
        return None
    found = judge(records)
    return Broken("conformance", found.summary()) if found.mismatch else None


def probed(make: Make, **options: Any) -> dict[str, RemoteRun]:
    """All probes, each against a server of its own."""
    return {
        name: replay(parse("\n".join(["seed 0", *steps.split(";")])), make, **options)
        for name, steps in PROBES.items()
    }


def search(make: Make, *, seed: int, runs: int, steps: int = 25, **options: Any) -> RemoteRun | None:
    """Scenarios by chance, of so many steps, until something does not fit: that run, shortened; or None."""
    for number in range(runs):
        run = replay(drawn(seed + number, steps), make, **options)
        if run.broken is not None:
            return shortened(run, make, **options)
    return None


def drawn(seed: int, steps: int) -> Scenario:
    """The scenario of a seed: work, and a fault now and then."""
    chance = Random(f"{seed} steps over HTTP")
    lines = [line.format(tab=chance.choice(TABS[:2])) for line in pick(chance, steps)]
    return parse("\n".join([f"seed {seed}", "connect a", *lines]))


def pick(chance: Random, count: int) -> Iterator[str]:
    """So many lines."""
    for _ in range(count):
        yield chance.choice(DRAWN["faults" if chance.random() < 0.35 else "work"])


def shortened(run: RemoteRun, make: Make, **options: Any) -> RemoteRun:
    """Fewer steps that break the same property, as far as leaving out one at a time gets."""
    at = len(run.scenario.steps) - 1
    while at >= 0 and run.broken is not None:
        fewer = Scenario(run.scenario.seed, without(run.scenario.steps, at, at + 1))
        other = replay(fewer, make, **options)
        if other.broken is not None and other.broken.property == run.broken.property:
            run = other
        at = min(at, len(run.scenario.steps)) - 1
    return run
