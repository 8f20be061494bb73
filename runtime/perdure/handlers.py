"""The application's handlers: those of one session run one after another, in order, each once."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Set
from typing import Final, Generic, Protocol, TypeVar

import anyio

from perdure.events import sender_of
from perdure.tasks import being_cancelled
from perdure.watch import Watch

LOG = logging.getLogger("perdure")
PATIENCE_S: Final = 1.0
"""A handler that is cancelled may take so long to end, or its time again where that is shorter."""
LOOK_S: Final = 0.5
LOOK_LEAST_S: Final = 0.01


class Work(Protocol):
    """What is handled: the log names it by its key, and by a digest of its sender's id."""

    @property
    def key(self) -> str:
        """As the client's receipt has it."""

    @property
    def connection_id(self) -> str:
        """Who has sent it."""


T = TypeVar("T", bound=Work)


class Queue(Generic[T]):
    """The work of a session: what waits, and what is being handled.

    `looks`: how often the watch has seen that it is. `left`: it was left to itself, and counts for nothing.
    """

    def __init__(self, waiting: deque[tuple[T, int]], bytes_: int) -> None:
        self.waiting, self.bytes = waiting, bytes_
        self.work: T | None = None
        self.looks = 0
        self.left = False


class Handlers(Generic[T]):
    """A queue and, while it is not empty, a task for each session.

    A session whose queue is full, by number or by bytes, takes no more until there is room: `room` waits.
    A handler is cancelled after `handler_s` seconds. One that does not end then is left to itself.
    """

    def __init__(
        self,
        spawn: Callable[..., object],
        handle: Callable[[str, T], Awaitable[None]],
        failed: Callable[[str, T], None],
        *,
        backlog_max: int,
        backlog_bytes_max: int,
        handler_s: float,
    ) -> None:
        self._spawn, self._handle, self._failed = spawn, handle, failed
        self._backlog_max, self._backlog_bytes_max = backlog_max, backlog_bytes_max
        self._handler_s, self._late = handler_s, f"it has not returned after {handler_s:g} s"
        look_s = min(LOOK_S, max(LOOK_LEAST_S, handler_s / 4))
        self._looks_max = math.ceil((handler_s + min(PATIENCE_S, handler_s)) / look_s)
        self.watch = Watch(spawn, look_s, self._look)
        self._queues: dict[str, Queue[T]] = {}
        self._taken: anyio.Event | None = None

    def add(self, session: str, work: T, bytes_: int) -> None:
        """Handle this, which came in so many bytes, after all that was added for the session before."""
        queue = self._queues.get(session)
        if queue is not None:
            queue.waiting.append((work, bytes_))
            queue.bytes += bytes_
            return
        self._start(session, Queue(deque([(work, bytes_)]), bytes_))

    @property
    def busy(self) -> bool:
        """Whether something is being handled, or waits for it."""
        return bool(self._queues)

    async def room(self, session: str) -> None:
        """Wait until the session's queue is not full."""
        while self._full(session):
            self._taken = self._taken or anyio.Event()  # made here: the hub may be older than the event loop
            await self._taken.wait()

    def _full(self, session: str) -> bool:
        queue = self._queues.get(session)
        return queue is not None and (
            len(queue.waiting) >= self._backlog_max or queue.bytes >= self._backlog_bytes_max
        )

    def _look_for_room(self) -> None:
        """Let those who wait for room look again."""
        if self._taken is not None:
            self._taken.set()
            self._taken = None

    def _start(self, session: str, queue: Queue[T]) -> None:
        self._queues[session] = queue
        self._spawn(self._run, session, queue)

    async def _run(self, session: str, queue: Queue[T]) -> None:
        try:
            while queue.waiting:
                queue.work, bytes_ = queue.waiting.popleft()
                queue.bytes -= bytes_
                queue.looks = 0
                self._look_for_room()
                self.watch.handler(session)
                await self._one(session, queue, queue.work)
        finally:
            if not queue.left:
                del self._queues[session]
                self._look_for_room()  # what is dropped with the queue takes none
            if queue.waiting:
                LOG.warning(
                    "the hub is closed before %d sends of %r were handled", len(queue.waiting), session
                )

    async def _one(self, session: str, queue: Queue[T], work: T) -> None:
        try:
            with anyio.fail_after(self._handler_s, reason=self._late):
                await self._handle(session, work)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            if not isinstance(error, Exception) and being_cancelled():
                if not queue.left:
                    LOG.warning("the hub is closed in the midst of a send of session %r", session)
                raise
            if queue.left:
                return
            LOG.exception("the handler of a send of session %r failed (%s)", session, told(work))
            self._failed(session, work)

    # -- the watch ---------------------------------------------------------------------------------

    def _look(self) -> Set[str]:
        """Leave to themselves those that were seen too often, so that an event loop that stood still
        is not laid to their charge; the sessions of which handlers run on."""
        for session, queue in list(self._queues.items()):
            queue.looks += 1
            if queue.looks > self._looks_max:
                self._leave(session, queue)
        return self._queues.keys()

    def _leave(self, session: str, queue: Queue[T]) -> None:
        """Go on without the handler that runs."""
        work = queue.work
        assert work is not None, "the watch begins with the first"
        LOG.error(
            "the handler of a send of session %r (%s) was cancelled after %g s and has not ended;"
            " it has failed, and is left to itself",
            session,
            told(work),
            self._handler_s,
        )
        rest = Queue(queue.waiting, queue.bytes)
        queue.left, queue.waiting = True, deque()
        if rest.waiting:
            self._start(session, rest)
        else:
            del self._queues[session]
        self._failed(session, work)


def told(work: Work) -> str:
    """Which send it is, for the log."""
    return f"connection {sender_of(work.connection_id)}, key {work.key}"
