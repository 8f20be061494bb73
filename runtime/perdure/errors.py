"""What can go wrong, as types: each says whose fault it is, with the HTTP status, and what to do next.

`status` is the HTTP status that said it, or 0 where none did (finding A02); it is never invented.
"""

from __future__ import annotations

from typing import ClassVar


class PerdureError(Exception):
    """Anything that perdure raises. `says` is what went wrong, `hint` what to do next."""

    hint_default: ClassVar[str] = ""

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        self.says, self.hint, self.status = message, hint or self.hint_default, status
        super().__init__(f"{message}; {self.hint}" if self.hint else message)


# -- what an application asks that cannot be done ------------------------------------------------------


class UsageError(PerdureError, ValueError):
    """An argument that nothing can be done with."""


class BadConnectionId(UsageError):
    """A connection id that is none."""

    hint_default = "it is 'cid-' and a UUID: cid-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, x a hex digit"


class BadToken(UsageError):
    """A credential's token that is none. It is not shown: it may be the secret in the wrong wrapping."""

    hint_default = "give the token itself, as a str"


class PayloadError(UsageError):
    """Data that cannot be JSON."""

    hint_default = "send what JSON can hold: dict, list, str, int, float, bool, None, or a pydantic model"


class SessionOver(PerdureError):
    """Publishing to a session that has ended."""

    hint_default = "a session ends once; use another name for the next one"


class NotStored(PerdureError):
    """The store did not take what was published: another process writes the session's log, or it raised."""

    hint_default = "nobody was sent it; publish it again, into a log of its own"


class Unauthenticated(PerdureError):
    """For an `authenticate` hook to raise: the request names nobody."""


class IdentityWarning(UserWarning):
    """The client's id could not be kept: it serves in memory, and a restart will have another."""


# -- how a send can end, beside well -------------------------------------------------------------------


class SendError(PerdureError):
    """A send that was not confirmed. `key` names it, `why` is the reason alone."""

    def __init__(self, message: str, *, key: str, why: str, status: int = 0, hint: str = "") -> None:
        super().__init__(message, status=status, hint=hint)
        self.key, self.why = key, why


class SendFailed(SendError):
    """The send was surely not taken."""


class SendUncertain(SendError):
    """The send may have been taken, and nobody can tell any more (finding T23)."""

    hint_default = "look at the session's state before sending it again"


# -- what can go wrong with a session, and ends nothing --------------------------------------------------


class FarewellNotTaken(PerdureError):
    """The server may not have taken this client's `suspend` or `close`: `word` says which (finding T35)."""

    hint_default = "it goes by its grace time: after that, what this client owned may be given up"

    def __init__(self, message: str, *, word: str, status: int = 0, hint: str = "") -> None:
        super().__init__(message, status=status, hint=hint)
        self.word = word


# -- what can go wrong with a followed state -----------------------------------------------------------


class FollowError(PerdureError):
    """Something about a followed session failed; by itself it ends nothing."""


class SnapshotFailed(FollowError):
    """A snapshot could not be had. `__cause__` is what the application's function raised, if it did."""


class FrameError(FollowError):
    """Something that the stream, or a snapshot, brought and that is no state. `text` is what came."""

    def __init__(self, message: str, *, status: int = 0, hint: str = "", text: str = "") -> None:
        super().__init__(message, status=status, hint=hint)
        self.text = text


class UnreadableState(FrameError):
    """What came should be a state, and cannot be read as one."""


class ErrorFrame(FrameError):
    """The stream brought an error; a fatal one ends the session."""


class SubmitFailed(FollowError):
    """What was submitted was surely not taken; the session is where it was, or where events have taken it."""


class SubmitUncertain(FollowError):
    """What was submitted may have been taken, and nobody can tell."""

    hint_default = "look at the session's state before submitting again"


# -- how a session can end, beside well ----------------------------------------------------------------


class SessionError(PerdureError):
    """A session that ended otherwise than well. `__cause__` is what the last stream ended with, if any."""


class SessionFailed(SessionError):
    """The session failed: the server said so, refused the stream, or was not to be reached."""


class SessionExpired(SessionError):
    """The session, or the credential for it, is no longer valid."""

    hint_default = "get a new credential or session, and connect again"


class TakenOver(SessionError):
    """Another client holds this connection id now (finding T30)."""

    hint_default = "connect with another identity; this one belongs to whoever connected last"


# -- how one stream can end ----------------------------------------------------------------------------


class StreamError(PerdureError):
    """How a stream of the client ended. The session decides what follows; `status.error` shows the latest.

    `readable` is False where the answer was no event stream of ours at all.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        hint: str = "",
        readable: bool = True,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status=status, hint=hint)
        self.readable, self.retry_after_s = readable, retry_after_s


class ServerUnreachable(StreamError):
    """Nothing answered."""

    hint_default = "is the server running, and is this its address?"


class NoCredential(StreamError):
    """The application's function that gives the credential failed; `__cause__` is what it raised."""


class StreamRefused(StreamError):
    """The server answered the request for a stream with an error."""


class NotAnEventStream(StreamError):
    """Something answered that does not speak this protocol."""

    hint_default = "is this the address of a perdure hub? a proxy or a login page may have answered for it"


class StreamBroken(StreamError):
    """The stream ended, broke off, or fell silent."""
