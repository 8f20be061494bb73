"""What a hub forgets of sessions that are over, and what who comes late still hears of them."""

from __future__ import annotations

import gc
import json
import tracemalloc
from typing import Any

import anyio
import pytest
from perdure import Gap, Hub, HubLimits, HubSession, Send, SessionFailed, connect
from perdure_model.core.server.parts import LOG, OWNER, TOMBSTONES, WATCH, WINDOW, ServerSettings

from tests.runtime.asgi import CID, Call, post, stream
from tests.runtime.serving import QUICK, SHORT, Serve

pytestmark = pytest.mark.anyio
HOUR = 3600.0


def held(hub: Hub) -> dict[str, int]:
    """How much a hub holds of sessions."""
    families = {"logs": LOG, "owners": OWNER, "watches": WATCH, "receipts": WINDOW}
    counts = {name: len(hub._rules.parts(family)) for name, family in families.items()}
    store: Any = hub._logs._store
    return counts | {"payloads": len(store._logs), "streams": len(hub._streams), "due": len(hub._calendar)}


async def until(done: Any) -> None:
    with anyio.fail_after(5):
        while not done():
            await anyio.sleep(0.002)


def keeping(ended_s: float, tombstone_s: float, **more: Any) -> ServerSettings:
    return ServerSettings(grace_s=0.05, ended_s=ended_s, tombstone_s=tombstone_s, **more)


async def test_who_comes_late_is_told_how_it_ended_and_given_the_snapshot(serve: Serve) -> None:
    hub = Hub(settings=keeping(0, HOUR))

    @hub.snapshot
    def state(session: HubSession) -> str:
        return f"all of {session.name}"

    server = serve(hub)
    session = hub.session("job")
    for n in range(3):
        await server.call(session.publish, n)
    await server.call(session.end, "failed")
    await until(lambda: hub._rules.part(LOG, "job").buried)
    assert held(hub)["payloads"] == 0
    async with connect(server.url, session="job", settings=QUICK, limits=SHORT) as late:
        with anyio.fail_after(5):
            assert await anext(late) == Gap("all of job", 3)
            with pytest.raises(SessionFailed):
                await anext(late)


async def test_a_send_to_what_is_buried_is_refused_as_to_what_is_over() -> None:
    hub = Hub(settings=keeping(0, HOUR))
    app = hub.asgi()
    await hub.session("job").end()
    await until(lambda: hub._rules.part(LOG, "job").buried)
    async with stream(app) as call:
        (welcome,) = await call.until(1)
        body = {"cid": CID, "attempt": "1.1", "epoch": json.loads(welcome.data)["epoch"], "session": "job"}
        _, answer = await post(app, "/send", body | {"items": [{"key": "1.1", "data": 0}]})
        assert answer["receipts"] == [{"key": "1.1", "verdict": "the session is over"}]
    await hub.aclose()


async def test_a_send_that_is_repeated_after_its_session_was_forgotten_is_handled_once() -> None:
    """A lost answer, the session's end, its forgetting, and the repeated POST (N41)."""
    hub, handled = Hub(settings=keeping(0, 0)), []

    @hub.on_send
    async def keep(send: Send, _session: HubSession) -> None:
        handled.append(send.key)

    app = hub.asgi()
    async with stream(app) as call:
        (welcome,) = await call.until(1)
        epoch = json.loads(welcome.data)["epoch"]
        body: dict[str, Any] = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "job"}
        body |= {"items": [{"key": "1.1", "data": 0}]}
        assert (await post(app, "/send", body))[1]["receipts"][0]["verdict"] == "accepted"
        await hub.session("job").end()
        await until(lambda: hub._rules.part(LOG, "job") is None)
        assert (await post(app, "/send", body))[1]["receipts"][0]["verdict"] == "duplicate"
        assert handled == ["1.1"]
    await hub.aclose()


async def test_the_name_is_free_again_and_who_knew_it_is_told_of_the_gap() -> None:
    hub = Hub(settings=keeping(0, 0))
    app, session = hub.asgi(), hub.session("chat")
    await session.publish("of the first")
    async with stream(app) as call:
        _, event = await call.until(2)
    await until(lambda: not hub._rules.parts(WATCH))
    await session.end()
    await until(lambda: hub._rules.part(LOG, "chat") is None)
    await session.publish("of the second")
    async with stream(app, 2, cursor=event.id) as call:
        welcome, gap = await call.until(2)
        assert (welcome.event, gap.event) == ("welcome", "gap")
        await session.publish("and on")
        assert (await call.until(3))[2].data == '"and on"'
    await hub.aclose()


async def test_a_stream_goes_on_without_the_sessions_that_ended_on_it() -> None:
    """Their places stand in no id any more, and they count for no limit: a client of many jobs."""
    hub = Hub(limits=HubLimits(sessions=2))
    app = hub.asgi()
    async with stream(app, session="main") as call:
        await call.until(1)
        for n in range(5):
            word = {"cid": CID, "attempt": "1.1", "serial": n + 1, "session": f"job-{n}"}
            assert (await post(app, "/watch", word))[0] == 204
            await hub.session(f"job-{n}").publish(n)
            await hub.session(f"job-{n}").end()
            await call.until(1 + 2 * (n + 1))
        await hub.session("main").publish("on")
        last = (await call.until(12))[-1]
        assert last.id.count(":") == 2  # its own place alone
        assert held(hub)["watches"] == 1
    await hub.aclose()


async def collect() -> None:
    """What nobody needs is gone: event loops keep a thousand deadlines that are over, and then none."""
    for _ in range(3_000):
        with anyio.move_on_after(60):
            pass
    await anyio.sleep(0.01)
    gc.collect()


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
async def test_nothing_is_left_of_many_sessions(count: int) -> None:
    """Each watched, sent to, published to and ended: parts, payloads and memory are what they were."""
    hub = Hub(settings=keeping(0.01, 0.3, tombstones_max=100))

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish(send.data)
        await session.end()

    app = hub.asgi()
    await sessions(app, range(100))
    await until(lambda: not any(held(hub).values()))
    await collect()
    tracemalloc.start()
    before, most = tracemalloc.get_traced_memory()[0], 0
    for n in range(100, count + 100, 50):
        await sessions(app, range(n, n + 50))
        most = max(most, hub._rules.part(TOMBSTONES) or 0)
    await until(lambda: not any(held(hub).values()))
    await collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0 < most <= 100
    assert hub._rules.part(TOMBSTONES) is None
    assert grown < 100_000, f"{grown:,} bytes are left: {grown / count:.0f} of each session"
    await hub.aclose()


async def sessions(app: Any, numbers: range) -> None:
    """All of these at once."""
    async with anyio.create_task_group() as group:
        for n in numbers:
            group.start_soon(a_session, app, n)


async def a_session(app: Any, n: int) -> None:
    """A client of its own, which sends once and stays to the end."""
    cid = f"cid-00000000-0000-0000-0000-{n:012x}"
    call = Call("GET", "/events", [("cid", cid), ("attempt", "1.1"), ("session", f"job-{n}")])
    async with anyio.create_task_group() as group:
        group.start_soon(call.run, app)
        (welcome,) = await call.until(1)
        epoch = json.loads(welcome.data)["epoch"]
        body = {"cid": cid, "attempt": "1.1", "epoch": epoch, "session": f"job-{n}"}
        await post(app, "/send", body | {"items": [{"key": "1.1", "data": n}]})
        await call.until(3)
        await post(app, "/close", {"cid": cid, "attempt": "1.1"})
