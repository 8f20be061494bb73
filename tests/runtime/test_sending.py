"""Sends through a way that fails: statuses and lost answers, between a real client and a real hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from perdure import (
    Event,
    Hub,
    HubLimits,
    HubSession,
    Limits,
    PayloadError,
    Send,
    SendFailed,
    SendUncertain,
    Session,
    Status,
    connect,
)
from perdure.answers import RETRY_AFTER_MAX_S, retry_after
from perdure_model.core.client.parts import ITEM, ClientSettings
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope
from starlette.types import Send as SendFunction

from tests.runtime.serving import QUICK, SHORT, Serve, echo_hub

pytestmark = pytest.mark.anyio


class Faulty:
    """Answers the n-th POST of sends by a script; what it has none for goes to the hub.

    (status, taken): whether the hub had the request before the answer was made up.
    """

    def __init__(
        self, app: ASGIApp, script: list[tuple[int, bool]], headers: dict[str, str] | None = None
    ) -> None:
        self.app, self.script, self.headers = app, script, headers
        self.posts, self.url = 0, ""
        self.times: list[float] = []

    async def __call__(self, scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope["type"] != "http" or scope["path"] != "/send":
            await self.app(scope, receive, send)
            return
        self.posts += 1
        self.times.append(anyio.current_time())
        if self.posts > len(self.script):
            await self.app(scope, receive, send)
            return
        status, taken = self.script[self.posts - 1]
        if taken:
            await self.app(scope, receive, swallow)
        await Response(status_code=status, headers=self.headers)(scope, receive, send)


async def swallow(_message: Message) -> None:
    """An answer that gets lost."""


@contextmanager
def faulty(serve: Serve, *script: tuple[int, bool], **more: Any) -> Iterator[tuple[Any, Faulty]]:
    hub = echo_hub()
    way = Faulty(hub.asgi(), list(script), **more)
    server = serve(hub, app=way)
    way.url = server.url
    yield connect(server.url, session="chat-1", settings=QUICK, limits=SHORT), way


async def events(session: Session, count: int) -> list[Any]:
    with anyio.fail_after(5):
        return [await anext(session) for _ in range(count)]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_what_may_pass_is_tried_again(serve: Serve, status: int) -> None:
    with faulty(serve, (status, False)) as (connecting, way):
        async with connecting as session:
            assert (await session.send({"text": "one"})).key.endswith(".1")
            assert await events(session, 1) == [Event({"text": "ONE"}, 1)]
        assert way.posts == 2


async def test_what_is_in_flight_and_what_is_delayed_is_shown(serve: Serve) -> None:
    with faulty(serve, (503, False)) as (_, way):
        seen: list[tuple[bool, bool]] = []

        def note(status: Status) -> None:
            if seen[-1:] != [(status.running, status.delayed)]:
                seen.append((status.running, status.delayed))

        async with connect(
            way.url, session="chat-1", settings=QUICK, limits=SHORT, on_status=note
        ) as session:
            await session.send({"text": "one"})
        assert seen == [(False, False), (True, False), (False, True), (True, True), (False, False)]


async def test_a_session_that_is_watched_again_shows_the_delay_of_its_open_sends(serve: Serve) -> None:
    asked = {"Retry-After": "60"}
    with faulty(serve, (503, False), headers=asked) as (connecting, _):
        async with connecting as session:
            aside = await session.watch("aside")
            async with anyio.create_task_group() as sends:
                sends.start_soon(aside.send, {"text": "one"})
                with anyio.fail_after(5):
                    while not aside.status.delayed:
                        await anyio.sleep(0.005)
                await aside.unwatch()
                again = await session.watch("aside")
                assert (again.status.pending, again.status.delayed) == (1, True)
                sends.cancel_scope.cancel()


async def test_the_callback_registered_last_is_called_and_only_with_what_is_new(serve: Serve) -> None:
    first: list[Status] = []
    last: list[Status] = []
    with faulty(serve) as (_, way):
        async with connect(
            way.url, session="chat-1", settings=QUICK, limits=SHORT, on_status=first.append
        ) as session:
            session.on_status(last.append)
            await session.send({"text": "one"})
            told = len(last)
            await session.resume()  # which changes nothing: it was not suspended
            assert len(last) == told
            session.on_status(None)
        assert first == []
        assert last
        assert all(a != b for a, b in pairwise(last))
        assert "terminal" not in {status.state for status in last}


async def test_a_lost_answer_is_asked_for_again_and_the_send_is_handled_once(serve: Serve) -> None:
    with faulty(serve, (502, True), (502, True)) as (connecting, way):
        async with connecting as session:
            assert (await session.send({"text": "one"})).key.endswith(".1")
            await session.send({"text": "two"})
            assert await events(session, 2) == [Event({"text": "ONE"}, 1), Event({"text": "TWO"}, 2)]
        assert way.posts == 4


async def test_past_the_bound_a_send_that_may_have_been_taken_is_uncertain(serve: Serve) -> None:
    with faulty(serve, *[(502, True)] * 4) as (connecting, way):
        async with connecting as session:
            with pytest.raises(SendUncertain, match="look at the session's state") as raised:
                await session.send({"text": "one"})
            assert (raised.value.status, raised.value.why) == (502, "status 502")
            assert raised.value.key.endswith(".1")
            assert await events(session, 1) == [Event({"text": "ONE"}, 1)]
            await session.send({"text": "two"})
            assert await events(session, 1) == [Event({"text": "TWO"}, 2)]
        assert way.posts == 5


async def test_past_the_bound_a_send_that_was_surely_not_taken_has_failed(serve: Serve) -> None:
    with faulty(serve, *[(429, False)] * 4) as (connecting, way):
        async with connecting as session:
            with pytest.raises(SendFailed) as raised:
                await session.send({"text": "one"})
            assert raised.value.status == 429
        assert way.posts == 4


@pytest.mark.parametrize("status", [301, 400, 403, 404, 413, 418])
async def test_what_will_not_pass_fails_at_once(serve: Serve, status: int) -> None:
    with faulty(serve, (status, False)) as (connecting, way):
        async with connecting as session:
            with pytest.raises(SendFailed) as raised:
                await session.send({"text": "one"})
            assert (raised.value.status, raised.value.why) == (status, f"status {status}")
            await session.send({"text": "two"})
        assert way.posts == 2


async def test_the_wait_that_the_server_asks_for_is_kept(serve: Serve) -> None:
    with faulty(serve, (429, False), headers={"retry-after": "1"}) as (connecting, way):
        async with connecting as session:
            await session.send({"text": "one"})
        assert way.times[1] - way.times[0] >= 1.0


async def test_an_answer_that_is_no_receipt_is_asked_for_again(serve: Serve) -> None:
    with faulty(serve, (200, True)) as (connecting, way):
        async with connecting as session:
            assert (await session.send({"text": "one"})).key.endswith(".1")
            assert await events(session, 1) == [Event({"text": "ONE"}, 1)]
        assert way.posts == 2


async def test_sends_over_the_bound_are_refused_at_once(serve: Serve) -> None:
    server = serve(echo_hub())
    settings = ClientSettings(queue_max=2)
    failed = 0

    async def send(text: str) -> None:
        nonlocal failed
        try:
            await session.send({"text": text})
        except SendFailed as error:
            assert error.why == "the queue is full"  # noqa: PT017 - which of them fail is not asked
            failed += 1

    async with connect(server.url, session="chat-1", settings=settings, limits=SHORT) as session:
        async with anyio.create_task_group() as group:
            for n in range(5):
                group.start_soon(send, f"m{n}")
                await checkpoint()  # trio starts tasks in any order
        assert failed == 3
        assert [event.data["text"] for event in await events(session, 2)] == ["M0", "M1"]


async def test_who_waits_for_room_is_not_refused_and_comes_in_its_turn(serve: Serve) -> None:
    server = serve(echo_hub())
    texts = [f"m{n}" for n in range(30)]
    async with connect(
        server.url, session="chat-1", settings=ClientSettings(queue_max=2), limits=SHORT
    ) as session:

        async def send(text: str) -> None:
            await session.send({"text": text}, wait=True)
            assert session.pending <= 2

        async with anyio.create_task_group() as group:
            for text in texts:
                group.start_soon(send, text)
                await checkpoint()
        assert [event.data["text"] for event in await events(session, 30)] == [t.upper() for t in texts]


async def test_who_waits_for_room_may_be_cancelled_and_is_not_sent(serve: Serve) -> None:
    with faulty(serve, (503, False), headers={"retry-after": "1"}) as (_, way):
        server_url = way.url
        settings = ClientSettings(queue_max=1)
        async with connect(server_url, session="chat-1", settings=settings, limits=SHORT) as session:
            async with anyio.create_task_group() as group:
                group.start_soon(session.send, {"text": "first"})
                while session.pending == 0:
                    await checkpoint()
                with anyio.move_on_after(0.05) as waiting:
                    await session.send({"text": "never"}, wait=True)
                assert waiting.cancelled_caught
                with pytest.raises(SendFailed, match="the queue is full"):
                    await session.send({"text": "neither"})
            await session.send({"text": "last"}, wait=True)
            assert [event.data["text"] for event in await events(session, 2)] == ["FIRST", "LAST"]


async def test_who_waits_for_room_when_the_session_ends_is_told(serve: Serve) -> None:
    with faulty(serve, (503, False), headers={"retry-after": "100"}) as (_, way):
        settings = ClientSettings(queue_max=1)
        whys: list[str] = []

        async def send(session: Session) -> None:
            try:
                await session.send({"text": "x"}, wait=True)
            except (SendFailed, SendUncertain) as error:
                whys.append(error.why)

        async with (
            anyio.create_task_group() as group,
            connect(way.url, session="chat-1", settings=settings, limits=SHORT) as session,
        ):
            for _ in range(2):
                group.start_soon(send, session)
            await anyio.sleep(0.1)
            session.leave()
        assert whys == ["the session is over"] * 2


async def test_a_post_is_never_larger_than_its_bound_and_nothing_is_lost(serve: Serve) -> None:
    hub = Hub(limits=HubLimits(body_bytes=20_000))
    sizes: list[int] = []

    @hub.on_send
    async def note(send: Send, session: HubSession) -> None:
        await session.publish(len(send.data))

    async def weighed(scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope.get("path") == "/send":
            sizes.append(int(dict(scope["headers"])[b"content-length"]))
        await hub.asgi()(scope, receive, send)

    server = serve(hub, app=weighed)
    limits = Limits(heartbeat_s=1, body_bytes=20_000)
    async with connect(server.url, session="chat-1", settings=QUICK, limits=limits) as session:
        async with anyio.create_task_group() as group:
            for n in range(50):
                group.start_soon(session.send, "x" * (n * 37 % 9) * 1000)
                await checkpoint()
            with pytest.raises(PayloadError, match=r"Limits\.body_bytes"):
                await session.send("x" * 16_000)
        assert [event.data for event in await events(session, 50)] == [n * 37 % 9 * 1000 for n in range(50)]
    assert max(sizes) <= 20_000
    assert len(sizes) < 25


async def test_what_is_in_flight_when_the_client_leaves_is_uncertain(serve: Serve) -> None:
    hub = echo_hub()

    async def slow(scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope.get("path") == "/send":
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await hub.asgi()(scope, receive, send)

    server = serve(hub, app=slow)
    raised: list[Exception] = []

    async def send(session: Session) -> None:
        try:
            await session.send({"text": "one"})
        except SendUncertain as error:
            raised.append(error)

    async with (
        anyio.create_task_group() as group,
        connect(server.url, session="chat-1", settings=QUICK, limits=SHORT) as session,
    ):
        group.start_soon(send, session)
        with anyio.fail_after(5):
            while not any(item.state == "sending" for item in session._machine.rules.parts(ITEM).values()):
                await anyio.sleep(0.005)
    assert [error.why for error in raised if isinstance(error, SendUncertain)] == ["the session is over"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("99999999999999999999", RETRY_AFTER_MAX_S),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_MAX_S),
        ("Fri, 31 Dec 9999 23:59:59", RETRY_AFTER_MAX_S),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds
    assert retry_after({}) is None


async def test_a_send_whose_handler_ends_the_session_is_delivered_though_the_end_comes_first(
    serve: Serve,
) -> None:
    """The end overtakes the answer to the POST (N43)."""
    hub = echo_hub()

    @hub.on_send
    async def over(_send: Send, session: HubSession) -> None:
        await session.end()

    inner = hub.asgi()

    async def late_answers(scope: Scope, receive: Receive, send: SendFunction) -> None:
        async def late(message: Message) -> None:
            if scope["path"].endswith("/send") and message["type"] == "http.response.start":
                await anyio.sleep(0.2)
            await send(message)

        await inner(scope, receive, late)

    server = serve(hub, app=late_answers)
    async with connect(server.url, session="chat", settings=QUICK, limits=SHORT) as session:
        with anyio.fail_after(5):
            receipt = await session.send("the last word")
            assert receipt.key
            assert [item async for item in session] == []
        assert session.outcome == "succeeded"
