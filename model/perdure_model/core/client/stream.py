"""The client's stream: opened, welcomed, lost, asked for again; what it brings; and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.desk import StreamDesk
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
    Desynced,
    EndArrived,
    EventArrived,
    GapArrived,
    Heard,
    Left,
    ReconnectDue,
    Started,
    StreamLost,
    Welcomed,
)
from perdure_model.core.client.parts import (
    CURSOR,
    LINK,
    SETTINGS,
    STATE,
    ClientSettings,
    ClientState,
    Link,
)
from perdure_model.core.common import START, Attempt, Cursor, classify, refuse
from perdure_model.core.rule import Decision, Key

STREAM = (STATE.one, LINK.one)


def is_current(link: Link, attempt: Attempt) -> bool:
    """Whether the latest stream is this attempt's, and still open."""
    return link.open and link.attempt == attempt


@CLIENT.rule(Started, *STREAM, CURSOR.each("session", over="sessions"), emits=(OpenStream,))
def on_started(i: Started, _state: None, _link: None, cursors: Mapping[Key, None]) -> Decision:
    """The first stream is asked for."""
    link = Link(i.attempt, open=True, sessions=i.sessions)
    parts = (ClientState("connecting"), link, dict.fromkeys(cursors, START))
    return parts, (OpenStream(i.attempt, tuple((session, START) for session in i.sessions)),)


@CLIENT.rule(Welcomed, *STREAM, reads=(SETTINGS.one,), emits=(Next,))
def on_welcomed(i: Welcomed, state: ClientState, link: Link, settings: ClientSettings) -> Decision:
    """The stream is up, and what is queued goes out."""
    desk = StreamDesk(state, link, settings)
    current = is_current(link, i.attempt)
    (after, link), effects = desk.step("welcomed", current=current, stale="no welcome that we wait for")
    link = replace(link, epoch=i.epoch) if after != state else link
    return (after, link), effects


@CLIENT.rule(Heard, LINK.one)
def on_heard(i: Heard, link: Link) -> Decision:
    """A stream that has lived for an interval is progress: failures are counted afresh (finding A12)."""
    if not is_current(link, i.attempt):
        return refuse("a heartbeat on a stream that is no longer ours", link)
    return (replace(link, failures=0),), ()


@CLIENT.rule(StreamLost, *STREAM, reads=(SETTINGS.one,), emits=(StartTimer, SayGoodbye, Next))
def on_stream_lost(i: StreamLost, state: ClientState, link: Link, settings: ClientSettings) -> Decision:
    """A stream that may come back is asked for again, backed off; one that was refused ends the session."""
    kind = classify(i.status) if i.readable else "final"
    event = "lost" if kind in ("taken", "passing") else "refused"
    outcome = outcome_of(i.status) if event == "refused" else "failed"
    desk = StreamDesk(state, link, settings, chance=i.chance, asked_s=i.retry_after_s)
    current = is_current(link, i.attempt)
    return desk.step(event, current=current, outcome=outcome, stale="the end of a stream no longer ours")


def outcome_of(status: int) -> str:
    """The outcome is its cause's (P-OUTCOME): 409 says that a later attempt holds our id."""
    return {401: "expired", 410: "expired", 409: "taken over"}.get(status, "failed")


@CLIENT.rule(ReconnectDue, *STREAM, reads=(SETTINGS.one, CURSOR.every()), emits=(OpenStream,))
def on_reconnect_due(
    i: ReconnectDue,
    state: ClientState,
    link: Link,
    settings: ClientSettings,
    cursors: Mapping[Key, Cursor],
) -> Decision:
    """The next attempt goes out, from the cursors reached."""
    desk = StreamDesk(state, link, settings, cursors)
    current = not link.open and link.attempt == i.attempt
    return desk.step("due", current=current, stale="a reconnect timer of an earlier attempt")


@CLIENT.rule(EventArrived, LINK.one, CURSOR.one, reads=(STATE.one,), emits=(Deliver, Next))
def on_event_arrived(i: EventArrived, link: Link, cursor: Cursor, state: ClientState) -> Decision:
    """The next event is handed over, a known one is not, and one that skips means to ask again."""
    if not is_current(link, i.attempt) or state.state != "awaiting":
        return refuse("an event of a stream that is no longer ours", link, cursor)
    same_log = i.epoch == cursor.epoch
    if same_log and i.position <= cursor.position:
        return refuse("an event that was handed over before", link, cursor)
    if i.position == cursor.position + 1 and (same_log or cursor == START):
        parts = (replace(link, failures=0) if link.failures else link, Cursor(i.epoch, i.position))
        return parts, (Deliver(i.session, i.epoch, i.position),)
    return (link, cursor), (Next(Desynced(i.attempt, i.chance)),)


@CLIENT.rule(
    Desynced,
    *STREAM,
    reads=(SETTINGS.one,),
    emits=(EndStream, CancelTimer, StartTimer, SayGoodbye, Next),
)
def on_desynced(i: Desynced, state: ClientState, link: Link, settings: ClientSettings) -> Decision:
    """We end our stream and come back, from the cursors that we have."""
    desk = StreamDesk(state, link, settings, chance=i.chance)
    return desk.step("desync", current=is_current(link, i.attempt), stale="a stream no longer ours")


@CLIENT.rule(GapArrived, CURSOR.one, reads=(STATE.one, LINK.one), emits=(DeliverGap,))
def on_gap_arrived(i: GapArrived, cursor: Cursor, state: ClientState, link: Link) -> Decision:
    """The application is told, and goes on from the snapshot."""
    if not is_current(link, i.attempt) or state.state != "awaiting":
        return refuse("a gap on a stream that is no longer ours", cursor)
    return (Cursor(i.epoch, i.position),), (DeliverGap(i.session, i.epoch, i.position),)


ENDING = (EndStream, CancelTimer, SayGoodbye, Next)


@CLIENT.rule(EndArrived, *STREAM, reads=(SETTINGS.one,), emits=ENDING)
def on_end_arrived(i: EndArrived, state: ClientState, link: Link, settings: ClientSettings) -> Decision:
    """The session is over, with the server's outcome; reported once."""
    desk = StreamDesk(state, link, settings)
    current = is_current(link, i.attempt)
    return desk.step("ended", current=current, outcome=i.outcome, stale="an end on a stream no longer ours")


@CLIENT.rule(Left, *STREAM, reads=(SETTINGS.one,), emits=ENDING)
def on_left(_i: Left, state: ClientState, link: Link, settings: ClientSettings) -> Decision:
    """The application is done: everything that is open is settled, and the server is told."""
    desk = StreamDesk(state, link, settings)
    return desk.step("closed", current=True, outcome="closed", stale="left a session that was over")
