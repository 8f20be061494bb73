"""What a client can be told: a closed union."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal, NamedTuple, TypeAlias

from perdure_model.core.common import Attempt, Cursor, Epoch, SendKey
from perdure_model.core.value import value


class Unsent(NamedTuple):
    """A send of an earlier life that was not settled: the epoch under which it may have been taken, or
    None; and how many bytes it takes of a POST."""

    session: str
    key: SendKey
    epoch: Epoch | None
    size: int = 0


@value
class Started:
    """The application opens the client: the id kept from an earlier life (or None) and a fresh one, its
    first attempt, the cursors of the sessions that it is to watch, and its credential.

    `unsent` are sends of an earlier life that were not settled. They go before whatever this life sends
    (N03).
    """

    kept: Hashable
    fresh: Hashable
    attempt: Attempt
    cursors: tuple[tuple[str, Cursor], ...]
    token: Hashable = None
    unsent: tuple[Unsent, ...] = ()

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions to watch."""
        return tuple(session for session, _ in self.cursors)


@value
class Left:
    """The application leaves."""


@value
class Suspended:
    """The application goes to the background."""


@value
class Resumed:
    """The application is back."""


@value
class FarewellReplied:
    """What was said of leaving came to its end: the status (0: no answer)."""

    word: Literal["close", "suspend"]
    attempt: Attempt
    status: int


@value
class WatchAsked:
    """The application wants the events of this session, too."""

    session: str


@value
class UnwatchAsked:
    """The application no longer wants the events of this session."""

    session: str


@value
class WatchReplied:
    """What was told of this session came to its end: the status (0: no answer)."""

    attempt: Attempt
    serial: int
    session: str
    status: int
    chance: float = 1.0


@value
class CredentialGiven:
    """The credential in use is this one from now on: because we asked, or because the application says so."""

    token: Hashable


@value
class CredentialRefused:
    """There is no other credential than this one."""

    token: Hashable


@value
class Welcomed:
    """The first event of a stream: the connection under which the server knows us, and its epoch.

    `cid` is another than ours where the server makes the ids (finding T25).
    """

    attempt: Attempt
    cid: Hashable
    epoch: Epoch


@value
class Heard:
    """A heartbeat: the stream has lived for one of the server's intervals."""

    attempt: Attempt


@value
class StreamLost:
    """A stream request came to its end, whatever ended it; `status` is 0 where there was no answer.

    `readable` is False where the answer was no event stream at all. `token` is the credential that it went
    out with, `fresh` an id that nobody has, `chance` in [0, 1).
    """

    attempt: Attempt
    status: int
    token: Hashable = None
    fresh: Hashable = None
    readable: bool = True
    retry_after_s: float | None = None
    chance: float = 1.0


@value
class ReconnectDue:
    """The reconnect timer started for the loss of this attempt has run out."""

    attempt: Attempt


@value
class EventArrived:
    """An event of a session, at its position in the log of this epoch (the first is 1); or `count` of them,
    one after the other, the first of them there."""

    attempt: Attempt
    session: str
    epoch: Epoch
    position: int
    chance: float = 1.0
    count: int = 1


@value
class GapArrived:
    """The log no longer reaches back to our cursor: a snapshot, and the position it stands for."""

    attempt: Attempt
    session: str
    epoch: Epoch
    position: int


@value
class EndArrived:
    """The server ends the session: succeeded, failed or expired. With it come our receipts: the answer to a
    POST may be on its way still, or lost."""

    attempt: Attempt
    session: str
    outcome: str
    verdicts: tuple[tuple[SendKey, str], ...] = ()


@value
class TakenOver:
    """The server says that another client goes on under our id; `fresh` is one that nobody has."""

    attempt: Attempt
    fresh: Hashable
    chance: float = 1.0


@value
class SendRequested:
    """The application sends; the payload stays with the runtime, under the key. `size`: how many bytes it
    takes of a POST."""

    session: str
    key: SendKey
    size: int = 0


@value
class PostReplied:
    """A POST came to its end: the status (0: no answer) and, of a 2xx, a verdict for each key.

    `sent` is False where the request surely never left: nothing was connected. `token` is the credential
    that it went out with, `chance` in [0, 1).
    """

    session: str
    post: int
    status: int
    token: Hashable = None
    verdicts: tuple[tuple[SendKey, str], ...] = ()
    sent: bool = True
    retry_after_s: float | None = None
    chance: float = 1.0


@value
class RetryDue:
    """The retry timer started for the failure of this POST has run out."""

    session: str
    post: int


@value
class Desynced:
    """Follows another decision: this stream and its server no longer agree on what is known."""

    attempt: Attempt
    chance: float = 1.0


@value
class Flush:
    """Follows a welcome, or another credential: the session's queue may go out."""

    session: str
    new_stream: bool = True


@value
class Bar:
    """Follows the refusal of the credential: what waited for another one is settled."""

    session: str


@value
class Abandon:
    """Follows the end: the session's open sends are settled, by these receipts where they have one."""

    session: str
    verdicts: tuple[tuple[SendKey, str], ...] = ()


ClientInput: TypeAlias = (
    Started
    | Left
    | Suspended
    | Resumed
    | FarewellReplied
    | WatchAsked
    | UnwatchAsked
    | WatchReplied
    | CredentialGiven
    | CredentialRefused
    | Welcomed
    | Heard
    | StreamLost
    | ReconnectDue
    | EventArrived
    | GapArrived
    | EndArrived
    | TakenOver
    | SendRequested
    | PostReplied
    | RetryDue
    | Desynced
    | Flush
    | Bar
    | Abandon
)
