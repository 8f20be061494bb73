"""The fault proxy between a real uvicorn and a real httpx2: each fault seen from both ends and in the log."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeAlias

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream
from perdure import sse
from perdure.testing import (
    Answer,
    CutStream,
    DelayClose,
    Fault,
    FaultProxy,
    HalfDead,
    HoldRequest,
    LoseRequest,
    LoseResponse,
    RepeatRequest,
)

from tests.testing.serving import EventServer

pytestmark = pytest.mark.anyio

Between: TypeAlias = tuple[FaultProxy, httpx2.AsyncClient]
LOST = (httpx2.RemoteProtocolError, httpx2.ReadError)


@asynccontextmanager
async def between(server: EventServer, *script: Fault) -> AsyncIterator[Between]:
    """A proxy before the server and a client before the proxy. Whatever hangs fails."""
    with anyio.fail_after(15):
        async with (
            FaultProxy(server.port, script) as proxy,
            httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{proxy.port}", trust_env=False, verify=False
            ) as client,
        ):
            yield proxy, client


@asynccontextmanager
async def raw(proxy: FaultProxy) -> AsyncIterator[SocketStream]:
    """A client that writes its own bytes."""
    async with await anyio.connect_tcp("127.0.0.1", proxy.port) as stream:
        yield stream


class Reader:
    """Reads one stream; `events` are the data of what came whole, `raw` are all bytes."""

    def __init__(self, client: httpx2.AsyncClient, name: str, **query: int) -> None:
        self.events: list[str] = []
        self.raw = b""
        self.last_event_id = ""
        self._client = client
        self._query: dict[str, str | int] = {"name": name, **query}

    async def read(self, events_max: int | None = None) -> None:
        """Read to the stream's end, or until so many events have come. Raises where the stream is cut."""
        parser = sse.Parser()
        async with self._client.stream("GET", "/events", params=self._query, timeout=5) as response:
            assert response.status_code == 200
            with anyio.CancelScope() as enough:  # cancelling unwinds the client's nested generators
                async for chunk in response.aiter_bytes():
                    self.raw += chunk
                    self.events += [item.data for item in parser.feed(chunk) if isinstance(item, sse.Event)]
                    self.last_event_id = parser.last_event_id
                    if events_max is not None and len(self.events) >= events_max:
                        enough.cancel()

    async def read_until_cut(self) -> list[str]:
        """Read until the stream is cut, which must happen; return its events."""
        with pytest.raises(LOST):
            await self.read()
        return self.events


async def lost(request: Callable[..., Awaitable[object]], *args: object, **options: object) -> None:
    """Make a request that must be lost."""
    with pytest.raises(LOST):
        await request(*args, **options)


def done(proxy: FaultProxy) -> list[tuple[str, str]]:
    return [(entry.where, entry.what) for entry in proxy.log]


