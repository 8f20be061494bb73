"""What is tested, in a few methods: how its server is started and asked, and how a client of it talks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Outcome: TypeAlias = Literal["delivered", "failed", "uncertain"]
"""What a client reports of a send: the server has it, surely has it not, or nobody can tell."""


@dataclass(frozen=True)
class Snapshot:
    """In place of events: it stands for all of them up to this number."""

    number: int


class Talk(Protocol):
    """A client in one of its lives. Iterate it for what its application is handed: the events' numbers."""

    async def send(self, number: int) -> Outcome:
        """Send this number; returns with what the client reports to its application."""

    def __aiter__(self) -> AsyncIterator[int | Snapshot]:
        """Across reconnects, until the conversation is left."""


class Adapter(Protocol):
    """A server and its clients. Made anew for each run, and used in one event loop.

    The server publishes numbers to all clients, and takes numbers from them.
    """

    history: bool
    """Whether a new client is handed what was published before it came. If not, it must be connected once its
    `talk` has been entered."""

    async def start(self) -> int:
        """Start the server, with an empty memory, on a port of 127.0.0.1: that port."""

    async def stop(self) -> None:
        """Stop it. It may be started once more."""

    async def publish(self, number: int) -> None:
        """Let the server's application publish this number."""

    async def handled(self) -> Sequence[int]:
        """The numbers that took effect on the server since it was started, in order, as often as they did."""

    def talk(self, url: str, tab: str) -> AbstractAsyncContextManager[Talk]:
        """A client that talks to this base address, which the faults lie behind. One that was killed or left
        comes back as the same `tab`; left is a goodbye, cancelled a death."""
