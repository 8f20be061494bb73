"""Response streams in the simulator: what their consumers see, and how they end."""

from __future__ import annotations

from collections import Counter

import pytest
from perdure.testing.simulation import Simulation, drawn, replay, step
from perdure.testing.simulation.caller import Call, Item
from perdure.testing.simulation.calling import Calling


def calls_after(*lines: str) -> list[Call]:
    """The calls of x, but for the last, which every world makes at its end."""
    with Simulation(3, systems="R") as world:
        for line in lines:
            world.perform(step(line))
        world.finish()
        calling = world.systems["R"]
        assert isinstance(calling, Calling)
        return calling.callers["x"].calls[:-1]


def told(call: Call) -> list[object]:
    return [item.says if isinstance(item, Item) else type(item).__name__ for item in call.seen]


@pytest.mark.parametrize(
    ("lines", "saw", "attempts", "outcome"),
    [
        (("ask x 2", "wait 3"), ["start", 0, 1], 1, "completed"),
        (("botch x well 1", "ask x 2", "wait 3"), ["start"], 1, "completed"),
        (("expire", "ask x 2", "wait 3"), ["start", 0, 1], 2, "completed"),
        (("botch x denied-raised 1", "ask x 2", "wait 3"), ["start", 0, 1], 2, "completed"),
        (("botch x denied 2", "ask x 2", "wait 3"), ["start", 0, "denied"], 1, "failed"),
        (("botch x error 1", "ask x 2", "wait 3"), ["start", "error"], 1, "failed"),
        (("botch x error-raised 1", "ask x 2", "wait 3"), ["start", "Denied"], 1, "failed"),
        (("expire", "refresh same", "ask x 2", "wait 3"), ["HTTPStatusError"], 1, "failed"),
        (("expire", "refresh fails", "ask x 2", "wait 3"), ["HTTPStatusError"], 1, "failed"),
        (("lose-request x call", "ask x 2", "wait 3"), ["start", "ReadError"], 1, "failed"),
        (("hold x call 5", "ask x 2", "wait 1", "quit x", "wait 9"), [], 1, "cancelled"),
    ],
)
def test_what_a_consumer_sees(lines: tuple[str, ...], saw: list[object], attempts: int, outcome: str) -> None:
    (call,) = calls_after(*lines)
    assert (told(call), len(call.tries), call.outcome) == (saw, attempts, outcome)


def test_all_properties_hold_and_much_happens() -> None:
    runs = [replay(drawn(seed, 60, "R")) for seed in range(1, 41)]
    assert [str(run.broken) for run in runs if run.broken] == []
    counts: Counter[str] = sum((Counter(run.accounts) for run in runs), Counter())
    for what in ("calls completed", "calls failed", "calls cancelled", "tried again"):
        assert counts[what] > 20, counts
    faults = {fault for run in runs for fault in run.faults}
    kinds = {f"{how} call" for how in ("answer", "double", "hold", "lose request", "lose response")}
    assert kinds | {"quit", "expire", "refresh same", "refresh older", "hold refresh"} <= faults


def test_one_seed_is_one_trace() -> None:
    first, again = (replay(drawn(5, 60, "R")) for _ in range(2))
    assert first.digest == again.digest


@pytest.mark.parametrize("seed", range(1, 9))
def test_all_systems_share_one_world(seed: int) -> None:
    run = replay(drawn(seed, 60, "TAR"))
    assert run.broken is None, str(run.broken)
    assert {record["side"] for record in run.records} == {
        "client", "server", "follow", "response", "credential"
    }  # fmt: skip
    assert all(run.accounts[name] for name in ("published", "states", "calls"))
