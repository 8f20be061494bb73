"""A live feed with sse-starlette, as one writes it at first; it works in every demo.

What it loses, doubles and forgets once connections fail shows `testing_a_server.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Feed:
    """Who is connected, by the client's name, and what was sent."""

    def __init__(self) -> None:
        self.streams: dict[str, asyncio.Queue[int]] = {}
        self.handled: list[int] = []
        routes = [Route("/events", self.events), Route("/send", self.send, methods=["POST"])]
        self.app = Starlette(routes=routes)

    async def events(self, request: Request) -> Response:
        """The stream of one client."""
        client = request.query_params["client"]
        queue = self.streams[client] = asyncio.Queue()
        return EventSourceResponse(self.stream(client, queue), ping=1)

    async def stream(self, client: str, queue: asyncio.Queue[int]) -> AsyncIterator[dict[str, Any]]:
        """Its events, until it is gone."""
        try:
            while True:
                yield {"data": json.dumps(await queue.get())}
        finally:
            self.streams.pop(client, None)

    async def send(self, request: Request) -> Response:
        """What a client sends takes effect."""
        self.handled.append((await request.json())["n"])
        return JSONResponse({"ok": True})

    async def publish(self, number: int) -> None:
        """Send an event to everybody."""
        for queue in self.streams.values():
            queue.put_nowait(number)
