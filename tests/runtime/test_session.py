"""The whole path: hub and client over real sockets, the client under asyncio and trio."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.lowlevel import checkpoint
from perdure import (
    Event,
    FileIdentity,
    Gap,
    HandlerFailed,
    Hub,
    HubLimits,
    HubSession,
    Identity,
    Item,
    MemoryIdentity,
    PayloadError,
    Receipt,
    Send,
    SendFailed,
    Session,
    SessionExpired,
    SessionFailed,
    SessionOver,
    Status,
    TakenOver,
    connect,
    wire,
)
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.server.parts import CONNECTION, OWNER, WATCH, WINDOW, ServerSettings

from tests.runtime.serving import QUICK, SHORT, Serve, Server, echo_hub

pytestmark = pytest.mark.anyio


def quick(server: Server, session: str = "chat-1", **more: Any) -> Any:
    return connect(server.url, session=session, **{"settings": QUICK, "limits": SHORT, **more})


def life_of(receipt: Receipt) -> int:
    """The incarnation in which it was sent."""
    return wire.parse_pair(receipt.key)[0]


async def take(session: Session, count: int) -> list[Item]:
    with anyio.fail_after(5):
        return [await anext(session) for _ in range(count)]


async def until(condition: Any) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.005)


async def test_a_send_is_handled_and_its_answer_arrives(serve: Serve) -> None:
    server = serve(echo_hub())
    async with quick(server) as session:
        receipt = await session.send({"text": "hello"})
        assert receipt == Receipt(f"{life_of(receipt)}.1")
        assert await take(session, 1) == [Event({"text": "HELLO"}, 1)]
        assert session.pending == 0


async def test_sends_made_together_are_handled_in_their_order(serve: Serve) -> None:
    server = serve(echo_hub())
    texts = [f"m{n}" for n in range(60)]
    async with quick(server) as session:
        async with anyio.create_task_group() as group:
            for text in texts:
                group.start_soon(session.send, {"text": text})
                await checkpoint()
        events = await take(session, len(texts))
    assert [event.data["text"] for event in events if isinstance(event, Event)] == [t.upper() for t in texts]
    assert [event.position for event in events] == list(range(1, len(texts) + 1))


async def test_published_from_outside_reaches_all_who_watch_and_who_come_later(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    chat = hub.session("chat-1")
    async with quick(server) as one, quick(server) as other:
        assert await server.call(chat.publish, {"n": 1}) == 1
        assert await take(one, 1) == await take(other, 1) == [Event({"n": 1}, 1)]
        await server.call(chat.publish, {"n": 2})
        assert await take(one, 1) == await take(other, 1) == [Event({"n": 2}, 2)]
    async with quick(server) as late:
        assert await take(late, 2) == [Event({"n": 1}, 1), Event({"n": 2}, 2)]


async def test_events_of_one_session_are_not_another_s(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server, "a") as a, quick(server, "b,%:/ é") as b:
        await server.call(hub.session("a").publish, "for a")
        await server.call(hub.session("b,%:/ é").publish, "for b")
        assert await take(a, 1) == [Event("for a", 1)]
        assert await take(b, 1) == [Event("for b", 1)]


async def test_the_end_comes_after_all_events_and_ends_the_iteration(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    chat = hub.session("chat-1")
    async with quick(server) as session:
        for n in range(5):
            await server.call(chat.publish, n)
        await server.call(chat.end)
        with anyio.fail_after(5):
            assert [item async for item in session] == [Event(n, n + 1) for n in range(5)]
        assert session.outcome == "succeeded"
        assert session.error is None
        with pytest.raises(SendFailed, match="the session is over"):
            await session.send({"text": "too late"})
    with pytest.raises(SessionOver, match="ends once"):
        await server.call(chat.publish, "more")
    with pytest.raises(SessionOver):
        await server.call(chat.end, "failed")


@pytest.mark.parametrize(("outcome", "error"), [("failed", SessionFailed), ("expired", SessionExpired)])
async def test_an_end_that_is_not_well_is_raised_after_the_events(
    serve: Serve, outcome: str, error: type[Exception]
) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server) as session:
        await server.call(hub.session("chat-1").publish, 1)
        await server.call(hub.session("chat-1").end, outcome)
        assert await take(session, 1) == [Event(1, 1)]
        for _ in range(2):
            with anyio.fail_after(5), pytest.raises(error, match="chat-1"):
                await anext(session)


async def test_a_stream_that_is_cut_comes_back_and_nothing_is_lost_or_twice(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    chat = hub.session("chat-1")

    async def cut() -> None:
        for stream in list(hub._streams.values()):
            stream.cut()

    seen: list[Item] = []
    statuses: list[Status] = []
    async with quick(server, on_status=statuses.append) as session:
        for n in range(40):
            await server.call(chat.publish, n)
            if n % 7 == 3:
                await server.call(cut)
        seen += await take(session, 40)
        await session.send({"text": "still me"})
        seen += await take(session, 1)
        connection, epoch = session.connection_id, session.epoch
        assert server.hub._rules.part(CONNECTION, connection).epoch == epoch
    assert [item.position for item in seen] == list(range(1, 42))
    assert "reconnecting" in {status.state for status in statuses}
    assert any(status.next_try_s is not None for status in statuses)


async def test_a_server_that_restarts_is_found_again_and_its_new_log_is_told_as_a_gap(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub, alone=True)
    async with quick(server, settings=PATIENT) as session:
        await session.send({"text": "one"})
        assert await take(session, 1) == [Event({"text": "ONE"}, 1)]
        before = session.epoch
        await anyio.to_thread.run_sync(server.stop)
        await until(lambda: session.status.state == "reconnecting" and session.status.failures > 1)
        assert session.status.error is not None
        again = echo_hub()

        @again.snapshot
        def state(chat: HubSession) -> str:
            return f"the state of {chat.name}"

        serve(again, alone=True, port=server.port)
        await session.send({"text": "two"})
        assert session.epoch != before
        assert session.status.error is None
        assert await take(session, 2) == [Gap("the state of chat-1", 0), Event({"text": "TWO"}, 1)]


PATIENT = ClientSettings(
    attempts_max=100, reconnect_first_s=0.01, reconnect_cap_s=0.05, retry_first_s=0.02, retry_cap_s=0.1
)


@pytest.mark.parametrize("late", [False, True])
async def test_who_comes_when_the_log_is_cut_short_gets_a_snapshot_and_goes_on(
    serve: Serve, late: bool
) -> None:
    hub = Hub(settings=ServerSettings(log_max=3), heartbeat_s=0.5)
    server = serve(hub)
    chat = hub.session("chat-1")
    published = 0

    if late:

        @hub.snapshot
        async def soon(session: HubSession) -> dict[str, int]:
            await anyio.sleep(0.01)
            return {"sum": published}
    else:

        @hub.snapshot
        def now(session: HubSession) -> dict[str, int]:
            return {"sum": published}

    for published in range(1, 11):
        await server.call(chat.publish, published)
    async with quick(server) as session:
        assert await take(session, 1) == [Gap({"sum": 10}, 10)]
        await server.call(chat.publish, 11)
        assert await take(session, 1) == [Event(11, 11)]


async def test_a_snapshot_that_fails_is_tried_again(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub(settings=ServerSettings(log_max=1))
    server = serve(hub)
    tried = 0

    @hub.snapshot
    async def state(session: HubSession) -> int:
        nonlocal tried
        tried += 1
        if tried < 3:
            raise RuntimeError("the database is away")
        return tried

    for n in range(3):
        await server.call(hub.session("chat-1").publish, n)
    async with quick(server) as session:
        assert await take(session, 1) == [Gap(3, 3)]
    assert "the database is away" in caplog.text


async def test_a_handler_that_fails_is_told_to_who_watches_and_the_session_goes_on(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(echo_hub())
    async with quick(server) as session, quick(server) as other:
        receipt = await session.send({"no text": "a secret"})
        await session.send({"text": "go on"})
        assert await take(session, 2) == [HandlerFailed(receipt.key, True, 1), Event({"text": "GO ON"}, 2)]
        assert await take(other, 1) == [HandlerFailed(receipt.key, False, 1)]
    assert "KeyError: 'text'" in caplog.text


async def test_handlers_of_a_session_run_one_after_another_and_other_sessions_do_not_wait(
    serve: Serve,
) -> None:
    hub = Hub()
    server = serve(hub)
    running: list[str] = []
    most = 0
    go = False

    @hub.on_send
    async def slow(send: Send, session: HubSession) -> None:
        nonlocal most
        running.append(session.name)
        most = max(most, running.count("a"))
        while session.name == "a" and not go:
            await anyio.sleep(0.005)
        running.remove(session.name)
        await session.publish([session.name, send.data, "a" in running])

    async with quick(server, "a") as a, quick(server, "b") as b:
        for n in range(3):
            await a.send(n)
        await b.send(0)
        assert await take(b, 1) == [Event(["b", 0, True], 1)]
        go = True
        assert [event.data[1] for event in await take(a, 3) if isinstance(event, Event)] == [0, 1, 2]
    assert most == 1


async def test_a_backlog_of_sends_makes_the_next_wait_for_its_answer(serve: Serve) -> None:
    hub = Hub(limits=HubLimits(backlog=2))
    server = serve(hub)
    go = False

    @hub.on_send
    async def wait(send: Send, session: HubSession) -> None:
        while not go:
            await anyio.sleep(0.005)

    async with quick(server) as session:
        for n in range(3):
            await session.send(n)  # one is being handled, two wait
        with anyio.move_on_after(0.1) as waiting:
            await session.send(3)
        assert waiting.cancelled_caught
        assert session.pending == 1
        go = True
        await session.send(4)
        assert session.pending == 0


async def test_leaving_leaves_nothing_behind_on_either_side(serve: Serve, anyio_backend_name: str) -> None:
    server = serve(echo_hub())
    hub = server.hub
    gc.collect()
    before = {task.id for task in anyio.get_running_tasks()}
    async with quick(server) as session:
        await session.send({"text": "hello"})
        await take(session, 1)
        assert len(hub._streams) == 1
        assert hub.session("chat-1").owner == session.connection_id
    assert session.outcome == "closed"
    assert [item async for item in session] == []
    assert {task.id for task in anyio.get_running_tasks()} == before
    assert len(session._machine.timers) == 0
    await until(lambda: not hub._streams)
    for family in (CONNECTION, WATCH, OWNER, WINDOW):
        assert hub._rules.parts(family) == {}, family
    assert hub.session("chat-1").owner is None
    assert len(hub._timers) == 0
    await until(lambda: len(hub._background) == 0)


async def test_leaving_while_a_timer_runs_stops_it(serve: Serve) -> None:
    server = serve(echo_hub())
    await server.call(server.hub.aclose)  # it answers 503 from now on
    slow = ClientSettings(reconnect_first_s=1000, reconnect_cap_s=1000)
    async with quick(server, settings=slow) as session:
        await until(lambda: session.status.state == "reconnecting")
        assert session.status.next_try_s is not None
        assert (len(session._machine.timers), session.status.failures) == (1, 1)
        session.leave()
        assert len(session._machine.timers) == 0
        assert (session.outcome, session.status.next_try_s) == ("closed", None)
        with pytest.raises(StopAsyncIteration):
            await anext(session)


async def test_a_stream_that_lives_for_a_heartbeat_is_progress(serve: Serve) -> None:
    hub = Hub(heartbeat_s=0.02)
    server = serve(hub)

    async def cut() -> None:
        for stream in list(hub._streams.values()):
            stream.cut()

    few = ClientSettings(attempts_max=2, reconnect_first_s=0.001, reconnect_cap_s=0.002)
    async with quick(server, settings=few) as session:
        for n in range(1, 6):
            await until(lambda: session.status.state == "awaiting" and session.status.failures == 0)
            assert session.status.attempt == n
            await server.call(cut)
            await until(lambda n=n: session.status.attempt > n)
        assert session.outcome is None


async def test_an_error_in_the_application_leaves_as_it_is_and_says_goodbye(serve: Serve) -> None:
    server = serve(echo_hub())

    async def application() -> None:
        async with quick(server) as session:
            await session.send({"text": "hello"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await application()
    assert server.hub._rules.parts(CONNECTION) == {}


async def test_cancelling_the_application_says_goodbye_all_the_same(serve: Serve) -> None:
    server = serve(echo_hub())
    with anyio.CancelScope() as scope:
        async with quick(server) as session:
            await session.send({"text": "hello"})
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert server.hub._rules.parts(CONNECTION) == {}


async def test_a_client_that_vanishes_is_forgotten_after_the_grace_time(serve: Serve) -> None:
    hub = echo_hub(ServerSettings(grace_s=0.15))
    server = serve(hub)
    async with httpx2.AsyncClient() as http, http.stream("GET", stream_url(server)) as response:
        assert response.status_code == 200
        assert len(hub._rules.parts(CONNECTION)) == 1
    await until(lambda: len(hub._timers) == 1)
    assert len(hub._rules.parts(CONNECTION)) == 1
    await until(lambda: hub._rules.parts(CONNECTION) == {})
    assert len(hub._timers) == 0


def stream_url(server: Server, attempt: str = "1.1") -> str:
    cid = "cid-00000000-0000-0000-0000-000000000001"
    return f"{server.url}/events?cid={cid}&attempt={attempt}&session=chat-1"


async def test_a_killed_client_comes_back_under_its_id_and_owns_its_session(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(echo_hub(ServerSettings(grace_s=30)))
    path = tmp_path / "me"
    async with Mute() as http, quick(server, identity=FileIdentity(path), http=http) as first:
        before = life_of(await first.send({"text": "one"}))
        await take(first, 1)
    assert server.hub.session("chat-1").owner == first.connection_id
    async with quick(server, identity=FileIdentity(path)) as second:
        assert second.connection_id == first.connection_id
        assert life_of(await second.send({"text": "two"})) > before
        events = await take(second, 2)
        assert second.epoch == first.epoch
        assert server.hub.session("chat-1").owner == first.connection_id
    assert [event.position for event in events] == [1, 2]


class Mute(httpx2.AsyncClient):
    """Sends all but goodbyes, like a client that is killed."""

    async def send(self, request: httpx2.Request, **more: Any) -> httpx2.Response:
        if request.url.path.endswith("/close"):
            raise httpx2.ConnectError("killed")
        return await super().send(request, **more)


class Life(MemoryIdentity):
    """A kept identity of which there are copies."""

    def __init__(self, connection_id: str, incarnation: int) -> None:
        super().__init__(connection_id)
        self.incarnation = incarnation

    def start(self) -> Identity:
        return Identity(super().start().connection_id, self.incarnation)


LASTING = ClientSettings(reconnect_first_s=0.01, reconnect_cap_s=0.05, renews=False)
"""An id that was taken over is the end."""


async def test_a_second_client_under_one_id_takes_over_and_the_first_does_not_come_back(
    serve: Serve,
) -> None:
    server = serve(echo_hub())
    identity = MemoryIdentity()
    async with quick(server, identity=identity, settings=LASTING) as first:
        await first.send({"text": "one"})
        async with quick(server, identity=identity) as second:
            await second.send({"text": "two"})
            await take(first, 1)
            with anyio.fail_after(5), pytest.raises(TakenOver, match="another identity"):
                _ = [item async for item in first]
            assert first.outcome == "taken over"
            await second.send({"text": "three"})
            assert second.outcome is None


async def test_a_copied_identity_that_comes_too_late_is_told_so(serve: Serve) -> None:
    server = serve(echo_hub())
    cid = "cid-00000000-0000-0000-0000-00000000000a"
    async with quick(server, identity=Life(cid, 2)) as first:
        await first.send({"text": "one"})
        async with quick(server, identity=Life(cid, 1), settings=LASTING) as copy:
            with anyio.fail_after(5), pytest.raises(TakenOver) as raised:
                await anext(copy)
            assert raised.value.status == 409
        await first.send({"text": "two"})


async def test_a_post_that_is_repeated_is_handled_once(serve: Serve) -> None:
    server = serve(echo_hub())
    async with quick(server) as session, httpx2.AsyncClient() as http:
        life = life_of(await session.send({"text": "one"}))
        items = [{"key": f"{life}.{n}", "data": {"text": text}} for n, text in [(1, "again"), (2, "two")]]
        body = {
            "cid": session.connection_id,
            "attempt": f"{life}.1",
            "epoch": session.epoch,
            "session": "chat-1",
            "items": items,
        }
        verdicts = []
        for _ in range(2):
            reply = await http.post(f"{server.url}/send", json=body)
            assert reply.status_code == 200
            verdicts.append([receipt["verdict"] for receipt in reply.json()["receipts"]])
        assert verdicts == [["duplicate", "accepted"], ["duplicate", "duplicate"]]
        await session.send({"text": "three"})  # its count is 2: taken already, and so a duplicate
        await session.send({"text": "four"})
        events = await take(session, 3)
    assert [event.data["text"] for event in events if isinstance(event, Event)] == ["ONE", "TWO", "FOUR"]


async def test_what_cannot_be_json_is_refused_at_once_on_both_sides(serve: Serve) -> None:
    server = serve(echo_hub())
    async with quick(server) as session:
        with pytest.raises(PayloadError):
            await session.send(object())
        with pytest.raises(PayloadError):
            await server.call(server.hub.session("chat-1").publish, object())
        assert (await session.send({"text": "fine"})).key.endswith(".1")


async def test_a_cancelled_send_goes_out_all_the_same(serve: Serve) -> None:
    server = serve(echo_hub())
    async with quick(server) as session:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await session.send({"text": "hello"})
        assert scope.cancelled_caught
        assert await take(session, 1) == [Event({"text": "HELLO"}, 1)]
        await until(lambda: session._machine.sends == {} and session.pending == 0)


async def test_what_is_not_taken_stops_the_reading_and_nothing_is_lost(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    limits = type(SHORT)(heartbeat_s=1, inbox_max=10)
    body = "x" * 20_000

    async def publish() -> None:
        for n in range(1000):
            await hub.session("chat-1").publish([n, body])

    async with quick(server, limits=limits) as session:
        await until(lambda: session.status.state == "awaiting")
        await server.call(publish)
        await anyio.sleep(0.2)
        assert len(session._place.inbox) < 100
        stream = next(iter(hub._streams.values()))
        assert sum(len(chunk) for chunk in stream._chunks if isinstance(chunk, bytes)) == 0
        events = await take(session, 1000)
    assert [event.data[0] for event in events if isinstance(event, Event)] == list(range(1000))
