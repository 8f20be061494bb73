"""What who hosts a hub sees of it: hooks, typed sends, limits, other origins, closing, too many workers."""

from __future__ import annotations

import json
from typing import Annotated, Any

import anyio
import pytest
from perdure import (
    Arrival,
    Event,
    HandlerFailed,
    Hub,
    HubLimits,
    HubSession,
    Send,
    SendFailed,
    UsageError,
    connect,
    workers,
)
from perdure.outgoing import pieces
from perdure.sse import Retry
from perdure_model.core.server.parts import CONNECTION, OWNER, WATCH, WINDOW, ServerSettings
from pydantic import AfterValidator, BaseModel
from starlette.requests import Request

from tests.runtime.asgi import CID, Call, post, stream
from tests.runtime.serving import QUICK, SHORT, Serve, echo_hub

OTHER = CID.replace("a", "b")


def held_of(hub: Hub) -> list[object]:
    """What the rules know of connections, and of what they watch and own."""
    return [hub._rules.parts(family) for family in (CONNECTION, WATCH, OWNER, WINDOW)]


async def until(condition: Any) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.002)


# -- hooks ---------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_each_stream_that_is_attached_is_told_with_its_principal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    arrivals: list[Arrival] = []
    hub = Hub(authenticate=lambda _request: "ann")

    @hub.on_connect
    async def greet(arrival: Arrival) -> None:
        arrivals.append(arrival)
        raise LookupError("a greeting went wrong")

    app = hub.asgi()
    for attempt in (1, 2):
        async with stream(app, attempt) as call:
            await call.until(1)
            await until(lambda n=attempt: len(arrivals) == n)
    async with stream(app, 1) as late:
        await late.ended()
    assert arrivals == [Arrival(CID, "ann", ("chat",), False), Arrival(CID, "ann", ("chat",), True)]
    assert "a greeting went wrong" in caplog.text
    await hub.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("closes", [True, False])
async def test_a_session_whose_owner_is_gone_is_told_once(serve: Serve, closes: bool) -> None:
    hub = echo_hub(ServerSettings(grace_s=0.05))
    gone: list[tuple[str, str]] = []

    @hub.on_expire
    async def forget(connection_id: str, session: HubSession) -> None:
        gone.append((connection_id, session.name))
        await session.end("failed")

    server = serve(hub)
    async with connect(server.url, session="watched", settings=QUICK, limits=SHORT) as session:
        await session.send({"text": "mine"})
        await session.watch("only watched")
        cid = session.connection_id
        if not closes:
            await session.suspend()
            await session.resume()
            await until(lambda: session.status.state == "awaiting")
        assert gone == []
    await until(lambda: gone)
    assert gone == [(cid, "watched")]


@pytest.mark.parametrize("register", ["on_send", "on_connect", "on_expire"])
def test_a_hook_that_does_not_wait_is_refused(register: str) -> None:
    with pytest.raises(UsageError, match="write: async def handler"):
        getattr(Hub(), register)(lambda *_: None)


# -- typed sends ---------------------------------------------------------------------------------------


class Note(BaseModel):
    text: str
    stars: int = 0


@pytest.mark.anyio
async def test_sends_and_events_may_be_models_and_what_is_none_is_refused_alone(serve: Serve) -> None:
    hub = Hub()

    @hub.on_send(data=Note)
    async def star(send: Send, session: HubSession) -> None:
        assert isinstance(send.data, Note)
        await session.publish(send.data.model_copy(update={"stars": send.data.stars + 1}))

    server = serve(hub)
    async with connect(server.url, session="notes", settings=QUICK, limits=SHORT) as session:
        await session.send(Note(text="good", stars=4))
        with pytest.raises(SendFailed) as raised:
            await session.send({"texts": 7})
        assert raised.value.why == "invalid data: 1 validation error for Note: missing"
        await session.send({"text": "better"})
        with anyio.fail_after(5):
            items = [await anext(session) for _ in range(2)]
    assert items == [Event({"text": "good", "stars": 5}, 1), Event({"text": "better", "stars": 1}, 2)]


