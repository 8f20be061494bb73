"""Every address of a hub takes arbitrary requests: never a 5xx, errors are problems, and others go on."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perdure import Hub, HubLimits, HubSession, Send
from perdure.problems import KINDS, TYPE
from perdure.sse import Parser
from perdure_model.core.server.parts import ServerSettings
from starlette.types import ASGIApp, Message

from tests.fuzz.requests import CIDS, Request, requests
from tests.runtime.asgi import Call, post

BYSTANDER = "cid-ffffffff-ffff-ffff-ffff-ffffffffffff"
WAITS_S = 5.0


class Asked(Call):
    """An arbitrary request; its stream, if it gets one, is read for as long as the hub writes at once."""

    def __init__(self, request: Request, epoch: str) -> None:
        super().__init__(request.method, request.path, [])
        self.scope.update(query_string=request.query, headers=request.headers)
        chunks = [chunk.replace(b"EPOCH", epoch.encode()) for chunk in request.chunks]
        self._messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        if request.whole:
            self._messages[-1]["more_body"] = False

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop(0)
        await anyio.sleep(0.001)  # a stream may write its welcome before its client goes
        return {"type": "http.disconnect"}


def check(call: Call) -> None:
    """The answer is one that PROTOCOL.md knows."""
    assert 200 <= call.status < 500, call.scope
    body = b"".join(call.writes)
    kind = call.headers.get("content-type", "")
    if call.status >= 400:
        assert kind == "application/problem+json"
        problem = json.loads(body)
        known = KINDS[problem["type"].removeprefix(TYPE)]
        assert problem["status"] == call.status == known.status
        assert problem["title"]
        assert problem["detail"]
    elif call.status == 204:
        assert body == b""
    elif kind == "text/event-stream":
        assert Parser().feed(body)[0][0] == "welcome"
    else:
        assert kind == "application/json"
        assert json.loads(body)["receipts"]


def hub_of() -> Hub:
    """A hub with tight limits, whose handler publishes whatever it is sent."""
    limits = HubLimits(body_bytes=1000, items=3, sessions=2)
    hub = Hub(limits=limits, settings=ServerSettings(grace_s=0.05), heartbeat_s=5)

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish({"from": send.connection_id, "data": send.data})

    return hub


@asynccontextmanager
async def attached(app: ASGIApp, cid: str, session: str) -> AsyncIterator[tuple[Call, str]]:
    """A stream that is open, until the block is left; and the epoch of its connection."""
    call = Call("GET", "/events", [("cid", cid), ("attempt", "1.1"), ("session", session)])
    async with anyio.create_task_group() as group:
        group.start_soon(call.run, app)
        yield call, json.loads((await call.until(1))[0].data)["epoch"]
        call.gone.set()


async def ask(app: ASGIApp, asked: list[Request]) -> list[Asked]:
    """Make the requests, one after another, beside a client whose id they may use."""
    async with attached(app, CIDS[0], "chat") as (_, epoch):
        calls = [Asked(request, epoch) for request in asked]
        for call in calls:
            with anyio.fail_after(WAITS_S):
                await call.run(app)
    return calls


async def undisturbed(app: ASGIApp, asked: list[Request]) -> None:
    """A session of somebody else goes on around the requests."""
    async with attached(app, BYSTANDER, "mine") as (mine, epoch):
        for call in await ask(app, asked):
            check(call)
        body: dict[str, Any] = {"cid": BYSTANDER, "attempt": "1.1", "epoch": epoch, "session": "mine"}
        body["items"] = [{"key": "1.1", "data": "still here"}]
        status, answer = await post(app, "/send", body)
        assert (status, answer) == (200, {"receipts": [{"key": "1.1", "verdict": "accepted"}]})
        (event,) = (await mine.until(2))[1:]
        assert json.loads(event.data) == {"from": BYSTANDER, "data": "still here"}
        assert event.id.endswith(":1")


async def talk(asked: list[Request]) -> None:
    hub = hub_of()
    try:
        await undisturbed(hub.asgi(), asked)
        assert len(hub._streams) == 0
    finally:
        await hub.aclose()
    assert len(hub._background) == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(deadline=None)
@given(asked=st.lists(requests(), min_size=1, max_size=8))
def test_arbitrary_requests_get_typed_answers_and_disturb_nobody(backend: str, asked: list[Request]) -> None:
    with quiet():  # its handler fails for data that is no JSON
        anyio.run(talk, asked, backend=backend)


@contextmanager
def quiet() -> Iterator[None]:
    """Log nothing meanwhile: thousands of refusals and failures."""
    log = logging.getLogger("perdure")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def test_the_requests_reach_every_kind_of_answer() -> None:
    """Those drawn are not all refused for one reason, and some are taken."""
    seen: set[str] = set()

    async def note(asked: list[Request]) -> None:
        hub = hub_of()
        for call in await ask(hub.asgi(), asked):
            body = b"".join(call.writes)
            seen.add(
                json.loads(body)["type"] if call.status >= 400 else f"{call.status} {call.scope['path']}"
            )
        await hub.aclose()

    @settings(deadline=None, max_examples=240, database=None, derandomize=True)
    @given(st.lists(requests(), min_size=6, max_size=8))
    def draw(asked: list[Request]) -> None:
        anyio.run(note, asked)

    draw()
    kinds = {"bad-connection-id", "malformed-json", "bad-request", "not-found", "method-not-allowed"}
    kinds |= {"stale-attempt", "unknown-connection", "unsupported-media-type", "body-too-large"}
    assert {TYPE + kind for kind in kinds} <= seen
    assert {"200 /events", "200 /send", "204 /watch", "204 /unwatch", "204 /suspend", "204 /close"} <= seen
