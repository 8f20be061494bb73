"""Connections on the server: attached, taken over, lost, waited for, closed, expired."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.common import NEVER, START, Attempt, Cursor, Moved, Refused
from perdure_model.core.server import SERVER
from perdure_model.core.server.effects import (
    Attach,
    CancelGrace,
    CutStream,
    Reject,
    Released,
    StartGrace,
    Wake,
)
from perdure_model.core.server.inputs import (
    CloseRequested,
    GraceElapsed,
    ServerStarted,
    StreamClosed,
    StreamRequested,
)
from perdure_model.core.server.parts import Connection, Log, ServerSettings, Watch, Window

OLD: Attempt = (1, 1)
NOW: Attempt = (1, 2)
NEXT: Attempt = (1, 3)
HAD = Cursor("log", 4)
ACTIVE = Connection("active", NOW, "e", "ann")
INACTIVE = replace(ACTIVE, state="inactive")
WATCHES = {("s", "c"): Watch(NOW, HAD)}
PAUSED = {("s", "c"): Watch(NOW, None)}
OWNERS = {("s", "c"): True}
WINDOWS = {("c", "s"): Window((1, 1), (((1, 1), "accepted"),))}
LOGS = {("s",): Log("log", 5)}
SETTINGS = ServerSettings(grace_s=60.0)


def decide(i: Any, *parts: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """What the server's rule says: the parts, and the effects without `Moved`, which stands first."""
    after, effects = SERVER[type(i)].decide(i, *parts)
    moves = [effect for effect in effects if isinstance(effect, Moved)]
    assert list(effects[: len(moves)]) == moves
    return after, list(effects[len(moves) :])


def refused(i: Any, *parts: Any) -> list[Any]:
    """The input changes nothing and says why; what else is said."""
    after, effects = SERVER[type(i)].decide(i, *parts)
    assert after == parts[: len(after)]
    assert isinstance(effects[0], Refused)
    assert effects[0].why
    return list(effects[1:])


def request(attempt: Attempt, principal: str = "ann", cursor: Cursor = HAD) -> StreamRequested:
    return StreamRequested("c", attempt, principal, (("s", cursor),), "fresh")


# -- attaching -----------------------------------------------------------------------------------------


def test_a_new_id_is_bound_to_its_principal_and_begins_an_epoch() -> None:
    after, effects = decide(request(NOW, cursor=START), None, {}, {("s",): None})
    assert after == (
        Connection("active", NOW, "fresh", "ann"),
        {("s", "c"): Watch(NOW, START)},
        {("s",): Log("fresh")},
    )
    assert effects == [Attach("c", NOW, "fresh", resumed=False), Wake("c", NOW, "s")]


def test_one_that_comes_back_in_time_keeps_its_epoch_and_stops_the_grace_timer() -> None:
    (connection, watches, logs), effects = decide(request(NEXT), INACTIVE, PAUSED, LOGS)
    assert connection == replace(ACTIVE, generation=NEXT)
    assert watches == {("s", "c"): Watch(NEXT, HAD)}
    assert logs == LOGS
    assert effects == [
        CancelGrace(GraceElapsed("c", NOW)),
        Attach("c", NEXT, "e", resumed=True),
        Wake("c", NEXT, "s"),
    ]


def test_a_later_stream_takes_over_and_the_old_one_is_ended_first() -> None:
    (connection, _, _), effects = decide(request(NEXT), ACTIVE, WATCHES, LOGS)
    assert connection == replace(ACTIVE, generation=NEXT)
    assert effects == [
        CutStream("c", NOW, "replaced"),
        Attach("c", NEXT, "e", resumed=True),
        Wake("c", NEXT, "s"),
    ]


def test_a_client_that_started_again_is_later_than_its_earlier_life() -> None:
    (connection, _, _), _ = decide(request((2, 1)), ACTIVE, WATCHES, LOGS)
    assert connection.generation == (2, 1)


