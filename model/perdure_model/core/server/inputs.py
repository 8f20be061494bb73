"""What a server can be told: a closed union. `fresh` is an id that nothing had before."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from perdure_model.core.common import Attempt, Cursor, Epoch, SendKey
from perdure_model.core.value import value


@value
class ServerStarted:
    """The server starts: without what it knew before, or with it (`kept`), but without streams and timers."""

    kept: bool = False


@value
class StreamRequested:
    """A GET for a stream of these sessions, from these cursors."""

    cid: str
    attempt: Attempt
    principal: Hashable
    cursors: tuple[tuple[str, Cursor], ...]
    fresh: Epoch
    made: bool = False
    """The request named no id, and the server made this one."""

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions to watch."""
        return tuple(session for session, _ in self.cursors)


@value
class StreamClosed:
    """The server sees that a stream is closed, however long after."""

    cid: str
    generation: Attempt


@value
class StreamStalled:
    """Nobody reads this stream: a write has not gone out for too long."""

    cid: str
    generation: Attempt


@value
class GraceElapsed:
    """The grace timer started for the loss of this generation has run out."""

    cid: str
    generation: Attempt


@value
class CloseRequested:
    """The client says that it is done; `attempt` is its latest."""

    cid: str
    attempt: Attempt
    principal: Hashable


@value
class SuspendRequested:
    """The client says that it will be away; `attempt` is its latest."""

    cid: str
    attempt: Attempt
    principal: Hashable


@value
class WatchRequested:
    """The client wants the events of a session from this cursor on; its `serial`th word on this stream."""

    cid: str
    session: str
    attempt: Attempt
    serial: int
    principal: Hashable
    cursor: Cursor
    fresh: Epoch


@value
class UnwatchRequested:
    """The client no longer wants the events of a session; its `serial`th word on this stream."""

    cid: str
    session: str
    attempt: Attempt
    serial: int
    principal: Hashable


@value
class PostArrived:
    """Sends of one session, in order, made under the epoch that the client was welcomed with on the stream
    of this attempt."""

    cid: str
    session: str
    attempt: Attempt
    epoch: Epoch
    principal: Hashable
    keys: tuple[SendKey, ...]
    fresh: Epoch
    unfit: tuple[tuple[SendKey, str], ...] = ()
    """Those whose data is not what the application takes, and why."""


@value
class RequestRefused:
    """What came was no request that a rule could be asked about: where, and what it was answered with."""

    address: str
    problem: str


@value
class Published:
    """The application publishes an event; the payload stays with the runtime."""

    session: str
    fresh: Epoch


@value
class Ended:
    """The application ends a session with an outcome."""

    session: str
    outcome: str
    fresh: Epoch


@value
class ForgetDue:
    """A session that is over has been kept for its time: its log, or the tombstone that was left of it."""

    session: str
    epoch: Epoch


@value
class LogLost:
    """The store refuses to write this log, or to read it: it is not as we know it."""

    session: str
    epoch: Epoch
    fresh: Epoch


@value
class EventsDue:
    """A stream can take more of a session."""

    cid: str
    session: str
    generation: Attempt


ServerInput: TypeAlias = (
    ServerStarted
    | StreamRequested
    | StreamClosed
    | StreamStalled
    | GraceElapsed
    | CloseRequested
    | SuspendRequested
    | WatchRequested
    | UnwatchRequested
    | PostArrived
    | RequestRefused
    | Published
    | Ended
    | ForgetDue
    | LogLost
    | EventsDue
)
