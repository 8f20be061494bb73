"""One client: several sessions on one stream, the background, a copied id, and a credential that expires."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from perdure import (
    Credential,
    Event,
    FarewellNotTaken,
    FileIdentity,
    HandlerFailed,
    Hub,
    HubSession,
    Identity,
    MemoryIdentity,
    PerdureError,
    Send,
    SendFailed,
    Session,
    SessionExpired,
    SessionFailed,
    Status,
    Unauthenticated,
    UsageError,
    connect,
)
from perdure.wire import pair_text
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.server.parts import CONNECTION, OWNER, WATCH, ServerSettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope
from starlette.types import Send as SendFunction

from tests.runtime.asgi import CID, Call, post, stream
from tests.runtime.serving import QUICK, SHORT, Serve, Server, echo_hub

pytestmark = pytest.mark.anyio


def quick(server: Server, session: str = "a", **more: Any) -> Any:
    return connect(server.url, session=session, **{"settings": QUICK, "limits": SHORT, **more})


async def take(session: Session, count: int) -> list[Any]:
    with anyio.fail_after(5):
        return [await anext(session) for _ in range(count)]


async def until(condition: Any) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.005)


def up(session: Session) -> bool:
    return session.status.state == "awaiting"


async def cut(hub: Hub) -> None:
    for one in list(hub._streams.values()):
        one.cut()


# -- several sessions ----------------------------------------------------------------------------------


async def test_sessions_share_a_stream_and_each_has_its_own_events_and_sends(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server) as a:
        await a.send({"text": "to a"})
        b = await a.watch("b")
        await b.send({"text": "to b"})
        assert (await take(a, 1), await take(b, 1)) == (
            [Event({"text": "TO A"}, 1)],
            [Event({"text": "TO B"}, 1)],
        )
        assert len(hub._streams) == 1
        assert (a.name, b.name, a.connection_id) == ("a", "b", b.connection_id)
        with pytest.raises(UsageError, match="watched already"):
            await a.watch("b")


async def test_a_client_that_is_done_watches_nothing_more_and_says_so(serve: Serve) -> None:
    async with quick(serve(echo_hub())) as a:
        b = await a.watch("b")
        await b.unwatch()
        a.leave()
        assert (a.outcome, b.outcome) == ("closed", "unwatched")
        with pytest.raises(UsageError, match="done with all its sessions"):
            await a.watch("c")
        await a.unwatch()
        assert a.outcome == "closed"


async def test_who_stops_watching_by_an_old_session_leaves_the_new_one(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server) as a:
        old = await a.watch("b")
        await old.unwatch()
        new = await a.watch("b")
        await old.unwatch()
        await server.call(hub.session("b").publish, 1)
        assert await take(new, 1) == [Event(1, 1)]
        assert (old.outcome, new.outcome) == ("unwatched", None)


async def test_what_is_watched_outlives_the_stream_and_nothing_is_lost_or_twice(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server) as a:
        b = await a.watch("b")
        for n in range(30):
            await server.call(hub.session("b" if n % 2 else "a").publish, n)
            if n % 7 == 3:
                await server.call(cut, hub)
        assert [event.data for event in await take(a, 15)] == list(range(0, 30, 2))
        assert [event.data for event in await take(b, 15)] == list(range(1, 30, 2))


async def test_what_is_watched_before_there_is_a_stream_comes_with_the_first(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    await server.call(hub.session("b").publish, 1)
    async with quick(server) as a:
        b = await a.watch("b")
        assert await take(b, 1) == [Event(1, 1)]


async def test_a_session_that_is_left_brings_nothing_and_goes_on_where_it_was(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server) as a:
        b = await a.watch("b")
        await server.call(hub.session("b").publish, 1)
        assert await take(b, 1) == [Event(1, 1)]
        await b.unwatch()
        assert [item async for item in b] == []
        assert b.outcome == "unwatched"
        await until(lambda: len(hub._rules.parts(WATCH)) == 1)
        await server.call(hub.session("b").publish, 2)
        await server.call(hub.session("a").publish, 3)
        assert await take(a, 1) == [Event(3, 1)]
        (outgoing,) = hub._streams.values()
        assert list(outgoing._cursors) == ["a"]
        again = await a.watch("b")
        assert await take(again, 1) == [Event(2, 2)]


async def test_the_end_of_one_session_leaves_the_others(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server) as a:
        b = await a.watch("b")
        await server.call(hub.session("a").end, "failed")
        with anyio.fail_after(5), pytest.raises(SessionFailed):
            await anext(a)
        assert (a.outcome, b.outcome) == ("failed", None)
        with pytest.raises(SendFailed, match="the session is over"):
            await a.send({"text": "late"})
        await b.send({"text": "still here"})
        assert await take(b, 1) == [Event({"text": "STILL HERE"}, 1)]
        await server.call(hub.session("b").end)
        assert [item async for item in b] == []
        assert b.outcome == "succeeded"


async def test_a_session_that_may_not_be_watched_says_so_and_disturbs_nothing(serve: Serve) -> None:
    hub = Hub(authorize=lambda _principal, session: session == "a")
    server = serve(hub)
    async with quick(server) as a:
        await until(lambda: up(a))
        b = await a.watch("b")
        with anyio.fail_after(5), pytest.raises(SessionFailed) as raised:
            await anext(b)
        assert (raised.value.status, b.outcome) == (403, "failed")
        await server.call(hub.session("a").publish, 1)
        assert await take(a, 1) == [Event(1, 1)]
        assert a.status.attempt == 1


class Losing:
    """Answers the first so many words of this kind in the place of the hub."""

    def __init__(self, hub: Hub, count: int, path: str = "/watch") -> None:
        self.app, self.left, self.path = hub.asgi(), count, path

    async def __call__(self, scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope.get("path") == self.path and self.left:
            self.left -= 1
            await Response(status_code=502)(scope, receive, send)
            return
        await self.app(scope, receive, send)


async def test_a_word_that_was_lost_is_put_right_by_the_next_stream(serve: Serve) -> None:
    hub = echo_hub()
    way = Losing(hub, 1)
    server = serve(hub, app=way)
    async with quick(server) as a:
        await until(lambda: up(a))
        b = await a.watch("b")
        await server.call(hub.session("b").publish, 1)
        assert await take(b, 1) == [Event(1, 1)]
    assert way.left == 0


async def test_words_that_were_overtaken_or_are_of_an_earlier_stream_change_nothing() -> None:
    hub = Hub()
    app = hub.asgi()
    word = {"cid": CID, "attempt": "1.2", "session": "b"}
    async with stream(app, 2) as call:
        await call.until(1)
        assert await post(app, "/watch", {**word, "serial": 2}) == (204, None)
        for late in ({**word, "serial": 1}, {**word, "serial": 3, "attempt": "1.1"}):
            status, problem = await post(app, "/unwatch", late)
            assert (status, problem["type"]) == (409, "urn:perdure:problem:stale-attempt")
        await hub.session("b").publish(1)
        assert (await call.until(2))[1].data == "1"
        place = call.events[1].id
        assert await post(app, "/unwatch", {**word, "serial": 3}) == (204, None)
        await hub.session("b").publish(2)
        assert await post(app, "/watch", {**word, "serial": 4, "cursor": place}) == (204, None)
        assert (await call.until(3))[2].data == "2"
    await hub.aclose()


async def test_the_ids_of_events_name_what_was_watched_later_from_its_place_on() -> None:
    hub = Hub()
    app = hub.asgi()
    await hub.session("b").publish(1)
    async with stream(app, 1, session="b") as call:
        place = (await call.until(2))[1].id
    async with stream(app, 2) as call:
        await call.until(1)
        word = {"cid": CID, "attempt": "1.2", "serial": 1, "session": "b", "cursor": place}
        assert await post(app, "/watch", word) == (204, None)
        await hub.session("chat").publish("of another session")
        assert (await call.until(2))[1].id.split(",")[1:] == [place]
    await hub.aclose()


# -- the background ------------------------------------------------------------------------------------


async def test_in_the_background_there_is_no_stream_and_afterwards_nothing_is_missing(serve: Serve) -> None:
    hub = echo_hub(ServerSettings(grace_s=0.05))
    server = serve(hub)
    async with quick(server) as a:
        await a.send({"text": "one"})
        await a.suspend()
        await until(lambda: not hub._streams and not hub._rules.parts(CONNECTION))
        assert hub.session("a").owner == a.connection_id  # kept, though the connection has expired
        assert (a.status.state, a.status.next_try_s) == ("reconnecting", None)
        await server.call(hub.session("a").publish, 2)
        async with anyio.create_task_group() as group:
            group.start_soon(a.send, {"text": "three"})
            await anyio.sleep(0.05)
            assert a.pending == 1
            await a.resume()
        assert [event.data for event in await take(a, 3)] == [{"text": "ONE"}, 2, {"text": "THREE"}]


async def test_in_the_background_no_next_try_is_shown(serve: Serve) -> None:
    server = serve(echo_hub())
    await server.call(server.hub.aclose)  # it answers 503 from now on
    slow = ClientSettings(reconnect_first_s=1000, reconnect_cap_s=1000)
    async with quick(server, settings=slow) as a:
        await until(lambda: a.status.next_try_s is not None)
        await a.suspend()
        assert (a.status.state, a.status.next_try_s) == ("reconnecting", None)


async def test_a_suspend_that_the_server_does_not_take_is_told_t35(serve: Serve) -> None:
    hub = echo_hub()
    errors: list[PerdureError] = []
    async with quick(serve(hub, app=Losing(hub, 1, "/suspend")), on_error=errors.append) as a:
        await until(lambda: up(a))
        await a.suspend()
        await until(lambda: bool(errors))
        await a.resume()
    (error,) = errors
    assert isinstance(error, FarewellNotTaken)
    assert (error.word, error.status) == ("suspend", 502)
    assert "grace time" in str(error)


async def test_a_goodbye_that_the_server_does_not_take_is_told_t35(serve: Serve) -> None:
    hub = echo_hub()
    errors: list[PerdureError] = []
    async with quick(serve(hub, app=Losing(hub, 1, "/close")), on_error=errors.append) as a:
        await until(lambda: up(a))
    (error,) = errors
    assert isinstance(error, FarewellNotTaken)
    assert (error.word, error.status) == ("close", 502)


async def test_a_stream_request_that_is_repeated_on_the_way_costs_nobody_the_id_n33(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub)
    async with quick(server) as a:
        await until(lambda: up(a))
        attempt = next(iter(hub._rules.parts(CONNECTION).values())).generation
        query = {"cid": a.connection_id, "attempt": pair_text(attempt), "session": "a"}
        async with httpx2.AsyncClient() as http:
            repeated = await http.get(f"{server.url}/events", params=query)
        assert repeated.status_code == 425
        assert repeated.json()["type"] == "urn:perdure:problem:repeated-attempt"
        await a.send({"text": "on it goes"})
        assert (a.status.identity, a.status.attempt) == ("kept", 1)


async def test_suspending_twice_and_resuming_what_runs_do_nothing(serve: Serve) -> None:
    server = serve(echo_hub())
    async with quick(server) as a:
        await until(lambda: up(a))
        await a.resume()
        assert a.status.attempt == 1
        await a.suspend()
        await a.suspend()
        await a.resume()
        await until(lambda: up(a))
        assert a.status.attempt == 2


# -- ids -----------------------------------------------------------------------------------------------


async def test_the_loser_of_a_copied_id_goes_on_under_its_own_and_says_so(serve: Serve) -> None:
    server = serve(echo_hub())
    statuses: list[Status] = []
    identity = MemoryIdentity()
    async with quick(server, identity=identity, on_status=statuses.append) as first:
        await first.send({"text": "one"})
        before = first.connection_id
        async with quick(server, identity=identity) as second:
            await second.send({"text": "two"})
            await first.send({"text": "three"})
            assert second.connection_id == before != first.connection_id
            assert (first.status.identity, second.status.identity) == ("renewed", "kept")
            for session in (first, second):
                assert [event.data["text"] for event in await take(session, 3)] == ["ONE", "TWO", "THREE"]
            assert (first.status.attempt, second.status.attempt) == (2, 1)
    assert {status.connection_id for status in statuses} == {before, first.connection_id}


async def test_who_was_renamed_knows_its_sends_of_before_and_after_and_is_traced_by_its_new_id(
    serve: Serve,
) -> None:
    server = serve(echo_hub())
    identity = MemoryIdentity()
    records: list[dict[str, Any]] = []
    async with quick(server, identity=identity, trace=records.append) as first:
        keys = [(await first.send("before")).key]
        old = first.connection_id
        async with quick(server, identity=identity) as second:
            await until(lambda: first.connection_id != old and up(first))
            keys.append((await first.send("after")).key)
            assert await take(first, 2) == [HandlerFailed(key, True, n) for n, key in enumerate(keys, 1)]
            assert await take(second, 2) == [
                HandlerFailed(keys[0], True, 1),  # the id is its own now
                HandlerFailed(keys[1], False, 2),
            ]
        new = first.connection_id
    assert [record["cid"] for record in records if record["input"]["type"] == "Started"] == [old]
    assert [record["cid"] for record in records if record["input"]["type"] == "Left"] == [new]


async def test_a_new_id_is_kept_for_the_next_life_and_one_of_the_server_s_is_not(
    serve: Serve, tmp_path: Path
) -> None:
    server, renaming = serve(echo_hub()), serve(echo_hub(), app=Renaming(echo_hub()))
    path = tmp_path / "me"
    async with quick(renaming, identity=FileIdentity(path)) as session:
        await until(lambda: session.status.identity == "server")
    async with quick(server, identity=FileIdentity(path)) as first:
        await until(lambda: up(first))
        kept = first.connection_id
        assert kept != session.connection_id
        async with quick(server, identity=FileIdentity(path)):
            await until(lambda: first.status.identity == "renewed" and up(first))
        renewed = first.connection_id
    async with quick(server, identity=FileIdentity(path)) as again:
        assert again.connection_id == renewed != kept


async def test_a_copy_that_comes_too_late_goes_on_under_an_id_of_its_own(serve: Serve) -> None:
    server = serve(echo_hub())

    class Life(MemoryIdentity):
        def __init__(self, incarnation: int) -> None:
            self.incarnation = incarnation

        def start(self) -> Identity:
            return Identity(CID, self.incarnation)

    async with quick(server, identity=Life(2)) as first:
        await first.send({"text": "one"})
        async with quick(server, identity=Life(1)) as copy:
            await copy.send({"text": "two"})
            assert copy.status.identity == "renewed"
        assert first.connection_id == CID
        assert first.status.attempt == 1


async def test_who_leaves_its_id_to_the_server_is_told_it_and_has_no_grace() -> None:
    hub = Hub(settings=ServerSettings(grace_s=60))
    call = Call("GET", "/events", [("session", "chat")])
    async with anyio.create_task_group() as group:
        group.start_soon(call.run, hub.asgi())
        said = json.loads((await call.until(1))[0].data)
        cid = said["connection"]
        items = [{"key": "1.1", "data": 1}]
        body = {"cid": cid, "attempt": "1.1", "epoch": said["epoch"], "session": "chat", "items": items}
        assert (await post(hub.asgi(), "/send", body))[0] == 200
        assert hub.session("chat").owner == cid
        call.gone.set()
    assert hub._rules.parts(CONNECTION) == hub._rules.parts(OWNER) == {}
    assert len(hub._timers) == 0
    await hub.aclose()


class Renaming:
    """A server of the old kind: it makes the ids, whatever the client asks under."""

    def __init__(self, hub: Hub) -> None:
        self.app = hub.asgi()

    async def __call__(self, scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope.get("path") == "/events":
            kept = [part for part in scope["query_string"].split(b"&") if not part.startswith(b"cid=")]
            scope = {**scope, "query_string": b"&".join(kept)}
        await self.app(scope, receive, send)


async def test_a_client_goes_by_the_id_that_the_server_makes(serve: Serve) -> None:
    hub = echo_hub()
    server = serve(hub, app=Renaming(hub))
    async with quick(server, identity=MemoryIdentity(CID)) as session:
        await session.send({"text": "one"})
        assert await take(session, 1) == [Event({"text": "ONE"}, 1)]
        assert session.status.identity == "server"
        assert session.connection_id == hub.session("a").owner != CID


# -- credentials ---------------------------------------------------------------------------------------


def guarded(good: set[str]) -> Hub:
    """A hub that takes these tokens now."""

    def authenticate(request: Request) -> str:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in good:
            raise Unauthenticated(f"{token} has expired")
        return "ann"

    hub = Hub(authenticate=authenticate)

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish(send.data)

    return hub


async def test_an_expired_credential_is_refreshed_once_for_stream_and_sends_of_all_who_share_it(
    serve: Serve,
) -> None:
    good = {"one"}
    hub = guarded(good)
    server = serve(hub)
    refreshed = 0

    async def refresh() -> str:
        nonlocal refreshed
        refreshed += 1
        await anyio.sleep(0.05)
        good.add("two")
        return "two"

    credential = Credential("one", refresh)
    async with quick(server, credential=credential) as a, quick(server, credential=credential) as b:
        await until(lambda: up(a) and up(b))
        good.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(a.send, 1)
            group.start_soon(b.send, 1)
            await server.call(cut, hub)
        assert [event.data for event in await take(a, 2)] == [1, 1]
        assert refreshed == 1
        assert a.outcome is b.outcome is None


async def test_who_leaves_waits_for_no_refresh(serve: Serve) -> None:
    server = serve(guarded(set()))
    begun = cancelled = False

    async def refresh() -> str:
        nonlocal begun, cancelled
        begun = True
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            cancelled = True
            raise
        return ""

    credential = Credential("one", refresh)
    async with quick(server, credential=credential) as session:
        await until(lambda: begun)
        assert session.outcome is None
    await until(lambda: cancelled)


@pytest.mark.parametrize("expired", ["at first", "later"])
async def test_a_function_is_asked_again_when_its_token_is_refused(serve: Serve, expired: str) -> None:
    good = {"token-1"} if expired == "later" else {"token-2"}
    server = serve(guarded(good))
    asked = 0

    def credential() -> str:
        nonlocal asked
        asked += 1
        return f"token-{asked}"

    async with quick(server, credential=credential) as session:
        if expired == "later":
            await session.send(1)
            good.clear()
            good.add("token-2")
        await session.send(2)
        assert asked == 2


@pytest.mark.parametrize("same", [True, False])
async def test_one_that_cannot_be_replaced_ends_the_session_as_expired(serve: Serve, same: bool) -> None:
    server = serve(guarded(set()))
    asked = 0

    async def credential() -> str:
        nonlocal asked
        asked += 1
        return "always" if same else f"token-{asked}"

    async with quick(server, credential=credential) as session:
        with anyio.fail_after(5), pytest.raises(SessionExpired) as raised:
            await anext(session)
        assert (raised.value.status, asked) == (401, 2)
        assert session.status.attempt == (1 if same else 2)  # the same one again is not tried again


async def test_what_is_no_credential_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match=r"perdure\.Credential"):
        async with connect("http://127.0.0.1:1", session="a", credential=b"bytes"):  # type: ignore[arg-type]
            pass


# -- half-dead readers ---------------------------------------------------------------------------------


async def test_a_stream_whose_writes_do_not_go_out_is_cut_and_its_client_waited_for() -> None:
    hub = Hub(stall_s=0.05, settings=ServerSettings(grace_s=60))
    app = hub.asgi()
    async with stream(app, 1) as dead:
        await dead.until(1)
        dead.reads = anyio.Event()
        await hub.session("chat").publish(1)
        await until(lambda: not hub._streams)
        assert (len(hub._timers), len(hub._rules.parts(CONNECTION))) == (1, 1)
        async with stream(app, 2) as second:
            assert [event.data for event in (await second.until(2))[1:]] == ["1"]
    await hub.aclose()