@pytest.mark.anyio
async def test_of_one_post_what_is_not_fit_is_refused_and_the_rest_handled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub, handled = Hub(), list[Any]()

    def odd(number: int) -> int:
        if number == 13:
            raise RuntimeError("a validator's own mistake")
        return number

    @hub.on_send(data=Annotated[int, AfterValidator(odd)])
    async def keep(send: Send, _session: HubSession) -> None:
        handled.append(send.data)

    app = hub.asgi()
    async with stream(app, 1) as call:
        epoch = json.loads((await call.until(1))[0].data)["epoch"]
        items = [{"key": f"1.{n}", "data": data} for n, data in enumerate((1, "one", "2", 13, 3), 1)]
        body = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "chat", "items": items}
        for accepted in ("accepted", "duplicate"):
            _, answer = await post(app, "/send", body)
            verdicts = [receipt["verdict"] for receipt in answer["receipts"]]
            assert verdicts[::2] == [accepted] * 3
            assert verdicts[1].startswith("invalid data: 1 validation error for")
            assert verdicts[3] == "invalid data: RuntimeError in its validation"
    await hub.aclose()
    assert handled == [1, 2, 3]
    assert "could not look at a send's data" in caplog.text


@pytest.mark.anyio
async def test_a_hub_that_closes_lets_handlers_finish_and_waits_no_longer_than_it_may(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for closing_s, done in ((5.0, ["begun", "done"]), (0.02, ["begun"])):
        hub, seen = Hub(closing_s=closing_s), list[str]()

        @hub.on_send
        async def slow(_send: Send, session: HubSession, seen: list[str] = seen) -> None:
            seen.append("begun")
            await anyio.sleep(0.15)
            seen.append("done")
            await session.publish("the reply")

        app = hub.asgi()
        async with stream(app, 1) as call:
            epoch = json.loads((await call.until(1))[0].data)["epoch"]
            body = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "chat"}
            await post(app, "/send", body | {"items": [{"key": "1.1", "data": 0}]})
            await hub.aclose()
            assert seen == done
            assert (call.events[-1].data == '"the reply"') == (len(done) == 2)
            assert call.over
    assert caplog.text.count("in the midst of a send of session 'chat'") == 1


