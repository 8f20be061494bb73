"""A socket of the proxy: bytes can be awaited without being taken, and its end is a state, not an error."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import SocketStream

T = TypeVar("T")
_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


class Peer:
    """A client or a server. `closed` once it has closed its side, or this side was closed."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._pending = b""
        self.closed = False

    async def wait(self) -> None:
        """Wait for bytes or the end. One task at a time may wait or receive."""
        if not self._pending and not self.closed:
            try:
                self._pending = await self._stream.receive()
            except _GONE:
                self.closed = True

    async def receive(self) -> bytes:
        """Return the next bytes, b"" at the end."""
        await self.wait()
        data, self._pending = self._pending, b""
        return data

    async def wait_closed(self) -> None:
        """Take and forget bytes up to the end."""
        while await self.receive():
            pass

    async def send(self, data: bytes) -> None:
        """Send all of it; where the peer has gone, it is `closed` then."""
        try:
            await self._stream.send(data)
        except _GONE:
            self.closed = True

    async def close(self) -> None:
        """Close the socket at once, without waiting for anything, also while being cancelled."""
        self.closed = True
        # Without the shield a cancellation would surface here, and skip the closes after this one.
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(self._stream)

    async def during(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do `work` until it is done or this peer closes. Return its result, or None if it was cut short.

        Bytes that come meanwhile are kept for `receive`.
        """
        result: T | None = None
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                await self.wait()
                if self.closed:
                    tasks.cancel_scope.cancel()

            tasks.start_soon(watch)
            result = await work()
            tasks.cancel_scope.cancel()
        return result
