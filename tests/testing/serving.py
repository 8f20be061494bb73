"""A small real server for the proxy's tests, which remembers what it saw."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import uvicorn
from anyio import to_thread
from perdure import sse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

SHAPE = {"events": 1_000_000, "gap_ms": 1, "burst": 1}
"""What a stream does unless its query says otherwise: how many events, how many at once, the gap between."""


@dataclass
class Seen:
    """What reached the server. Streams are known by their query parameter `name`."""

    sends: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    written: int = 0

    async def until(self, condition: Callable[[Seen], bool]) -> None:
        """Wait for the server's threads to see it. Fails after ten seconds."""
        await to_thread.run_sync(self._wait, condition)

    def _wait(self, condition: Callable[[Seen], bool]) -> None:
        deadline_s = time.monotonic() + 10
        while not condition(self):
            assert time.monotonic() < deadline_s, f"never came: {self}"
            time.sleep(0.002)


def event(name: str, number: int) -> bytes:
    return sse.comment("alive") + sse.encode(f"{name}-{number}", id=str(number))


class EventServer:
    """uvicorn in a thread of its own: `GET /events` with the shape above, `POST /send` and `/silent/send`."""

    def __init__(self) -> None:
        self.seen = Seen()
        routes = [
            Route("/events", self._events),
            Route("/send", self._send, methods=["POST"]),
            Route("/silent/send", self._never_answer, methods=["POST"]),
            Route("/other", self._other),
        ]
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            Starlette(routes=routes), log_level="error", http="h11", timeout_graceful_shutdown=2
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()])
        self._thread.start()
        while not self._uvicorn.started:
            time.sleep(0.002)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._uvicorn.serve([self._socket])

    def stop(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive(), "uvicorn did not stop"
        self._socket.close()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._uvicorn.server_state.connections)

    def close_idle_connections(self) -> None:
        """Close what waits for a request, as a server does after its keep-alive time."""
        for connection in list(self._uvicorn.server_state.connections):
            assert isinstance(connection, H11Protocol)
            self._loop.call_soon_threadsafe(connection.timeout_keep_alive_handler)

    def abort_connections(self) -> None:
        """Drop every connection, whatever goes on there."""
        for connection in list(self._uvicorn.server_state.connections):
            assert isinstance(connection, H11Protocol)
            self._loop.call_soon_threadsafe(connection.transport.abort)

    async def _never_answer(self, request: Request) -> Response:
        self.seen.sends.append((await request.body()).decode())
        await request.receive()  # returns when the connection is lost
        return Response()

    async def _send(self, request: Request) -> Response:
        text = (await request.body()).decode()
        self.seen.sends.append(text)
        return JSONResponse({"took": text})

    @staticmethod
    async def _other(_: Request) -> Response:
        return Response("other")

    async def _events(self, request: Request) -> Response:
        query = request.query_params
        if query.get("refuse"):
            return JSONResponse({}, status_code=409)
        events, gap_ms, burst = (int(query.get(key, default)) for key, default in SHAPE.items())
        stream = self._stream(query["name"], events, gap_ms, burst)
        return StreamingResponse(stream, media_type="text/event-stream")

    async def _stream(self, name: str, events: int, gap_ms: int, burst: int) -> AsyncIterator[bytes]:
        seen = self.seen
        seen.opened.append(name)
        try:
            for first in range(1, events + 1, burst):
                yield b"".join(event(name, number) for number in range(first, first + burst))
                seen.written += burst
                await asyncio.sleep(gap_ms / 1000)
        finally:
            seen.closed.append(name)
