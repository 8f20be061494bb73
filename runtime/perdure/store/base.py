"""What a hub needs of a store."""

from __future__ import annotations

from collections.abc import Awaitable, Hashable, Sequence
from typing import Protocol, TypeAlias, TypeVar

Answer = TypeVar("Answer")
Soon: TypeAlias = Answer | Awaitable[Answer]
"""An answer, or what will give it: each method may be async. Who has the answer at hand saves a turn."""


class Store(Protocol):
    """The events of the logs, by session, epoch and position (the first is 1), each as the bytes to write.

    A session has one log at a time. Its epoch and the next position are the fence of every write: who knows
    another epoch, or another position, has been overtaken by another process, and is told that it lost. The
    hub then goes on with a log of a fresh epoch, whose first event takes the session over.

    Of a hub nothing else is kept: connections, receipts and owners live in its memory, and so each client has
    to reach the process that knows it (`Hub(routed=True)`). Processes that share a store do not hear of what
    another one publishes: the last to begin a session's log has it, and the others learn it when they lose.

    The hub asks one thing of a session after another. What is raised counts as lost, and goes to the log.
    """

    def append(self, session: str, epoch: Hashable, position: int, event: bytes, gone: int) -> Soon[bool]:
        """Keep an event at the log's next position, and drop all up to `gone`; at position 1, begin the log
        in place of the one that there was. False, and nothing is done, where that is not next."""

    def drop(self, session: str, epoch: Hashable) -> Soon[bool]:
        """Delete the log with all its events; it gets no more. False where there is no such log."""

    def read(self, session: str, epoch: Hashable, first: int, last: int) -> Soon[Sequence[bytes] | None]:
        """The events of these positions; None where the log does not have them all."""
