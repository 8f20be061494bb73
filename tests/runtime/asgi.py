"""An ASGI app called without a server, under whichever event loop the test runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import anyio
from perdure.sse import Comment, Event, Item, Parser
from starlette.types import ASGIApp, Message, Scope

CID = "cid-00000000-0000-0000-0000-00000000000a"


class Call:
    """A request, and what came of it. While `reads` is not set, a write waits as if nobody read."""

    def __init__(self, method: str, path: str, query: list[tuple[str, str]], body: bytes = b"") -> None:
        headers = [(b"content-type", b"application/json")] if body else []
        self.scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": headers,
        }
        self.body, self.reads, self.gone = body, anyio.Event(), anyio.Event()
        self.reads.set()
        self.status, self.headers = 0, dict[str, str]()
        self.writes: list[bytes] = []
        self.times: list[float] = []
        self.over = False
        self._asked = False
        self._parser = Parser()
        self.items: list[Item] = []

    async def run(self, app: ASGIApp) -> None:
        await app(self.scope, self.receive, self.send)

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.over = not message.get("more_body", False)
        if message["body"]:
            self.writes.append(message["body"])
            self.times.append(anyio.current_time())
            self.items += self._parser.feed(message["body"])

    @property
    def events(self) -> list[Event]:
        return [item for item in self.items if isinstance(item, Event)]

    @property
    def comments(self) -> int:
        return sum(isinstance(item, Comment) for item in self.items)

    async def until(self, count: int) -> list[Event]:
        """Its events, once there are so many."""
        with anyio.fail_after(5):
            while len(self.events) < count:
                await anyio.sleep(0.002)
        return self.events

    async def ended(self) -> None:
        with anyio.fail_after(5):
            while not self.over:
                await anyio.sleep(0.002)


@asynccontextmanager
async def stream(app: ASGIApp, attempt: int = 1, **more: str) -> AsyncIterator[Call]:
    """A GET /events, until the block is left."""
    query = {"cid": CID, "attempt": f"1.{attempt}", "session": "chat", **more}
    call = Call("GET", "/events", list(query.items()))
    async with anyio.create_task_group() as group:
        group.start_soon(call.run, app)
        yield call
        call.reads.set()
        call.gone.set()


async def post(app: ASGIApp, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """A POST's status and its body's value."""
    call = Call("POST", path, [], json.dumps(body).encode())
    with anyio.fail_after(5):
        await call.run(app)
    raw = b"".join(call.writes)
    return call.status, json.loads(raw) if raw else None
