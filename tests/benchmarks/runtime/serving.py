"""A uvicorn server in this process, with a control beside the tool that is measured."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.benchmarks.runtime.load import payload

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Publish = Callable[[str, dict[str, Any]], Awaitable[object]]
BACKLOG = 4096
PAUSE_S = 0.02
PAGE_BYTES = resource.getpagesize()


class Control:
    """What the measuring asks of a server: to publish, to cut, and what it takes."""

    def __init__(self, app: App, publish: Publish) -> None:
        self._app, self._publish = app, publish
        self._published = 0
        self._handled: list[int] = []
        self._publishing: set[asyncio.Task[None]] = set()
        config = uvicorn.Config(
            self, port=0, loop="asyncio", http="h11", backlog=BACKLOG, log_level="warning", access_log=False
        )
        self._server = uvicorn.Server(config)
        routes = {
            "publish/{count:int}/{pauses:int}": self.publish,
            "each/{first:int}/{sessions:int}/{times:int}": self.each,
            "tick/{times:int}/{milliseconds:int}": self.tick,
            "cut": self.cut,
            "handled": self.handled,
            "usage": self.usage,
            "cpu": self.cpu,
        }
        self._control = Starlette(routes=[Route(f"/control/{path}", to) for path, to in routes.items()])

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """The ASGI app."""
        controls = scope["type"] == "lifespan" or scope["path"].startswith("/control/")
        await (self._control if controls else self._app)(scope, receive, send)

    def serve(self) -> None:
        """Serve until killed; the address is printed as soon as it answers."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        serving = asyncio.ensure_future(self._server.serve())
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)
        if self._server.started:
            port = self._server.servers[0].sockets[0].getsockname()[1]
            print(f"http://127.0.0.1:{port}", flush=True)
        await serving

    def take(self, data: dict[str, Any]) -> None:
        """For the tool's handler of sends."""
        self._handled.append(data["n"])

    def _start(self, work: Callable[..., Awaitable[None]], *args: int) -> JSONResponse:
        """Start it after the answer: what is measured is not the control."""
        task = asyncio.ensure_future(work(*args))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)
        return JSONResponse({"published": self._published})

    async def publish(self, request: Request) -> JSONResponse:
        """So many events to the session "main", as fast as it goes, with or without pauses."""
        return self._start(self._publish_all, request.path_params["count"], request.path_params["pauses"])

    async def _publish_all(self, count: int, pauses: int) -> None:
        """Publish. A pause is one turn of the loop: a source is awaited that has the next event ready."""
        for _ in range(count):
            number, self._published = self._published, self._published + 1
            await self._publish("main", payload(number))
            if pauses:
                await asyncio.sleep(0)

    async def tick(self, request: Request) -> JSONResponse:
        """So many events to the session "main", one after each interval."""
        return self._start(self._tick, request.path_params["times"], request.path_params["milliseconds"])

    async def _tick(self, times: int, milliseconds: int) -> None:
        for _ in range(times):
            await self._publish_all(1, 0)
            await asyncio.sleep(milliseconds / 1000)

    async def each(self, request: Request) -> JSONResponse:
        """An event to each of the sessions from s-<first> on, some times; answers when all is published."""
        first = request.path_params["first"]
        for _ in range(request.path_params["times"]):
            for number in range(first, first + request.path_params["sessions"]):
                await self._publish(f"s-{number}", payload(number))
            await asyncio.sleep(PAUSE_S)  # each event is to be a write of its own
        return JSONResponse({})

    async def cut(self, request: Request) -> JSONResponse:
        """Abort every connection but the one that asks; answers with the number of events until then."""
        own = request.client.port if request.client else 0
        cut = 0
        for connection in list(self._server.server_state.connections):
            transport = connection.transport
            if transport.get_extra_info("peername")[1] != own:
                transport.abort()
                cut += 1
        return JSONResponse({"cut": cut, "published": self._published})

    async def handled(self, _request: Request) -> JSONResponse:
        """How many sends the handler got, and whether they were the first ones in order."""
        got = self._handled
        return JSONResponse({"handled": len(got), "in_order": got == list(range(len(got)))})

    async def usage(self, _request: Request) -> JSONResponse:
        """Resident memory in bytes, processor time in seconds, open connections."""
        gc.collect()
        with open("/proc/self/statm") as statm:
            pages = int(statm.read().split()[1])
        open_now = len(self._server.server_state.connections)
        return JSONResponse({"bytes": pages * PAGE_BYTES, "cpu_s": cpu_s(), "connections": open_now})

    async def cpu(self, _request: Request) -> JSONResponse:
        """Processor time in seconds, and nothing collected for it, which takes longer the more there is."""
        return JSONResponse({"cpu_s": cpu_s()})


def cpu_s() -> float:
    """The processor time of this process."""
    times = os.times()
    return times.user + times.system