class TestWithoutFaults:
    async def test_everything_passes_unchanged(self, server: EventServer) -> None:
        async with between(server) as (proxy, client):
            reader = Reader(client, "a", events=50, gap_ms=0)
            await reader.read()
            replies = [(await client.post("/send", content=f"s{n}")).json()["took"] for n in range(5)]
            assert (await client.get("/other")).text == "other"
        assert reader.events == [f"a-{n}" for n in range(1, 51)]
        assert replies == server.seen.sends == ["s0", "s1", "s2", "s3", "s4"]
        assert proxy.requests == {"stream": 1, "send": 5}
        assert (proxy.streams, proxy.events, proxy.open_streams) == (1, 50, ())
        assert proxy.log == []

    async def test_a_large_body_passes_in_both_directions(self, server: EventServer) -> None:
        text = "x" * 3_000_000
        async with between(server) as (_, client):
            assert (await client.post("/send", content=text)).json() == {"took": text}

    async def test_the_server_learns_at_once_that_a_client_left(self, server: EventServer) -> None:
        async with between(server) as (proxy, client):
            await Reader(client, "a").read(3)
            await server.seen.until(lambda seen: seen.closed == ["a"])
            assert proxy.open_streams == ()

    async def test_the_client_learns_at_once_that_the_server_closed_an_idle_connection(
        self, server: EventServer
    ) -> None:
        """Else the next request would be lost on a connection that looks alive."""
        async with between(server) as (_, client):
            assert (await client.get("/other")).status_code == 200
            server.close_idle_connections()
            await server.seen.until(lambda _: not server.connections)
            await anyio.sleep(0.05)
            assert (await client.get("/other")).status_code == 200

    async def test_a_server_that_is_not_there_closes_the_connection(self, server: EventServer) -> None:
        async with between(server) as (proxy, client):
            proxy.upstream_port = 1
            with pytest.raises(LOST):
                await client.post("/send", content="s")
        assert done(proxy) == [("send 1", "server unreachable")]

    async def test_a_server_that_breaks_off_a_stream_breaks_off_the_clients(
        self, server: EventServer
    ) -> None:
        async with between(server) as (proxy, client), anyio.create_task_group() as tasks:
            reader = Reader(client, "a")
            tasks.start_soon(reader.read_until_cut)
            while not proxy.events:
                await anyio.sleep(0.002)
            server.abort_connections()
        assert (proxy.log, proxy.open_streams) == ([], ())

    async def test_leaving_closes_streams_on_both_sides(self, server: EventServer) -> None:
        with anyio.fail_after(15):
            async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
                async with FaultProxy(server.port) as proxy:
                    client.base_url = httpx2.URL(f"http://127.0.0.1:{proxy.port}")
                    request = client.build_request("GET", "/events", params={"name": "a"})
                    response = await client.send(request, stream=True)
                with pytest.raises(LOST):
                    await response.aread()
            await server.seen.until(lambda seen: seen.closed == ["a"])

    async def test_what_is_not_http_is_closed_and_noted(self, server: EventServer) -> None:
        async with between(server) as (proxy, _), raw(proxy) as stream:
            await stream.send(b"\x16\x03\x01 no http\r\n\r\n")
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()
        assert done(proxy) == [("connection", "not HTTP")]

    async def test_pipelined_requests_are_told_apart(self, server: EventServer) -> None:
        request = b"POST /send HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\ns"
        async with between(server, Answer(nth=2, status=503)) as (proxy, _), raw(proxy) as stream:
            await stream.send(request + b"1" + request + b"2" + request + b"3")
            replies = b""
            while not replies.endswith(b'"s3"}'):
                replies += await stream.receive()
        assert server.seen.sends == ["s1", "s3"]
        assert re.findall(rb"HTTP/1.1 (\d+)", replies) == [b"200", b"503", b"200"]
        assert done(proxy) == [("send 2", "answered")]

    async def test_a_client_that_waits_for_100_gets_it(self, server: EventServer) -> None:
        head = b"POST /send HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
        async with between(server) as (proxy, _), raw(proxy) as stream:
            await stream.send(head)
            assert (await stream.receive()).startswith(b"HTTP/1.1 100 ")
            await stream.send(b"hi")
            await server.seen.until(lambda seen: seen.sends == ["hi"])


