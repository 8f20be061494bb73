"""Connections: attached, taken over, lost, waited for, suspended, closed, expired."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.common import Refused, refuse
from perdure_model.core.rule import Decision, Key
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.desk import Desk, Owners, Watches, Windows, newcomer
from perdure_model.core.server.effects import (
    Attach,
    CancelGrace,
    CutStream,
    Detached,
    Reject,
    StartGrace,
    Wake,
)
from perdure_model.core.server.inputs import (
    CloseRequested,
    GraceElapsed,
    StreamClosed,
    StreamRequested,
    StreamStalled,
    SuspendRequested,
)
from perdure_model.core.server.parts import (
    CONNECTION,
    LOG,
    OWNER,
    SETTINGS,
    WATCH,
    WINDOW,
    Connection,
    Log,
    ServerSettings,
)

HELD = (CONNECTION.one, WATCH.every("cid"), OWNER.every("cid"), WINDOW.every("cid"))
"""A connection and everything that it holds."""

GONE = (Refused("the connection is gone"), Reject(409, "unknown-connection"))
STRANGER = (Refused("the id is another principal's"), Reject(403, "other-principal"))
STALE = (Refused("a request from before the client's latest stream"), Reject(409, "stale-attempt"))
UNKEPT = (Refused("an id that the server made"), Reject(409, "server-made-id"))
REPEATED = (Refused("the request of the stream that is attached, once more"), Reject(425, "repeated-attempt"))


@SERVER.rule(
    StreamRequested,
    CONNECTION.one,
    WATCH.every("cid"),
    OWNER.every("cid"),
    LOG.each("session", over="sessions"),
    emits=(Reject, CutStream, CancelGrace, Attach, Wake),
)
def on_stream_requested(
    i: StreamRequested,
    connection: Connection | None,
    watches: Watches,
    owners: Owners,
    logs: Mapping[Key, Log | None],
) -> Decision:
    """A stream is attached: a new connection's first, one that comes back, or one that replaces another,
    however alive that looks (T28).

    A session that is watched comes into being: who returns after its log was lost is told so at once, not
    with the next event (N01). What an id left suspended belongs to its principal alone (N05), and is not
    taken up by a request from before the client went away (N30). The same request once more, repeated by
    something on the way, is no other client's: it may be made anew, as the next attempt (N33).
    """
    begun = {key: log or Log(i.fresh) for key, log in logs.items()}
    bound = {owner.principal for owner in owners.values()} | ({connection.principal} if connection else set())
    if bound - {i.principal}:
        return (connection, watches, owners, logs), STRANGER
    if any(i.attempt <= owner.suspended for owner in owners.values()):
        return (connection, watches, owners, logs), STALE
    if connection is None:
        desk = newcomer(i, owners)
    else:
        desk = Desk(i.cid, connection, watches, owners, request=i)
        if not desk.step("attach", newer=i.attempt > connection.generation):
            again = i.attempt == connection.generation
            return (connection, watches, owners, logs), REPEATED if again else STALE
    return (desk.connection, desk.watches, desk.owners, begun), tuple(desk.effects)


@SERVER.rule(StreamClosed, *HELD, reads=(SETTINGS.one,), emits=(StartGrace, Detached))
def on_stream_closed(
    i: StreamClosed,
    connection: Connection | None,
    watches: Watches,
    owners: Owners,
    windows: Windows,
    settings: ServerSettings,
) -> Decision:
    """Only the current stream's close detaches (T02), and only that starts the grace timer (T03, T39)."""
    if connection is None:
        return refuse("the close of a stream whose connection is gone", None, watches, owners, windows)
    desk = Desk(i.cid, connection, watches, owners, windows, settings)
    if not desk.step("lost", current=i.generation == connection.generation):
        return refuse("the close of a stream that was replaced", connection, watches, owners, windows)
    return (desk.kept, desk.watches, desk.owners, desk.windows), tuple(desk.effects)


@SERVER.rule(StreamStalled, *HELD, reads=(SETTINGS.one,), emits=(CutStream, StartGrace, Detached))
def on_stream_stalled(
    i: StreamStalled,
    connection: Connection | None,
    watches: Watches,
    owners: Owners,
    windows: Windows,
    settings: ServerSettings,
) -> Decision:
    """A stream that nobody reads is ended, and its client may come back for the rest (T27)."""
    if connection is None:
        return refuse("the stalling of a stream whose connection is gone", None, watches, owners, windows)
    desk = Desk(i.cid, connection, watches, owners, windows, settings, reason="stalled")
    if not desk.step("stalled", current=i.generation == connection.generation):
        return refuse("the stalling of a stream that is gone", connection, watches, owners, windows)
    return (desk.kept, desk.watches, desk.owners, desk.windows), tuple(desk.effects)


@SERVER.rule(GraceElapsed, *HELD, emits=(Detached,))
def on_grace_elapsed(
    i: GraceElapsed, connection: Connection | None, watches: Watches, owners: Owners, windows: Windows
) -> Decision:
    """A grace timer ends only the wait that it was started for (T04)."""
    held = (connection, watches, owners, windows)
    if connection is None:
        return refuse("the grace timer of a connection that is gone", *held)
    desk = Desk(i.cid, connection, watches, owners, windows)
    if not desk.step("elapsed", current=i.generation == connection.generation):
        return refuse("the grace timer of an earlier loss", *held)
    return (desk.kept, desk.watches, desk.owners, desk.windows), tuple(desk.effects)


@SERVER.rule(CloseRequested, *HELD, emits=(Reject, CutStream, CancelGrace, Detached))
def on_close_requested(
    i: CloseRequested, connection: Connection | None, watches: Watches, owners: Owners, windows: Windows
) -> Decision:
    """A client that is done is not waited for (T24); a close from before its return changes nothing."""
    held = (connection, watches, owners, windows)
    if connection is None:
        return held, GONE
    if connection.principal != i.principal:
        return held, STRANGER
    desk = Desk(i.cid, connection, watches, owners, windows, reason="closed")
    if not desk.step("close", latest=i.attempt >= connection.generation):
        return held, STALE
    return (desk.kept, desk.watches, desk.owners, desk.windows), tuple(desk.effects)


@SERVER.rule(SuspendRequested, CONNECTION.one, emits=(Reject,))
def on_suspend_requested(i: SuspendRequested, connection: Connection | None) -> Decision:
    """The client will be away, and finds its sessions again (T24); unless it is back already (T38).

    It may say so on a stream whose request is still under way, or lost: that one brings nobody back. Nothing
    is kept for an id that the server made: nobody will come back with it (T25, N36).
    """
    if connection is None:
        return (None,), GONE
    if connection.principal != i.principal:
        return (connection,), STRANGER
    if connection.fleeting:
        return (connection,), UNKEPT
    desk = Desk(i.cid, connection, away_since=i.attempt)
    if not desk.step("suspend", latest=i.attempt >= connection.generation):
        return (connection,), STALE
    return (desk.connection,), tuple(desk.effects)