@pytest.mark.anyio
async def test_a_handler_that_never_returns_has_failed_and_the_session_goes_on(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub(handler_s=0.05)

    @hub.on_send
    async def sleep(send: Send, session: HubSession) -> None:
        await anyio.sleep(send.data)
        await session.publish("slept")

    server = serve(hub)
    async with connect(server.url, session="s", settings=QUICK, limits=SHORT) as session:
        receipt = await session.send(1000)
        await session.send(0)
        with anyio.fail_after(5):
            items = [await anext(session) for _ in range(2)]
    assert items == [HandlerFailed(receipt.key, True, 1), Event("slept", 2)]
    assert "it has not returned after 0.05 s" in caplog.text


# -- limits --------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_principal_may_have_so_many_connections_and_come_back_with_them() -> None:
    def who(request: Request) -> str | None:
        return request.query_params.get("as")

    hub = Hub(authenticate=who, limits=HubLimits(connections=1), retry_s=2.5)
    app = hub.asgi()
    anyone: dict[str, str] = {"as": "ann"}
    async with stream(app, 1, **anyone) as first:
        await first.until(1)
        async with stream(app, 1, cid=OTHER, **anyone) as second:
            await second.ended()
            assert (second.status, second.headers["retry-after"]) == (429, "3")
            assert json.loads(b"".join(second.writes))["type"] == "urn:perdure:problem:too-many-connections"
        async with stream(app, 1, cid=OTHER, **{"as": "bob"}) as other, stream(app, 2, **anyone) as again:
            await other.until(1)
            await again.until(1)
            await first.ended()
    async with stream(app, 3, cid=OTHER.replace("b", "c"), **anyone) as third:
        await third.until(1)
    assert hub._routes._open == {}
    await hub.aclose()


@pytest.mark.anyio
async def test_nobodies_may_have_so_many_connections_together() -> None:
    hub = Hub(limits=HubLimits(anonymous=2, connections=1))
    app = hub.asgi()
    async with stream(app, 1) as first, stream(app, 1, cid=OTHER) as second:
        await first.until(1)
        await second.until(1)
        third = Call("GET", "/events", [("session", "chat")])
        await third.run(app)
        assert (third.status, third.headers["retry-after"]) == (429, "1")
        assert "too-many-connections" in third.writes[0].decode()
        async with stream(app, 2) as again:
            await again.until(1)
    assert hub._routes._open == {}
    await hub.aclose()


@pytest.mark.anyio
async def test_what_is_refused_before_any_rule_is_in_the_trace() -> None:
    """A bad connection id, among others (T19); what a rule rejects stands there once."""
    records: list[dict[str, Any]] = []
    hub = Hub(trace=records.append)
    app = hub.asgi()
    await Call("GET", "/events", [("session", "chat"), ("cid", "me")]).run(app)
    assert (await post(app, "/close", {"cid": "me", "attempt": "1.1"}))[0] == 400
    assert (await post(app, "/close", {"cid": CID, "attempt": "1.1"}))[0] == 409
    told = [(one["input"]["type"], one["input"].get("problem")) for one in records[1:]]
    bad = ("RequestRefused", "bad-connection-id")
    assert told == [bad, bad, ("CloseRequested", None)]
    assert [one["input"]["address"] for one in records[1:3]] == ["/events", "/close"]
    assert records[1]["effects"] == [{"type": "Refused", "why": "bad-connection-id"}]
    await hub.aclose()


@pytest.mark.anyio
async def test_events_are_written_in_pieces_of_bounded_size() -> None:
    hub = Hub(limits=HubLimits(write_bytes=1000))
    for n in range(30):
        await hub.session("chat").publish([n, "x" * 300])
    async with stream(hub.asgi()) as call:
        events = await call.until(31)
    assert [json.loads(event.data)[0] for event in events[1:]] == list(range(30))
    assert max(map(len, call.writes)) <= 1000
    await hub.aclose()


@pytest.mark.parametrize(
    ("sizes", "joined"), [([], []), ([3, 3, 4], [10]), ([6, 5], [6, 5]), ([11, 1, 9, 1], [11, 10, 1])]
)
def test_pieces_are_as_large_as_their_bound_allows(sizes: list[int], joined: list[int]) -> None:
    assert [len(piece) for piece in pieces([b"x" * size for size in sizes], 10)] == joined


# -- other origins -------------------------------------------------------------------------------------


async def asked_from(hub: Hub, origin: str, method: str = "GET", **more: str) -> Call:
    call = Call(method, "/events", [("session", "chat"), ("cid", "bad")])
    headers = {"origin": origin, **more}
    call.scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
    await call.run(hub.asgi())
    return call


@pytest.mark.anyio
async def test_pages_of_other_origins_may_use_a_hub_that_allows_them_and_read_its_problems() -> None:
    hub = Hub(cors_origins=["https://example.org"])
    call = await asked_from(hub, "https://example.org")
    assert (call.status, call.headers["access-control-allow-origin"]) == (400, "https://example.org")
    assert call.headers["access-control-allow-credentials"] == "true"
    wants = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization,last-event-id",
    }
    assert (await asked_from(hub, "https://example.org", "OPTIONS", **wants)).status == 200
    assert (await asked_from(hub, "https://example.net", "OPTIONS", **wants)).status == 400
    assert "access-control-allow-origin" not in (await asked_from(hub, "https://example.net")).headers
    assert "access-control-allow-origin" not in (await asked_from(Hub(), "https://example.org")).headers
    anyone = await asked_from(Hub(cors_origins=["*"]), "https://example.net")
    assert anyone.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in anyone.headers


# -- closing -------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_hub_that_closes_tells_each_client_when_to_come_back() -> None:
    hub = Hub(retry_s=20)
    app = hub.asgi()
    async with stream(app, 1) as one, stream(app, 1, cid=OTHER) as other:
        await one.until(1)
        await other.until(1)
        await hub.aclose()
        told = [item.milliseconds for call in (one, other) for item in call.items if isinstance(item, Retry)]
        assert len(told) == 2
        assert all(20_000 <= each <= 40_000 for each in told)
        assert told[0] != told[1]
        async with stream(app, 2) as late:
            await late.ended()
            assert (late.status, late.headers["retry-after"]) == (503, "20")


WORDS: dict[str, dict[str, Any]] = {
    "send": {"epoch": "e", "session": "chat", "items": [{"key": "1.1", "data": 0}]},
    "watch": {"serial": 1, "session": "more"},
    "unwatch": {"serial": 1, "session": "chat"},
    "suspend": {},
    "close": {},
}