class TestCutStream:
    async def test_right_after_the_nth_event(self, server: EventServer) -> None:
        async with between(server, CutStream(after_events=7)) as (proxy, client):
            reader = Reader(client, "a")
            assert await reader.read_until_cut() == [f"a-{n}" for n in range(1, 8)]
            await server.seen.until(lambda seen: seen.closed == ["a"])
        assert reader.raw.endswith(b"data: a-7\n\n")
        assert [str(entry).split("s  ")[1] for entry in proxy.log] == ["stream 1: cut, after 7 events"]
        assert proxy.waiting == ()

    async def test_events_that_come_in_one_piece_are_told_apart(self, server: EventServer) -> None:
        async with between(server, CutStream(after_events=7)) as (_, client):
            assert len(await Reader(client, "a", burst=20).read_until_cut()) == 7

    async def test_without_a_stream_events_of_all_streams_count(self, server: EventServer) -> None:
        async with between(server, CutStream(after_events=5), CutStream(after_events=12)) as (proxy, client):
            assert len(await Reader(client, "a").read_until_cut()) == 5
            assert len(await Reader(client, "b").read_until_cut()) == 7
        assert done(proxy) == [("stream 1", "cut"), ("stream 2", "cut")]

    async def test_of_one_stream_its_own_events_count(self, server: EventServer) -> None:
        async with between(server, CutStream(stream=2, after_events=5)) as (proxy, client):
            await Reader(client, "a", events=20).read()
            assert len(await Reader(client, "b").read_until_cut()) == 5
        assert done(proxy) == [("stream 2", "cut")]

    async def test_before_the_first_event(self, server: EventServer) -> None:
        async with between(server, CutStream()) as (_, client):
            assert await Reader(client, "a").read_until_cut() == []

    async def test_torn_within_an_event(self, server: EventServer) -> None:
        async with between(server, CutStream(after_events=3, torn=True)) as (proxy, client):
            reader = Reader(client, "a")
            assert await reader.read_until_cut() == ["a-1", "a-2", "a-3"]
        assert b"id: 4\n" in reader.raw, "the cut falls in the middle of event 4"
        assert reader.raw[-8:].find(b"data") > 0
        assert reader.last_event_id == "3"
        assert proxy.log[0].detail == "after 3 events and a part of the next"

    async def test_live(self, server: EventServer) -> None:
        async with between(server) as (proxy, client), anyio.create_task_group() as tasks:
            reader = Reader(client, "a", gap_ms=60_000)
            tasks.start_soon(reader.read_until_cut)
            await server.seen.until(lambda seen: seen.opened == ["a"])
            while not proxy.events:
                await anyio.sleep(0.002)
            entry = await proxy.cut_stream()
            assert (entry.where, entry.what, entry.detail) == ("stream 1", "cut", "after 1 events")
        assert reader.events == ["a-1"]

    async def test_live_and_torn(self, server: EventServer) -> None:
        async with between(server) as (proxy, client), anyio.create_task_group() as tasks:
            reader = Reader(client, "a", gap_ms=20)
            tasks.start_soon(reader.read_until_cut)
            while not proxy.events:
                await anyio.sleep(0.002)
            await proxy.cut_stream(torn=True)
        assert reader.raw.count(b"id: ") == len(reader.events) + 1

    async def test_live_cuts_the_newest(self, server: EventServer) -> None:
        async with between(server) as (proxy, client), anyio.create_task_group() as tasks:
            old, new = Reader(client, "old"), Reader(client, "new")
            tasks.start_soon(old.read_until_cut)
            await server.seen.until(lambda seen: seen.opened == ["old"])
            tasks.start_soon(new.read_until_cut)
            while len(proxy.open_streams) < 2:
                await anyio.sleep(0.002)
            await proxy.cut_stream()
            await proxy.cut_stream()
        assert done(proxy) == [("stream 2", "cut"), ("stream 1", "cut")]

    async def test_the_server_learns_of_it_once_the_next_stream_is_up(self, server: EventServer) -> None:
        async with between(server, CutStream(after_events=3, server_learns_after_s=30)) as (proxy, client):
            assert len(await Reader(client, "a").read_until_cut()) == 3
            written = server.seen.written
            await server.seen.until(lambda seen: seen.written > written + 5)
            assert server.seen.closed == [], "the server still writes to the old stream"
            assert done(proxy) == [("stream 1", "cut")]
            await Reader(client, "b", events=40).read()
            await server.seen.until(lambda seen: "a" in seen.closed)
            assert done(proxy) == [("stream 1", "cut"), ("stream 1", "server told")]
        assert server.seen.opened == ["a", "b"], "and so the old one's close came after the new one's start"

    async def test_until_it_learns_the_server_goes_on_writing(self, server: EventServer) -> None:
        """Nobody reads what it writes, and yet no buffer fills up: it believes in its client."""
        async with between(server, CutStream(after_events=3, server_learns_after_s=30)) as (proxy, client):
            await Reader(client, "a", burst=5_000).read_until_cut()
            await server.seen.until(lambda seen: seen.written > 500_000)  # some 20 MB
            proxy.release()
            await server.seen.until(lambda seen: seen.closed == ["a"])

    async def test_the_server_learns_of_it_after_a_time(self, server: EventServer) -> None:
        async with between(server, CutStream(after_events=3, server_learns_after_s=0.2)) as (proxy, client):
            await Reader(client, "a").read_until_cut()
            await server.seen.until(lambda seen: seen.closed == ["a"])
        assert proxy.log[1].what == "server told"
        assert proxy.log[1].at_s - proxy.log[0].at_s >= 0.2

    async def test_a_stream_that_ends_first_leaves_the_fault_waiting(self, server: EventServer) -> None:
        fault = CutStream(after_events=3, torn=True)
        async with between(server, fault) as (proxy, client):
            await Reader(client, "a", events=3).read()
        assert proxy.log == []
        assert proxy.waiting == (fault,)


