"""The server starts again: with what it knew, or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from perdure_model.core.rule import Decision, Key
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.desk import Desk, Owners, Watches, Windows
from perdure_model.core.server.effects import CancelGrace, CutStream, Detached, ServerEffect, StartGrace
from perdure_model.core.server.inputs import GraceElapsed, ServerStarted
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

T = TypeVar("T")


@SERVER.rule(
    ServerStarted,
    CONNECTION.every(),
    WATCH.every(),
    OWNER.every(),
    WINDOW.every(),
    LOG.every(),
    reads=(SETTINGS.one,),
    emits=(CutStream, CancelGrace, StartGrace, Detached),
)
def on_server_started(
    i: ServerStarted,
    connections: Mapping[Key, Connection],
    watches: Watches,
    owners: Owners,
    windows: Windows,
    logs: Mapping[Key, Log],
    settings: ServerSettings,
) -> Decision:
    """Streams and timers died with the server before. Connections that are known begin another wait, whole;
    a server whose store keeps nothing starts empty."""
    if not i.kept:
        cuts = tuple(CutStream(str(cid), c.generation, "restarted") for (cid,), c in connections.items())
        timers = tuple(CancelGrace(GraceElapsed(str(cid), c.generation)) for (cid,), c in connections.items())
        return ({}, {}, {}, {}, {}), cuts + timers
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
    return (kept, watches, owners, windows, logs), tuple(effects)


def of(cid: str, parts: Mapping[Key, T], place: int) -> dict[Key, T]:
    """The parts with this id at this place of their keys."""
    return {key: part for key, part in parts.items() if key[place] == cid}


def others(cid: str, parts: Mapping[Key, T], place: int) -> dict[Key, T]:
    """The parts with another id at this place of their keys."""
    return {key: part for key, part in parts.items() if key[place] != cid}
