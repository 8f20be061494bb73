"""python-socketio's server and client, over WebSocket from the start, its fastest transport."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import socketio  # type: ignore[import-not-found]

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
    """A server that emits to all, and acknowledges what is sent."""
    server = socketio.AsyncServer(async_mode="asgi")
    control = Control(socketio.ASGIApp(server), lambda _session, data: server.emit("event", data))

    @server.on("send")  # type: ignore[untyped-decorator]
    async def note(_sid: str, data: dict[str, Any]) -> bool:
        control.take(data)
        return True

    control.serve()


async def client(base: str, stack: AsyncExitStack) -> Any:
    """A client that is connected."""
    one = socketio.AsyncClient()
    await one.connect(base, transports=["websocket"])
    stack.push_async_callback(one.disconnect)
    return one


async def events(base: str, number: int, rounds: int, pauses: int) -> dict[str, Any]:
    """One reader."""
    count = Count()
    async with AsyncExitStack() as stack:
        one = await client(base, stack)
        one.on("event", count.take)
        return await timed_events(base, count, number, rounds, pauses)


async def sends(base: str, number: int, rounds: int) -> dict[str, Any]:
    """A call after the other: only so they stay in order and are acknowledged."""
    async with AsyncExitStack() as stack:
        one = await client(base, stack)

        async def send_all(first: int, count: int) -> None:
            for number in range(first, first + count):
                await one.call("send", payload(number))

        return await timed_sends(base, send_all, number, rounds)


async def at_once(base: str, number: int, rounds: int) -> dict[str, Any]:
    """As many calls at once as perdure's client queues: acknowledged, but in no promised order."""
    async with AsyncExitStack() as stack:
        one = await client(base, stack)

        async def send_all(first: int, count: int) -> None:
            room = asyncio.Semaphore(IN_FLIGHT)

            async def call(number: int) -> None:
                await one.call("send", payload(number))
                room.release()

            async with asyncio.TaskGroup() as group:
                for number in range(first, first + count):
                    await room.acquire()
                    group.create_task(call(number))

        return await timed_sends(base, send_all, number, rounds)


async def lone(base: str, number: int) -> dict[str, Any]:
    """One call after the other."""
    async with AsyncExitStack() as stack:
        one = await client(base, stack)
        return await timed_lone(lambda n: one.call("send", payload(n)), number)


async def cut(base: str, clients: int, ticks: int, milliseconds: int) -> dict[str, Any]:
    """Many clients, cut at once while events go on; what was emitted meanwhile is gone."""
    seen = [Seen(ticks) for _ in range(clients)]
    async with AsyncExitStack() as stack:
        for one in seen:
            listener = await client(base, stack)
            listener.on("event", lambda data, one=one: one.take(data["n"]))
        return await cut_and_wait(base, seen, ticks, milliseconds)


if __name__ == "__main__":
    run(serve, {"events": events, "sends": sends, "at_once": at_once, "lone": lone, "cut": cut})