class TestDelayClose:
    async def test_until_the_next_stream_is_up(self, server: EventServer) -> None:
        async with between(server, DelayClose(stream=1)) as (proxy, client):
            await Reader(client, "a").read(3)
            written = server.seen.written
            await server.seen.until(lambda seen: seen.written > written + 5)
            assert server.seen.closed == []
            await Reader(client, "b", events=40).read()
            await server.seen.until(lambda seen: "a" in seen.closed)
        assert done(proxy) == [("stream 1", "close delayed"), ("stream 1", "server told")]

    async def test_or_a_time_has_passed(self, server: EventServer) -> None:
        async with between(server, DelayClose(for_s=0.2)) as (proxy, client):
            await Reader(client, "a").read(3)
            await server.seen.until(lambda seen: seen.closed == ["a"])
        assert proxy.log[1].at_s - proxy.log[0].at_s >= 0.2

    async def test_a_cut_does_not_use_it_up(self, server: EventServer) -> None:
        async with between(server, CutStream(after_events=2), DelayClose(for_s=0.01)) as (proxy, client):
            await Reader(client, "a").read_until_cut()
            await Reader(client, "b").read(3)
            await server.seen.until(lambda seen: set(seen.closed) == {"a", "b"})
        assert done(proxy) == [
            ("stream 1", "cut"),
            ("stream 2", "close delayed"),
            ("stream 2", "server told"),
        ]


class TestHalfDead:
    async def test_nothing_flows_and_nothing_closes(self, server: EventServer) -> None:
        async with (
            between(server, HalfDead(after_events=4)) as (proxy, client),
            anyio.create_task_group() as tasks,
        ):
            reader = Reader(client, "a")
            tasks.start_soon(reader.read_until_cut)
            while not proxy.log:
                await anyio.sleep(0.002)
            events, written = reader.events, server.seen.written
            await server.seen.until(lambda seen: seen.written > written + 20)
            assert reader.events == events == ["a-1", "a-2", "a-3", "a-4"]
            assert server.seen.closed == []
            proxy.release()
            await server.seen.until(lambda seen: seen.closed == ["a"])
        assert done(proxy) == [("stream 1", "half dead"), ("stream 1", "server told")]

    async def test_the_server_hears_nothing_of_a_client_that_gives_up(self, server: EventServer) -> None:
        async with between(server, HalfDead(after_events=4)) as (proxy, client):
            with anyio.move_on_after(0.3):
                await Reader(client, "a").read()
            written = server.seen.written
            await Reader(client, "b", events=20).read()
            await server.seen.until(lambda seen: seen.written > written + 40)
            assert server.seen.closed == ["b"]
            proxy.release()
            await server.seen.until(lambda seen: seen.closed == ["b", "a"])

    async def test_for_a_time(self, server: EventServer) -> None:
        async with between(server, HalfDead(after_events=4, for_s=0.2)) as (proxy, client):
            assert len(await Reader(client, "a").read_until_cut()) == 4
            await server.seen.until(lambda seen: seen.closed == ["a"])
        assert proxy.log[1].at_s - proxy.log[0].at_s >= 0.2


