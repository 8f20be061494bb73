"""sse-starlette's server and httpx-sse's client: events go straight from a generator, and nothing is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from httpx_sse import aconnect_sse
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from tests.benchmarks.runtime.load import Count, run, timed_events
from tests.benchmarks.runtime.serving import Control

Queues = dict[str, asyncio.Queue[dict[str, Any]]]


def serve() -> None:
    """A stream for each session, fed through a queue, as its documentation shows it."""
    queues: Queues = {}

    async def stream(session: str) -> AsyncIterator[dict[str, str]]:
        queue = queues.setdefault(session, asyncio.Queue())
        while True:
            data = await queue.get()
            yield {"id": str(data["n"]), "data": json.dumps(data)}

    async def events(request: Request) -> EventSourceResponse:
        return EventSourceResponse(stream(request.query_params["session"]))

    async def publish(session: str, data: dict[str, Any]) -> None:
        await queues[session].put(data)

    Control(Starlette(routes=[Route("/events", events)]), publish).serve()


async def events(base: str, number: int, rounds: int, pauses: int) -> dict[str, Any]:
    """One reader."""
    count = Count()
    async with (
        httpx.AsyncClient(timeout=None) as client,
        aconnect_sse(client, "GET", f"{base}/events", params={"session": "main"}) as source,
    ):
        reading = asyncio.ensure_future(read(source, count))
        result = await timed_events(base, count, number, rounds, pauses)
        reading.cancel()
    return result


async def read(source: Any, count: Count) -> None:
    """Take all events."""
    async for event in source.aiter_sse():
        count.take(event.json())


if __name__ == "__main__":
    run(serve, {"events": events})
