"""A page that uses perdure.js against a real Hub, behind uvicorn; the server's connections can be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from perdure import Hub, HubSession, Send
from perdure.browser import FOLDER
from perdure_model.core.server.parts import ServerSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope
from starlette.types import Send as SendFunction

from tests.runtime.serving import Uvicorn

HTML = """<!doctype html><title>perdure</title><script type="module">
import * as perdure from "/perdure/perdure.js";
const settings = { reconnect_first_s: 0.05, reconnect_cap_s: 0.1, retry_first_s: 0.05, retry_cap_s: 0.2 };
window.perdure = perdure;
window.begin = (name, options = {}) => {
  window.events = [];
  window.statuses = [];
  window.session = perdure.connect("/live", {
    session: name, settings, onStatus: (status) => statuses.push(status), ...options,
  });
  window.over = (async () => {
    for await (const event of session) events.push(event);
    return session.outcome;
  })();
};
window.ready = true;
</script>"""


async def page(_request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(HTML)


class Gate:
    """Stands before the hub: keeps accounts of what was asked, and loses answers when told to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.lose = 0
        """So many answers to sends get lost, after the hub has taken them."""
        self.shut = False
        """Nothing gets through: 503."""
        self._streams: set[anyio.CancelScope] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: SendFunction) -> None:
        """Pass on, or lose."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        self.asked.append((path, dict(request.query_params), dict(request.headers)))
        if self.shut:
            await HTMLResponse("shut", status_code=503)(scope, receive, send)
        elif path == "/send" and self.lose:
            self.lose -= 1
            await self._app(scope, receive, nothing)
            await HTMLResponse("a proxy that has heard nothing", status_code=502)(scope, receive, send)
        else:
            with anyio.CancelScope() as stream:
                if path == "/events":
                    self._streams.add(stream)
                await self._app(scope, receive, send)
            self._streams.discard(stream)

    async def cut(self) -> None:
        """Cut all streams, in the middle of the response."""
        for stream in self._streams:
            stream.cancel()

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [path for path, _, _ in self.asked]


async def nothing(_message: Any) -> None:
    """The answer that is lost."""


class Served:
    """The hub, the gate before it, and the page's address."""

    def __init__(self) -> None:
        self.hub = Hub(settings=ServerSettings(grace_s=30), heartbeat_s=0.5)
        self.taken: list[str] = []
        self.hub.on_send(self._reply)
        self.gate = Gate(self.hub.asgi())
        routes = [
            Route("/", page),
            Route("/other", page),
            Mount("/perdure", StaticFiles(directory=FOLDER)),
            Mount("/live", self.gate),
        ]
        self.uvicorn = Uvicorn(Starlette(routes=routes))
        self.url = f"http://127.0.0.1:{self.uvicorn.port}"

    async def _reply(self, send: Send, session: HubSession) -> None:
        self.taken.append(send.data["text"])
        await session.publish({"text": send.data["text"].upper()})

    def call(self, work: Callable[..., Any], *args: Any) -> Any:
        """The result of `await work(*args)` on the server's loop."""
        return self.uvicorn.submit(work, *args).result(10)

    def shut(self) -> None:
        """Cut all streams, and let nothing through until `gate.shut` is False again."""
        self.gate.shut = True
        self.call(self.gate.cut)

    def publish(self, session: str, *texts: str) -> None:
        """Publish these, one after the other."""
        for text in texts:
            self.call(self.hub.session(session).publish, {"text": text})


@contextmanager
def served() -> Iterator[Served]:
    """A server of its own."""
    server = Served()
    try:
        yield server
    finally:
        server.uvicorn.stop(server.hub.aclose)
