"""Hooks that never return, block or let a cancellation out: each is answered, and the hub goes on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from perdure import Arrival, Hub, HubSession, watch
from perdure_model.core.server.parts import ServerSettings

from tests.runtime.asgi import CID, Call, post, stream

pytestmark = pytest.mark.anyio


async def never(*_: Any) -> bool:
    await anyio.sleep_forever()
    return True


async def stray(*_: Any) -> bool:
    """Lets out a cancellation that nobody asked for, or where there is none (trio) what is no Exception."""
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        raise asyncio.CancelledError
    raise Unusual


class Unusual(BaseException):
    """No Exception, and nothing that ends a process either."""


@pytest.mark.parametrize("name", ["authenticate", "authorize"])
@pytest.mark.parametrize(
    ("hook", "said"), [(never, "has not returned after 0.05 s"), (stray, "let out")], ids=["never", "stray"]
)
async def test_a_request_whose_hook_does_not_return_well_is_answered_as_where_it_fails(
    name: str, hook: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub(hook_s=0.05, **{name: hook})
    call = Call("GET", "/events", [("cid", CID), ("attempt", "1.1"), ("session", "chat")])
    with anyio.fail_after(2):
        await call.run(hub.asgi())
    assert call.status == 500
    assert "hook-failed" in call.writes[0].decode()
    assert f"{name} {said}" in caplog.text
    await hub.aclose()


@pytest.mark.parametrize(
    ("hook", "said"), [(never, "has not returned after 0.05 s"), (stray, "let out")], ids=["never", "stray"]
)
async def test_hooks_that_run_on_their_own_are_cancelled_in_time(
    hook: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub(hook_s=0.05, settings=ServerSettings(grace_s=0.05))

    @hub.on_send
    async def take(_send: Any, _session: HubSession) -> None: ...

    hub.on_connect(hook)
    hub.on_expire(hook)
    app = hub.asgi()
    async with stream(app) as call:
        epoch = json.loads((await call.until(1))[0].data)["epoch"]
        body = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "chat"}
        await post(app, "/send", body | {"items": [{"key": "1.1", "data": 0}]})
        await anyio.sleep(0.1)
    with anyio.fail_after(2):
        while "on_expire failed" not in caplog.text:
            await anyio.sleep(0.01)
    for name in ("on_connect", "on_expire"):
        assert f"the hook {name} failed" in caplog.text
        assert f"{name} {said}" in caplog.text
    await hub.aclose()


async def forgetful(hub: Hub, count: int = 3) -> Hub:
    for n in range(count):
        await hub.session("chat").publish(n)
    return hub


SHORT_LOG = ServerSettings(log_max=1)


async def test_a_late_snapshot_keeps_back_neither_welcome_nor_heartbeats_and_ends_the_stream_at_its_deadline(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = await forgetful(Hub(settings=SHORT_LOG, hook_s=0.3, heartbeat_s=0.05))
    hub.snapshot(never)
    async with stream(hub.asgi()) as call:
        assert (await call.until(1))[0].event == "welcome"
        await anyio.sleep(0.15)
        assert not call.over
        assert call.comments >= 2
        await call.ended()
    assert [event.event for event in call.events] == ["welcome"]
    assert "the snapshot of session 'chat' failed" in caplog.text
    assert "snapshot has not returned after 0.3 s" in caplog.text
    await hub.aclose()


@pytest.mark.parametrize("over", [False, True], ids=["events", "end"])
async def test_nothing_of_a_session_follows_its_plain_snapshot_that_failed(over: bool) -> None:
    """Nor of another that comes after it; what was written before it goes out."""
    hub = await forgetful(Hub(settings=SHORT_LOG))
    await hub.session("before").publish("whole")
    for n in range(2):
        await hub.session("after").publish(n)
    asked = list[str]()

    @hub.snapshot
    def fail(session: HubSession) -> Any:
        asked.append(session.name)
        raise KeyError(session.name)

    if over:
        await hub.session("chat").end()
    query = [("cid", CID), ("attempt", "1.1"), *(("session", name) for name in ("before", "chat", "after"))]
    call = Call("GET", "/events", query)
    with anyio.fail_after(5):
        await call.run(hub.asgi())
    assert [(event.event, event.data) for event in call.events[1:]] == [("message", '"whole"')]
    assert call.events[-1].id.startswith("before:")
    assert (asked, call.over) == (["chat"], True)
    await hub.aclose()


class State:
    """A callable object that is called like an async function."""

    async def __call__(self, session: HubSession) -> str:
        await anyio.sleep(0.01)
        return f"the state of {session.name}"


@pytest.mark.parametrize("hook", [State(), lambda session: State()(session), State().__call__])
async def test_whatever_gives_something_to_await_may_be_a_snapshot(hook: Callable[..., Any]) -> None:
    hub = await forgetful(Hub(settings=SHORT_LOG))
    hub.snapshot(hook)
    async with stream(hub.asgi()) as call:
        _, gap = await call.until(2)
        assert json.loads(gap.data) == {"snapshot": "the state of chat"}
    await hub.aclose()


async def test_a_late_snapshot_of_a_client_that_does_not_read_its_heartbeats_is_given_up() -> None:
    hub = await forgetful(Hub(settings=SHORT_LOG, heartbeat_s=0.05, stall_s=0.1))
    hub.snapshot(never)
    with anyio.fail_after(2):
        async with anyio.create_task_group() as group:
            call = Call("GET", "/events", [("cid", CID), ("attempt", "1.1"), ("session", "chat")])
            group.start_soon(call.run, hub.asgi())
            await call.until(1)
            call.reads = anyio.Event()
    assert not hub._streams
    await hub.aclose()


async def test_a_hook_that_blocks_the_event_loop_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STANDSTILL_S", 0.2)
    hub = Hub(handler_s=0.2)

    @hub.on_connect
    async def block(_arrival: Arrival) -> None:
        time.sleep(0.4)

    async with stream(hub.asgi()) as call:
        await call.until(1)
        with anyio.fail_after(2):
            while "stood still" not in caplog.text:
                await anyio.sleep(0.01)
    assert "hooks ['on_connect'];" in caplog.text
    await hub.aclose()
