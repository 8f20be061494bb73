"""A hub as an ASGI app, called in memory under asyncio and trio; and mounted in other apps."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from perdure import Event, Hub, HubSession, Send, connect
from perdure_model.core.server import SERVER
from perdure_model.core.server.parts import CONNECTION, ServerSettings
from perdure_model.world import DEFECTS
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.runtime.asgi import CID, Call, post, stream
from tests.runtime.serving import QUICK, SHORT, Serve, echo_hub

pytestmark = pytest.mark.anyio


async def test_a_stream_begins_with_a_welcome_and_is_not_to_be_kept_by_proxies() -> None:
    hub = Hub(settings=ServerSettings(grace_s=7), heartbeat_s=3)
    async with stream(hub.asgi()) as call:
        (welcome,) = await call.until(1)
        assert (call.status, call.headers["content-type"]) == (200, "text/event-stream")
        assert call.headers["cache-control"] == "no-store"
        assert call.headers["x-accel-buffering"] == "no"
    said = json.loads(welcome.data)
    assert welcome.event == "welcome"
    assert said.pop("epoch")
    assert said == {
        "protocol": 1,
        "connection": CID,
        "generation": "1.1",
        "resumed": False,
        "grace_s": 7,
        "heartbeat_s": 3,
    }
    await hub.aclose()


async def test_events_carry_a_cursor_of_all_sessions_with_their_own_first() -> None:
    hub = Hub()
    app = hub.asgi()
    for name, data in [("a,b", 1), ("c", 2), ("a,b", 3)]:
        await hub.session(name).publish(data)
    query = [("cid", CID), ("attempt", "1.1"), ("session", "a,b"), ("session", "c")]
    call = Call("GET", "/events", query)
    async with anyio.create_task_group() as group:
        group.start_soon(call.run, app)
        _, *events = await call.until(4)
        call.gone.set()
    assert [event.data for event in events] == ["1", "3", "2"]
    assert {event.event for event in events} == {"message"}
    places = [[entry.split(":")[::2] for entry in event.id.split(",")] for event in events]
    assert places == [[["a%2Cb", "1"]], [["a%2Cb", "2"]], [["c", "1"], ["a%2Cb", "2"]]]
    again = Call("GET", "/events", [*query[:1], ("attempt", "1.2"), *query[2:], ("cursor", events[1].id)])
    async with anyio.create_task_group() as group:
        group.start_soon(again.run, app)
        assert [event.data for event in (await again.until(2))[1:]] == ["2"]
        again.gone.set()
    await hub.aclose()


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_stream_goes_on_behind_its_cursor(by_header: bool) -> None:
    hub = Hub()
    app = hub.asgi()
    for n in range(1, 6):
        await hub.session("chat").publish(n)
    async with stream(app) as call:
        place = (await call.until(6))[3].id
    call = Call("GET", "/events", [("cid", CID), ("attempt", "1.2"), ("session", "chat")])
    if by_header:
        call.scope["headers"] = [(b"last-event-id", place.encode())]
    else:
        call.scope["query_string"] += b"&cursor=" + place.encode()
    async with anyio.create_task_group() as group:
        group.start_soon(call.run, app)
        assert [event.data for event in (await call.until(3))[1:]] == ["4", "5"]
        call.gone.set()
    await hub.aclose()


async def test_what_is_published_while_a_client_does_not_read_is_held_by_the_log_alone() -> None:
    hub = Hub(settings=ServerSettings(batch_max=10))
    async with stream(hub.asgi()) as call:
        await call.until(1)
        call.reads = anyio.Event()
        for n in range(500):
            await hub.session("chat").publish(n)
        (outgoing,) = hub._streams.values()
        assert outgoing._chunks == []
        assert len(outgoing._woken) <= 1
        call.reads.set()
        events = await call.until(501)
    assert [json.loads(event.data) for event in events[1:]] == list(range(500))
    assert max(write.count(b"data:") for write in call.writes) == 10
    await hub.aclose()


async def test_what_one_decision_writes_goes_out_in_one_write() -> None:
    hub = Hub()
    for n in range(100):
        await hub.session("chat").publish(n)
    async with stream(hub.asgi()) as call:
        await call.until(101)
    assert len(call.writes) == 1  # with the welcome
    await hub.aclose()


async def test_heartbeats_come_when_nothing_else_is_written_and_not_before() -> None:
    hub = Hub(heartbeat_s=0.1)
    async with stream(hub.asgi()) as call:
        for n in range(6):  # busy for 0.18 s
            await anyio.sleep(0.03)
            await hub.session("chat").publish(n)
        assert call.comments == 0
        await anyio.sleep(0.35)
        assert 2 <= call.comments <= 3
    gaps = [later - earlier for earlier, later in zip(call.times[-3:], call.times[-2:], strict=False)]
    assert min(gaps) >= 0.09
    await hub.aclose()


async def test_a_later_attempt_ends_the_earlier_stream_and_says_so() -> None:
    hub = Hub()
    app = hub.asgi()
    async with stream(app, 1) as first:
        await first.until(1)
        async with stream(app, 2) as second:
            await second.until(1)
            await first.ended()
            assert (first.events[-1].event, json.loads(first.events[-1].data)["outcome"]) == (
                "end",
                "taken over",
            )
            await hub.session("chat").publish(1)
            assert (await second.until(2))[1].data == "1"
            async with stream(app, 1) as late:
                await late.ended()
                assert late.status == 409
    assert len(first.events) == 2
    await hub.aclose()


async def test_a_stream_that_nobody_reads_is_replaced_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.outgoing.LINGER_S", 0.05)
    hub = Hub()
    app = hub.asgi()
    async with stream(app, 1) as dead:
        await dead.until(1)
        dead.reads = anyio.Event()
        await hub.session("chat").publish(1)
        async with stream(app, 2) as second:
            assert [event.data for event in (await second.until(2))[1:]] == ["1"]
            with anyio.fail_after(2):
                while len(hub._streams) > 1:
                    await anyio.sleep(0.005)
    assert len(dead.events) == 1
    await hub.aclose()


async def test_grace_and_close() -> None:
    hub = Hub(settings=ServerSettings(grace_s=0.1))
    app = hub.asgi()
    async with stream(app, 1) as call:
        await call.until(1)
    assert (len(hub._timers), len(hub._rules.parts(CONNECTION))) == (1, 1)
    async with stream(app, 2) as call:
        assert json.loads((await call.until(1))[0].data)["resumed"] is True
        assert len(hub._timers) == 0
        assert (await post(app, "/close", {"cid": CID, "attempt": "1.1"}))[0] == 409
        assert (await post(app, "/close", {"cid": CID, "attempt": "1.2"})) == (204, None)
        await call.ended()
        assert [event.event for event in call.events] == ["welcome"]
    assert hub._rules.parts(CONNECTION) == {}
    assert (await post(app, "/close", {"cid": CID, "attempt": "1.2"}))[0] == 409
    async with stream(app, 3) as call:
        await call.until(1)
    with anyio.fail_after(2):
        while hub._rules.parts(CONNECTION):
            await anyio.sleep(0.01)
    await hub.aclose()


async def test_closing_ends_streams_timers_and_handlers_and_turns_requests_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = Hub(closing_s=0.05)
    app = hub.asgi()
    cancelled = False

    @hub.on_send
    async def endless(send: Send, session: HubSession) -> None:
        nonlocal cancelled
        try:
            await anyio.sleep_forever()
        finally:
            cancelled = True

    async with stream(app) as call:
        epoch = json.loads((await call.until(1))[0].data)["epoch"]
        items = [{"key": f"1.{n}", "data": n} for n in (1, 2, 3)]
        body = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "chat", "items": items}
        assert (await post(app, "/send", body))[0] == 200
        await anyio.sleep(0.01)
        await hub.aclose()
        await call.ended()
        assert (await post(app, "/send", body))[0] == 503
        async with stream(app, 2) as second:
            await second.ended()
            assert second.status == 503
    assert cancelled
    assert len(hub._background) == 0
    assert "before 2 sends of 'chat' were handled" in caplog.text


async def test_a_second_lifespan_opens_the_hub_again() -> None:
    hub = Hub()
    app = hub.asgi()
    for attempt in (1, 2):
        async with hub.lifespan(app), stream(app, attempt) as call:
            await call.until(1)


@pytest.mark.parametrize("path", ["/live", "/a/b"])
async def test_a_mounted_hub_needs_no_lifespan(serve: Serve, path: str) -> None:
    hub = echo_hub(ServerSettings(grace_s=0.1))
    server = serve(hub, app=Starlette(routes=[Mount(path, hub.asgi())]))
    async with connect(f"{server.url}{path}/", session="chat-1", settings=QUICK, limits=SHORT) as session:
        await session.send({"text": "hello"})
        with anyio.fail_after(5):
            assert await anext(session) == Event({"text": "HELLO"}, 1)


async def test_the_owner_is_who_sent_last() -> None:
    hub = Hub()
    app = hub.asgi()
    other = CID.replace("a", "b")
    assert hub.session("chat").owner is None

    async def send(cid: str, call: Call) -> None:
        epoch = json.loads((await call.until(1))[0].data)["epoch"]
        body: dict[str, Any] = {"cid": cid.upper().replace("CID", "cid"), "epoch": epoch, "session": "chat"}
        body["attempt"] = "1.1"
        assert (await post(app, "/send", body | {"items": [{"key": "1.1", "data": 0}]}))[0] == 200
        assert hub.session("chat").owner == cid

    async with stream(app) as one, stream(app, cid=other) as two:
        await send(CID, one)
        await send(other, two)
    await hub.aclose()


@pytest.mark.parametrize("planted", [False, True])
async def test_a_defect_of_the_model_shows_in_the_running_hub(planted: bool) -> None:
    hub = Hub(book=DEFECTS["T02"].plant({"server": SERVER})["server"] if planted else SERVER)
    app = hub.asgi()
    async with stream(app, 1) as first:
        await first.until(1)
        async with stream(app, 2) as second:
            await second.until(1)
            await first.ended()
            with anyio.fail_after(5):
                while len(hub._streams) > 1:  # the late close of the first
                    await anyio.sleep(0.005)
            await hub.session("chat").publish(1)
            await anyio.sleep(0.05)
            assert len(second.events) == (1 if planted else 2)
    await hub.aclose()
