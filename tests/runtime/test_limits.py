"""Each limit of a hub, and what who is beyond it hears."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import fields
from typing import Any, NamedTuple

import anyio
import pytest
from perdure import Hub, HubLimits, wire
from perdure.problems import KINDS, TYPE
from starlette.types import ASGIApp, Message

from tests.runtime.asgi import CID, Call, stream

pytestmark = pytest.mark.anyio

OTHER = CID.replace("0a", "0b")
BYTES = 300


class Half(Call):
    """A POST of which so much comes, and then nothing more."""

    async def receive(self) -> Message:
        if self._asked:
            await self.gone.wait()
        return {**await super().receive(), "more_body": True}


def get(cid: str = CID, sessions: int = 1, who: str = "ann") -> Call:
    names = [("session", f"s{n}") for n in range(sessions)]
    return Call("GET", "/events", [("cid", cid), ("attempt", "1.1"), ("as", who), *names])


def post(items: int = 1, data: Any = 1, kind: type[Call] = Call) -> Call:
    sends = [{"key": f"1.{n}", "data": data} for n in range(1, items + 1)]
    body = {"cid": CID, "attempt": "1.1", "epoch": "e", "session": "s0", "items": sends}
    return kind("POST", "/send", [("as", "ann")], json.dumps(body).encode())


@asynccontextmanager
async def streaming(app: ASGIApp, who: str = "ann") -> AsyncIterator[None]:
    more = {"as": who}
    async with stream(app, 1, **more) as one:
        await one.until(1)
        yield


@asynccontextmanager
async def streaming_before(app: ASGIApp) -> AsyncIterator[None]:
    async with streaming(app):
        pass
    yield


def more() -> Call:
    """One more session, for a connection that watches one."""
    word = {"cid": CID, "attempt": "1.1", "serial": 1, "session": "one-more"}
    return Call("POST", "/watch", [("as", "ann")], json.dumps(word).encode())


@asynccontextmanager
async def posting(app: ASGIApp) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(post(data="x" * 100, kind=Half).run, app)
        await anyio.wait_all_tasks_blocked()
        yield
        group.cancel_scope.cancel()


class Beyond(NamedTuple):
    """A limit of so much, the request that is beyond it, what it hears, and what is the case meanwhile."""

    limits: dict[str, Any]
    request: Callable[[], Call]
    problem: str
    meanwhile: Callable[[ASGIApp], AbstractAsyncContextManager[None]] = lambda _app: nullcontext()


REFUSED = {
    "body_bytes": Beyond({"body_bytes": BYTES}, lambda: post(data="x" * BYTES), "body-too-large"),
    "body_s": Beyond({"body_s": 0.02}, lambda: post(kind=Half), "body-too-slow"),
    "held_bytes": Beyond(
        {"held_bytes": BYTES, "body_bytes": BYTES}, lambda: post(data="x" * 100), "too-much-at-once", posting
    ),
    "items": Beyond({"items": 2}, lambda: post(3), "batch-too-large"),
    "sessions": Beyond({"sessions": 2}, lambda: get(sessions=3), "too-many-sessions"),
    "connections": Beyond({"connections": 1}, lambda: get(OTHER), "too-many-connections", streaming),
    "anonymous": Beyond(
        {"anonymous": 1}, lambda: get(OTHER, who=""), "too-many-connections", lambda app: streaming(app, "")
    ),
    "awaited": Beyond({"awaited": 1}, lambda: get(OTHER), "too-many-awaited", streaming_before),
}
NOT_REFUSED = {"backlog", "backlog_bytes", "write_bytes", "event_bytes"}
"""Beyond the first two a POST waits for its answer; `event_bytes` is for `publish`, which raises."""


async def heard(beyond: Beyond) -> str:
    """The problem that the request is answered with."""
    hub = Hub(
        authenticate=lambda request: request.query_params.get("as") or None,
        limits=HubLimits(**beyond.limits),
    )
    app, call = hub.asgi(), beyond.request()
    with anyio.fail_after(5):
        async with beyond.meanwhile(app):
            await call.run(app)
    await hub.aclose()
    assert call.status >= 400
    return str(json.loads(b"".join(call.writes))["type"]).removeprefix(TYPE)


def test_each_limit_leads_to_a_problem_or_is_none_that_refuses() -> None:
    assert {one.name for one in fields(HubLimits)} == REFUSED.keys() | NOT_REFUSED
    assert {one.problem for one in REFUSED.values()} <= KINDS.keys()


@pytest.mark.parametrize("name", REFUSED)
async def test_who_is_beyond_a_limit_hears_which_one(name: str) -> None:
    assert name in REFUSED[name].limits
    assert await heard(REFUSED[name]) == REFUSED[name].problem


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (lambda: get(sessions=wire.SESSIONS_MAX + 1), "too-many-sessions"),
        (lambda: post(wire.ITEMS_MAX + 1), "batch-too-large"),
        (lambda: get(sessions=0), "bad-request"),
        (lambda: post(0), "bad-request"),
    ],
)
async def test_the_protocols_own_bounds_are_limits_too(request_: Callable[[], Call], problem: str) -> None:
    assert await heard(Beyond({}, request_, problem)) == problem


@pytest.mark.parametrize("meanwhile", [streaming, streaming_before], ids=["attached", "awaited"])
async def test_a_connection_watches_no_session_beyond_its_limit_with_a_stream_or_without(
    meanwhile: Callable[[ASGIApp], AbstractAsyncContextManager[None]],
) -> None:
    assert await heard(Beyond({"sessions": 1}, more, "", meanwhile)) == "too-many-sessions"
