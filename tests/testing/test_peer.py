"""One socket: what it has is not lost by waiting, and its end is a state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from perdure.testing.peer import Peer

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Peer, SocketStream]]:
    """A peer, and the socket at its other end."""
    with anyio.fail_after(10):
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            await anyio.connect_tcp("127.0.0.1", listener.extra(SocketAttribute.local_port)) as near,
            anyio.create_task_group() as tasks,
        ):
            accepted: list[SocketStream] = []
            got = anyio.Event()

            async def accept(stream: SocketStream) -> None:
                accepted.append(stream)
                got.set()
                await anyio.sleep_forever()

            tasks.start_soon(listener.serve, accept)
            await got.wait()
            async with accepted[0]:
                yield Peer(near), accepted[0]
            tasks.cancel_scope.cancel()


async def test_waiting_takes_nothing() -> None:
    async with pair() as (peer, other):
        await other.send(b"abc")
        await peer.wait()
        await peer.wait()
        assert await peer.receive() == b"abc"


async def test_bytes_that_come_during_other_work_are_kept() -> None:
    async with pair() as (peer, other):

        async def work() -> str:
            await other.send(b"abc")
            await anyio.sleep(0.02)
            return "done"

        assert await peer.during(work) == "done"
        assert await peer.receive() == b"abc"


async def test_a_close_cuts_other_work_short() -> None:
    async with pair() as (peer, other):

        async def work() -> str:
            await other.aclose()
            await anyio.sleep(10)
            return "done"

        assert await peer.during(work) is None
        assert peer.closed
        assert await peer.receive() == b""


async def test_sending_to_who_has_gone_is_no_error() -> None:
    async with pair() as (peer, other):
        await other.aclose()
        while not peer.closed:
            await peer.send(b"x" * 1000)


async def test_closing_works_while_cancelled() -> None:
    async with pair() as (peer, other):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await peer.close()
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await other.receive()
