"""A real server on a real socket: uvicorn in a thread of its own, so that clients may run under trio too."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import anyio
import uvicorn
from perdure import Hub, HubSession, Limits, Send
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.server.parts import ServerSettings
from starlette.types import ASGIApp, Receive, Scope
from starlette.types import Send as SendFunction

Serve = Callable[..., "Server"]
QUICK = ClientSettings(
    attempts_max=5, reconnect_first_s=0.01, reconnect_cap_s=0.05, retry_first_s=0.02, retry_cap_s=0.1
)
SHORT = Limits(connect_s=2, heartbeat_s=1, post_s=5, goodbye_s=1)
BRIEF = ServerSettings(grace_s=0.3)


class Uvicorn:
    """A server in a thread of its own."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        # The protocol by name: asyncio turns off Nagle's delay only where it sees it.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
        self._uvicorn = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._up.wait(10)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._uvicorn.serve([self._socket]))
        while not self._uvicorn.started and not serving.done():
            await asyncio.sleep(0.005)
        self._up.set()
        await serving

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start `work(*args)` on the server's loop."""
        assert self._loop is not None
        context = contextvars.Context()  # not trio's, where the test runs under it
        return context.run(asyncio.run_coroutine_threadsafe, work(*args), self._loop)

    def stop(self, first: Callable[[], Any] | None = None) -> None:
        """Stop as a deployment does: streams first."""
        if not self._thread.is_alive():
            return
        self._uvicorn.should_exit = True
        if first is not None:
            self.submit(first).result(10)
        self._thread.join(10)
        assert not self._thread.is_alive(), "uvicorn did not stop"


class Switch:
    """An ASGI app that is many: each under a path of its own. Starting uvicorn for each test takes long."""

    def __init__(self) -> None:
        self.apps: dict[str, ASGIApp] = {}

    def add(self, app: ASGIApp) -> str:
        """The path under which the app is from now on."""
        path = f"/{len(self.apps)}"
        self.apps[path] = app
        return path

    async def __call__(self, scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope["type"] == "http":
            _, name, rest = scope["path"].split("/", 2)
            await self.apps[f"/{name}"]({**scope, "path": f"/{rest}"}, receive, send)


class Server:
    """A hub, or an app in its place, behind a server. `call` runs a function on the server's event loop."""

    def __init__(self, hub: Hub, uvicorn_: Uvicorn, path: str = "") -> None:
        self.hub, self._uvicorn, self._alone = hub, uvicorn_, not path
        self.port = uvicorn_.port
        self.url = f"http://127.0.0.1:{self.port}{path}"

    async def call(self, work: Callable[..., Any], *args: Any) -> Any:
        """The result of `await work(*args)` on the server's loop."""
        return await anyio.to_thread.run_sync(self._uvicorn.submit(work, *args).result, 10)

    def stop(self) -> None:
        """Close the hub, and the server if it has one to itself."""
        if self._alone:
            self._uvicorn.stop(self.hub.aclose)
        else:
            self._uvicorn.submit(self.hub.aclose).result(10)


def echo_hub(settings: ServerSettings = BRIEF) -> Hub:
    """A hub that answers each send in capitals."""
    hub = Hub(settings=settings, heartbeat_s=0.5)

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish({"text": send.data["text"].upper()})

    return hub
