"""What a client can be told: a closed union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from perdure_model.core.common import Attempt, Epoch, SendKey


@dataclass(frozen=True, slots=True)
class Started:
    """The application opens the client: its first attempt, and the sessions that it is to watch."""

    attempt: Attempt
    sessions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """The application leaves."""


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The first event of a stream: the epoch under which the server knows this connection."""

    attempt: Attempt
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Heard:
    """A heartbeat: the stream has lived for one of the server's intervals."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class StreamLost:
    """A stream request came to its end, whatever ended it; `status` is 0 where there was no answer.

    `readable` is False where the answer was no event stream at all. `chance` is in [0, 1).
    """

    attempt: Attempt
    status: int
    readable: bool = True
    retry_after_s: float | None = None
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class ReconnectDue:
    """The reconnect timer started for the loss of this attempt has run out."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class EventArrived:
    """An event of a session, at its position in the log of this epoch (the first is 1)."""

    attempt: Attempt
    session: str
    epoch: Epoch
    position: int
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class GapArrived:
    """The log no longer reaches back to our cursor: a snapshot, and the position it stands for."""

    attempt: Attempt
    session: str
    epoch: Epoch
    position: int


@dataclass(frozen=True, slots=True)
class EndArrived:
    """The server ends the session: succeeded, failed, expired or taken over."""

    attempt: Attempt
    outcome: str


@dataclass(frozen=True, slots=True)
class SendRequested:
    """The application sends; the payload stays with the runtime, under the key."""

    session: str
    key: SendKey


@dataclass(frozen=True, slots=True)
class PostReplied:
    """A POST came to its end: the status (0: no answer) and, of a 2xx, a verdict for each key.

    `sent` is False where the request surely never left: nothing was connected. `chance` is in [0, 1).
    """

    session: str
    post: int
    status: int
    verdicts: tuple[tuple[SendKey, str], ...] = ()
    sent: bool = True
    retry_after_s: float | None = None
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The retry timer started for the failure of this POST has run out."""

    session: str
    post: int


@dataclass(frozen=True, slots=True)
class Desynced:
    """Follows another decision: this stream and its server no longer agree on what is known."""

    attempt: Attempt
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Flush:
    """Follows a welcome: the session's queue may go out."""

    session: str


@dataclass(frozen=True, slots=True)
class Abandon:
    """Follows the end: the session's open sends are settled."""

    session: str


ClientInput: TypeAlias = (
    Started
    | Left
    | Welcomed
    | Heard
    | StreamLost
    | ReconnectDue
    | EventArrived
    | GapArrived
    | EndArrived
    | SendRequested
    | PostReplied
    | RetryDue
    | Desynced
    | Flush
    | Abandon
)
