"""The client for scripts: the same sessions without `await`.

    from perdure.sync import connect

    with connect("http://127.0.0.1:8000", session="chat-1") as session:
        session.send({"text": "hello"})
        for event in session:
            print(event.data)

The client runs in a thread of its own, under asyncio. Its callbacks are called there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from perdure import client
from perdure.errors import SessionError
from perdure.views import Item, Receipt, Status

T = TypeVar("T")


class Session:
    """A session as a script sees it; made by `connect`, and by `watch` of another session.

    It may be used from several threads; each event goes to one of those who iterate.
    """

    def __init__(self, portal: BlockingPortal, session: client.Session) -> None:
        self._portal, self._session = portal, session
        self._returned: deque[Item] = deque()
        self.name = session.name

    def send(self, data: Any, *, wait: bool = False) -> Receipt:
        """Send data; returns once the server has stored it. See `perdure.Session.send`."""
        return self._portal.call(partial(self._session.send, data, wait=wait))

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self.take()
        if item is None:
            raise StopIteration
        return item

    def take(self, timeout_s: float | None = None) -> Item | None:
        """The next event; None once the session has ended well, or was left.

        Raises TimeoutError if none has come after so many seconds, and what iterating raises.
        """
        if self._returned:
            return self._returned.popleft()
        future = self._portal.start_task_soon(next_of, self._session)
        try:
            return future.result(timeout_s)
        except BaseException:
            if not future.cancel() and future.done() and future.exception() is None:
                item = future.result()  # it came in the very moment of giving up
                if item is not None:
                    self._returned.append(item)
            raise

    def watch(self, session: str) -> Session:
        """Watch another session on the same stream. See `perdure.Session.watch`."""
        return Session(self._portal, self._portal.call(self._session.watch, session))

    def unwatch(self) -> None:
        """Watch this session no longer. See `perdure.Session.unwatch`."""
        self._portal.call(self._session.unwatch)

    def suspend(self) -> None:
        """Go to the background. See `perdure.Session.suspend`."""
        self._portal.call(self._session.suspend)

    def resume(self) -> None:
        """Be back. See `perdure.Session.resume`."""
        self._portal.call(self._session.resume)

    def leave(self) -> None:
        """Be done with all sessions of this client. Leaving `with` does it as well."""
        self._portal.call(self._session.leave)

    @property
    def status(self) -> Status:
        """How the session stands."""
        return self._read(lambda session: session.status)

    @property
    def outcome(self) -> str | None:
        """None while the session lives."""
        return self._read(lambda session: session.outcome)

    @property
    def error(self) -> SessionError | None:
        """The error that iterating raises at its end, if the session ended otherwise than well."""
        return self._read(lambda session: session.error)

    @property
    def pending(self) -> int:
        """How many of this session's sends are not settled."""
        return self._read(lambda session: session.pending)

    @property
    def connection_id(self) -> str:
        """The id under which the server knows this client."""
        return self._read(lambda session: session.connection_id)

    @property
    def epoch(self) -> str | None:
        """The server's epoch for this connection, as last welcomed."""
        return self._read(lambda session: session.epoch)

    def on_status(self, callback: Callable[[Status], object] | None) -> None:
        """Call this one, in the client's thread, with each new Status. See `perdure.Session.on_status`."""
        self._portal.call(self._session.on_status, callback)

    def _read(self, read: Callable[[client.Session], T]) -> T:
        return self._portal.call(read, self._session)


async def next_of(session: client.Session) -> Item | None:
    """The next event; None at a good end."""
    return await anext(session, None)


@contextmanager
def connect(url: str, *, session: str, **options: Any) -> Iterator[Session]:
    """Be in a session of the hub at `url`, until the `with` is left.

    Takes what `perdure.connect` takes, and raises what it raises.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(client.connect(url, session=session, **options)) as joined,
    ):
        yield Session(portal, joined)
