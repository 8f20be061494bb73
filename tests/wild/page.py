"""A page that uses perdure.js against a real Hub, behind uvicorn; the server's connections can be cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from perdure import Hub, HubSession, Send
from perdure.browser import FOLDER
from perdure_model.core.server.parts import ServerSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.runtime.serving import Uvicorn
from tests.wild.gate import Gate

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

    def took(self, count: int) -> list[str]:
        """What the handler was given, once it is so much: a send that is accepted may still wait for it."""
        until_s = time.monotonic() + 5
        while len(self.taken) < count and time.monotonic() < until_s:
            time.sleep(0.01)
        return self.taken

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
