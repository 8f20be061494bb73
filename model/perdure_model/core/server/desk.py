"""A working copy of a connection and what it holds, for the length of one decision.

The chart names the actions; the methods of the same names here do them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from perdure_model.core.common import Attempt, moved
from perdure_model.core.rule import Key
from perdure_model.core.server.book import CONNECTION_TABLE
from perdure_model.core.server.effects import (
    AddSession,
    Attach,
    CancelGrace,
    CutStream,
    Detached,
    DropSession,
    ServerEffect,
    StartGrace,
    Wake,
)
from perdure_model.core.server.inputs import GraceElapsed, StreamRequested, UnwatchRequested, WatchRequested
from perdure_model.core.server.parts import Connection, Owner, ServerSettings, Watch, Window
from perdure_model.core.value import replace

Watches = Mapping[Key, Watch]
Owners = Mapping[Key, Owner]
Windows = Mapping[Key, Window]
NO_SETTINGS = ServerSettings()


@dataclass
class Desk:
    """A connection, the sessions it watches and owns, and its receipts."""

    cid: str
    connection: Connection
    watches: Watches = field(default_factory=dict)
    owners: Owners = field(default_factory=dict)
    windows: Windows = field(default_factory=dict)
    settings: ServerSettings = NO_SETTINGS
    request: StreamRequested | None = None
    away_since: Attempt | None = None
    word: WatchRequested | UnwatchRequested | None = None
    reason: Literal["replaced", "closed", "stalled", "restarted"] = "replaced"
    effects: list[ServerEffect] = field(default_factory=list)

    def step(self, event: str, **facts: bool) -> bool:
        """Step the ServerConnection chart and do what it says; True if something followed."""
        state = self.connection.state
        row = CONNECTION_TABLE.step(state, event, {"fleeting": self.connection.fleeting, **facts})
        if row is None:
            return False
        self.effects.append(moved(CONNECTION_TABLE, self.cid, state, event, row))
        self.connection = replace(self.connection, state=row.target)
        for action in row.actions:
            getattr(self, action)()
        return True

    @property
    def kept(self) -> Connection | None:
        """The connection, or None once it is expired."""
        return None if self.connection.state in CONNECTION_TABLE.final else self.connection

    def open_stream(self, *, resumed: bool = True) -> None:
        assert self.request is not None
        attempt, epoch = self.request.attempt, self.connection.epoch
        self.connection = replace(self.connection, generation=attempt, serial=0)
        self.watches = {
            (session, self.cid): Watch(attempt, cursor, woken=True)
            for session, cursor in self.request.cursors
        }
        self.owners = {key: Owner(owner.principal) for key, owner in self.owners.items()}
        self.effects.append(Attach(self.cid, attempt, epoch, resumed))
        self.effects += [Wake(self.cid, attempt, session) for session in self.request.sessions]

    def end_stream(self) -> None:
        self.effects.append(CutStream(self.cid, self.connection.generation, self.reason))

    def start_grace(self) -> None:
        self.watches = {key: Watch(watch.generation, None) for key, watch in self.watches.items()}
        due = GraceElapsed(self.cid, self.connection.generation)
        self.effects.append(StartGrace(due, self.settings.grace_s))

    def cancel_grace(self) -> None:
        self.effects.append(CancelGrace(GraceElapsed(self.cid, self.connection.generation)))

    def keep(self) -> None:
        assert self.away_since is not None
        self.connection = replace(self.connection, said_away=self.away_since)

    def add(self) -> None:
        assert isinstance(self.word, WatchRequested)
        attached = self.connection.state == CONNECTION_TABLE.initial
        watch = Watch(self.connection.generation, self.word.cursor if attached else None, woken=attached)
        self._heard({(self.word.session, self.cid): watch})
        if attached:
            stream = self.cid, self.connection.generation, self.word.session
            self.effects += [AddSession(*stream, self.word.cursor), Wake(*stream)]

    def drop(self) -> None:
        assert self.word is not None
        self._heard({})
        if self.connection.state == CONNECTION_TABLE.initial:
            self.effects.append(DropSession(self.cid, self.connection.generation, self.word.session))

    def _heard(self, mine: Watches) -> None:
        assert self.word is not None
        key: Key = (self.word.session, self.cid)
        self.watches = {known: watch for known, watch in self.watches.items() if known != key} | dict(mine)
        self.connection = replace(self.connection, serial=self.word.serial)

    def release(self) -> None:
        """What a client owns is kept if it said that it will be away (T06, T24), and not if it is done.

        That is looked at now, and not when it said so: a send may have come since (N02).
        """
        self.watches, self.windows, watched = {}, {}, self.watches
        connection = self.connection
        if connection.away and not connection.fleeting and self.reason != "closed":
            since = connection.said_away
            self.owners = {key: replace(owner, suspended=since) for key, owner in self.owners.items()}
            return
        self.effects += [Detached(self.cid, str(key[0])) for key in self.owners if key in watched]
        self.owners = {}


def newcomer(request: StreamRequested, owners: Owners) -> Desk:
    """The desk of a connection that did not exist: attached at once."""
    connection = Connection(
        CONNECTION_TABLE.initial, request.attempt, request.fresh, request.principal, request.made
    )
    desk = Desk(request.cid, connection, owners=owners, request=request)
    desk.open_stream(resumed=False)
    return desk