class TestAnswer:
    @pytest.mark.parametrize("status", [500, 429, 404])
    async def test_the_nth_send_is_answered_here(self, server: EventServer, status: int) -> None:
        async with between(server, Answer(nth=2, status=status, retry_after_s=7)) as (proxy, client):
            replies = [await client.post("/send", content=f"s{n}") for n in (1, 2, 3)]
        assert [reply.status_code for reply in replies] == [200, status, 200]
        assert replies[1].headers["retry-after"] == "7"
        assert replies[1].json()["status"] == status
        assert server.seen.sends == ["s1", "s3"]
        assert proxy.log[0].detail == f"status {status}"
        assert done(proxy) == [("send 2", "answered")]

    async def test_the_next_one(self, server: EventServer) -> None:
        async with between(server) as (proxy, client):
            await client.post("/send", content="s1")
            proxy.inject(Answer(status=503))
            assert (await client.post("/send", content="s2")).status_code == 503
            assert (await client.post("/send", content="s3")).status_code == 200
        assert done(proxy) == [("send 2", "answered")]

    async def test_several_at_once_take_turns(self, server: EventServer) -> None:
        async with between(server, Answer(status=500), Answer(status=429)) as (_, client):
            assert [(await client.post("/send")).status_code for _ in range(3)] == [500, 429, 200]

    async def test_a_stream_request_with_a_page(self, server: EventServer) -> None:
        page = Answer(on="stream", nth=1, status=200, content_type="text/html", body=b"<p>hello")
        async with between(server, page) as (proxy, client):
            reply = await client.get("/events", params={"name": "a"})
            assert (reply.headers["content-type"], reply.text) == ("text/html", "<p>hello")
            await Reader(client, "b", events=2).read()
        assert server.seen.opened == ["b"]
        assert done(proxy) == [("stream request 1", "answered")]
        assert (proxy.requests["stream"], proxy.streams) == (2, 1)

    async def test_without_content(self, server: EventServer) -> None:
        async with between(server, Answer(status=204)) as (_, client):
            reply = await client.post("/send")
            assert (reply.status_code, reply.content) == (204, b"")


class TestLostRequestsAndResponses:
    async def test_a_lost_request_never_reaches_the_server(self, server: EventServer) -> None:
        async with between(server, LoseRequest(nth=2)) as (proxy, client):
            await client.post("/send", content="s1")
            with pytest.raises(LOST):
                await client.post("/send", content="s2")
            await client.post("/send", content="s3")
        assert server.seen.sends == ["s1", "s3"]
        assert done(proxy) == [("send 2", "request lost")]

    async def test_a_lost_response_was_handled_by_the_server(self, server: EventServer) -> None:
        async with between(server, LoseResponse(nth=2)) as (proxy, client):
            await client.post("/send", content="s1")
            with pytest.raises(LOST):
                await client.post("/send", content="s2")
            await client.post("/send", content="s3")
        assert server.seen.sends == ["s1", "s2", "s3"]
        assert done(proxy) == [("send 2", "response lost")]
        assert proxy.log[0].detail == "status 200"

    async def test_a_server_that_fails_to_answer_is_told_from_one_that_did(self, server: EventServer) -> None:
        async with between(server, LoseResponse()) as (proxy, client), anyio.create_task_group() as tasks:
            tasks.start_soon(partial(lost, client.post, "/silent/send", content="s1"))
            await server.seen.until(lambda seen: seen.sends == ["s1"])
            server.abort_connections()
        assert proxy.log[0].detail == "without a response"

    async def test_a_request_that_is_repeated_on_the_way_comes_twice_and_is_answered_once(
        self, server: EventServer
    ) -> None:
        async with between(server, RepeatRequest(nth=2)) as (proxy, client):
            for body in ("s1", "s2", "s3"):
                assert (await client.post("/send", content=body)).status_code == 200
        assert server.seen.sends == ["s1", "s2", "s2", "s3"]
        assert done(proxy) == [("send 2", "repeated")]
        assert proxy.log[0].detail == "status 200"

    async def test_of_a_stream_that_is_repeated_the_second_is_read(self, server: EventServer) -> None:
        async with between(server, RepeatRequest(on="stream")) as (proxy, client):
            reader = Reader(client, "a")
            await reader.read(events_max=3)
            await server.seen.until(lambda seen: seen.closed == ["a", "a"])
        assert reader.events[:3] == ["a-1", "a-2", "a-3"]
        assert done(proxy) == [("stream request 1", "repeated")]
        assert proxy.streams == 1

    async def test_of_a_stream_the_head_is_enough(self, server: EventServer) -> None:
        async with between(server, LoseResponse(on="stream")) as (proxy, client):
            with pytest.raises(LOST):
                await Reader(client, "a").read()
            await server.seen.until(lambda seen: seen.closed == ["a"])
        assert done(proxy) == [("stream request 1", "response lost")]


