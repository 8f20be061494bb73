"""The client's stream: opened, welcomed, lost, asked for again; what it brings; and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.desk import Desk
from perdure_model.core.client.effects import (
    CancelTimer,
    Deliver,
    DeliverGap,
    EndStream,
    OpenStream,
    Post,
    SayGoodbye,
    Settled,
    StartTimer,
)
from perdure_model.core.client.inputs import (
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
    ITEM,
    LINK,
    OUTBOX,
    SETTINGS,
    STATE,
    ClientSettings,
    ClientState,
    Item,
    Link,
    Outbox,
)
from perdure_model.core.common import START, Attempt, Cursor, classify, refuse
from perdure_model.core.rule import Decision, Key

WHOLE = (STATE.one, LINK.one, OUTBOX.every(), ITEM.every())
OVER = (CancelTimer, EndStream, SayGoodbye, Settled)
Outboxes = Mapping[Key, Outbox]
Items = Mapping[Key, Item]


def is_current(link: Link, attempt: Attempt) -> bool:
    """Whether the latest stream is this attempt's, and still open."""
    return link.open and link.attempt == attempt


@CLIENT.rule(Started, STATE.one, LINK.one, CURSOR.each("session", over="sessions"), emits=(OpenStream,))
def on_started(i: Started, _state: None, _link: None, cursors: Mapping[Key, None]) -> Decision:
    """The first stream is asked for."""
    start = dict.fromkeys(cursors, START)
    parts = (ClientState("connecting"), Link(i.attempt, open=True), start)
    return parts, (OpenStream(i.attempt, tuple((session, START) for session in i.sessions)),)


@CLIENT.rule(Welcomed, *WHOLE, reads=(SETTINGS.one,), emits=(CancelTimer, Post, Settled))
def on_welcomed(
    i: Welcomed, state: ClientState, link: Link, outboxes: Outboxes, items: Items, settings: ClientSettings
) -> Decision:
    """The stream is up: doubts of another epoch are settled, and what is queued goes out."""
    current = is_current(link, i.attempt)
    link = replace(link, epoch=i.epoch) if current else link
    desk = Desk(state, link, outboxes, items, settings)
    desk.session("welcomed", current=current)
    return desk.done("a welcome on a stream that is no longer ours")


@CLIENT.rule(Heard, LINK.one)
def on_heard(i: Heard, link: Link) -> Decision:
    """A stream that has lived for an interval is progress: failures are counted afresh (finding A12)."""
    if not is_current(link, i.attempt):
        return refuse("a heartbeat on a stream that is no longer ours", link)
    return (replace(link, failures=0),), ()


@CLIENT.rule(StreamLost, *WHOLE, reads=(SETTINGS.one,), emits=(*OVER, StartTimer))
def on_stream_lost(
    i: StreamLost, state: ClientState, link: Link, outboxes: Outboxes, items: Items, settings: ClientSettings
) -> Decision:
    """A stream that may come back is asked for again, backed off; one that was refused ends the session."""
    kind = classify(i.status) if i.readable else "final"
    event = "lost" if kind in ("taken", "passing") else "refused"
    desk = Desk(state, link, outboxes, items, settings, chance=i.chance, asked_s=i.retry_after_s)
    desk.session(event, current=is_current(link, i.attempt), outcome=outcome_of(i.status, event))
    return desk.done("the end of a stream that is no longer ours")


def outcome_of(status: int, event: str) -> str:
    """The outcome is its cause's (P-OUTCOME): 409 says that a later attempt holds our id."""
    if event == "refused" and status in (401, 410):
        return "expired"
    return "taken over" if event == "refused" and status == 409 else "failed"


@CLIENT.rule(ReconnectDue, *WHOLE, reads=(SETTINGS.one, CURSOR.every()), emits=(OpenStream,))
def on_reconnect_due(
    i: ReconnectDue,
    state: ClientState,
    link: Link,
    outboxes: Outboxes,
    items: Items,
    settings: ClientSettings,
    cursors: Mapping[Key, Cursor],
) -> Decision:
    """The next attempt goes out, from the cursors reached."""
    desk = Desk(state, link, outboxes, items, settings, cursors)
    desk.session("due", current=not link.open and link.attempt == i.attempt)
    return desk.done("a reconnect timer of an earlier attempt")


@CLIENT.rule(EventArrived, *WHOLE, CURSOR.one, reads=(SETTINGS.one,), emits=(*OVER, Deliver, StartTimer))
def on_event_arrived(
    i: EventArrived,
    state: ClientState,
    link: Link,
    outboxes: Outboxes,
    items: Items,
    cursor: Cursor,
    settings: ClientSettings,
) -> Decision:
    """The next event is handed over, a known one is not, and one that skips means to ask again."""
    whole = (state, link, outboxes, items)
    if not is_current(link, i.attempt) or state.state != "awaiting":
        return refuse("an event of a stream that is no longer ours", *whole, cursor)
    same_log = i.epoch == cursor.epoch
    if same_log and i.position <= cursor.position:
        return refuse("an event that was handed over before", *whole, cursor)
    if i.position == cursor.position + 1 and (same_log or cursor == START):
        link = replace(link, failures=0)
        reached = Cursor(i.epoch, i.position)
        return (state, link, outboxes, items, reached), (Deliver(i.session, i.epoch, i.position),)
    desk = Desk(state, link, outboxes, items, settings, chance=i.chance)
    desk.session("desync", current=True)
    parts, effects = desk.done()
    return (*parts, cursor), effects


@CLIENT.rule(GapArrived, CURSOR.one, reads=(STATE.one, LINK.one), emits=(DeliverGap,))
def on_gap_arrived(i: GapArrived, cursor: Cursor, state: ClientState, link: Link) -> Decision:
    """The application is told, and goes on from the snapshot."""
    if not is_current(link, i.attempt) or state.state != "awaiting":
        return refuse("a gap on a stream that is no longer ours", cursor)
    return (Cursor(i.epoch, i.position),), (DeliverGap(i.session, i.epoch, i.position),)


@CLIENT.rule(EndArrived, *WHOLE, reads=(SETTINGS.one,), emits=OVER)
def on_end_arrived(
    i: EndArrived, state: ClientState, link: Link, outboxes: Outboxes, items: Items, settings: ClientSettings
) -> Decision:
    """The session is over, with the server's outcome; reported once."""
    desk = Desk(state, link, outboxes, items, settings)
    desk.session("ended", current=is_current(link, i.attempt), outcome=i.outcome)
    return desk.done("an end on a stream that is no longer ours")


@CLIENT.rule(Left, *WHOLE, reads=(SETTINGS.one,), emits=OVER)
def on_left(
    _i: Left, state: ClientState, link: Link, outboxes: Outboxes, items: Items, settings: ClientSettings
) -> Decision:
    """The application is done: everything that is open is settled, and the server is told."""
    desk = Desk(state, link, outboxes, items, settings)
    desk.session("closed", current=True, outcome="closed")
    return desk.done("left a session that was over")
