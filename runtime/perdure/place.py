"""What a client keeps of one session for its application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from perdure.callbacks import Callbacks
from perdure.errors import SessionError, SessionExpired, SessionFailed, StreamError, TakenOver
from perdure.inbox import Inbox
from perdure.views import Item, Status

WELL: Final = (None, "succeeded", "closed", "unwatched")
ERRORS: Final[dict[str, type[SessionError]]] = {"expired": SessionExpired, "taken over": TakenOver}


class Waiting:
    """A send that is not settled: its item of a POST's body, and who waits for the outcome."""

    __slots__ = ("detail", "done", "item", "outcome", "status", "why")

    def __init__(self, item: bytes) -> None:
        self.item = item
        self.done = anyio.Event()
        self.outcome, self.why, self.detail, self.status = "", "", "", 0


class Asked:
    """Goes along with what the application asks for: why the rules refuse it, if they do."""

    refused = ""


class Place:
    """A session's inbox, its outcome once it is over, and who is told its status."""

    def __init__(self, name: str, inbox_max: int) -> None:
        self.name = name
        self.inbox: Inbox[Item] = Inbox(inbox_max)
        self.outcome: str | None = None
        self.hears = False
        self._callbacks = Callbacks()
        self._cause: StreamError | None = None
        self._shown: Status | None = None

    def end(self, outcome: str, cause: StreamError | None = None) -> None:
        """The session is over."""
        self.outcome, self._cause = outcome, cause
        self.inbox.end()

    @property
    def error(self) -> SessionError | None:
        """The error that iteration raises at its end, if the session ended otherwise than well."""
        if self.outcome in WELL:
            return None
        cause = self._cause
        error = ERRORS.get(self.outcome, SessionFailed)(
            f"session {self.name!r}: {self.outcome}" + (f": {cause.says}" if cause else ""),
            status=cause.status if cause else 0,
            hint=cause.hint if cause else "",
        )
        error.__cause__ = cause
        return error

    def on_status(self, callback: Callable[[Status], object] | None) -> None:
        """Call this one with each new status from now on; None: nobody."""
        self.hears = callback is not None
        self._callbacks.register("on_status", callback)

    def show(self, status: Status) -> None:
        """Tell the status, if it is a new one."""
        if status != self._shown:
            self._shown = status
            self._callbacks.call("on_status", status)
