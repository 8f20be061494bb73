"""What a client's rules can ask for: a closed union.

Order within a decision: `Moved` first; then what the chart's actions ask for, in the chart's order; what
is settled before what is posted.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal, TypeAlias

from perdure_model.core.client.inputs import Abandon, Bar, Desynced, Flush, ReconnectDue, RetryDue
from perdure_model.core.common import Attempt, Cursor, Epoch, Moved, Refused, SendKey
from perdure_model.core.value import value


@value
class OpenStream:
    """Ask for a stream under this id, with this credential, from these cursors; its end is told as
    `StreamLost`, once."""

    attempt: Attempt
    cid: Hashable
    token: Hashable
    cursors: tuple[tuple[str, Cursor], ...]


@value
class EndStream:
    """Close our end of this stream; nothing that it still brings is wanted."""

    attempt: Attempt


@value
class StartTimer:
    """Feed `due` when `seconds` have passed."""

    due: ReconnectDue | RetryDue
    seconds: float


@value
class CancelTimer:
    """Stop the timer that would feed `due`; one that has just run out may still do so."""

    due: ReconnectDue | RetryDue


@value
class Post:
    """Post these sends in this order; the end of it is told as `PostReplied`, once.

    Everything with a key below `keys[0]` is settled: the server may drop its receipts.
    """

    session: str
    post: int
    attempt: Attempt
    cid: Hashable
    token: Hashable
    epoch: Epoch | None
    keys: tuple[SendKey, ...]


@value
class SayGoodbye:
    """Tell the server, once, that this client is done; the end of it is told as `FarewellReplied`, once."""

    attempt: Attempt
    cid: Hashable


@value
class SaySuspended:
    """Tell the server, once, that this client will be away; the end of it is told as `FarewellReplied`,
    once."""

    attempt: Attempt
    cid: Hashable


@value
class Tell:
    """Tell the server that a session is watched from this cursor on, or (None) watched no longer.

    The end of it is told as `WatchReplied`, once. Numbers grow: what is overtaken changes nothing.
    """

    attempt: Attempt
    cid: Hashable
    serial: int
    session: str
    cursor: Cursor | None


@value
class NotWatched:
    """Tell the application that this session is not watched, and the status that says why."""

    session: str
    status: int


@value
class NotTaken:
    """Tell the application that the server may not have taken this word, and the status that says why: it
    goes by the grace time."""

    word: Literal["close", "suspend"]
    status: int


@value
class SessionOver:
    """Tell the application that this session is over: alone, or each of them with the client; or that it is
    watched no longer, as it has asked."""

    session: str
    outcome: str


@value
class AskCredential:
    """Ask for another credential than this one; `CredentialGiven` or `CredentialRefused` answers."""

    token: Hashable


@value
class Renamed:
    """Tell the application that the client goes by another id from now on, and why."""

    cid: Hashable
    why: Literal["taken over", "server"]


@value
class Shown:
    """What is to be shown of a session's sends has changed.

    running: an attempt is in flight. delayed: a send has failed an attempt and is not settled. Both are
    derived from the sends themselves, before and after the decision (findings T16, T17).
    """

    session: str
    running: bool
    delayed: bool


@value
class Settled:
    """A send's one outcome: delivered, failed (surely not taken) or uncertain; `why` is "" if delivered."""

    session: str
    key: SendKey
    outcome: str
    why: str


@value
class Deliver:
    """Hand this event to the application, or as many as `count`, one after the other from this one on."""

    session: str
    epoch: Epoch
    position: int
    count: int = 1


@value
class DeliverGap:
    """Tell the application of the gap, and hand it the snapshot."""

    session: str
    epoch: Epoch
    position: int


@value
class Next:
    """Feed this input before any other: a decision of one part of the client that follows from another's."""

    input: Desynced | Flush | Bar | Abandon


ClientEffect: TypeAlias = (
    Moved
    | Refused
    | OpenStream
    | EndStream
    | StartTimer
    | CancelTimer
    | Post
    | SayGoodbye
    | SaySuspended
    | Tell
    | NotWatched
    | NotTaken
    | SessionOver
    | AskCredential
    | Renamed
    | Shown
    | Settled
    | Deliver
    | DeliverGap
    | Next
)
