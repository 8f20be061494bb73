"""A working copy of a connection and what it holds, for the length of one decision.

The chart names the actions; the methods of the same names here do them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.core.common import moved
from perdure_model.core.rule import Key
from perdure_model.core.server.book import CONNECTION_TABLE
from perdure_model.core.server.effects import (
    Attach,
    CancelGrace,
    CutStream,
    Released,
    ServerEffect,
    StartGrace,
    Wake,
)
from perdure_model.core.server.inputs import GraceElapsed, StreamRequested
from perdure_model.core.server.parts import Connection, Watch, Window

Watches = Mapping[Key, Watch]
Owners = Mapping[Key, bool]
Windows = Mapping[Key, Window]


class Desk:
    """A connection, the sessions it watches and owns, and its receipts."""

    def __init__(
        self,
        cid: str,
        connection: Connection,
        watches: Watches,
        owners: Owners,
        windows: Windows,
        *,
        grace_s: float = 0.0,
        request: StreamRequested | None = None,
        reason: str = "replaced",
    ) -> None:
        self.cid, self.connection = cid, connection
        self.watches, self.owners, self.windows = watches, owners, windows
        self.grace_s, self.request, self.reason = grace_s, request, reason
        self.effects: list[ServerEffect] = []

    def step(self, event: str, facts: Mapping[str, bool]) -> bool:
        """Step the ServerConnection chart and do what it says; True if something followed."""
        state = self.connection.state
        row = CONNECTION_TABLE.step(state, event, facts)
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
        self.connection = replace(self.connection, generation=attempt)
        self.watches = {
            (session, self.cid): Watch(attempt, cursor) for session, cursor in self.request.cursors
        }
        self.effects.append(Attach(self.cid, attempt, epoch, resumed))
        self.effects += [Wake(self.cid, attempt, session) for session in self.request.sessions]

    def end_stream(self) -> None:
        self.effects.append(CutStream(self.cid, self.connection.generation, self.reason))

    def start_grace(self) -> None:
        self.watches = {key: replace(watch, sent=None) for key, watch in self.watches.items()}
        due = GraceElapsed(self.cid, self.connection.generation)
        self.effects.append(StartGrace(due, self.grace_s))

    def cancel_grace(self) -> None:
        self.effects.append(CancelGrace(GraceElapsed(self.cid, self.connection.generation)))

    def release(self) -> None:
        self.effects += [Released(self.cid, str(session)) for session, _ in self.owners]
        self.watches, self.owners, self.windows = {}, {}, {}


def newcomer(request: StreamRequested) -> Desk:
    """The desk of a connection that did not exist: attached at once."""
    connection = Connection(CONNECTION_TABLE.initial, request.attempt, request.fresh, request.principal)
    desk = Desk(request.cid, connection, {}, {}, {}, request=request)
    desk.open_stream(resumed=False)
    return desk
