"""Connections: attached, taken over, lost, waited for, closed, expired."""

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


@SERVER.rule(
    StreamRequested,
    CONNECTION.one,
    WATCH.every("cid"),
    LOG.each("session", over="sessions"),
    emits=(Reject, CutStream, CancelGrace, Attach, Wake),
)
def on_stream_requested(
    i: StreamRequested, connection: Connection | None, watches: Watches, logs: Mapping[Key, Log | None]
) -> Decision:
    """A stream is attached: a new connection's first, one that comes back, or one that replaces another.

    A session that is watched comes into being: who returns after its log was lost is told so at once,
    not with the next event.
    """
    begun = {key: log or Log(i.fresh) for key, log in logs.items()}
    if connection is None:
        desk = newcomer(i)
        return (desk.connection, desk.watches, begun), tuple(desk.effects)
    parts = (connection, watches, logs)
    if connection.principal != i.principal:
        return parts, (Refused("the id is another principal's"), Reject(403, "other-principal"))
    desk = Desk(i.cid, connection, watches, {}, {}, request=i)
    if not desk.step("attach", {"newer": i.attempt > connection.generation}):
        return parts, (Refused("a request older than the stream"), Reject(409, "stale-attempt"))
    return (desk.connection, desk.watches, begun), tuple(desk.effects)


@SERVER.rule(StreamClosed, CONNECTION.one, WATCH.every("cid"), reads=(SETTINGS.one,), emits=(StartGrace,))
def on_stream_closed(
    i: StreamClosed, connection: Connection | None, watches: Watches, settings: ServerSettings
) -> Decision:
    """Only the current stream's close detaches (T02), and only that starts the grace timer (T03, T39)."""
    if connection is None:
        return refuse("the close of a stream whose connection is gone", None, watches)
    desk = Desk(i.cid, connection, watches, {}, {}, grace_s=settings.grace_s)
    if not desk.step("lost", {"current": i.generation == connection.generation}):
        return refuse("the close of a stream that was replaced", connection, watches)
    return (desk.connection, desk.watches), tuple(desk.effects)


@SERVER.rule(GraceElapsed, *HELD, emits=(Released,))
def on_grace_elapsed(
    i: GraceElapsed, connection: Connection | None, watches: Watches, owners: Owners, windows: Windows
) -> Decision:
    """A grace timer ends only the wait that it was started for (T04)."""
    held = (connection, watches, owners, windows)
    if connection is None:
        return refuse("the grace timer of a connection that is gone", *held)
    desk = Desk(i.cid, connection, watches, owners, windows)
    if not desk.step("elapsed", {"current": i.generation == connection.generation}):
        return refuse("the grace timer of an earlier loss", *held)
    return (desk.kept, desk.watches, desk.owners, desk.windows), tuple(desk.effects)


@SERVER.rule(CloseRequested, *HELD, emits=(Reject, CutStream, CancelGrace, Released))
def on_close_requested(
    i: CloseRequested, connection: Connection | None, watches: Watches, owners: Owners, windows: Windows
) -> Decision:
    """A client that is done is not waited for (T24); a close from before its return changes nothing."""
    held = (connection, watches, owners, windows)
    if connection is None:
        return held, (Refused("the close of a connection that is gone"), Reject(409, "unknown-connection"))
    if connection.principal != i.principal:
        return held, (Refused("the id is another principal's"), Reject(403, "other-principal"))
    desk = Desk(i.cid, connection, watches, owners, windows, reason="closed")
    if not desk.step("close", {"current": i.attempt == connection.generation}):
        return held, (Refused("a close from before the client's return"), Reject(409, "stale-attempt"))
    return (desk.kept, desk.watches, desk.owners, desk.windows), tuple(desk.effects)


@SERVER.rule(
    ServerStarted,
    CONNECTION.every(),
    WATCH.every(),
    OWNER.every(),
    WINDOW.every(),
    LOG.every(),
    emits=(CutStream, CancelGrace),
)
def on_server_started(
    _i: ServerStarted,
    connections: Mapping[Key, Connection],
    _watches: Watches,
    _owners: Owners,
    _windows: Windows,
    _logs: Mapping[Key, Log],
) -> Decision:
    """A server whose store keeps nothing starts empty; its streams and timers died with the one before."""
    cuts = tuple(CutStream(str(cid), c.generation, "restarted") for (cid,), c in connections.items())
    timers = tuple(CancelGrace(GraceElapsed(str(cid), c.generation)) for (cid,), c in connections.items())
    return ({}, {}, {}, {}, {}), cuts + timers
