"""A login flow on a server that is not ours: sse-starlette's stream, a snapshot, and forms to submit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Flow:
    """The remote: its state, who follows it, and what goes wrong (`faults`: statuses by path, used up)."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"version": 1, "step": "form", "theme": "dark"}
        self.log: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        self.faults: dict[str, list[int]] = {"events": [], "state": [], "submit": []}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.token: str | None = None
        self.cut = asyncio.Event()
        self.snapshots_wait: asyncio.Event | None = None
        self.idle = self.mute = False
        self.ping_s = 0.2
        self.raw: list[dict[str, Any]] = []
        routes = [
            Route("/events", self.events),
            Route("/state", self.snapshot),
            Route("/submit", self.submit, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def change(self, **fields: Any) -> None:
        """The state moves on; the event carries what changed."""
        version = self.state["version"] + 1
        event = {"version": version, **fields}
        self.state = {**self.state, **event}
        self.log.append({"data": json.dumps(event), "id": str(version)})
        self.wake()

    async def say(self, **event: Any) -> None:
        """Write this to all streams."""
        self.log.append(event)
        self.wake()

    async def end_streams(self) -> None:
        self.cut.set()
        self.cut = asyncio.Event()
        self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def fault(self, name: str, request: Request) -> Response | None:
        self.asked.append((name, dict(request.headers)))
        if self.faults[name]:
            status = self.faults[name].pop(0)
            return JSONResponse({"detail": "a fault"}, status, media_type="application/problem+json")
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=401)
        return None

    async def events(self, request: Request) -> Response:
        fault = self.fault("events", request)
        if fault is not None:
            return fault
        last = request.headers.get("last-event-id")
        begin = len(self.log) if last is None else self.after(last)
        return EventSourceResponse(self.stream(begin, self.cut), ping=self.ping_s)

    def after(self, last: str) -> int:
        ids = [event.get("id") for event in self.log]
        return ids.index(last) + 1 if last in ids else 0

    async def stream(self, position: int, cut: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
        while not cut.is_set():
            changed = self.changed
            while position < len(self.log):
                position += 1
                yield self.log[position - 1]
            await changed.wait()

    async def snapshot(self, request: Request) -> Response:
        fault = self.fault("state", request)
        if fault is not None:
            return fault
        state = dict(self.state, cursor=str(self.state["version"]), only="snapshot")
        if self.snapshots_wait is not None:
            await self.snapshots_wait.wait()
        return JSONResponse(state)

    async def submit(self, request: Request) -> Response:
        fault = self.fault("submit", request)
        if fault is not None:
            return fault
        if not self.idle:
            await self.change(step="waiting", form=await request.json())
        return Response(status_code=204) if self.mute else JSONResponse(self.state)
