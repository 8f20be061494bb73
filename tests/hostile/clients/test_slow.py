"""Clients that are slow, many, or only half there: bounded, answered, logged, and nobody else notices."""

from __future__ import annotations

import resource
import socket
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from perdure import Hub, HubSession, Send
from perdure.tasks import ending_tasks
from perdure_model.core.server.parts import CONNECTION

from tests.hostile.beside import until
from tests.hostile.clients.attacks import (
    BAD,
    LIMITS,
    Answer,
    Logs,
    answer,
    asked,
    attacked,
    get,
    new_cid,
    post,
    sends,
    socket_to,
    welcomed,
)
from tests.runtime.serving import Serve

pytestmark = pytest.mark.anyio


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Logs:
    return Logs(caplog)


async def many(count: int, work: Any, *args: Any) -> list[Any]:
    """What so many of these give, all at once."""
    found: list[Any] = []

    async def one() -> None:
        found.append(await work(*args))

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(one)
    return found


def connections_of(hub: Hub, principal: str) -> int:
    return sum(one.principal == principal for one in hub._rules.parts(CONNECTION).values())


async def test_who_does_not_read_is_cut_and_costs_a_write(serve: Serve, logs: Logs) -> None:
    """uvicorn waits for what is unsent of a connection that it closes; TCP_USER_TIMEOUT ends that."""
    async with attacked(serve) as (server, talk), AsyncExitStack() as stack:
        server._uvicorn._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
        cids = [new_cid() for _ in range(10)]
        for cid in cids:
            stream = await stack.enter_async_context(socket_to(server))
            await welcomed(stream, get(cid))

        async def flood() -> None:
            for _ in range(400):
                await server.hub.session("bad").publish("x" * 50_000)

        await server.call(flood)
        await until(lambda: all(logs.naming(cid, "is cut: stalled") for cid in cids))
        await until(lambda: len(server.hub._streams) == 1)
        open_ = server._uvicorn._uvicorn.server_state.connections
        await until(lambda: len(open_) <= 2)
        await talk.more(5)


async def test_a_body_that_trickles_is_given_up_and_its_connection_closed(serve: Serve, logs: Logs) -> None:
    cid = new_cid()

    async def drip(stream: ByteStream) -> None:
        with suppress(anyio.BrokenResourceError):
            for _ in range(10):  # what is sent after the answer would be lost with it
                await stream.send(b"x")
                await anyio.sleep(0.02)

    async def trickle() -> tuple[int, str]:
        async with socket_to(server) as stream:
            await stream.send(post("/send", b'{"cid": "', length=100_000))
            async with ending_tasks() as group:
                group.start_soon(drip, stream)
                said = await answer(stream)
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)), anyio.fail_after(5):
                await stream.receive()
        return said.status, said.problem

    async with attacked(serve) as (server, talk):
        assert set(await many(30, trickle)) == {(408, "body-too-slow")}
        await talk.more(3)
        assert (await asked(server, post("/close", {"cid": cid, "attempt": "1.1"}))).status == 409
        assert logs.naming(cid, "POST /close is refused: unknown-connection")


async def test_bodies_that_arrive_at_once_are_bounded_in_their_sum(serve: Serve) -> None:
    async def half() -> tuple[int, str, str]:
        async with socket_to(server) as stream:
            await stream.send(post("/send", b" " * 150_000, length=160_000))
            said = await answer(stream)
            return said.status, said.problem, said.headers.get("retry-after", "")

    async with attacked(serve) as (server, talk):
        said = await many(20, half)
        assert set(said) == {(429, "too-much-at-once", "1"), (408, "body-too-slow", "")}
        assert said.count((408, "body-too-slow", "")) <= LIMITS.held_bytes // 150_000
        await talk.more(3)


