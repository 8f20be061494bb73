"""What a client's rules can ask for: a closed union.

Order within a decision: `Moved` first; then what the chart's actions ask for, in the chart's order; what
is settled before what is posted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from perdure_model.core.client.inputs import Abandon, Desynced, Flush, ReconnectDue, RetryDue
from perdure_model.core.common import Attempt, Cursor, Epoch, Moved, Refused, SendKey


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Ask for a stream, from these cursors; its end is told as `StreamLost`, once."""

    attempt: Attempt
    cursors: tuple[tuple[str, Cursor], ...]


@dataclass(frozen=True, slots=True)
class EndStream:
    """Close our end of this stream; nothing that it still brings is wanted."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Feed `due` when `seconds` have passed."""

    due: ReconnectDue | RetryDue
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop the timer that would feed `due`; one that has just run out may still do so."""

    due: ReconnectDue | RetryDue


@dataclass(frozen=True, slots=True)
class Post:
    """Post these sends in this order; the end of it is told as `PostReplied`, once.

    Everything with a key below `keys[0]` is settled: the server may drop its receipts.
    """

    session: str
    post: int
    epoch: Epoch | None
    keys: tuple[SendKey, ...]


@dataclass(frozen=True, slots=True)
class SayGoodbye:
    """Tell the server, once and without waiting for an answer, that this client is done."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Settled:
    """A send's one outcome: delivered, failed (surely not taken) or uncertain; `why` is "" if delivered."""

    session: str
    key: SendKey
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand this event to the application."""

    session: str
    epoch: Epoch
    position: int


@dataclass(frozen=True, slots=True)
class DeliverGap:
    """Tell the application of the gap, and hand it the snapshot."""

    session: str
    epoch: Epoch
    position: int


@dataclass(frozen=True, slots=True)
class Next:
    """Feed this input before any other: a decision of one part of the client that follows from another's."""

    input: Desynced | Flush | Abandon


ClientEffect: TypeAlias = (
    Moved
    | Refused
    | OpenStream
    | EndStream
    | StartTimer
    | CancelTimer
    | Post
    | SayGoodbye
    | Settled
    | Deliver
    | DeliverGap
    | Next
)
