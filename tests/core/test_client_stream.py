"""The client's stream: one at a time, asked for again when lost, and one outcome at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.client import CLIENT
from perdure_model.core.client.effects import (
    CancelTimer,
    Deliver,
    DeliverGap,
    EndStream,
    Next,
    OpenStream,
    SayGoodbye,
    StartTimer,
)
from perdure_model.core.client.inputs import (
    Abandon,
    Desynced,
    EndArrived,
    EventArrived,
    Flush,
    GapArrived,
    Heard,
    Left,
    ReconnectDue,
    Started,
    StreamLost,
    Welcomed,
)
from perdure_model.core.client.parts import ClientSettings, ClientState, Link
from perdure_model.core.common import START, Attempt, Cursor, Moved, Refused

SETTINGS = ClientSettings(attempts_max=3, reconnect_first_s=1.0, reconnect_cap_s=15.0)
NOW: Attempt = (1, 4)
OLD: Attempt = (1, 3)
CONNECTING, AWAITING, RECONNECTING = (ClientState(s) for s in ("connecting", "awaiting", "reconnecting"))
OVER = ClientState("terminal", "closed")
OPEN = Link(NOW, open=True, epoch="e", sessions=("s", "t"))
DOWN = replace(OPEN, open=False)
HAD = Cursor("log", 7)


def decide(i: Any, *parts: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """What the client's rule says: the parts, and the effects without `Moved`, which stands first."""
    after, effects = CLIENT[type(i)].decide(i, *parts)
    moves = [effect for effect in effects if isinstance(effect, Moved)]
    assert list(effects[: len(moves)]) == moves
    return after, list(effects[len(moves) :])


def refused(i: Any, *parts: Any) -> str:
    """The reason for which the input changes none of the parts that the rule may change."""
    after, effects = CLIENT[type(i)].decide(i, *parts)
    assert after == parts[: len(after)]
    (only,) = effects
    assert isinstance(only, Refused)
    assert only.why
    return only.why


# -- opening -------------------------------------------------------------------------------------------


def test_the_first_stream_is_asked_for_from_the_start_of_every_session() -> None:
    i = Started((2, 1), ("s", "t"))
    (state, link, cursors), effects = decide(i, None, None, {("s",): None, ("t",): None})
    assert state == CONNECTING
    assert link == Link((2, 1), open=True, sessions=("s", "t"))
    assert cursors == {("s",): START, ("t",): START}
    assert effects == [OpenStream((2, 1), (("s", START), ("t", START)))]


@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_a_welcome_brings_the_epoch_and_every_queue_goes_out(state: ClientState) -> None:
    (after, link), effects = decide(Welcomed(NOW, "e2"), state, OPEN, SETTINGS)
    assert (after, link) == (AWAITING, replace(OPEN, epoch="e2"))
    assert effects == [Next(Flush("s")), Next(Flush("t"))]


def test_a_welcome_alone_is_no_progress() -> None:
    (_, link), _ = decide(Welcomed(NOW, "e2"), RECONNECTING, replace(OPEN, failures=2), SETTINGS)
    assert link.failures == 2


@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [
        (RECONNECTING, OPEN, OLD),
        (RECONNECTING, DOWN, NOW),
        (AWAITING, OPEN, NOW),
        (OVER, DOWN, NOW),
    ],
)
def test_a_welcome_of_another_stream_or_a_second_one_changes_nothing(
    state: ClientState, link: Link, attempt: Attempt
) -> None:
    refused(Welcomed(attempt, "other"), state, link, SETTINGS)


def test_a_heartbeat_is_progress() -> None:
    (link,), effects = decide(Heard(NOW), replace(OPEN, failures=2))
    assert (link, effects) == (OPEN, [])


@pytest.mark.parametrize(("link", "attempt"), [(OPEN, OLD), (DOWN, NOW)])
def test_a_heartbeat_of_another_stream_is_none(link: Link, attempt: Attempt) -> None:
    refused(Heard(attempt), replace(link, failures=2))


