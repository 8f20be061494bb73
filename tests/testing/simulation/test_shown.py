"""What applications are shown: a runtime that performs a decision wrongly towards them is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from perdure.callbacks import Callbacks
from perdure.follow import Followed
from perdure.inbox import Inbox
from perdure.machine import Machine
from perdure.place import Place
from perdure.response import Refreshing
from perdure.testing.simulation import Run, drawn, parse, replay
from perdure.views import Status
from perdure_model.core.client.inputs import ReconnectDue

SEEDS = range(1, 16)
STEPS = 60
Call = Callable[..., Any]
Plant = Callable[[Call], Call]
"""Makes a faulty function of a good one."""


def found(systems: str) -> str | None:
    """The first property that breaks in a handful of runs."""
    for seed in SEEDS:
        broken = replay(drawn(seed, STEPS, systems)).broken
        if broken is not None:
            return broken.property
    return None


@pytest.mark.parametrize("systems", ["T", "A", "R", "TAR"])
def test_nothing_is_found_without_a_fault(systems: str) -> None:
    assert found(systems) is None


# -- faults of callbacks -------------------------------------------------------------------------------


def loses(name: str) -> Plant:
    def planted(call: Call) -> Call:
        def faulty(self: Callbacks, to: str, *told: Any) -> None:
            if to != name:
                call(self, to, *told)

        return faulty

    return planted


def each_third(name: str) -> Plant:
    """Each third call is lost."""
    count = 0

    def planted(call: Call) -> Call:
        def faulty(self: Callbacks, to: str, *told: Any) -> None:
            nonlocal count
            count += to == name
            if to != name or count % 3:
                call(self, to, *told)

        return faulty

    return planted


def repeats(name: str) -> Plant:
    def planted(call: Call) -> Call:
        def faulty(self: Callbacks, to: str, *told: Any) -> None:
            call(self, to, *told)
            if to == name:
                call(self, to, *told)

        return faulty

    return planted


def keeps_back(name: str) -> Plant:
    """Each call is made with what the one before should have said."""
    before: dict[int, Any] = {}

    def planted(call: Call) -> Call:
        def faulty(self: Callbacks, to: str, *told: Any) -> None:
            if to == name:
                told, before[id(self)] = before.get(id(self), ()), told
            if told:
                call(self, to, *told)

        return faulty

    return planted


@pytest.mark.parametrize(
    ("systems", "plant", "property"),
    [
        ("T", loses("on_status"), "P-VISIBLE"),
        ("T", each_third("on_status"), None),
        ("T", repeats("on_status"), "P-VISIBLE"),
        ("T", keeps_back("on_status"), None),
        ("T", loses("on_error"), "P-ERRORS"),
        ("T", repeats("on_error"), "P-ERRORS"),
        ("T", loses("on_returned"), "P-SETTLE"),
        ("T", repeats("on_returned"), "P-SETTLE"),
        ("A", loses("on_status"), "P-VISIBLE"),
        ("A", each_third("on_status"), None),
        ("A", repeats("on_status"), "P-VISIBLE"),
        ("A", keeps_back("on_status"), None),
        ("A", loses("on_error"), "P-ERRORS"),
        ("A", repeats("on_error"), "P-ERRORS"),
        ("A", loses("on_close"), "P-ONE-CLOSE"),
        ("A", repeats("on_close"), "P-ONE-CLOSE"),
        ("A", loses("on_state"), "P-NO-LOSS"),
        ("A", repeats("on_state"), "P-NO-LOSS"),
        ("A", keeps_back("on_state"), None),
        ("TAR", each_third("on_status"), None),
    ],
)
def test_a_callback_that_is_called_wrongly_is_found(
    monkeypatch: pytest.MonkeyPatch,
    systems: str,
    plant: Plant,
    property: str | None,  # noqa: A002
) -> None:
    """Where the property is None, it is that of whatever was shown wrongly first."""
    monkeypatch.setattr(Callbacks, "call", plant(Callbacks.call))
    broken = found(systems)
    assert broken is not None
    assert property in (None, broken)


# -- faults of what performs ---------------------------------------------------------------------------


def nothing(_good: Call) -> Call:
    """It is not done at all."""
    return lambda *_: None


def status_with(**wrong: Callable[[Status], Any]) -> Plant:
    def planted(good: Call) -> Call:
        def faulty(self: Machine, place: Place) -> Status:
            status: Status = good(self, place)
            return replace(status, **{name: value(status) for name, value in wrong.items()})

        return faulty

    return planted


def sticks(name: str) -> Plant:
    """Once shown, it is shown for ever."""
    once: set[Any] = set()

    def is_or_was(status: Status) -> bool:
        if getattr(status, name):
            once.add(status.connection_id)
        return status.connection_id in once

    return status_with(**{name: is_or_was})


def late(good: Call) -> Call:
    """Each status is shown half a second after its decision."""

    def faulty(self: Machine, i: Any, cargo: Any = None) -> None:
        places, self._places = self._places, {}
        good(self, i, cargo)
        self._places = places
        self._tasks.start_soon(shows_later, self)

    async def shows_later(machine: Machine) -> None:
        await anyio.sleep(0.5)
        for place in machine._places.values():
            if place.hears:
                place.show(machine.status(place))

    return faulty


def in_half_a_second(good: Call) -> Call:
    """It is done, and late."""

    def faulty(self: Machine, *args: Any) -> None:
        self._tasks.start_soon(later, self, *args)

    async def later(*args: Any) -> None:
        await anyio.sleep(0.5)
        good(*args)

    return faulty


def settles_as(outcome: str) -> Plant:
    def planted(good: Call) -> Call:
        return lambda self, effect, cargo: good(self, replace(effect, outcome=outcome), cargo)

    return planted


def after_the_end(good: Call) -> Call:
    """What is over is shown once more, with another outcome."""

    def faulty(self: Place, status: Status) -> None:
        good(self, status)
        if status.state == "terminal":
            good(self, replace(status, outcome="failed", attempt=status.attempt + 1))

    return faulty


def forgets_the_watched(good: Call) -> Call:
    """A session that is watched again begins as if nothing were open in it."""

    def faulty(self: Machine, session: str) -> Place:
        self._shown.pop(session, None)
        place: Place = good(self, session)
        return place

    return faulty


def goes_on_waiting(good: Call) -> Call:
    """A wait that is given up is shown on."""

    def faulty(self: Machine, effect: Any) -> None:
        kept = self._next_try_s
        good(self, effect)
        if isinstance(effect.due, ReconnectDue):
            self._next_try_s = kept

    return faulty


def every_other(good: Call) -> Call:
    """Done each second time only."""
    count = 0

    def faulty(*args: Any) -> None:
        nonlocal count
        count += 1
        if count % 2:
            good(*args)

    return faulty


@pytest.mark.parametrize(
    ("systems", "where", "what", "plant", "property"),
    [
        ("T", Machine, "status", status_with(delayed=lambda _: False), "P-NOTICE"),
        ("T", Machine, "status", sticks("delayed"), "P-NOTICE"),
        ("T", Machine, "status", sticks("running"), "P-RUNNING"),
        ("T", Machine, "status", status_with(running=lambda _: False), "P-RUNNING"),
        ("T", Machine, "status", status_with(pending=lambda _: 0), "P-SETTLE"),
        ("T", Machine, "status", status_with(identity=lambda _: "kept"), "P-IDENTITY"),
        ("T", Machine, "status", status_with(error=lambda _: None), "P-ERRORS"),
        ("T", Machine, "status", status_with(state=lambda s: s.state.replace("re", "")), "P-VISIBLE"),
        ("T", Machine, "feed", late, "P-VISIBLE"),
        ("T", Machine, "_not_taken", nothing, "P-ERRORS"),
        ("T", Machine, "_not_taken", in_half_a_second, "P-ERRORS"),
        ("T", Machine, "_return", nothing, "P-SETTLE"),
        ("T", Machine, "_return", in_half_a_second, "P-SETTLE"),
        ("T", Machine, "_settle", in_half_a_second, "P-SETTLE"),
        ("T", Machine, "_settle", settles_as("delivered"), None),
        ("T", Machine, "_cancel", goes_on_waiting, "P-SPACED"),
        ("T", Place, "show", after_the_end, "P-TERMINAL-ONCE"),
        ("A", Followed, "_settle", settles_as("taken"), None),
        ("A", Inbox, "put", every_other, "P-NO-LOSS"),
        ("R", Refreshing, "_kind", lambda good: lambda *args: good(*args).replace("prefix", "live"), None),
    ],
)
def test_what_is_performed_wrongly_is_found(
    monkeypatch: pytest.MonkeyPatch,
    systems: str,
    where: type,
    what: str,
    plant: Plant,
    property: str | None,  # noqa: A002
) -> None:
    monkeypatch.setattr(where, what, plant(getattr(where, what)))
    broken = found(systems)
    assert broken is not None
    assert property in (None, broken)


def test_a_delay_that_is_forgotten_with_an_unwatched_session_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Machine, "watch", forgets_the_watched(Machine.watch))
    lines = ["connect a", "wait 1", "watch a", "wait 1", "answer a send 503 20", "send-aside a 1", "wait 1"]
    broken = played(*lines, "unwatch a", "wait 1", "watch a", "wait 1", "publish 1", "wait 1").broken
    assert broken is not None
    assert broken.property == "P-NOTICE"


def played(*lines: str) -> Run:
    return replay(parse("\n".join(("seed 3 T", *lines))))
