"""Other people's servers of event streams, each the way its users write one, behind one face."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx2
from fastapi import FastAPI, Header
from fastapi.sse import EventSourceResponse as FastAPIStream
from fastapi.sse import ServerSentEvent
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.runtime.test_follow_mcp import HEADERS, Job
from tests.wild.programs import program
from tests.wild.ways import Served, Way, Ways

NODE_SERVER = Path(__file__).with_name("remote.mjs")


class Remote:
    """A state at the end of a way that takes steps: each is an event, and all of them a snapshot."""

    def __init__(
        self,
        url: str,
        step: Callable[[dict[str, Any]], Awaitable[None]],
        cut: Callable[[], Awaitable[None]],
        streams: Callable[[], Awaitable[int]],
    ) -> None:
        self.url, self.step, self.cut, self.streams = url, step, cut, streams
        self.headers: dict[str, str] = {}
        self.events = f"{url}/events"


class Steps:
    """The state behind an ASGI app."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"version": 1}
        self.log: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Event()

    async def step(self, fields: dict[str, Any]) -> None:
        """A step, and an event of it."""
        event = {"version": self.state["version"] + 1, **fields}
        self.state = {**self.state, **event}
        self.log.append((str(event["version"]), event))
        self._changed.set()
        self._changed = asyncio.Event()

    async def since(self, last: str | None) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The events after this id; without one, those that come from now on."""
        position = len(self.log) if last is None else int(last) - 1
        while True:
            changed = self._changed
            while position < len(self.log):
                position += 1
                yield self.log[position - 1]
            await changed.wait()

    def snapshot(self) -> dict[str, Any]:
        """All of it, and the id of its last event."""
        return {**self.state, "cursor": str(self.state["version"])}


def by_sse_starlette(steps: Steps) -> ASGIApp:
    """sse-starlette: JSON in several lines, and comments."""

    async def events(request: Request) -> Response:
        async def lines() -> AsyncIterator[dict[str, str]]:
            async for name, event in steps.since(request.headers.get("last-event-id")):
                yield {"id": name, "data": json.dumps(event, indent=2)}

        return EventSourceResponse(lines(), ping=0.1, sep="\r\n")

    async def state(_request: Request) -> Response:
        return JSONResponse(steps.snapshot())

    return Starlette(routes=[Route("/events", events), Route("/state", state)])


def by_fastapi(steps: Steps) -> ASGIApp:
    """FastAPI's own event streams."""
    app = FastAPI()

    @app.get("/events", response_class=FastAPIStream)
    async def events(last_event_id: Annotated[str | None, Header()] = None) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment="hello", retry=10)
        async for name, event in steps.since(last_event_id):
            yield ServerSentEvent(data=event, id=name)

    @app.get("/state")
    async def state() -> dict[str, Any]:
        return steps.snapshot()

    return app


@asynccontextmanager
async def asgi(make: Callable[[Steps], ASGIApp], way: Way, ways: Ways) -> AsyncIterator[Remote]:
    """One of those above."""
    steps = Steps()
    served = ways.lead(way, make(steps))
    yield Remote(served.url, lambda fields: served.call(steps.step, fields), served.cut, counting(served))
    await served.cut()


def counting(served: Served) -> Callable[[], Awaitable[int]]:
    """How many streams were asked for, by the gate's account."""

    async def streams() -> int:
        return sum(path in ("/events", "/mcp") for path in served.gate.paths())

    return streams


@asynccontextmanager
async def mcp(way: Way, ways: Ways) -> AsyncIterator[Remote]:
    """The MCP SDK: notifications on its stream, resumed from its event store."""
    job = Job()
    served = ways.lead(way, job.app)
    done = asyncio.Event()

    async def run() -> None:
        async with job.lifespan(job.app):
            await done.wait()

    async def end() -> None:
        done.set()

    async def step(fields: dict[str, Any]) -> None:
        await served.call(lambda: job.step(**fields))

    async def listeners() -> int:
        return len(job.resumed) if await served.call(job.is_up) else 0

    running = served.start(run)
    one = Remote(served.url, step, lambda: served.call(job.cut), listeners)
    one.events, one.headers = f"{served.url}/mcp", HEADERS
    yield one
    await served.call(job.cut)
    await served.call(end)
    running.result(10)


@asynccontextmanager
async def node(way: Way, ways: Ways) -> AsyncIterator[Remote]:
    """Node's own http server, which frames by hand."""
    process = subprocess.Popen([program("node"), str(NODE_SERVER)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def step(fields: dict[str, Any]) -> None:
                (await http.post("/step", json=fields)).raise_for_status()

            async def cut() -> None:
                (await http.post("/cut")).raise_for_status()

            async def streams() -> int:
                return int((await http.get("/streams")).text)

            yield Remote(ways.front(way, port), step, cut, streams)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