# -- losing and coming back ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", [CONNECTING, AWAITING, RECONNECTING])
@pytest.mark.parametrize("status", [0, 200, 429, 500, 503])
def test_a_lost_stream_is_asked_for_again_backed_off(state: ClientState, status: int) -> None:
    i = StreamLost(NOW, status, chance=0.5)
    (after, link), effects = decide(i, state, replace(OPEN, failures=1), SETTINGS)
    assert after == RECONNECTING
    assert link == replace(DOWN, failures=2)
    assert effects == [StartTimer(ReconnectDue(NOW), 0.5 * 2.0)]


def test_the_reconnect_waits_as_long_as_the_server_asks() -> None:
    i = StreamLost(NOW, 503, retry_after_s=20.0, chance=0.5)
    _, effects = decide(i, AWAITING, OPEN, SETTINGS)
    assert effects == [StartTimer(ReconnectDue(NOW), 20.0)]


@pytest.mark.parametrize("state", [CONNECTING, AWAITING, RECONNECTING])
def test_too_many_failures_end_the_session_as_failed(state: ClientState) -> None:
    spent = replace(OPEN, failures=SETTINGS.attempts_max)
    (after, link), effects = decide(StreamLost(NOW, 0), state, spent, SETTINGS)
    assert after == ClientState("terminal", "failed")
    assert not link.open
    goodbye = [] if state == CONNECTING else [SayGoodbye(NOW)]
    assert effects == [Next(Abandon("s")), Next(Abandon("t")), *goodbye]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(401, "expired"), (410, "expired"), (409, "taken over"), (403, "failed"), (404, "failed")],
)
@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_a_refused_stream_ends_the_session_with_the_causes_outcome(
    state: ClientState, status: int, outcome: str
) -> None:
    (after, link), effects = decide(StreamLost(NOW, status), state, OPEN, SETTINGS)
    assert after == ClientState("terminal", outcome)
    assert not link.open
    assert effects == [Next(Abandon("s")), Next(Abandon("t"))]


def test_an_answer_that_is_no_event_stream_ends_the_session() -> None:
    (after, _), _ = decide(StreamLost(NOW, 200, readable=False), CONNECTING, OPEN, SETTINGS)
    assert after == ClientState("terminal", "failed")


@pytest.mark.parametrize("status", [0, 200, 401, 409, 500])
@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [(AWAITING, OPEN, OLD), (RECONNECTING, OPEN, OLD), (RECONNECTING, DOWN, NOW), (OVER, DOWN, NOW)],
)
def test_the_end_of_another_stream_changes_nothing(
    state: ClientState, link: Link, attempt: Attempt, status: int
) -> None:
    refused(StreamLost(attempt, status), state, link, SETTINGS)


def test_when_the_wait_is_over_the_next_attempt_goes_out_from_the_cursors() -> None:
    cursors = {("s",): HAD, ("t",): START}
    (state, link), effects = decide(ReconnectDue(NOW), RECONNECTING, DOWN, SETTINGS, cursors)
    assert (state, link) == (RECONNECTING, replace(OPEN, attempt=(1, 5)))
    assert effects == [OpenStream((1, 5), (("s", HAD), ("t", START)))]


@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [(RECONNECTING, DOWN, OLD), (RECONNECTING, OPEN, NOW), (AWAITING, OPEN, NOW), (OVER, DOWN, NOW)],
)
def test_a_stale_reconnect_timer_opens_no_stream(state: ClientState, link: Link, attempt: Attempt) -> None:
    refused(ReconnectDue(attempt), state, link, SETTINGS, {("s",): HAD})


# -- events --------------------------------------------------------------------------------------------


def event(position: int, epoch: str = "log", attempt: Attempt = NOW) -> EventArrived:
    return EventArrived(attempt, "s", epoch, position, chance=0.25)


def test_the_next_event_is_handed_over_and_is_progress() -> None:
    (link, cursor), effects = decide(event(8), replace(OPEN, failures=2), HAD, AWAITING)
    assert (link, cursor) == (OPEN, Cursor("log", 8))
    assert effects == [Deliver("s", "log", 8)]


def test_the_first_event_of_whatever_log_is_handed_over() -> None:
    (_, cursor), effects = decide(event(1, "new"), OPEN, START, AWAITING)
    assert (cursor, effects) == (Cursor("new", 1), [Deliver("s", "new", 1)])


@pytest.mark.parametrize("position", [1, 6, 7])
def test_a_known_event_is_not_handed_over_again(position: int) -> None:
    refused(event(position), OPEN, HAD, AWAITING)


