"""perdure: `Hub` and `connect`, as they are; nothing is switched off."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import cache
from typing import Any

from perdure import Event, Hub, HubSession, Send, Session, connect

from tests.benchmarks.runtime.load import (
    IN_FLIGHT,
    Count,
    payload,
    run,
    timed_events,
    timed_lone,
    timed_sends,
)
from tests.benchmarks.runtime.returning import Seen, cut_and_wait
from tests.benchmarks.runtime.serving import Control


def serve() -> None:
    """A hub, and a handler that notes what it gets."""
    hub = Hub()
    session_of = cache(hub.session)
    control = Control(hub.asgi(), lambda session, data: session_of(session).publish(data))

    @hub.on_send
    async def note(send: Send, _session: HubSession) -> None:
        control.take(send.data)

    control.serve()


async def events(base: str, number: int, rounds: int, pauses: int) -> dict[str, Any]:
    """One reader."""
    count = Count()
    async with connect(base, session="main") as session:
        reading = asyncio.ensure_future(read(session, count))
        await welcomed(session)
        result = await timed_events(base, count, number, rounds, pauses)
        reading.cancel()
    return result


async def read(session: Session, count: Count) -> None:
    """Take all events."""
    async for item in session:
        assert isinstance(item, Event)
        count.take(item.data)


async def welcomed(session: Session) -> None:
    """Wait for the stream."""
    while session.status.state != "awaiting":
        await asyncio.sleep(0.01)


async def sends(base: str, number: int, rounds: int) -> dict[str, Any]:
    """Ordered sends, each awaited until it is accepted, as many at once as a client queues."""
    async with connect(base, session="main") as session:
        await welcomed(session)

        async def send_all(first: int, count: int) -> None:
            room = asyncio.Semaphore(IN_FLIGHT)

            async def send(number: int) -> None:
                await session.send(payload(number))
                room.release()

            async with asyncio.TaskGroup() as group:
                for number in range(first, first + count):
                    await room.acquire()
                    group.create_task(send(number))

        return await timed_sends(base, send_all, number, rounds)


async def lone(base: str, number: int) -> dict[str, Any]:
    """One send after the other."""
    async with connect(base, session="main") as session:
        await welcomed(session)
        return await timed_lone(lambda n: session.send(payload(n)), number)


async def cut(base: str, clients: int, ticks: int, milliseconds: int) -> dict[str, Any]:
    """Many clients of one session, cut at once while events go on."""
    seen = [Seen(ticks) for _ in range(clients)]
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for one in seen:
            session = await stack.enter_async_context(connect(base, session="main"))
            await welcomed(session)
            group.create_task(follow(session, one))
        return await cut_and_wait(base, seen, ticks, milliseconds)


async def follow(session: Session, seen: Seen) -> None:
    """Take events until all have come."""
    async for item in session:
        assert isinstance(item, Event)
        seen.take(item.data["n"])
        if seen.complete:
            return


if __name__ == "__main__":
    run(serve, {"events": events, "sends": sends, "lone": lone, "cut": cut})
