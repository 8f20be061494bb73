"""A hub over stores that take their time, refuse, or are shared: nobody is sent what is not stored."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from unittest.mock import ANY

import anyio
import pytest
from perdure import Hub, MemoryStore, NotStored
from perdure_model.core.server.parts import LOG, Log, ServerSettings

from tests.runtime.asgi import CID, post, stream

pytestmark = pytest.mark.anyio


class Slow:
    """A memory store whose answers come when they are let go, in the order of the calls, or raise."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.calls: list[str] = []
        self.open = anyio.Event()
        self.raises: Exception | None = None

    async def _pass(self, name: str) -> None:
        self.calls.append(name)
        await self.open.wait()
        await anyio.sleep(0)
        if self.raises is not None:
            raise self.raises

    async def append(self, session: str, epoch: Hashable, position: int, event: bytes, gone: int) -> bool:
        await self._pass(f"append {position}")
        return self.memory.append(session, epoch, position, event, gone)

    async def drop(self, session: str, epoch: Hashable) -> bool:
        await self._pass("drop")
        return self.memory.drop(session, epoch)

    async def read(self, session: str, epoch: Hashable, first: int, last: int) -> Sequence[bytes] | None:
        await self._pass(f"read {first} to {last}")
        return self.memory.read(session, epoch, first, last)


async def until(done: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not done():
            await anyio.sleep(0.002)


async def test_nobody_is_sent_an_event_before_it_is_stored() -> None:
    store, positions = Slow(), []
    hub = Hub(store)
    session = hub.session("chat")

    async def publish(n: int) -> None:
        positions.append(await session.publish(n))

    async with stream(hub.asgi()) as call:
        await call.until(1)
        async with anyio.create_task_group() as group:
            for n in (1, 2, 3):
                group.start_soon(publish, n)
                await until(lambda: hub._rules.part(LOG, "chat") == Log(ANY, n))  # noqa: B023
            await anyio.sleep(0.05)
            assert (len(call.writes), positions, store.calls) == (1, [], ["append 1"])
            store.open.set()
        events = (await call.until(4))[1:]
        assert [event.data for event in events] == ["1", "2", "3"]
        assert sorted(positions) == [1, 2, 3]
        assert [call for call in store.calls if "append" in call] == ["append 1", "append 2", "append 3"]
    await hub.aclose()


async def test_a_publisher_that_is_cancelled_leaves_no_hole() -> None:
    store = Slow()
    hub = Hub(store)
    with anyio.move_on_after(0.02):
        await hub.session("chat").publish("given up on")
    store.open.set()
    assert await hub.session("chat").publish("next") == 2
    await hub.aclose()


async def test_what_the_store_refuses_is_raised_and_the_next_goes_into_a_log_of_its_own() -> None:
    store = MemoryStore()
    hub = Hub(store)
    session = hub.session("chat")
    async with stream(hub.asgi()) as call:
        assert await session.publish("first") == 1
        await call.until(2)
        assert store.append("chat", "another process's", 1, b"data: not ours\n\n", 0)
        with pytest.raises(NotStored, match="publish it again"):
            await session.publish("overtaken")
        assert (await call.until(3))[2].event == "gap"
        assert await session.publish("again") == 1
        told = [(item.event, item.data) for item in (await call.until(4))[1:]]
        assert told == [("message", '"first"'), ("gap", '{"snapshot":null}'), ("message", '"again"')]
    await hub.aclose()


async def test_a_refusal_that_takes_its_time_is_heard_by_publisher_and_streams() -> None:
    store = Slow()
    store.open.set()
    hub = Hub(store)
    session = hub.session("chat")
    async with stream(hub.asgi()) as call:
        await session.publish("first")
        place = (await call.until(2))[1].id
        assert store.memory.append("chat", "another process's", 1, b"data: not ours\n\n", 0)
        with pytest.raises(NotStored):
            await session.publish("overtaken")
        await call.ended()
        assert len(call.events) == 2
    async with stream(hub.asgi(), 2, cursor=place) as call:
        assert (await call.until(2))[1].event == "gap"
        assert await session.publish("again") == 1
        assert (await call.until(3))[2].data == '"again"'
    await hub.aclose()


async def test_a_store_that_raises_has_not_stored(caplog: pytest.LogCaptureFixture) -> None:
    store = Slow()
    store.open.set()
    store.raises = OSError("no route")
    hub = Hub(store)
    with caplog.at_level(logging.WARNING, "perdure"), pytest.raises(NotStored):
        await hub.session("chat").publish(1)
    assert "no route" in caplog.text
    store.raises = None
    assert await hub.session("chat").publish(2) == 1
    await hub.aclose()


async def test_a_stream_whose_events_are_lost_ends_there_and_who_comes_back_is_told_of_the_gap() -> None:
    """Another hub takes the session before a stream that was away reads on."""
    store = MemoryStore()
    ours, other = Hub(store), Hub(store)
    app = ours.asgi()
    for n in (1, 2):
        await ours.session("chat").publish(n)
    async with stream(app) as first:
        place = (await first.until(3))[1].id
    await other.session("chat").publish("theirs")
    async with stream(app, 2, cursor=place) as second:
        await second.ended()
        assert [event.event for event in second.events] == ["welcome"]
    async with stream(app, 3, cursor=place) as third:
        assert (await third.until(2))[1].event == "gap"
        assert await ours.session("chat").publish(3) == 1
        assert (await third.until(3))[2].data == "3"
    with pytest.raises(NotStored):
        await other.session("chat").publish("overtaken in turn")
    await ours.aclose()
    await other.aclose()


async def test_a_log_that_is_over_is_dropped_after_its_last_write() -> None:
    store = Slow()
    hub = Hub(store, settings=ServerSettings(ended_s=0.01))
    async with anyio.create_task_group() as group:
        group.start_soon(hub.session("chat").publish, 1)
        await until(lambda: store.calls)
        await hub.session("chat").end()
        await anyio.sleep(0.05)
        assert store.calls == ["append 1"]
        store.open.set()
    await until(lambda: store.calls == ["append 1", "drop"] and not store.memory._logs)
    await hub.aclose()


async def test_a_hub_that_closes_waits_for_its_store_and_no_longer_than_it_may() -> None:
    store = Slow()
    hub = Hub(store, closing_s=0.05)
    raised: list[Exception] = []

    async def publish() -> None:
        try:
            await hub.session("chat").publish(1)
        except NotStored as error:
            raised.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(publish)
        await until(lambda: store.calls)
        with anyio.fail_after(2):
            await hub.aclose()
    assert len(raised) == 1


async def test_a_send_is_answered_while_the_store_takes_its_time() -> None:
    """Only the log waits: what a handler publishes is stored when it is."""
    store = Slow()
    hub = Hub(store)

    @hub.on_send
    async def echo(send: Any, session: Any) -> None:
        await session.publish(send.data)

    app = hub.asgi()
    async with stream(app) as call:
        (welcome,) = await call.until(1)
        epoch = json.loads(welcome.data)["epoch"]
        items = [{"key": "1.1", "data": "a"}]
        body = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "chat", "items": items}
        assert (await post(app, "/send", body))[0] == 200
        store.open.set()
        assert [item.data for item in (await call.until(2))[1:]] == ['"a"']
    await hub.aclose()
