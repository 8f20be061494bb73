"""The server in its world: its parts, its timers, and what it does not know yet."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from perdure_model.checker import Component
from perdure_model.core.server import parts as theirs
from perdure_model.world.transport.host.answers import answers_of
from perdure_model.world.transport.host.connections import connection_rules
from perdure_model.world.transport.host.requests import requests_of
from perdure_model.world.transport.host.restarts import restart_rules
from perdure_model.world.transport.host.sessions import forget_rules, log_rules, store_rules
from perdure_model.world.transport.host.sinks import sinks
from perdure_model.world.transport.wires import NOTHING

if TYPE_CHECKING:
    from perdure_model.world.transport.world import Transport


class Host:
    """The server. It knows clients by `cids`, its own names for their ids."""

    def __init__(self, world: Transport, cids: tuple[str, ...]) -> None:
        self.world, self.cids, self.sessions = world, cids, world.bounds.sessions
        b, part, add = world.bounds, world.part, world.system.component
        self.connections = {cid: part(theirs.CONNECTION, (cid,)) for cid in cids}
        pairs = [(session, cid) for cid in cids for session in self.sessions]
        self.watches = {pair: part(theirs.WATCH, pair) for pair in pairs}
        self.owners = {pair: part(theirs.OWNER, pair) for pair in pairs}
        self.windows = {(cid, s): part(theirs.WINDOW, (cid, s)) for s, cid in pairs}
        self.logs = {s: part(theirs.LOG, (s,)) for s in self.sessions}
        self.tombstones = part(theirs.TOMBSTONES)
        settings = theirs.ServerSettings(
            log_max=b.log_max, batch_max=b.batch_max, tombstones_max=b.tombstones_max
        )
        part(theirs.SETTINGS, (), settings)
        self.closes = {cid: add(f"server.closes[{cid}]", NOTHING) for cid in cids}
        self.grace = {cid: add(f"server.grace timer[{cid}]", NOTHING) for cid in cids}
        self.late = {cid: add(f"server.grace timer too late[{cid}]", NOTHING) for cid in cids}
        self.woken = {(s, cid): add(f"server.woken[{s},{cid}]", NOTHING) for s, cid in pairs}
        self.forgets = {s: add(f"server.forget timer[{s}]", NOTHING) for s in self.sessions}
        self.closed = {cid: add(f"app.closed[{cid}]", None) for cid in cids}
        self.detached = {pair: add(f"app.detached[{pair[0]},{pair[1]}]", "") for pair in pairs}

    def components_of(self, cid: str) -> list[Component]:
        """All that the server keeps for one id."""
        keyed = (self.watches, self.owners, self.windows, self.woken, self.detached)
        of_sessions = [one for parts in keyed for pair, one in parts.items() if cid in pair]
        singles = (self.connections, self.closes, self.grace, self.late, self.closed)
        return [*(parts[cid] for parts in singles), *of_sessions]

    def declare(self) -> None:
        """Say where effects go, and bind the rules."""
        sinks(self)
        for tab in self.world.tabs:
            answers_of(self, tab)
            requests_of(self, tab)
        for cid in self.cids:
            connection_rules(self, cid)
        log_rules(self)
        if self.world.bounds.taken:
            store_rules(self)
        if self.world.bounds.forgets:
            forget_rules(self)
        restart_rules(self)

    def bind(
        self,
        i: type,
        sources: list[Component],
        arrivals: Any,
        name: str,
        address: Mapping[str, Hashable],
        *,
        fair: bool = True,
    ) -> None:
        """Bind a rule of the server, at an address."""
        self.world.bind(self.world.server, i, sources, arrivals, name=name, fair=fair, address=address)

    def log_epoch(self, of: Hashable, *which: Hashable) -> Hashable:
        """An epoch for a log that begins. Where sessions are forgotten, one server has several of a name."""
        return ("log", of, *which) if self.world.bounds.forgets else ("log", of)