@pytest.mark.parametrize("held", [ACTIVE, INACTIVE])
@pytest.mark.parametrize("attempt", [OLD, NOW])
def test_a_request_that_was_held_up_takes_over_nothing(held: Connection, attempt: Attempt) -> None:
    assert refused(request(attempt), held, WATCHES, LOGS) == [Reject(409, "stale-attempt")]


@pytest.mark.parametrize("held", [ACTIVE, INACTIVE])
def test_an_id_answers_to_its_own_principal_only(held: Connection) -> None:
    said = refused(request(NEXT, "eve"), held, WATCHES, {("s",): None})
    assert said == [Reject(403, "other-principal")]


# -- losing --------------------------------------------------------------------------------------------


def test_the_streams_close_starts_its_grace_timer_and_stops_the_writing() -> None:
    after, effects = decide(StreamClosed("c", NOW), ACTIVE, WATCHES, SETTINGS)
    assert after == (INACTIVE, PAUSED)
    assert effects == [StartGrace(GraceElapsed("c", NOW), 60.0)]


@pytest.mark.parametrize(
    ("held", "generation"), [(ACTIVE, OLD), (ACTIVE, NEVER), (INACTIVE, NOW), (INACTIVE, OLD), (None, NOW)]
)
def test_a_stale_close_detaches_nothing_and_starts_no_timer(held: Any, generation: Attempt) -> None:
    assert refused(StreamClosed("c", generation), held, WATCHES if held else {}, SETTINGS) == []


def test_when_the_grace_is_over_all_that_it_held_is_freed() -> None:
    after, effects = decide(GraceElapsed("c", NOW), INACTIVE, PAUSED, OWNERS, WINDOWS)
    assert after == (None, {}, {}, {})
    assert effects == [Released("c", "s")]


@pytest.mark.parametrize(("held", "generation"), [(INACTIVE, OLD), (ACTIVE, NOW), (ACTIVE, OLD), (None, NOW)])
def test_a_stale_grace_timer_ends_no_later_wait(held: Any, generation: Attempt) -> None:
    assert refused(GraceElapsed("c", generation), held, WATCHES, OWNERS, WINDOWS) == []


# -- closing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "stops"),
    [(ACTIVE, CutStream("c", NOW, "closed")), (INACTIVE, CancelGrace(GraceElapsed("c", NOW)))],
)
def test_a_client_that_is_done_is_not_waited_for(held: Connection, stops: Any) -> None:
    after, effects = decide(CloseRequested("c", NOW, "ann"), held, WATCHES, OWNERS, WINDOWS)
    assert after == (None, {}, {}, {})
    assert effects == [stops, Released("c", "s")]


@pytest.mark.parametrize(
    ("held", "attempt", "principal", "problem"),
    [
        (None, NOW, "ann", Reject(409, "unknown-connection")),
        (ACTIVE, NOW, "eve", Reject(403, "other-principal")),
        (ACTIVE, OLD, "ann", Reject(409, "stale-attempt")),
        (INACTIVE, OLD, "ann", Reject(409, "stale-attempt")),
    ],
)
def test_a_close_that_is_not_ours_or_not_of_now_changes_nothing(
    held: Any, attempt: Attempt, principal: str, problem: Reject
) -> None:
    said = refused(CloseRequested("c", attempt, principal), held, WATCHES, OWNERS, WINDOWS)
    assert said == [problem]


# -- starting ------------------------------------------------------------------------------------------


def test_a_server_that_starts_knows_nothing_and_ends_what_the_one_before_had() -> None:
    held = {("c",): ACTIVE, ("d",): replace(INACTIVE, generation=OLD)}
    after, effects = decide(ServerStarted(), held, WATCHES, OWNERS, WINDOWS, LOGS)
    assert after == ({}, {}, {}, {}, {})
    assert effects == [
        CutStream("c", NOW, "restarted"),
        CutStream("d", OLD, "restarted"),
        CancelGrace(GraceElapsed("c", NOW)),
        CancelGrace(GraceElapsed("d", OLD)),
    ]


def test_a_server_that_knew_nothing_starts_without_a_word() -> None:
    assert decide(ServerStarted(), {}, {}, {}, {}, {}) == (({}, {}, {}, {}, {}), [])