@pytest.mark.anyio
@pytest.mark.parametrize("word", WORDS)
async def test_a_post_that_is_held_while_the_hub_closes_is_refused_and_changes_nothing(word: str) -> None:
    held, let, handled = anyio.Event(), anyio.Event(), list[Send]()

    async def hold(request: Request) -> str:
        if request.method == "POST":
            held.set()
            await let.wait()
        return "ann"

    hub = Hub(authenticate=hold)

    @hub.on_send
    async def handle(send: Send, _session: HubSession) -> None:
        handled.append(send)

    app, answers = hub.asgi(), list[tuple[int, Any]]()

    async def say(body: dict[str, Any]) -> None:
        answers.append(await post(app, f"/{word}", body))

    async with stream(app) as call, anyio.create_task_group() as group:
        epoch = json.loads((await call.until(1))[0].data)["epoch"]
        body = {"cid": CID, "attempt": "1.1"} | WORDS[word]
        group.start_soon(say, body | {"epoch": epoch} if word == "send" else body)
        await held.wait()
        await hub.aclose()
        before = held_of(hub)
        let.set()
    ((status, problem),) = answers
    assert (status, problem["type"]) == (503, "urn:perdure:problem:shutting-down")
    assert (held_of(hub), handled) == (before, [])
    await hub.aclose()


@pytest.mark.anyio
async def test_a_post_that_waits_for_its_turn_as_the_hub_closes_is_refused_and_not_handled() -> None:
    hub = Hub(closing_s=0.02, limits=HubLimits(backlog=1))
    seen, answers = list[int](), list[tuple[int, Any]]()

    @hub.on_send
    async def never(send: Send, _session: HubSession) -> None:
        seen.append(send.data)
        await anyio.sleep_forever()

    app = hub.asgi()
    async with stream(app) as call, anyio.create_task_group() as group:
        epoch = json.loads((await call.until(1))[0].data)["epoch"]
        body = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "chat"}

        async def send(n: int) -> None:
            answers.append(await post(app, "/send", body | {"items": [{"key": f"1.{n}", "data": n}]}))

        for n in (1, 2):  # one is being handled, one waits
            await send(n)
            await until(lambda: seen)
        group.start_soon(send, 3)
        await anyio.wait_all_tasks_blocked()
        assert len(answers) == 2
        await hub.aclose()
    status, problem = answers[-1]
    assert (status, problem["type"]) == (503, "urn:perdure:problem:shutting-down")
    assert (seen, len(hub._background), hub._handlers.busy) == ([1], 0, False)


@pytest.mark.anyio
async def test_a_client_comes_back_after_the_time_that_it_was_told(serve: Serve) -> None:
    server = serve(Hub(retry_s=0.4))
    async with connect(server.url, session="chat", settings=QUICK, limits=SHORT) as session:
        await until(lambda: session.status.state == "awaiting")
        await server.call(server.hub.aclose)
        await until(lambda: session.status.state == "reconnecting")
        assert 0.4 <= (session.status.next_try_s or 0) <= 0.8


# -- several workers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "count"),
    [
        (["/usr/bin/uvicorn", "app:app"], {}, 1),
        (["/usr/bin/uvicorn", "app:app", "--workers", "4"], {}, 4),
        (["/usr/bin/uvicorn", "--workers=4", "app:app"], {}, 4),
        (["/usr/bin/gunicorn", "-w", "3", "app:app"], {}, 3),
        (["/lib/uvicorn/__main__.py", "app:app", "--workers", "2"], {}, 2),
        (["uvicorn", "app:app"], {"WEB_CONCURRENCY": "5"}, 5),
        (["uvicorn", "app:app", "--workers", "1"], {"WEB_CONCURRENCY": "5"}, 1),
        (["pytest", "-w", "4"], {}, 1),
        (["uvicorn", "--workers"], {"WEB_CONCURRENCY": "many"}, 1),
        ([], {}, 1),
    ],
)
def test_how_many_workers_there_are(arguments: list[str], environment: dict[str, str], count: int) -> None:
    assert workers.workers(arguments, environment) == count


def test_a_hub_with_its_own_memory_refuses_to_be_one_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    with pytest.raises(UsageError, match=r"3 server workers.*routed=True"):
        Hub().asgi()
    Hub(routed=True).asgi()
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    Hub().asgi()


@pytest.mark.anyio
async def test_a_send_is_of_the_stream_that_brought_its_epoch() -> None:
    hub = Hub()
    async with stream(hub.asgi(), 1) as call:
        epoch = json.loads((await call.until(1))[0].data)["epoch"]
        items = [{"key": "1.1", "data": 1}]
        body = {"cid": CID, "epoch": epoch, "session": "chat", "items": items}
        assert (await post(hub.asgi(), "/send", {**body, "attempt": "1.1"}))[0] == 200
        status, problem = await post(hub.asgi(), "/send", body)
        assert (status, problem["detail"]) == (400, "attempt: Field required")
    await hub.aclose()