@pytest.mark.parametrize(
    ("i", "cursor"), [(event(9), HAD), (event(8, "new"), HAD), (event(1, "new"), HAD), (event(2), START)]
)
def test_an_event_that_skips_or_is_of_another_log_means_to_ask_again(i: EventArrived, cursor: Cursor) -> None:
    after, effects = decide(i, OPEN, cursor, AWAITING)
    assert after == (OPEN, cursor)
    assert effects == [Next(Desynced(NOW, 0.25))]


@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [(AWAITING, OPEN, OLD), (AWAITING, DOWN, NOW), (RECONNECTING, OPEN, NOW), (OVER, DOWN, NOW)],
)
def test_an_event_or_a_gap_of_another_stream_moves_no_cursor(
    state: ClientState, link: Link, attempt: Attempt
) -> None:
    refused(event(8, attempt=attempt), link, HAD, state)
    refused(GapArrived(attempt, "s", "new", 20), HAD, state, link)


@pytest.mark.parametrize("epoch", ["log", "new"])
def test_after_a_gap_the_session_goes_on_from_the_snapshot(epoch: str) -> None:
    (cursor,), effects = decide(GapArrived(NOW, "s", epoch, 20), HAD, AWAITING, OPEN)
    assert cursor == Cursor(epoch, 20)
    assert effects == [DeliverGap("s", epoch, 20)]


def test_a_desynced_client_ends_its_stream_and_comes_back() -> None:
    (state, link), effects = decide(Desynced(NOW, 0.5), AWAITING, OPEN, SETTINGS)
    assert (state, link) == (RECONNECTING, replace(DOWN, failures=1))
    assert effects == [EndStream(NOW), StartTimer(ReconnectDue(NOW), 0.5)]


def test_a_client_that_is_desynced_too_often_gives_up() -> None:
    spent = replace(OPEN, failures=SETTINGS.attempts_max)
    (state, _), effects = decide(Desynced(NOW), AWAITING, spent, SETTINGS)
    assert state == ClientState("terminal", "failed")
    assert effects == [EndStream(NOW), Next(Abandon("s")), Next(Abandon("t")), SayGoodbye(NOW)]


@pytest.mark.parametrize(
    ("state", "link", "attempt"), [(AWAITING, OPEN, OLD), (AWAITING, DOWN, NOW), (RECONNECTING, OPEN, NOW)]
)
def test_what_another_stream_skipped_is_nothing_to_us(
    state: ClientState, link: Link, attempt: Attempt
) -> None:
    refused(Desynced(attempt), state, link, SETTINGS)


# -- the end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "expired", "taken over"])
def test_the_servers_end_is_the_sessions_with_its_outcome(outcome: str) -> None:
    (state, link), effects = decide(EndArrived(NOW, outcome), AWAITING, OPEN, SETTINGS)
    assert (state, link) == (ClientState("terminal", outcome), DOWN)
    assert effects == [EndStream(NOW), Next(Abandon("s")), Next(Abandon("t")), SayGoodbye(NOW)]


@pytest.mark.parametrize(
    ("state", "link", "attempt"), [(AWAITING, OPEN, OLD), (AWAITING, DOWN, NOW), (OVER, DOWN, NOW)]
)
def test_the_end_on_another_stream_ends_nothing(state: ClientState, link: Link, attempt: Attempt) -> None:
    refused(EndArrived(attempt, "succeeded"), state, link, SETTINGS)


@pytest.mark.parametrize(
    ("state", "link", "stops"),
    [
        (CONNECTING, OPEN, EndStream(NOW)),
        (AWAITING, OPEN, EndStream(NOW)),
        (RECONNECTING, OPEN, EndStream(NOW)),
        (RECONNECTING, DOWN, CancelTimer(ReconnectDue(NOW))),
    ],
)
def test_who_leaves_stops_stream_or_timer_settles_all_and_says_so(
    state: ClientState, link: Link, stops: Any
) -> None:
    (after, left), effects = decide(Left(), state, link, SETTINGS)
    assert (after, left) == (ClientState("terminal", "closed"), DOWN)
    assert effects == [stops, Next(Abandon("s")), Next(Abandon("t")), SayGoodbye(NOW)]


def test_nobody_leaves_twice() -> None:
    refused(Left(), OVER, DOWN, SETTINGS)
