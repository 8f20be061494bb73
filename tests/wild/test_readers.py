"""Other people's readers read the hub's stream: at once, resumed where they were, told of gaps and ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from perdure import Hub, HubSession
from perdure_model.core.server.parts import ServerSettings

from tests.wild.readers import READERS, Reader, Said, Torn
from tests.wild.ways import DEFAULT, GZIP, HYPERCORN, STRAIGHT, TLS, Served, Way, Ways

pytestmark = [pytest.mark.wild, pytest.mark.anyio]
KEPT = 3
"""So many events the hub keeps of a session."""
BY_HTTP = {"1.0": (STRAIGHT,), "1.1": (STRAIGHT, DEFAULT, GZIP), "2": (HYPERCORN, TLS)}
TRIED = [
    pytest.param(
        reader,
        way,
        id=f"{reader.package}-{reader.http}-{way.name}",
        marks=pytest.mark.tried(what=reader.name, package=reader.package, http=reader.http, way=way.name),
    )
    for reader in READERS
    for way in BY_HTTP[reader.http]
]
by_readers = pytest.mark.parametrize(("reader", "way"), TRIED)


@pytest.fixture
def anyio_backend() -> str:
    """The loop of aiohttp; the hub's is its server's."""
    return "asyncio"


class Reading:
    """A hub that somebody else's reader reads."""

    def __init__(self, hub: Hub, served: Served, reader: Reader, ways: Ways) -> None:
        self._hub, self._reader, self._ways = hub, reader, ways
        self.served = served

    async def publish(self, *texts: str) -> None:
        """Publish these."""
        for text in texts:
            await self.served.call(self._hub.session("chat").publish, {"text": text})

    async def end(self) -> None:
        """End the session."""
        await self.served.call(self._hub.session("chat").end, "succeeded")

    @asynccontextmanager
    async def stream(self, last_event_id: str = "") -> AsyncIterator[Events]:
        """The stream as the reader gives it, after the welcome."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        url = f"{self.served.url}/events?session=chat"
        with anyio.fail_after(20):
            async with self._reader.open(url, headers, self._ways.certificates) as said:
                welcome = await anext(said)
                assert welcome.event == "welcome"
                assert json.loads(welcome.data)["protocol"] == 1
                yield Events(said)


class Events:
    """What comes after the welcome."""

    def __init__(self, said: AsyncIterator[Said]) -> None:
        self._said = said

    async def next(self) -> Said:
        """The next event."""
        return await anext(self._said)

    async def text(self) -> str:
        """The next event's text; it is a message."""
        said = await self.next()
        assert said.event == "message"
        return str(json.loads(said.data)["text"])

    async def over(self) -> list[Said]:
        """What still comes, until the stream ends or breaks off."""
        rest: list[Said] = []
        with suppress(Torn):
            rest.extend([said async for said in self._said])
        return rest


@pytest.fixture
def reading(reader: Reader, way: Way, ways: Ways) -> Any:
    hub = Hub(settings=ServerSettings(log_max=KEPT), heartbeat_s=0.1)

    @hub.snapshot
    def snapshot(_session: HubSession) -> dict[str, str]:
        return {"text": "the story so far"}

    served = ways.lead(way, hub.asgi())
    yield Reading(hub, served, reader, ways)
    served.close(hub.aclose)


@by_readers
@pytest.mark.tried(case="each event as it is published")
async def test_each_event_arrives_before_the_next_is_published(
    reading: Reading, reader: Reader, way: Way
) -> None:
    async with reading.stream() as events:
        for text in ("one", "zwei, drei: ✓", "a\nb\r\nc"):
            await reading.publish(text)
            assert await events.text() == text
    if not way.proxied:
        assert reading.served.gate.versions == [reader.http]


@by_readers
@pytest.mark.tried(case="comments")
async def test_heartbeats_are_no_events_and_keep_the_stream(reading: Reading) -> None:
    async with reading.stream() as events:
        await anyio.sleep(0.5)
        await reading.publish("after the silence")
        assert await events.text() == "after the silence"


@by_readers
@pytest.mark.tried(case="resuming by Last-Event-ID")
async def test_a_stream_that_was_cut_is_resumed_by_last_event_id(reading: Reading) -> None:
    async with reading.stream() as events:
        await reading.publish("one", "two")
        assert await events.text() == "one"
        last = await events.next()
        await reading.served.cut()
        assert await events.over() == []
    await reading.publish("three", "four")
    async with reading.stream(last.id) as events:
        assert [await events.text(), await events.text()] == ["three", "four"]
        await reading.publish("five")
        assert await events.text() == "five"


@by_readers
@pytest.mark.tried(case="gaps")
async def test_a_gap_is_told_with_its_snapshot(reading: Reading) -> None:
    """Where events are gone, and where the whole log is another."""
    async with reading.stream() as events:
        await reading.publish("one")
        last = (await events.next()).id
    await reading.publish(*[str(number) for number in range(KEPT + 1)])
    for position, reached in enumerate([last, f"chat:{'0' * 32}:{KEPT + 2}"], KEPT + 2):
        async with reading.stream(reached) as events:
            gap = await events.next()
            assert (gap.event, json.loads(gap.data)) == ("gap", {"snapshot": {"text": "the story so far"}})
            await reading.publish("next")
            after = await events.next()
            assert json.loads(after.data) == {"text": "next"}
            assert after.id.removesuffix(f":{position + 1}") == gap.id.removesuffix(f":{position}")


@by_readers
@pytest.mark.tried(case="the end and its outcome")
async def test_the_end_is_told_after_all_events(reading: Reading) -> None:
    """The reader goes then: on the same stream, other sessions might go on."""
    async with reading.stream() as events:
        await reading.publish("last")
        await reading.end()
        assert await events.text() == "last"
        end = await events.next()
    assert (end.event, json.loads(end.data)["outcome"]) == ("end", "succeeded")
