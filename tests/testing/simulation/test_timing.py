"""Timers that run too short, too long or not at all are found, and told by the property that they break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from perdure.testing.simulation import Broken, drawn, parse, replay
from perdure.testing.simulation.timing import BREAKS, TimerWatch
from perdure.timers import Calendar, Timers
from perdure_model.conformance.sides import SIDES

SEEDS = range(1, 7)


def planted(patch: pytest.MonkeyPatch, owner: type, name: str, times: float, *feeds: str) -> None:
    """The timers that feed these run so many times as long."""
    right: Callable[..., None] = getattr(owner, name)

    def wrong(self: Any, due: Any, seconds: float) -> None:
        right(self, due, seconds * times if type(due).__name__ in feeds else seconds)

    patch.setattr(owner, name, wrong)


def broken_in(systems: str, steps: int = 60) -> Broken | None:
    """What the first of a few seeds shows."""
    runs = (replay(drawn(seed, steps, systems)) for seed in SEEDS)
    return next((run.broken for run in runs if run.broken is not None), None)


@pytest.mark.parametrize(
    ("feeds", "times", "systems"),
    [
        ("GraceElapsed", 0.1, "T"),
        ("GraceElapsed", 3, "T"),
        ("RetryDue", 0.1, "T"),
        ("RetryDue", 4, "T"),
        ("ReconnectDue", 0, "T"),
        ("ReconnectDue", 3, "T"),
        ("ForgetDue", 0.05, "T"),
        ("ForgetDue", 5, "T"),
        ("AgainDue", 0.1, "A"),
        ("AgainDue", 3, "A"),
        ("SteadyDue", 0.1, "A"),
        ("SteadyDue", 3, "A"),
        ("SettleDue", 0.1, "A"),
        ("SettleDue", 3, "A"),
    ],
)
def test_a_timer_of_another_length_is_found_within_few_seeds(
    feeds: str, times: float, systems: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name = (Calendar, "add") if feeds == "ForgetDue" else (Timers, "start")
    planted(monkeypatch, owner, name, times, feeds)
    broken = broken_in(systems)
    assert broken is not None
    assert (broken.property, f"the {feeds} of " in broken.says) == (BREAKS[feeds], True), str(broken)


SLOW = "\n".join(["seed 1 A", "follow f", "wait 1", *["slow f stream 100"] * 5, "cut f 0", "wait 100"])


@pytest.mark.parametrize("times", [0.5, 1.2])
def test_who_gives_up_at_another_time_is_found(times: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """By chance it is rare that time runs out before the attempts do."""
    assert replay(parse(SLOW)).broken is None
    planted(monkeypatch, Timers, "start", times, "GiveUpDue")
    broken = replay(parse(SLOW)).broken
    assert broken is not None
    assert broken.property == "P-TERMINATES"
    assert "the GiveUpDue of f" in broken.says


@pytest.mark.parametrize(
    ("feeds", "steps"),
    [
        ("ReconnectDue", "seed 1\nconnect a\nwait 1\ncut a 0\nwait 30"),
        ("GraceElapsed", "seed 1\nconnect a\nwait 1\nkill a\nwait 30"),
        ("AgainDue", "seed 1 A\nfollow f\nwait 1\ncut f 0\nwait 30"),
    ],
)
def test_a_timer_that_never_runs_out_is_found_as_soon_as_it_is_due(
    feeds: str, steps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nobody decides anything meanwhile."""
    assert replay(parse(steps)).broken is None
    planted(monkeypatch, Timers, "start", 10_000, feeds)
    run = replay(parse(steps))
    assert run.broken is not None
    assert (run.broken.property, run.seconds < 32) == (BREAKS[feeds], True)


def test_each_timer_has_a_property() -> None:
    fed = {kind.__name__ for side in SIDES.values() for kind in side.timing.feeds}
    assert fed == set(BREAKS)
    assert all(side.timing.starts for side in SIDES.values() if side.timing.feeds)


# -- the watch alone -----------------------------------------------------------------------------------

DUE = {"type": "RetryDue", "session": "chat", "post": 1}
STARTS = {"type": "StartTimer", "due": DUE, "seconds": 2.0}
CANCELS = {"type": "CancelTimer", "due": DUE}
OTHER = {"type": "Heard"}


def told(at_s: float, i: dict[str, Any], *effects: dict[str, Any], run: str = "1") -> dict[str, Any]:
    return {"t": at_s, "run": run, "input": i, "effects": list(effects)}


STARTED = told(1.0, OTHER, STARTS)


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([STARTED, told(3.0, DUE)], []),
        ([STARTED, told(3.0009, DUE)], []),
        ([STARTED, told(3.0, OTHER), told(3.0, DUE)], []),
        ([STARTED, told(2.9, DUE)], ["P-SPACED"]),
        ([STARTED, told(3.1, DUE)], ["P-SPACED"]),
        ([STARTED, told(3.1, OTHER)], ["P-SPACED"]),
        ([STARTED, told(2.0, OTHER, CANCELS), told(9.0, OTHER)], []),
        ([STARTED, told(2.0, OTHER, STARTS), told(4.0, DUE)], []),
        ([STARTED, told(2.0, OTHER, STARTS), told(3.0, DUE)], ["P-SPACED"]),
        ([STARTED, told(9.0, OTHER, run="2")], []),
    ],
)
def test_what_a_timer_feeds_comes_when_it_is_due(records: list[dict[str, Any]], found: list[str]) -> None:
    broken: list[str] = []
    watch = TimerWatch(lambda name, _: broken.append(name))
    for one in records:
        watch("a", one)
    assert broken == found


@pytest.mark.parametrize(("living", "found"), [(["a"], ["P-SPACED"]), (["b"], []), ([], [])])
def test_only_of_who_lives_it_must_have_come(living: list[str], found: list[str]) -> None:
    broken: list[str] = []
    watch = TimerWatch(lambda name, _: broken.append(name))
    watch("a", STARTED)
    watch.look(living, 3.0)
    assert broken == []
    watch.look(living, 3.1)
    assert broken == found
