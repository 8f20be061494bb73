"""The client's stream: one at a time, asked for again when lost, and one outcome at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.client import CLIENT
from perdure_model.core.client.effects import (
    AskCredential,
    CancelTimer,
    Deliver,
    DeliverGap,
    EndStream,
    Next,
    NotTaken,
    OpenStream,
    Renamed,
    SayGoodbye,
    SaySuspended,
    SessionOver,
    StartTimer,
    Tell,
)
from perdure_model.core.client.inputs import (
    Abandon,
    Desynced,
    EndArrived,
    EventArrived,
    FarewellReplied,
    Flush,
    GapArrived,
    Heard,
    Left,
    ReconnectDue,
    Resumed,
    Started,
    StreamLost,
    Suspended,
    TakenOver,
    Unsent,
    Welcomed,
)
from perdure_model.core.client.parts import (
    ACCESS,
    CURSOR,
    ITEM,
    LINK,
    ME,
    OUTBOX,
    SETTINGS,
    STATE,
    WATCHING,
    Access,
    ClientSettings,
    ClientState,
    Item,
    Link,
    Me,
    Outbox,
    Watching,
)
from perdure_model.core.common import START, Attempt, Cursor

from tests.core.deciding import Decided
from tests.core.deciding import decide as decide_on
from tests.core.deciding import refused as refused_by

BOUNDS = ClientSettings(attempts_max=3, reconnect_first_s=1.0, reconnect_cap_s=15.0)
NOW: Attempt = (1, 4)
OLD: Attempt = (1, 3)
NEXT: Attempt = (1, 5)
CONNECTING, AWAITING, RECONNECTING = (ClientState(s) for s in ("connecting", "awaiting", "reconnecting"))
OVER = ClientState("terminal", "closed")
OPEN = Link(NOW, "open", epoch="e", token="key")
DOWN = replace(OPEN, phase="timer")
RESTING = replace(OPEN, phase="resume")
ENDED = replace(OPEN, phase="over")
HAD = Cursor("log", 7)
BOTH = ("s", "t")
AGAIN = OpenStream(NEXT, "me", "key", (("s", HAD), ("t", START)))
SETTLING = [Next(Abandon("s")), Next(Abandon("t"))]


def over(outcome: str, sessions: tuple[str, ...] = BOTH) -> list[Any]:
    return [SessionOver(session, outcome) for session in sessions]


def client(state: ClientState, link: Link, **changed: Any) -> dict[Any, Any]:
    """The parts of a client that watches two sessions, and has sent to both."""
    parts = {
        "state": state,
        "link": link,
        "me": Me("me"),
        "access": Access("key"),
        "watching": Watching(BOTH, BOTH),
        "cursor": {("s",): HAD, ("t",): START},
        "outbox": {("s",): Outbox(), ("t",): Outbox()},
        "settings": BOUNDS,
    } | changed
    families = (STATE, LINK, ME, ACCESS, WATCHING, CURSOR, OUTBOX, SETTINGS)
    return dict(zip(families, parts.values(), strict=True))


def decide(i: Any, state: ClientState, link: Link, **changed: Any) -> Decided:
    return decide_on(CLIENT, i, client(state, link, **changed))


def refused(i: Any, state: ClientState, link: Link, **changed: Any) -> None:
    assert refused_by(CLIENT, i, client(state, link, **changed)) == []


# -- opening -------------------------------------------------------------------------------------------


def test_the_first_stream_is_asked_for_under_the_fresh_id_from_the_cursors_given() -> None:
    cursors = (("s", START), ("t", HAD))
    decided = decide_on(CLIENT, Started(None, "new", (2, 1), cursors, "key"), {})
    assert decided[STATE] == CONNECTING
    assert decided[LINK] == Link((2, 1), "open", token="key")
    assert (decided[ME], decided[ACCESS]) == (Me("new"), Access("key"))
    assert decided[WATCHING] == Watching(BOTH, BOTH)
    assert decided[CURSOR] == {("s",): START, ("t",): HAD}
    assert decided.effects == [OpenStream((2, 1), "new", "key", cursors)]


def test_a_kept_id_goes_before_a_fresh_one_and_unsent_sends_are_queued_in_doubt_of_their_epoch() -> None:
    unsent = (Unsent("s", (1, 8), "old", 70), Unsent("s", (1, 9), None))
    decided = decide_on(CLIENT, Started("kept", "new", (2, 1), (("s", START),), unsent=unsent), {})
    assert decided[ME] == Me("kept")
    assert decided[ITEM] == {
        ("s", (1, 8)): Item("queued", doubt=True, size=70),
        ("s", (1, 9)): Item("queued"),
    }
    assert decided[OUTBOX] == {("s",): Outbox(epoch="old")}
    assert decided.effects == [OpenStream((2, 1), "kept", None, (("s", START),))]


@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_a_welcome_brings_the_epoch_and_every_queue_goes_out(state: ClientState) -> None:
    decided = decide(Welcomed(NOW, "me", "e2"), state, OPEN)
    assert (decided[STATE], decided[LINK]) == (AWAITING, replace(OPEN, epoch="e2"))
    assert decided.effects == [Next(Flush("s")), Next(Flush("t"))]


def test_a_welcome_under_another_id_renames_us() -> None:
    decided = decide(Welcomed(NOW, "its own", "e2"), CONNECTING, OPEN, outbox={})
    assert decided[ME] == Me("its own", of_server=True)
    assert decided.effects == [Renamed("its own", "server")]


def test_a_welcome_proves_the_credential() -> None:
    decided = decide(Welcomed(NOW, "me", "e2"), RECONNECTING, OPEN, access=Access("key", unproven=True))
    assert decided[ACCESS] == Access("key")


def test_a_welcome_proves_no_other_credential_than_its_streams() -> None:
    other = Access("other", unproven=True)
    decided = decide(Welcomed(NOW, "me", "e2"), RECONNECTING, OPEN, access=other)
    assert decided[ACCESS] == other


def test_with_the_welcome_the_server_is_told_what_has_changed_since_the_request() -> None:
    watching = Watching(("s", "u"), BOTH, 4)
    cursor = {("s",): HAD, ("t",): START, ("u",): Cursor("x", 2)}
    i = Welcomed(NOW, "me", "e2")
    decided = decide(i, RECONNECTING, OPEN, watching=watching, cursor=cursor, outbox={})
    assert decided[WATCHING] == Watching(("s", "u"), ("s", "u"), 6, (("u", 5), ("t", 6)))
    assert decided.effects == [
        Tell(NOW, "me", 5, "u", Cursor("x", 2)),
        Tell(NOW, "me", 6, "t", None),
    ]


def test_a_welcome_alone_is_no_progress() -> None:
    decided = decide(Welcomed(NOW, "me", "e2"), RECONNECTING, replace(OPEN, failures=2))
    assert decided[LINK].failures == 2


@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [
        (RECONNECTING, OPEN, OLD),
        (RECONNECTING, DOWN, NOW),
        (AWAITING, OPEN, NOW),
        (OVER, ENDED, NOW),
    ],
)
def test_a_welcome_of_another_stream_or_a_second_one_changes_nothing(
    state: ClientState, link: Link, attempt: Attempt
) -> None:
    refused(Welcomed(attempt, "other", "other"), state, link)


def test_a_heartbeat_is_progress() -> None:
    decided = decide(Heard(NOW), AWAITING, replace(OPEN, failures=2))
    assert (decided[LINK], decided.effects) == (OPEN, [])


@pytest.mark.parametrize(("link", "attempt"), [(OPEN, OLD), (DOWN, NOW)])
def test_a_heartbeat_of_another_stream_is_none(link: Link, attempt: Attempt) -> None:
    refused(Heard(attempt), AWAITING, replace(link, failures=2))


# -- losing and coming back ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", [CONNECTING, AWAITING, RECONNECTING])
@pytest.mark.parametrize("status", [0, 200, 429, 500, 503])
def test_a_lost_stream_is_asked_for_again_backed_off(state: ClientState, status: int) -> None:
    decided = decide(StreamLost(NOW, status, "key", chance=0.5), state, replace(OPEN, failures=1))
    assert decided[STATE] == RECONNECTING
    assert decided[LINK] == replace(DOWN, failures=2)
    assert decided.effects == [StartTimer(ReconnectDue(NOW), 0.5 * 2.0)]


def test_the_reconnect_waits_as_long_as_the_server_asks() -> None:
    i = StreamLost(NOW, 503, "key", retry_after_s=20.0, chance=0.5)
    assert decide(i, AWAITING, OPEN).effects == [StartTimer(ReconnectDue(NOW), 20.0)]


@pytest.mark.parametrize("state", [CONNECTING, AWAITING, RECONNECTING])
def test_too_many_failures_end_the_session_as_failed(state: ClientState) -> None:
    spent = replace(OPEN, failures=BOUNDS.attempts_max)
    decided = decide(StreamLost(NOW, 0, "key"), state, spent)
    assert decided[STATE] == ClientState("terminal", "failed")
    assert not decided[LINK].open
    goodbye = [] if state == CONNECTING else [SayGoodbye(NOW, "me")]
    assert decided.effects == [*SETTLING, *goodbye, *over("failed")]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(401, "expired"), (410, "expired"), (409, "taken over"), (403, "failed"), (404, "failed")],
)
@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_a_refused_stream_ends_the_session_with_the_causes_outcome(
    state: ClientState, status: int, outcome: str
) -> None:
    lasting = replace(BOUNDS, renews=False)
    decided = decide(StreamLost(NOW, status, "key"), state, OPEN, settings=lasting)
    assert decided[STATE] == ClientState("terminal", outcome)
    assert not decided[LINK].open
    assert decided.effects == [*SETTLING, *over(outcome)]


def test_an_answer_that_is_no_event_stream_ends_the_session() -> None:
    decided = decide(StreamLost(NOW, 200, "key", readable=False), CONNECTING, OPEN)
    assert decided[STATE] == ClientState("terminal", "failed")


@pytest.mark.parametrize("status", [0, 200, 401, 409, 500])
@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [(AWAITING, OPEN, OLD), (RECONNECTING, OPEN, OLD), (RECONNECTING, DOWN, NOW), (OVER, ENDED, NOW)],
)
def test_the_end_of_another_stream_changes_nothing(
    state: ClientState, link: Link, attempt: Attempt, status: int
) -> None:
    refused(StreamLost(attempt, status, "key"), state, link)


def test_when_the_wait_is_over_the_next_attempt_goes_out_from_the_cursors() -> None:
    decided = decide(ReconnectDue(NOW), RECONNECTING, DOWN, watching=Watching(BOTH, ("s",)))
    assert (decided[STATE], decided[LINK]) == (RECONNECTING, replace(OPEN, attempt=NEXT))
    assert decided[WATCHING] == Watching(BOTH, BOTH)
    assert decided.effects == [AGAIN]


@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [
        (RECONNECTING, DOWN, OLD),
        (RECONNECTING, OPEN, NOW),
        (RECONNECTING, RESTING, NOW),
        (AWAITING, OPEN, NOW),
        (OVER, ENDED, NOW),
    ],
)
def test_a_stale_reconnect_timer_opens_no_stream(state: ClientState, link: Link, attempt: Attempt) -> None:
    refused(ReconnectDue(attempt), state, link)


# -- a refused credential ------------------------------------------------------------------------------

DENIED = StreamLost(NOW, 401, "key")
REFRESHES = replace(BOUNDS, refreshes=True)


@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_a_refused_credential_is_replaced_by_another_if_there_may_be_one(state: ClientState) -> None:
    decided = decide(DENIED, state, OPEN, settings=REFRESHES)
    assert decided[STATE] == RECONNECTING
    assert decided[LINK] == replace(OPEN, phase="credential")
    assert decided[ACCESS] == Access("key", asked=True)
    assert decided.effects == [AskCredential("key")]


def test_one_refresh_serves_stream_and_sends() -> None:
    asked = Access("key", asked=True)
    decided = decide(DENIED, RECONNECTING, OPEN, settings=REFRESHES, access=asked)
    assert (decided[ACCESS], decided.effects) == (asked, [])


@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_a_stream_that_went_out_with_an_older_credential_is_asked_for_again_at_once(
    state: ClientState,
) -> None:
    decided = decide(replace(DENIED, token="older"), state, OPEN, settings=REFRESHES)
    assert decided.effects == [AGAIN]


def test_a_credential_that_was_refreshed_and_is_refused_is_not_refreshed_again() -> None:
    in_vain = Access("key", unproven=True)
    decided = decide(DENIED, RECONNECTING, OPEN, settings=REFRESHES, access=in_vain)
    assert decided[STATE] == ClientState("terminal", "expired")


# -- an id that another client has ---------------------------------------------------------------------


@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_a_client_whose_id_a_later_attempt_holds_takes_another(state: ClientState) -> None:
    decided = decide(StreamLost(NOW, 409, "key", fresh="new", chance=0.5), state, OPEN)
    assert (decided[STATE], decided[ME]) == (RECONNECTING, Me("new"))
    assert decided.effects == [Renamed("new", "taken over"), StartTimer(ReconnectDue(NOW), 0.5)]


def test_a_client_that_is_taken_over_goes_on_under_an_id_of_its_own() -> None:
    decided = decide(TakenOver(NOW, "new", 0.5), AWAITING, OPEN)
    assert (decided[STATE], decided[ME], decided[LINK]) == (
        RECONNECTING,
        Me("new"),
        replace(DOWN, failures=1),
    )
    assert decided.effects == [
        EndStream(NOW),
        Renamed("new", "taken over"),
        StartTimer(ReconnectDue(NOW), 0.5),
    ]


def test_or_ends_if_it_is_not_to_be_renewed_and_says_no_goodbye_under_an_id_that_is_not_its_own() -> None:
    decided = decide(TakenOver(NOW, "new"), AWAITING, OPEN, settings=replace(BOUNDS, renews=False))
    assert decided[STATE] == ClientState("terminal", "taken over")
    assert decided.effects == [EndStream(NOW), *SETTLING, *over("taken over")]


@pytest.mark.parametrize(("state", "link"), [(AWAITING, replace(OPEN, attempt=NEXT)), (RECONNECTING, DOWN)])
def test_the_taking_over_of_another_stream_is_nothing_to_us(state: ClientState, link: Link) -> None:
    refused(TakenOver(NOW, "new"), state, link)


# -- events --------------------------------------------------------------------------------------------


def event(position: int, epoch: str = "log", attempt: Attempt = NOW) -> EventArrived:
    return EventArrived(attempt, "s", epoch, position, chance=0.25)


def at(cursor: Cursor) -> dict[str, Any]:
    return {"cursor": {("s",): cursor}}


def test_the_next_event_is_handed_over_and_is_progress() -> None:
    decided = decide(event(8), AWAITING, replace(OPEN, failures=2))
    assert (decided[LINK], decided[CURSOR]["s",]) == (OPEN, Cursor("log", 8))
    assert decided.effects == [Deliver("s", "log", 8)]


def test_the_first_event_of_whatever_log_is_handed_over() -> None:
    decided = decide(event(1, "new"), AWAITING, OPEN, **at(START))
    assert decided[CURSOR] == {("s",): Cursor("new", 1)}
    assert decided.effects == [Deliver("s", "new", 1)]


@pytest.mark.parametrize("cursor", [HAD, START, Cursor("before", 7)])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("position", range(1, 11))
def test_what_comes_together_is_decided_like_one_after_the_other(
    position: int, count: int, cursor: Cursor
) -> None:
    places = range(position, position + count)
    alone, handed, asks_again = cursor, list[int](), list[Next]()
    for place in places:
        decided = decide(event(place), AWAITING, OPEN, **at(alone))
        alone = decided[CURSOR]["s",]
        handed += [e.position for e in decided.effects if isinstance(e, Deliver)]
        asks_again = [e for e in decided.effects if isinstance(e, Next)]
        if asks_again:
            break
    together = decide(replace(event(position), count=count), AWAITING, OPEN, **at(cursor))
    at_once = [e for e in together.effects if isinstance(e, Deliver)]
    assert together[CURSOR]["s",] == alone
    assert [place for e in at_once for place in range(e.position, e.position + e.count)] == handed
    assert [e for e in together.effects if isinstance(e, Next)] == asks_again


@pytest.mark.parametrize("position", [1, 6, 7])
def test_a_known_event_is_not_handed_over_again(position: int) -> None:
    refused(event(position), AWAITING, OPEN)


@pytest.mark.parametrize(
    ("i", "cursor"), [(event(9), HAD), (event(8, "new"), HAD), (event(1, "new"), HAD), (event(2), START)]
)
def test_an_event_that_skips_or_is_of_another_log_means_to_ask_again(i: EventArrived, cursor: Cursor) -> None:
    decided = decide(i, AWAITING, OPEN, **at(cursor))
    assert (decided[LINK], decided[CURSOR]) == (OPEN, {("s",): cursor})
    assert decided.effects == [Next(Desynced(NOW, 0.25))]


@pytest.mark.parametrize(
    ("state", "link", "attempt"),
    [(AWAITING, OPEN, OLD), (AWAITING, DOWN, NOW), (RECONNECTING, OPEN, NOW), (OVER, ENDED, NOW)],
)
def test_an_event_or_a_gap_of_another_stream_moves_no_cursor(
    state: ClientState, link: Link, attempt: Attempt
) -> None:
    refused(event(8, attempt=attempt), state, link)
    refused(GapArrived(attempt, "s", "new", 20), state, link)


def test_an_event_or_a_gap_of_a_session_that_is_watched_no_longer_moves_no_cursor() -> None:
    other = Watching(("t",), ("t",))
    refused(event(8), AWAITING, OPEN, watching=other)
    refused(GapArrived(NOW, "s", "new", 20), AWAITING, OPEN, watching=other)


@pytest.mark.parametrize("epoch", ["log", "new"])
def test_after_a_gap_the_session_goes_on_from_the_snapshot(epoch: str) -> None:
    decided = decide(GapArrived(NOW, "s", epoch, 20), AWAITING, OPEN)
    assert decided[CURSOR]["s",] == Cursor(epoch, 20)
    assert decided.effects == [DeliverGap("s", epoch, 20)]


def test_a_desynced_client_ends_its_stream_and_comes_back() -> None:
    decided = decide(Desynced(NOW, 0.5), AWAITING, OPEN)
    assert (decided[STATE], decided[LINK]) == (RECONNECTING, replace(DOWN, failures=1))
    assert decided.effects == [EndStream(NOW), StartTimer(ReconnectDue(NOW), 0.5)]


def test_a_client_that_is_desynced_too_often_gives_up() -> None:
    decided = decide(Desynced(NOW), AWAITING, replace(OPEN, failures=BOUNDS.attempts_max))
    assert decided[STATE] == ClientState("terminal", "failed")
    assert decided.effects == [EndStream(NOW), *SETTLING, SayGoodbye(NOW, "me"), *over("failed")]


@pytest.mark.parametrize(
    ("state", "link", "attempt"), [(AWAITING, OPEN, OLD), (AWAITING, DOWN, NOW), (RECONNECTING, OPEN, NOW)]
)
def test_what_another_stream_skipped_is_nothing_to_us(
    state: ClientState, link: Link, attempt: Attempt
) -> None:
    refused(Desynced(attempt), state, link)


# -- the background ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "link", "stops"),
    [
        (CONNECTING, OPEN, [EndStream(NOW)]),
        (AWAITING, OPEN, [EndStream(NOW)]),
        (RECONNECTING, DOWN, [CancelTimer(ReconnectDue(NOW))]),
        (RECONNECTING, replace(OPEN, phase="credential"), []),
    ],
)
def test_in_the_background_there_is_neither_stream_nor_timer_and_the_server_knows(
    state: ClientState, link: Link, stops: list[Any]
) -> None:
    decided = decide(Suspended(), state, link)
    assert (decided[STATE], decided[LINK]) == (RECONNECTING, RESTING)
    assert decided.effects == [*stops, SaySuspended(NOW, "me")]


def test_back_from_the_background_the_stream_is_asked_for_at_once() -> None:
    decided = decide(Resumed(), RECONNECTING, RESTING)
    assert decided[LINK] == replace(OPEN, attempt=NEXT)
    assert decided.effects == [AGAIN]


@pytest.mark.parametrize(("state", "link"), [(RECONNECTING, RESTING), (OVER, ENDED)])
def test_nobody_is_suspended_twice_or_after_the_end(state: ClientState, link: Link) -> None:
    refused(Suspended(), state, link)


@pytest.mark.parametrize(("state", "link"), [(AWAITING, OPEN), (RECONNECTING, DOWN), (OVER, ENDED)])
def test_who_was_not_suspended_cannot_be_resumed(state: ClientState, link: Link) -> None:
    refused(Resumed(), state, link)


# -- the end -------------------------------------------------------------------------------------------

LAST = {"watching": Watching(("s",), ("s",)), "outbox": {("s",): Outbox()}}


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "expired"])
def test_the_servers_end_of_the_last_session_is_the_clients_with_its_outcome(outcome: str) -> None:
    decided = decide(EndArrived(NOW, "s", outcome), AWAITING, OPEN, **LAST)
    assert (decided[STATE], decided[LINK]) == (ClientState("terminal", outcome), ENDED)
    ending = [EndStream(NOW), Next(Abandon("s")), SayGoodbye(NOW, "me")]
    assert decided.effects == [*ending, *over(outcome, ("s",))]


def test_the_end_of_one_of_several_sessions_leaves_the_others() -> None:
    decided = decide(EndArrived(NOW, "s", "failed"), AWAITING, OPEN)
    assert (decided[STATE], decided[LINK]) == (AWAITING, OPEN)
    assert decided[WATCHING] == Watching(("t",), ("t",))
    assert decided.effects == [SessionOver("s", "failed"), Next(Abandon("s"))]


def test_receipts_that_come_with_the_end_are_that_sessions() -> None:
    receipts = (((1, 1), "accepted"),)
    decided = decide(EndArrived(NOW, "s", "failed", receipts), AWAITING, OPEN)
    assert decided.effects[-1] == Next(Abandon("s", receipts))
    both = {"watching": Watching(("s",), ("s",)), "outbox": {("s",): Outbox(), ("t",): Outbox()}}
    decided = decide(EndArrived(NOW, "s", "failed", receipts), AWAITING, OPEN, **both)
    nexts = [effect for effect in decided.effects if isinstance(effect, Next)]
    assert nexts == [Next(Abandon("s", receipts)), Next(Abandon("t"))]


def test_a_session_that_was_never_sent_to_has_nothing_to_abandon() -> None:
    decided = decide(EndArrived(NOW, "s", "failed"), AWAITING, OPEN, outbox={})
    assert decided.effects == [SessionOver("s", "failed")]


@pytest.mark.parametrize(
    ("state", "link", "attempt"), [(AWAITING, OPEN, OLD), (AWAITING, DOWN, NOW), (OVER, ENDED, NOW)]
)
def test_the_end_on_another_stream_ends_nothing(state: ClientState, link: Link, attempt: Attempt) -> None:
    refused(EndArrived(attempt, "s", "succeeded"), state, link)


def test_the_end_of_a_session_that_is_not_watched_ends_nothing() -> None:
    refused(EndArrived(NOW, "t", "succeeded"), AWAITING, OPEN, **LAST)


@pytest.mark.parametrize(
    ("state", "link", "stops"),
    [
        (CONNECTING, OPEN, [EndStream(NOW)]),
        (AWAITING, OPEN, [EndStream(NOW)]),
        (RECONNECTING, OPEN, [EndStream(NOW)]),
        (RECONNECTING, DOWN, [CancelTimer(ReconnectDue(NOW))]),
        (RECONNECTING, RESTING, []),
    ],
)
def test_who_leaves_stops_stream_or_timer_settles_all_and_says_so(
    state: ClientState, link: Link, stops: list[Any]
) -> None:
    decided = decide(Left(), state, link)
    assert (decided[STATE], decided[LINK]) == (ClientState("terminal", "closed"), ENDED)
    assert decided.effects == [*stops, *SETTLING, SayGoodbye(NOW, "me"), *over("closed")]


def test_nobody_leaves_twice() -> None:
    refused(Left(), OVER, ENDED)


@pytest.mark.parametrize(("word", "link"), [("suspend", RESTING), ("close", ENDED)])
@pytest.mark.parametrize("status", [0, 401, 409, 503])
def test_a_farewell_that_was_not_taken_is_told_t35(word: Any, link: Link, status: int) -> None:
    decided = decide(FarewellReplied(word, NOW, status), RECONNECTING, link)
    assert decided.effects == [NotTaken(word, status)]


def test_one_that_was_taken_is_what_everybody_expects() -> None:
    assert decide(FarewellReplied("suspend", NOW, 204), RECONNECTING, RESTING).effects == []


@pytest.mark.parametrize(
    ("word", "attempt", "link"), [("suspend", NOW, OPEN), ("suspend", OLD, RESTING), ("close", NOW, RESTING)]
)
def test_the_reply_to_an_earlier_farewell_is_nothing_to_us(word: Any, attempt: Attempt, link: Link) -> None:
    refused(FarewellReplied(word, attempt, 503), RECONNECTING, link)
