"""The client's stream: opened, welcomed, lost, asked for again; and how it all ends."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.desk import Desk, proven, renewable
from perdure_model.core.client.effects import (
    AskCredential,
    CancelTimer,
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
    Desynced,
    EndArrived,
    FarewellReplied,
    Heard,
    Left,
    ReconnectDue,
    Resumed,
    Started,
    StreamLost,
    Suspended,
    TakenOver,
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
from perdure_model.core.client.watching import tell_all
from perdure_model.core.common import Attempt, Cursor, classify, refuse
from perdure_model.core.rule import Decision, Key
from perdure_model.core.value import replace

STREAM = (STATE.one, LINK.one)
Outboxes = Mapping[Key, Outbox]
Cursors = Mapping[Key, Cursor]


def is_current(link: Link, attempt: Attempt) -> bool:
    """Whether the latest stream is this attempt's, and still open."""
    return link.open and link.attempt == attempt


@CLIENT.rule(
    Started,
    *STREAM,
    ME.one,
    ACCESS.one,
    WATCHING.one,
    CURSOR.each("session", over="sessions"),
    OUTBOX.every(),
    ITEM.every(),
    emits=(OpenStream,),
)
def on_started(i: Started, *_earlier: object) -> Decision:
    """The first stream is asked for, under the id of the earlier life if there was one (T01, T29)."""
    me = Me(i.fresh if i.kept is None else i.kept)
    link, watching = Link(i.attempt, "open", token=i.token), Watching(i.sessions, i.sessions)
    cursors = {(session,): cursor for session, cursor in i.cursors}
    unsent = {(u.session, u.key): Item("queued", doubt=u.epoch is not None, size=u.size) for u in i.unsent}
    outboxes = {(u.session,): Outbox(epoch=u.epoch) for u in reversed(i.unsent)}
    parts = (ClientState("connecting"), link, me, Access(i.token), watching, cursors, outboxes, unsent)
    return parts, (OpenStream(i.attempt, me.cid, i.token, i.cursors),)


@CLIENT.rule(
    Welcomed,
    *STREAM,
    ME.one,
    ACCESS.one,
    WATCHING.one,
    reads=(OUTBOX.every(), CURSOR.every()),
    emits=(Next, Renamed, Tell),
)
def on_welcomed(
    i: Welcomed,
    state: ClientState,
    link: Link,
    me: Me,
    access: Access,
    watching: Watching,
    outboxes: Outboxes,
    cursors: Cursors,
) -> Decision:
    """The stream is up, under the id that the server says; what is queued goes out, and what has been
    watched or unwatched since the request is told."""
    desk = Desk(state, link, access=access, outboxes=outboxes)
    if not desk.step("welcomed", current=is_current(link, i.attempt), stale="no welcome that we wait for"):
        return desk.decided(state, link, me, access, watching)
    if i.cid != me.cid:
        me = Me(i.cid, of_server=True)
        desk.effects.append(Renamed(i.cid, "server"))
    watching = tell_all(watching, desk.link, me, cursors, desk.effects)
    return desk.decided(
        desk.state, replace(desk.link, epoch=i.epoch), me, proven(access, link.token), watching
    )


@CLIENT.rule(Heard, LINK.one)
def on_heard(i: Heard, link: Link) -> Decision:
    """A stream that has lived for an interval is progress: failures are counted afresh (finding A12)."""
    if not is_current(link, i.attempt):
        return refuse("a heartbeat on a stream that is no longer ours", link)
    return (replace(link, failures=0),), ()


@CLIENT.rule(
    StreamLost,
    *STREAM,
    ME.one,
    ACCESS.one,
    WATCHING.one,
    reads=(SETTINGS.one, OUTBOX.every(), CURSOR.every()),
    emits=(StartTimer, SayGoodbye, AskCredential, OpenStream, Renamed, Next, SessionOver),
)
def on_stream_lost(
    i: StreamLost,
    state: ClientState,
    link: Link,
    me: Me,
    access: Access,
    watching: Watching,
    settings: ClientSettings,
    outboxes: Outboxes,
    cursors: Cursors,
) -> Decision:
    """A stream that may come back is asked for again, backed off; a refused credential is replaced once; a
    client whose id a later attempt holds takes another; any other refusal ends the session."""
    event = STREAM_EVENTS[classify(i.status)] if i.readable else "refused"
    desk = Desk(
        state, link, settings, me, access, watching, cursors, outboxes, i.chance, i.retry_after_s, i.fresh
    )
    facts = renewable(access, i.token, settings) | {"renews": settings.renews}
    stale = "the end of a stream no longer ours"
    desk.step(event, current=is_current(link, i.attempt), outcome=outcome_of(i.status), stale=stale, **facts)
    return desk.decided(desk.state, desk.link, desk.me, desk.access, desk.watching)


STREAM_EVENTS = {
    "taken": "lost",
    "passing": "lost",
    "unknown": "outbid",
    "denied": "denied",
    "final": "refused",
}


def outcome_of(status: int) -> str:
    """The outcome is its cause's (P-OUTCOME): 409 says that a later attempt holds our id."""
    return {401: "expired", 410: "expired", 409: "taken over"}.get(status, "failed")


