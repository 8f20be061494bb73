"""The application's handlers: those of one session run one after another, in order, each once."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from perdure.tasks import being_cancelled

T = TypeVar("T")
LOG = logging.getLogger("perdure")


class Handlers(Generic[T]):
    """A queue and, while it is not empty, a task for each session.

    A session whose queue is full, by number or by bytes, takes no more until there is room: `room` waits.
    """

    def __init__(
        self,
        spawn: Callable[..., object],
        handle: Callable[[str, T], Awaitable[None]],
        failed: Callable[[str, T], None],
        backlog_max: int,
        backlog_bytes_max: int,
    ) -> None:
        self._spawn, self._handle, self._failed = spawn, handle, failed
        self._backlog_max, self._backlog_bytes_max = backlog_max, backlog_bytes_max
        self._queues: dict[str, deque[tuple[T, int]]] = {}
        self._bytes: Counter[str] = Counter()
        self._taken: anyio.Event | None = None

    def add(self, session: str, work: T, bytes_: int) -> None:
        """Handle this, which came in so many bytes, after all that was added for the session before."""
        self._bytes[session] += bytes_
        queue = self._queues.get(session)
        if queue is not None:
            queue.append((work, bytes_))
            return
        self._queues[session] = deque([(work, bytes_)])
        self._spawn(self._run, session)

    @property
    def busy(self) -> bool:
        """Whether something is being handled, or waits for it."""
        return bool(self._queues)

    async def room(self, session: str) -> None:
        """Wait until the session's queue is not full."""
        while (
            len(self._queues.get(session, ())) >= self._backlog_max
            or self._bytes[session] >= self._backlog_bytes_max
        ):
            self._taken = self._taken or anyio.Event()  # made here: the hub may be older than the event loop
            await self._taken.wait()

    async def _run(self, session: str) -> None:
        queue = self._queues[session]
        try:
            while queue:
                work, bytes_ = queue.popleft()
                self._bytes[session] -= bytes_
                if self._taken is not None:
                    self._taken.set()
                    self._taken = None
                await self._one(session, work)
        finally:
            del self._queues[session], self._bytes[session]
            if queue:
                LOG.warning("the hub is closed before %d sends of %r were handled", len(queue), session)

    async def _one(self, session: str, work: T) -> None:
        try:
            await self._handle(session, work)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            if not isinstance(error, Exception) and being_cancelled():
                LOG.warning("the hub is closed in the midst of a send of session %r", session)
                raise
            LOG.exception("the handler of a send of session %r failed", session)
            self._failed(session, work)