async def test_sends_that_wait_for_a_slow_handler_are_bounded_by_their_bytes(serve: Serve) -> None:
    slow = anyio.Event()

    async with attacked(serve, limits=type(LIMITS)(**{**vars(LIMITS), "backlog_bytes": 300_000})) as (
        server,
        talk,
    ):
        hub = server.hub
        quick = hub._handler
        assert quick is not None

        @hub.on_send
        async def handle(send: Send, session: HubSession) -> None:
            if session.name == "lobby":
                await quick(send, session)
            else:
                await anyio.to_thread.run_sync(lambda: None)
                while not slow.is_set():
                    await anyio.sleep(0.01)

        cid = new_cid()
        async with socket_to(server) as stream:
            epoch = await welcomed(stream, get(cid))
            statuses: list[int] = []

            async def one(n: int) -> None:
                said = await asked(server, post("/send", sends(cid, epoch, f"1.{n}", text="x" * 100_000)))
                statuses.append(said.status)

            async with anyio.create_task_group() as group:
                for n in range(1, 21):
                    group.start_soon(one, n)
                await until(lambda: statuses.count(429) >= 6)
                await talk.more(5)
                assert hub._handlers._queues["bad"].bytes < 300_000 + LIMITS.body_bytes
                assert hub._routes._held[BAD] <= LIMITS.held_bytes + 65_536
                slow.set()
            assert set(statuses) == {200, 429}


async def test_headers_that_never_end_in_coming_take_nobody_s_turn(serve: Serve) -> None:
    """How long they may take is the ASGI server's to say, or a proxy's before it: the hub never sees them."""
    async with attacked(serve) as (server, talk), AsyncExitStack() as stack:
        for _ in range(100):
            stream = await stack.enter_async_context(socket_to(server))
            await stream.send(b"GET /events?cid=")
        await talk.more(10)
        assert connections_of(server.hub, BAD) == 0


async def test_hundreds_of_half_open_streams_are_so_many_as_allowed(serve: Serve, logs: Logs) -> None:
    """All ask at once, and authorization takes its time: that must not let them slip in together."""
    async with attacked(serve) as (server, talk), AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(socket_to(server)) for _ in range(500)]
        cids = [new_cid() for _ in streams]
        for stream, cid in zip(streams, cids, strict=True):
            await stream.send(get(cid))
        said = [await answer(stream) for stream in streams]
        refused = [one for one in said if one.status != 200]
        assert len(said) - len(refused) == LIMITS.connections
        assert {(one.status, one.problem, one.headers["retry-after"]) for one in refused} == {
            (429, "too-many-connections", "1")
        }
        assert connections_of(server.hub, BAD) == LIMITS.connections
        await talk.more(5)
        turned_away = cids[[one.status for one in said].index(429)]
        assert logs.naming(turned_away, "GET /events is refused: too-many-connections")


@pytest.mark.long
async def test_thousands_of_half_open_streams_that_are_allowed_cost_the_others_little(serve: Serve) -> None:
    """Nobody is at their other end any more, and nothing says so: each is a stream till it ends."""
    count = 3000
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, min(3 * count, most)), most))
    limits = replace(LIMITS, connections=count + 10, awaited=count + 10)
    async with attacked(serve, limits=limits) as (server, talk), AsyncExitStack() as stack:
        for _ in range(count // 100):
            streams = [await stack.enter_async_context(socket_to(server)) for _ in range(100)]
            for stream in streams:
                await stream.send(get(new_cid()))
            assert [(await answer(stream)).status for stream in streams] == [200] * 100
        assert connections_of(server.hub, BAD) == count
        before = talk.rounds
        await talk.more(50)
        assert talk.rounds >= before + 50
        assert len(server.hub._streams) == count + 1


async def test_a_flood_of_ids_is_awaited_to_a_bound(serve: Serve) -> None:
    said: list[Answer] = []
    async with attacked(serve) as (server, talk):
        for _ in range(10):
            said += await many(30, lambda: asked(server, get(new_cid())))
            await until(lambda: len(server.hub._streams) == 1)
        assert connections_of(server.hub, BAD) <= LIMITS.awaited + LIMITS.connections
        assert {one.problem for one in said if one.status != 200} == {"too-many-awaited"}
        await talk.more(3)


async def test_a_flood_of_reconnects_under_one_id_leaves_one_stream(serve: Serve, logs: Logs) -> None:
    cid = new_cid()
    async with attacked(serve) as (server, talk), AsyncExitStack() as stack:
        for first in range(1, 301, 50):
            streams = [await stack.enter_async_context(socket_to(server)) for _ in range(50)]
            for n, stream in enumerate(streams, first):
                await stream.send(get(cid, f"1.{n}"))
            said = [await answer(stream) for stream in streams]
            assert {one.status for one in said} <= {200, 409}
        await until(lambda: len(server.hub._streams) == 2)
        assert connections_of(server.hub, BAD) == 1
        assert len(server.hub._timers) == 0
        await talk.more(5)
        assert logs.naming(cid, "is cut: replaced")