class TestHoldRequest:
    async def test_a_send_until_it_is_released(self, server: EventServer) -> None:
        async with between(server, HoldRequest(nth=1)) as (proxy, client), anyio.create_task_group() as tasks:
            replies: list[str] = []

            async def send() -> None:
                replies.append((await client.post("/send", content="held")).text)

            tasks.start_soon(send)
            while not proxy.log:
                await anyio.sleep(0.002)
            await anyio.sleep(0.05)
            assert server.seen.sends == []
            proxy.release()
        assert replies == ['{"took":"held"}']
        assert done(proxy) == [("send 1", "held"), ("send 1", "let on")]

    async def test_a_send_until_it_is_overtaken(self, server: EventServer) -> None:
        async with between(server, HoldRequest(nth=1)) as (proxy, client), anyio.create_task_group() as tasks:
            tasks.start_soon(partial(client.post, "/send", content="first"))
            while not proxy.log:
                await anyio.sleep(0.002)
            await client.post("/send", content="second")
        assert server.seen.sends == ["second", "first"]

    async def test_not_overtaken_where_that_is_off(self, server: EventServer) -> None:
        fault = HoldRequest(nth=1, until_overtaken=False)
        async with between(server, fault) as (proxy, client), anyio.create_task_group() as tasks:
            tasks.start_soon(partial(client.post, "/send", content="first"))
            while not proxy.log:
                await anyio.sleep(0.002)
            for number in range(5):
                await client.post("/send", content=f"later {number}")
            assert done(proxy) == [("send 1", "held")]
            proxy.release()
        assert server.seen.sends[-1] == "first"

    async def test_for_a_time(self, server: EventServer) -> None:
        async with between(server, HoldRequest(for_s=0.2, until_overtaken=False)) as (proxy, client):
            assert (await client.post("/send", content="held")).status_code == 200
        assert proxy.log[1].at_s - proxy.log[0].at_s >= 0.2

    async def test_though_the_server_closes_idle_connections_meanwhile(self, server: EventServer) -> None:
        async with between(server, HoldRequest(nth=2)) as (proxy, client), anyio.create_task_group() as tasks:
            await client.post("/send", content="first")
            tasks.start_soon(partial(client.post, "/send", content="held"))
            while not proxy.log:
                await anyio.sleep(0.002)
            server.close_idle_connections()
            await server.seen.until(lambda _: not server.connections)
            proxy.release()
        assert server.seen.sends == ["first", "held"]

    async def test_a_stream_request_arrives_though_its_client_gave_up(self, server: EventServer) -> None:
        """The GET that was held up in some proxy, and comes after the one that replaced it."""
        async with between(server, HoldRequest(on="stream", nth=1)) as (proxy, client):
            with anyio.move_on_after(0.1):
                await Reader(client, "early").read()
            assert server.seen.opened == []
            await Reader(client, "late", events=30).read()
            await server.seen.until(lambda seen: "early" in seen.closed)
        assert server.seen.opened == ["late", "early"]
        assert done(proxy) == [("stream request 1", "held"), ("stream request 1", "let on")]
        assert proxy.log[1].detail == "after the client had gone, status 200"

    async def test_a_refusal_of_the_late_one_is_in_the_log(self, server: EventServer) -> None:
        async with between(server, HoldRequest(on="stream", nth=1)) as (proxy, client):
            with anyio.move_on_after(0.1):
                await client.get("/events", params={"refuse": "1"})
            await Reader(client, "late", events=30).read()
            await proxy.struck(proxy.log[0].fault)  # type: ignore[arg-type]
            while len(proxy.log) < 2:
                await anyio.sleep(0.002)
        assert proxy.log[1].detail == "after the client had gone, status 409"


class TestCalm:
    async def test_what_waits_is_forgotten_and_what_is_held_goes_on(self, server: EventServer) -> None:
        async with (
            between(server, HoldRequest(nth=1), Answer(nth=2)) as (proxy, client),
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(partial(client.post, "/send", content="held"))
            while not proxy.log:
                await anyio.sleep(0.002)
            proxy.calm()
            assert proxy.waiting == ()
            await client.post("/send", content="second")
        assert sorted(server.seen.sends) == ["held", "second"]
