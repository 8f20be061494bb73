"""Following the notifications of an MCP server: the SDK's event stream, with its resumption."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.streamable_http import (
    EventCallback,
    EventId,
    EventMessage,
    EventStore,
    StreamableHTTPServerTransport,
    StreamId,
)
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage, JSONRPCNotification
from perdure import FollowSettings, Hub, follow
from perdure.sse import Event
from perdure.states import object_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tests.runtime.serving import SHORT, Serve, Server

pytestmark = pytest.mark.anyio

QUICK = FollowSettings(again_first_s=0.01, again_cap_s=0.05)
HEADERS = {"mcp-session-id": "job-1", "mcp-protocol-version": "2025-06-18"}


class Kept(EventStore):
    """All messages, so that streams can be resumed."""

    def __init__(self) -> None:
        self.events: list[tuple[StreamId, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(
        self, last_event_id: EventId, send_callback: EventCallback
    ) -> StreamId | None:
        stream_id = self.events[int(last_event_id) - 1][0]
        for position, (owner, message) in enumerate(self.events, 1):
            if position > int(last_event_id) and owner == stream_id and message is not None:
                await send_callback(EventMessage(message, str(position)))
        return stream_id


class Job:
    """A job behind an MCP server: each step is a notification, the latest one a snapshot."""

    def __init__(self) -> None:
        self.store = Kept()
        self.transport = StreamableHTTPServerTransport("job-1", event_store=self.store)
        self.state: dict[str, Any] = {"step": 0}
        self.resumed: list[str | None] = []
        routes = [Route("/state", self.snapshot), Mount("/", app=self.mcp)]
        self.app = Starlette(routes=routes, lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with self.transport.connect() as (_, write):
            self.write = write
            yield

    async def mcp(self, scope: Any, receive: Any, send: Any) -> None:
        self.resumed.append(Request(scope).headers.get("last-event-id"))
        await self.transport.handle_request(scope, receive, send)

    async def snapshot(self, _request: Request) -> Response:
        return JSONResponse(
            {**self.state, "cursor": str(len(self.store.events)) if self.store.events else None}
        )

    async def step(self, **fields: Any) -> None:
        self.state = {**self.state, "step": self.state["step"] + 1, **fields}
        params = {"level": "info", "data": self.state}
        note = JSONRPCNotification(jsonrpc="2.0", method="notifications/message", params=params)
        stored = len(self.store.events)
        await self.write.send(SessionMessage(note))
        while len(self.store.events) == stored:
            await anyio.sleep(0.001)

    async def finish(self) -> None:
        await self.step(done=True)

    async def cut(self) -> None:
        for writer, _ in list(self.transport._request_streams.values()):
            writer.close()

    async def is_up(self) -> bool:
        return bool(self.transport._request_streams)


def note_of(event: Event) -> dict[str, Any] | None:
    """The state in a notification; the SDK's events that only carry an id have none."""
    if not event.data:
        return None
    message = object_of(event.data)
    data: dict[str, Any] | None = (
        message["params"]["data"] if message.get("method") == "notifications/message" else None
    )
    return data


async def up(server: Server, job: Job) -> None:
    """Wait until somebody listens."""
    while not await server.call(job.is_up):
        await anyio.sleep(0.005)


async def test_the_sdk_s_stream_is_resumed_where_it_was_and_no_step_is_lost(serve: Serve) -> None:
    job = Job()
    server = serve(Hub(), app=job.app, alone=True)
    await server.call(job.step)
    async with (
        httpx2.AsyncClient(headers=HEADERS) as http,
        follow(
            snapshot=f"{server.url}/state",
            events=f"{server.url}/mcp",
            outcome=lambda state: "succeeded" if state.get("done") else None,
            version="step",
            cursor="cursor",
            read=note_of,
            settings=QUICK,
            limits=SHORT,
            http=http,
        ) as session,
    ):
        with anyio.fail_after(10):
            assert (await anext(session))["step"] == 1
            for step in range(2, 8, 2):
                await up(server, job)
                await server.call(job.step)
                assert (await anext(session))["step"] == step
                await server.call(job.cut)
                await server.call(job.step)  # while nobody listens
                assert (await anext(session))["step"] == step + 1
            await up(server, job)
            await server.call(job.finish)
            assert [state["step"] async for state in session] == [8]
        assert session.outcome == "succeeded"
    assert None not in job.resumed
    assert len(set(job.resumed)) >= 3
