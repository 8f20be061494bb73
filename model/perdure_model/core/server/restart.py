"""The server starts again: with what it knew, or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from perdure_model.core.rule import Decision, Key
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.desk import Desk, Owners, Watches, Windows
from perdure_model.core.server.effects import (
    CancelGrace,
    CutStream,
    Detached,
    ServerEffect,
    StartForget,
    StartGrace,
)
from perdure_model.core.server.inputs import ForgetDue, GraceElapsed, ServerStarted
from perdure_model.core.server.parts import (
    CONNECTION,
    LOG,
    OWNER,
    SETTINGS,
    TOMBSTONES,
    WATCH,
    WINDOW,
    Connection,
    Log,
    ServerSettings,
)

T = TypeVar("T")


@SERVER.rule(
    ServerStarted,
    CONNECTION.every(),
    WATCH.every(),
    OWNER.every(),
    WINDOW.every(),
    LOG.every(),
    TOMBSTONES.one,
    reads=(SETTINGS.one,),
    emits=(CutStream, CancelGrace, StartGrace, Detached, StartForget),
)
def on_server_started(
    i: ServerStarted,
    connections: Mapping[Key, Connection],
    watches: Watches,
    owners: Owners,
    windows: Windows,
    logs: Mapping[Key, Log],
    tombstones: int | None,
    settings: ServerSettings,
) -> Decision:
    """Streams and timers died with the server before. Connections that are known begin another wait, whole,
    and sessions that are over another time; a server whose store keeps nothing starts empty."""
    if not i.kept:
        cuts = tuple(CutStream(str(cid), c.generation, "restarted") for (cid,), c in connections.items())
        timers = tuple(CancelGrace(GraceElapsed(str(cid), c.generation)) for (cid,), c in connections.items())
        return ({}, {}, {}, {}, {}, None), cuts + timers
    effects: list[ServerEffect] = []
    kept: dict[Key, Connection] = {}
    for key, connection in connections.items():
        cid = str(key[0])
        desk = Desk(
            cid,
            connection,
            of(cid, watches, 1),
            of(cid, owners, 1),
            of(cid, windows, 0),
            settings,
            reason="restarted",
        )
        desk.step("restarted")
        effects += desk.effects
        watches = others(cid, watches, 1) | dict(desk.watches)
        owners = others(cid, owners, 1) | dict(desk.owners)
        windows = others(cid, windows, 0) | dict(desk.windows)
        kept |= {key: desk.connection} if desk.kept else {}
    effects += [
        forgetting(str(key[0]), log, settings) for key, log in logs.items() if log.outcome is not None
    ]
    return (kept, watches, owners, windows, logs, tombstones), tuple(effects)


def forgetting(session: str, log: Log, settings: ServerSettings) -> StartForget:
    """The time after which a session that is over, or its tombstone, is forgotten."""
    return StartForget(
        ForgetDue(session, log.epoch), settings.tombstone_s if log.buried else settings.ended_s
    )


def of(cid: str, parts: Mapping[Key, T], place: int) -> dict[Key, T]:
    """The parts with this id at this place of their keys."""
    return {key: part for key, part in parts.items() if key[place] == cid}


def others(cid: str, parts: Mapping[Key, T], place: int) -> dict[Key, T]:
    """The parts with another id at this place of their keys."""
    return {key: part for key, part in parts.items() if key[place] != cid}
