"""What a connection watches, beyond what its stream was opened with."""

from __future__ import annotations

from perdure_model.core.rule import Decision, Part
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.connection import GONE, STALE, STRANGER
from perdure_model.core.server.desk import Desk
from perdure_model.core.server.effects import AddSession, DropSession, Reject, Wake
from perdure_model.core.server.inputs import UnwatchRequested, WatchRequested
from perdure_model.core.server.parts import CONNECTION, LOG, WATCH, Connection, Log, Watch


@SERVER.rule(WatchRequested, CONNECTION.one, WATCH.one, LOG.one, emits=(Reject, AddSession, Wake))
def on_watch_requested(
    i: WatchRequested, connection: Connection | None, watch: Watch | None, log: Log | None
) -> Decision:
    """One more session on the stream; it comes into being, like those that the stream was opened with."""
    (after, watching), effects = spoken("watch", i, connection, watch)
    return (after, watching, log or (Log(i.fresh) if watching else None)), effects


@SERVER.rule(UnwatchRequested, CONNECTION.one, WATCH.one, emits=(Reject, DropSession))
def on_unwatch_requested(i: UnwatchRequested, connection: Connection | None, watch: Watch | None) -> Decision:
    """A session leaves the stream. Who owns it owns it still, until the connection expires."""
    return spoken("unwatch", i, connection, watch)


def spoken(
    event: str, i: WatchRequested | UnwatchRequested, connection: Connection | None, watch: Watch | None
) -> tuple[tuple[Part, ...], tuple[object, ...]]:
    """What becomes of the connection and its place in the session.

    Words carry the generation of their stream, and are numbered on it: one that was overtaken by a later
    one changes nothing, and its client is told so (T35).
    """
    if connection is None:
        return (None, watch), GONE
    if connection.principal != i.principal:
        return (connection, watch), STRANGER
    key = (i.session, i.cid)
    desk = Desk(i.cid, connection, {key: watch} if watch else {}, word=i)
    current = i.attempt == connection.generation
    if not desk.step(event, current=current, ordered=i.serial > connection.serial):
        return (connection, watch), STALE
    return (desk.connection, desk.watches.get(key)), tuple(desk.effects)
