"""What a server's rules can ask for: a closed union.

Order within a decision: `Moved` first; an old stream is ended before the new one is attached; the answer
to a POST stands before the work that it causes.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from perdure_model.core.common import Attempt, Cursor, Epoch, Moved, Refused, SendKey
from perdure_model.core.server.inputs import ForgetDue, GraceElapsed
from perdure_model.core.value import value


@value
class Reject:
    """Answer the request with this status and problem (RFC 9457)."""

    status: int
    problem: str


@value
class Attach:
    """Register the stream and welcome it; `resumed` says whether the client's receipts are still known."""

    cid: str
    generation: Attempt
    epoch: Epoch
    resumed: bool


@value
class CutStream:
    """End this stream from our side, telling it why."""

    cid: str
    generation: Attempt
    reason: Literal["replaced", "closed", "stalled", "restarted"]


@value
class AddSession:
    """One more session on this stream, from this place on: the ids of its events name it, too."""

    cid: str
    generation: Attempt
    session: str
    cursor: Cursor


@value
class DropSession:
    """A session less on this stream."""

    cid: str
    generation: Attempt
    session: str


@value
class StartGrace:
    """Feed `due` when `seconds` have passed."""

    due: GraceElapsed
    seconds: float


@value
class CancelGrace:
    """Stop the timer that would feed `due`; one that has just run out may still do so."""

    due: GraceElapsed


@value
class Detached:
    """The connection watched and owned this session, and is gone: nobody drives it now."""

    cid: str
    session: str


@value
class Answer:
    """The receipts of a POST: accepted, duplicate, or why refused. What is accepted is stored by now."""

    verdicts: tuple[tuple[SendKey, str], ...]


@value
class Handle:
    """Run the application's handler for this send: once, after all earlier ones of its session."""

    cid: str
    session: str
    key: SendKey


@value
class Append:
    """Store the payload at this position of the log; drop all up to `gone`."""

    session: str
    epoch: Epoch
    position: int
    gone: int


@value
class StartForget:
    """Feed `due` when `seconds` have passed."""

    due: ForgetDue
    seconds: float


@value
class Drop:
    """Delete all payloads of this log."""

    session: str
    epoch: Epoch


@value
class Wake:
    """This stream can be sent something of this session: feed `EventsDue` when it can take more."""

    cid: str
    generation: Attempt
    session: str


@value
class WriteEvents:
    """Send the events `first` to `last` of the log."""

    cid: str
    generation: Attempt
    session: str
    epoch: Epoch
    first: int
    last: int


@value
class WriteGap:
    """Say that the log does not reach back, with a snapshot that stands for everything up to `position`."""

    cid: str
    generation: Attempt
    session: str
    epoch: Epoch
    position: int


@value
class WriteEnd:
    """Say that the session is over, with the receipts that the connection has for it: an answer to a POST
    may come later than this, or never."""

    cid: str
    generation: Attempt
    session: str
    outcome: str
    verdicts: tuple[tuple[SendKey, str], ...] = ()


ServerEffect: TypeAlias = (
    Moved
    | Refused
    | Reject
    | Attach
    | CutStream
    | AddSession
    | DropSession
    | StartGrace
    | CancelGrace
    | Detached
    | Answer
    | Handle
    | Append
    | StartForget
    | Drop
    | Wake
    | WriteEvents
    | WriteGap
    | WriteEnd
)
