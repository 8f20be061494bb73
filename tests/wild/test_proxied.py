"""perdure's client and hub with somebody else's proxy between them, in HTTP/1.1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from perdure import Limits, MemoryIdentity, Session
from perdure.identity import new_id

from tests.wild.talking import Echo, talk, texts, until
from tests.wild.ways import DEFAULT, GZIP, HYPERCORN, HYPERCORN_TLS, TLS, TUNED_WAY, Served, Way, Ways

pytestmark = [pytest.mark.wild, pytest.mark.anyio]
CLIENT = {"what": "perdure's client", "package": ""}
WAYS = [(DEFAULT, "1.1"), (TUNED_WAY, "1.1"), (GZIP, "1.1"), (TLS, "1.1"), (TLS, "2")]
WAYS += [(HYPERCORN, "2"), (HYPERCORN_TLS, "2")]
TRIED = [
    pytest.param(
        way, http, id=f"{way.name}-{http}", marks=pytest.mark.tried(**CLIENT, http=http, way=way.name)
    )
    for way, http in WAYS
]
by_ways = pytest.mark.parametrize(("way", "http"), TRIED)


class Far:
    """A hub at the end of a way, and clients that go it."""

    def __init__(self, echo: Echo, served: Served, ways: Ways, http: str) -> None:
        self.echo, self.served, self._ways, self._http2 = echo, served, ways, http == "2"

    def talk(self, **more: Any) -> Any:
        """A client that is up."""
        return talk(self.served.url, self._ways.certificates, http2=self._http2, **more)

    async def publish(self, *said: str) -> None:
        """Publish these."""
        for text in said:
            await self.served.call(self.echo.hub.session("chat").publish, {"text": text})

    def streams(self) -> int:
        """How many streams were asked for."""
        return self.served.gate.paths().count("/events")


@pytest.fixture
def far(way: Way, http: str, ways: Ways) -> Iterator[Far]:
    echo = Echo(grace_s=0.2)
    served = ways.lead(way, echo.hub.asgi())
    yield Far(echo, served, ways, http)
    served.close(echo.hub.aclose)


@by_ways
@pytest.mark.tried(case="a conversation")
async def test_a_conversation_with_two_sessions_on_one_stream(far: Far, way: Way, http: str) -> None:
    async with far.talk() as session:
        for number in range(10):
            await session.send({"text": f"m{number}"})
            assert await texts(session, 1) == [f"M{number}"]
        other = await session.watch("side")
        await other.send({"text": "beside"})
        assert await texts(other, 1) == ["BESIDE"]
        assert far.streams() == 1
    if not way.proxied:
        assert set(far.served.gate.versions) == {http}


@by_ways
@pytest.mark.tried(case="cut streams")
async def test_nothing_is_lost_or_doubled_across_cuts(far: Far) -> None:
    async with far.talk() as session:
        cid = session.connection_id
        expected = []
        for number in range(4):
            await far.publish(f"before {number}")
            await far.served.cut()
            await far.publish(f"after {number}")
            await session.send({"text": f"s{number}"})
            expected += [f"before {number}", f"after {number}", f"S{number}"]
        assert await texts(session, len(expected)) == expected
        assert session.connection_id == cid
    assert far.echo.taken == [f"s{number}" for number in range(4)]


@by_ways
@pytest.mark.tried(case="lost answers")
async def test_a_send_whose_answers_are_lost_is_handled_once(far: Far) -> None:
    async with far.talk() as session:
        far.served.gate.lose = 2
        await session.send({"text": "once"})
        assert await texts(session, 1) == ["ONCE"]
    assert far.served.gate.paths().count("/send") == 3
    assert far.echo.taken == ["once"]


@by_ways
@pytest.mark.tried(case="takeover")
async def test_of_two_clients_with_one_id_the_earlier_takes_another(far: Far) -> None:
    identity = MemoryIdentity()
    async with far.talk(identity=identity) as first:
        cid = first.connection_id
        await first.send({"text": "mine"})
        async with far.talk(identity=identity) as second:
            await until(lambda: first.connection_id != cid and first.status.state == "awaiting")
            assert second.connection_id == cid
            await second.send({"text": "yours"})
            assert await texts(first, 2) == await texts(second, 2) == ["MINE", "YOURS"]


@by_ways
@pytest.mark.tried(case="a client that is gone")
async def test_the_hub_learns_that_a_client_is_gone(far: Far) -> None:
    """It goes without a word: its goodbye is lost. The proxy has to pass on that its stream was closed."""
    async with far.talk() as session:
        await session.send({"text": "hello"})
        cid = session.connection_id
        far.served.gate.deaf.add("/close")
    await until(lambda: far.echo.gone == [cid])


@by_ways
@pytest.mark.tried(case="sends beside a stream that is not read")
async def test_sends_pass_while_the_stream_is_not_read(far: Far) -> None:
    """In HTTP/2 both share a connection, and what is not taken must not hold up the receipts."""
    limits = Limits(connect_s=2, heartbeat_s=5, post_s=5, goodbye_s=1, inbox_max=4)
    large = "x" * 100_000
    async with far.talk(limits=limits) as session:
        await far.publish(*[f"{number}{large}" for number in range(40)])
        with anyio.fail_after(10):
            for number in range(5):
                await session.send({"text": f"s{number}"})
        got = await texts(session, 45)
        assert [text.removesuffix(large) for text in got[:40]] == [str(number) for number in range(40)]
        assert got[40:] == [f"S{number}" for number in range(5)]


@by_ways
@pytest.mark.tried(case="the largest POST")
async def test_a_post_of_the_largest_size_passes(far: Far) -> None:
    """Limits.body_bytes is what nginx lets through, if nobody says otherwise."""
    async with far.talk() as session:
        waiting = [{"text": str(number) + "y" * 100_000} for number in range(24)]
        async with anyio.create_task_group() as group:
            for data in waiting:
                group.start_soon(session.send, data)
        assert len(await texts(session, 24)) == 24


@by_ways
@pytest.mark.tried(case="a hundred sessions")
async def test_a_hundred_sessions_come_back_with_the_cursor_of_each(far: Far) -> None:
    """Their names are in one line of the request, and their cursors in one header."""
    names = [new_id()[4:] for _ in range(100)]
    async with far.talk(session=names[0]) as session:
        places: list[Session] = [session, *[await session.watch(name) for name in names[1:]]]
        for name in names:
            await far.served.call(far.echo.hub.session(name).publish, {"text": name})
        assert [await texts(place, 1) for place in places] == [[name] for name in names]
        await far.served.cut()
        for name in names:
            await far.served.call(far.echo.hub.session(name).publish, {"text": f"{name} again"})
        assert [await texts(place, 1) for place in places] == [[f"{name} again"] for name in names]
    asked = [headers for path, _, headers in far.served.gate.asked if path == "/events"]
    assert asked[-1]["last-event-id"].count(",") == 99