@CLIENT.rule(
    ReconnectDue,
    *STREAM,
    WATCHING.one,
    reads=(ME.one, ACCESS.one, CURSOR.every()),
    emits=(OpenStream,),
)
def on_reconnect_due(
    i: ReconnectDue,
    state: ClientState,
    link: Link,
    watching: Watching,
    me: Me,
    access: Access,
    cursors: Cursors,
) -> Decision:
    """The next attempt goes out, under the same id, from the cursors reached."""
    desk = Desk(state, link, me=me, access=access, watching=watching, cursors=cursors)
    current = link.phase == "timer" and link.attempt == i.attempt
    desk.step("due", current=current, stale="a reconnect timer of an earlier attempt")
    return desk.decided(desk.state, desk.link, desk.watching)


@CLIENT.rule(
    Desynced,
    *STREAM,
    reads=(ME.one, SETTINGS.one, WATCHING.one, OUTBOX.every()),
    emits=(EndStream, StartTimer, SayGoodbye, Next, SessionOver),
)
def on_desynced(
    i: Desynced,
    state: ClientState,
    link: Link,
    me: Me,
    settings: ClientSettings,
    watching: Watching,
    outboxes: Outboxes,
) -> Decision:
    """We end our stream and come back, from the cursors that we have."""
    desk = Desk(state, link, settings, me, watching=watching, outboxes=outboxes, chance=i.chance)
    desk.step("desync", current=is_current(link, i.attempt), stale="a stream no longer ours")
    return desk.decided(desk.state, desk.link)


@CLIENT.rule(
    TakenOver,
    *STREAM,
    ME.one,
    reads=(SETTINGS.one, WATCHING.one, OUTBOX.every()),
    emits=(EndStream, StartTimer, Renamed, Next, SessionOver),
)
def on_taken_over(
    i: TakenOver,
    state: ClientState,
    link: Link,
    me: Me,
    settings: ClientSettings,
    watching: Watching,
    outboxes: Outboxes,
) -> Decision:
    """Another client goes on under our id: we never use it again, so that the two do not cut each other
    for ever (finding T30)."""
    desk = Desk(state, link, settings, me, Access(), watching, {}, outboxes, i.chance, fresh=i.fresh)
    stale = "the taking over of a stream no longer ours"
    facts = {"current": is_current(link, i.attempt), "renews": settings.renews}
    desk.step("usurped", outcome="taken over", stale=stale, **facts)
    return desk.decided(desk.state, desk.link, desk.me)


ENDING = (EndStream, CancelTimer, SayGoodbye, Next, SessionOver)
AROUND = (ME.one, OUTBOX.every())


@CLIENT.rule(EndArrived, *STREAM, WATCHING.one, reads=AROUND, emits=ENDING)
def on_end_arrived(
    i: EndArrived, state: ClientState, link: Link, watching: Watching, me: Me, outboxes: Outboxes
) -> Decision:
    """A session is over, with the server's outcome, reported once; with the last one the client is done."""
    over = (i.session, i.outcome, i.verdicts)
    desk = Desk(state, link, me=me, watching=watching, outboxes=outboxes, over=over)
    current = is_current(link, i.attempt) and i.session in watching.sessions
    last = watching.sessions == (i.session,)
    stale = "an end on a stream or of a session no longer ours"
    desk.step("ended", current=current, last=last, outcome=i.outcome, stale=stale)
    return desk.decided(desk.state, desk.link, desk.watching)


@CLIENT.rule(Left, *STREAM, reads=(WATCHING.one, *AROUND), emits=ENDING)
def on_left(
    _i: Left, state: ClientState, link: Link, watching: Watching, me: Me, outboxes: Outboxes
) -> Decision:
    """The application is done: everything that is open is settled, and the server is told."""
    desk = Desk(state, link, me=me, watching=watching, outboxes=outboxes)
    desk.step("closed", outcome="closed", stale="left a session that was over")
    return desk.decided(desk.state, desk.link)


@CLIENT.rule(Suspended, *STREAM, reads=(ME.one,), emits=(EndStream, CancelTimer, SaySuspended))
def on_suspended(_i: Suspended, state: ClientState, link: Link, me: Me) -> Decision:
    """The application goes to the background: no stream, and the server keeps our sessions; sends wait."""
    if link.phase == "resume":
        return refuse("suspended twice", state, link)
    desk = Desk(state, link, me=me)
    desk.step("suspend", stale="suspended a session that was over")
    return desk.decided(desk.state, desk.link)


AFTER = {"suspend": "resume", "close": "over"}
"""Where the link stands once this was said."""


@CLIENT.rule(FarewellReplied, reads=(LINK.one,), emits=(NotTaken,))
def on_farewell_replied(i: FarewellReplied, link: Link) -> Decision:
    """What the server did not take is not swallowed (T35): an application that believes its sessions kept
    would lose them. A reply that comes after the return changes nothing."""
    if i.attempt != link.attempt or link.phase != AFTER[i.word]:
        return refuse("the reply to a farewell from before the return")
    return (), () if classify(i.status) == "taken" else (NotTaken(i.word, i.status),)


@CLIENT.rule(Resumed, *STREAM, WATCHING.one, reads=(ME.one, ACCESS.one, CURSOR.every()), emits=(OpenStream,))
def on_resumed(
    _i: Resumed, state: ClientState, link: Link, watching: Watching, me: Me, access: Access, cursors: Cursors
) -> Decision:
    """The application is back: the next attempt goes out at once, from the cursors reached."""
    desk = Desk(state, link, me=me, access=access, watching=watching, cursors=cursors)
    desk.step("resume", resting=link.phase == "resume", stale="resumed what was not suspended")
    return desk.decided(desk.state, desk.link, desk.watching)
