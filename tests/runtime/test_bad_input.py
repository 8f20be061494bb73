"""Bad input gets a typed error or a problem that says what to do, and disturbs nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from perdure import (
    Event,
    Hub,
    HubLimits,
    HubSession,
    Identity,
    Limits,
    MemoryIdentity,
    NoCredential,
    NotAnEventStream,
    Send,
    SendFailed,
    ServerUnreachable,
    SessionError,
    SessionExpired,
    SessionFailed,
    StreamBroken,
    StreamRefused,
    Unauthenticated,
    UsageError,
    connect,
)
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.server.parts import CONNECTION, ServerSettings
from starlette.requests import Request
from starlette.types import Receive, Scope
from starlette.types import Send as SendFunction

from tests.runtime.serving import QUICK, SHORT, Serve, Server

pytestmark = pytest.mark.anyio

CID = "cid-00000000-0000-0000-0000-00000000000a"
OTHER = "cid-00000000-0000-0000-0000-00000000000b"
WORDS = ("/close", "/suspend", "/watch", "/unwatch")
JSON = {"content-type": "application/json"}
IMPATIENT = ClientSettings(attempts_max=2, reconnect_first_s=0.01, reconnect_cap_s=0.02)


def guarded_hub(**more: Any) -> Hub:
    """Tokens are names; each name may use the sessions that begin with it, and `lobby`."""

    def authenticate(request: Request) -> str:
        name = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name not in ("ann", "bob"):
            raise Unauthenticated("no such token")
        return name

    async def authorize(principal: object, session: str) -> bool:
        return session == "lobby" or session.startswith(str(principal))

    limits = HubLimits(body_bytes=2000, items=3, sessions=2)
    hub = Hub(authenticate=authenticate, authorize=authorize, limits=limits, **more)

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish([send.principal, send.data])

    return hub


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(guarded_hub())


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    """Ann's HTTP client: one connection, which every error has to leave usable."""
    limits = httpx2.Limits(max_connections=1)
    headers = {"authorization": "Bearer ann"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, limits=limits) as client:
        yield client


def is_problem(response: httpx2.Response, status: int, name: str, says: str = "") -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"urn:perdure:problem:{name}"
    assert problem["status"] == status
    assert problem["title"]
    assert says in problem["detail"]


def body(**changed: Any) -> dict[str, Any]:
    sends = {
        "cid": CID,
        "attempt": "1.1",
        "epoch": "e",
        "session": "ann-1",
        "items": [{"key": "1.1", "data": 1}],
    }
    return sends | changed


def query(**changed: Any) -> dict[str, Any]:
    return {"cid": CID, "attempt": "1.1", "session": "ann-1"} | changed


@asynccontextmanager
async def bystander(server: Server) -> AsyncIterator[None]:
    """A session that goes on, whatever others send."""
    async with connect(
        server.url, session="lobby", credential="bob", settings=QUICK, limits=SHORT
    ) as session:
        await session.send("before")
        yield
        await session.send("after")
        with anyio.fail_after(5):
            events = [await anext(session) for _ in range(2)]
        assert events == [Event(["bob", "before"], 1), Event(["bob", "after"], 2)]
        assert session.status.attempt == 1


async def test_what_is_over_a_limit_is_told_which_one(server: Server, http: httpx2.AsyncClient) -> None:
    async with bystander(server):
        many = body(items=[{"key": f"1.{n}", "data": n} for n in range(1, 5)])
        is_problem(await http.post("/send", json=many), 413, "batch-too-large", "at most 3")
        three = [*query().items(), ("session", "ann-2"), ("session", "ann-3")]
        is_problem(await http.get("/events", params=three), 403, "too-many-sessions", "at most 2")
        async with connect(
            server.url, session="ann-1", credential="ann", settings=QUICK, limits=SHORT
        ) as session:
            await session.watch("ann-2")
            with anyio.fail_after(5):
                while session.status.state != "awaiting":
                    await anyio.sleep(0.005)
            third = await session.watch("ann-3")
            error = await ending(third)
            assert (error.status, session.status.attempt) == (403, 1)
            assert "at most 2 sessions" in str(error.__cause__)


# -- the server's problems ------------------------------------------------------------------------------


@pytest.mark.parametrize("cid", ["", "me", CID[4:], CID + "0", CID.replace("0", "x"), 7])
async def test_a_bad_connection_id_is_refused_on_every_address(
    server: Server, http: httpx2.AsyncClient, cid: Any
) -> None:
    says = "'cid-' and a UUID"
    async with bystander(server):
        is_problem(await http.get("/events", params=query(cid=cid)), 400, "bad-connection-id", says)
        is_problem(await http.post("/send", json=body(cid=cid)), 400, "bad-connection-id", says)
        word = {"cid": cid, "attempt": "1.1", "serial": 1, "session": "ann-1"}
        for path in WORDS:
            is_problem(await http.post(path, json=word), 400, "bad-connection-id", says)
        assert len(server.hub._rules.parts(CONNECTION)) == 1


async def test_a_session_that_is_not_allowed_is_refused_to_watch_and_to_send(
    server: Server, http: httpx2.AsyncClient
) -> None:
    async with bystander(server):
        is_problem(await http.get("/events", params=query(session="bob-1")), 403, "not-allowed")
        both = [*query().items(), ("session", "bob-1")]
        is_problem(await http.get("/events", params=both), 403, "not-allowed")
        is_problem(await http.post("/send", json=body(session="bob-1")), 403, "not-allowed")
        word = {"cid": CID, "attempt": "1.1", "serial": 1, "session": "bob-1"}
        is_problem(await http.post("/watch", json=word), 403, "not-allowed")
        assert len(server.hub._rules.parts(CONNECTION)) == 1


async def test_who_names_nobody_is_told_to_get_a_credential(server: Server, http: httpx2.AsyncClient) -> None:
    http.headers["authorization"] = "Bearer mallory"
    async with bystander(server):
        for response in (
            await http.get("/events", params=query()),
            await http.post("/send", json=body()),
            *[await http.post(path, json={"cid": CID, "attempt": "1.1"}) for path in WORDS],
        ):
            is_problem(response, 401, "unauthenticated", "credential")
            assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"{'a': 1}", b'{"cid": ', b"\xff\xfe", b"[" * 1500, b'{"cid": "\\ud800"}'],
)
async def test_malformed_json_is_refused(server: Server, http: httpx2.AsyncClient, raw: bytes) -> None:
    async with bystander(server):
        for path in ("/send", *WORDS):
            response = await http.post(path, content=raw, headers=JSON)
            is_problem(response, 400, "malformed-json")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"items": []}, "items"),
        ({"items": [{"key": "1.1"}]}, "items.0.data"),
        ({"items": [{"key": "1", "data": 0}]}, "items.0.key"),
        ({"items": [{"key": [1, 1], "data": 0}]}, "items.0.key"),
        ({"items": [{"key": "1.2", "data": 0}, {"key": "1.1", "data": 0}]}, "keys must grow"),
        ({"items": "x"}, "items"),
        ({"epoch": ""}, "epoch"),
        ({"epoch": None}, "epoch"),
        ({"session": ""}, "session"),
        ({"session": "a\n"}, "session"),
    ],
)
async def test_a_body_of_another_shape_is_refused_and_says_where(
    http: httpx2.AsyncClient, changed: dict[str, Any], says: str
) -> None:
    is_problem(await http.post("/send", json=body(**changed)), 400, "bad-request", says)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", '{"a": [1, -1.5e400]}'])
async def test_a_number_that_cannot_be_said_again_is_refused_with_its_send(
    http: httpx2.AsyncClient, number: str
) -> None:
    raw = json.dumps(body(items=[{"key": "1.7", "data": "HERE"}])).replace('"HERE"', number)
    is_problem(
        await http.post("/send", content=raw, headers=JSON),
        400,
        "bad-request",
        "the data of 1.7 has a number",
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"attempt": "1"}, "incarnation"),
        ({"attempt": "0.0"}, "incarnation"),
        ({"session": ""}, "session name"),
        ({"session": []}, "session"),
        ({"cursor": "nonsense"}, "cursor"),
    ],
)
async def test_a_query_of_another_shape_is_refused(
    http: httpx2.AsyncClient, changed: dict[str, Any], says: str
) -> None:
    is_problem(await http.get("/events", params=query(**changed)), 400, "bad-request", says)


async def test_an_oversized_body_is_refused_announced_or_not(
    server: Server, http: httpx2.AsyncClient
) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield b"x" * 1000

    async def chunked() -> AsyncIterator[bytes]:
        for chunk in endless():
            yield chunk

    async with bystander(server):
        large = body(items=[{"key": "1.1", "data": "x" * 3000}])
        is_problem(await http.post("/send", json=large), 413, "body-too-large", "2000 bytes")
        json_type = {"content-type": "application/json"}
        response = await http.post("/send", content=chunked(), headers=json_type)
        is_problem(response, 413, "body-too-large", "2000 bytes")
        is_problem(await http.post("/send", json=body()), 409, "unknown-connection")


async def test_one_connection_serves_on_after_every_error(serve: Serve) -> None:
    server = serve(guarded_hub(), alone=True)

    def post(raw: bytes, kind: str = "application/json", length: str = "") -> bytes:
        head = f"POST /send HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: {kind}\r\n"
        length = length or f"content-length: {len(raw)}"
        return f"{head}{length}\r\n\r\n".encode() + raw

    chunked = b"".join(b"3e8\r\n" + b"x" * 1000 + b"\r\n" for _ in range(100)) + b"0\r\n\r\n"
    requests = [
        (post(b"{"), 400),
        (post(b"x" * 90_000), 413),
        (post(chunked, length="transfer-encoding: chunked"), 413),
        (post(b"x" * 90_000, kind="text/plain"), 415),
        (post(json.dumps(body(cid="me")).encode()), 400),
        (post(json.dumps(body(session="bob")).encode()), 403),
        (b"GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\n\r\n", 400),
        (b"PUT /send HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc", 405),
        (post(json.dumps(body()).encode()), 409),
    ]
    async with await anyio.connect_tcp("127.0.0.1", server.port) as stream:
        buffered = BufferedByteReceiveStream(stream)
        for request, status in requests:
            await stream.send(request)
            with anyio.fail_after(5):
                head = (await buffered.receive_until(b"\r\n\r\n", 5000)).decode().lower()
                assert head.startswith(f"http/1.1 {status}"), head
                length = next(line for line in head.splitlines() if line.startswith("content-length: "))
                assert json.loads(await buffered.receive_exactly(int(length.split()[1])))["status"] == status


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
async def test_another_content_type_is_refused(server: Server, http: httpx2.AsyncClient, kind: str) -> None:
    async with bystander(server):
        for path in ("/send", "/close"):
            response = await http.post(path, content=b"{}", headers={"content-type": kind})
            is_problem(response, 415, "unsupported-media-type", "application/json")
    response = await http.post(
        "/send", json=body(), headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    is_problem(response, 409, "unknown-connection", "Ask for a stream again")


async def test_other_addresses_and_methods_are_problems_too(http: httpx2.AsyncClient) -> None:
    is_problem(await http.get("/"), 404, "not-found", "/events")
    is_problem(await http.get("/events/"), 404, "not-found")
    for method, path in [("POST", "/events"), ("GET", "/send"), ("DELETE", "/close")]:
        response = await http.request(method, path)
        is_problem(response, 405, "method-not-allowed", "Allow")
        assert response.headers["allow"]
    response = await http.head("/events", params=query())
    assert response.status_code == 405


async def test_the_id_of_another_principal_is_refused_and_its_owner_is_not_disturbed(
    server: Server, http: httpx2.AsyncClient
) -> None:
    async with connect(
        server.url, session="lobby", credential="bob", settings=QUICK, limits=SHORT
    ) as session:
        await session.send("before")
        theirs, epoch = session.connection_id, session.epoch
        stolen = {"cid": theirs, "attempt": "9.9", "session": "lobby"}
        is_problem(await http.get("/events", params=stolen), 403, "other-principal", "id of your own")
        sends = body(cid=theirs, epoch=epoch, session="lobby")
        is_problem(await http.post("/send", json=sends), 403, "other-principal")
        closing = {"cid": theirs, "attempt": "1.1"}
        is_problem(await http.post("/close", json=closing), 403, "other-principal")
        await session.send("after")
        with anyio.fail_after(5):
            events = [await anext(session) for _ in range(2)]
        assert events == [Event(["bob", "before"], 1), Event(["bob", "after"], 2)]
        assert session.status.attempt == 1


async def test_a_client_that_meets_another_s_id_fails_with_what_to_do(server: Server) -> None:
    identity = Fixed()
    async with (
        connect(
            server.url, session="lobby", credential="bob", identity=identity, settings=QUICK, limits=SHORT
        ) as owner,
        connect(
            server.url, session="lobby", credential="ann", identity=identity, settings=QUICK, limits=SHORT
        ) as thief,
    ):
        await owner.send("mine")
        error = await ending(thief)
        assert isinstance(error, SessionFailed)
        assert error.status == 403
        assert "Make a connection id of your own" in error.hint
        await owner.send("still mine")


class Fixed(MemoryIdentity):
    """An identity that two share, by mistake."""

    def start(self) -> Identity:
        return Identity(OTHER, 1)

    def renamed(self, _connection_id: str, _why: str) -> None:
        raise AssertionError("nobody took it over")


# -- the client's errors --------------------------------------------------------------------------------


async def ending(session: Any) -> SessionError:
    """The error that the session ends in."""
    with anyio.fail_after(10), pytest.raises(SessionError) as raised:
        _ = [item async for item in session]
    return raised.value


async def test_a_session_that_is_not_allowed_fails_at_once(server: Server) -> None:
    async with connect(
        server.url, session="bob-1", credential="ann", settings=QUICK, limits=SHORT
    ) as session:
        error = await ending(session)
        assert isinstance(error, SessionFailed)
        assert isinstance(error.__cause__, StreamRefused)
        assert (error.status, session.status.attempt) == (403, 1)
        assert "Ask for a session that you may use" in str(error)
        with pytest.raises(SendFailed, match="the session is over"):
            await session.send(1)


async def test_a_credential_that_is_none_expires_the_session(server: Server) -> None:
    async with connect(server.url, session="ann-1", credential="mallory", limits=SHORT) as session:
        error = await ending(session)
        assert isinstance(error, SessionExpired)
        assert error.status == 401
        assert "credential" in error.hint


async def test_a_credential_may_be_a_function_and_is_asked_once_while_it_is_good(server: Server) -> None:
    asked = 0

    async def credential() -> str:
        nonlocal asked
        asked += 1
        return "ann"

    async with connect(server.url, session="ann-1", credential=credential, limits=SHORT) as session:
        await session.send(1)
    assert asked == 1  # for the stream, the send, the goodbye


async def test_a_credential_function_that_fails_is_named(server: Server) -> None:
    def credential() -> str:
        raise LookupError("the keyring is locked")

    async with connect(
        server.url, session="ann-1", credential=credential, settings=IMPATIENT, limits=SHORT
    ) as session:
        error = await ending(session)
        assert isinstance(error.__cause__, NoCredential)
        assert "the keyring is locked" in str(error)
        assert error.status == 0


async def test_a_server_that_is_not_there_fails_the_session_within_its_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with connect(
        f"http://127.0.0.1:{port}", session="chat-1", settings=IMPATIENT, limits=SHORT
    ) as session:
        error = await ending(session)
        assert isinstance(error, SessionFailed)
        assert isinstance(error.__cause__, ServerUnreachable)
        assert error.status == 0
        assert "is the server running" in str(error)
        assert session.status.attempt == 3


def answering(status: int, headers: dict[str, str], content: bytes = b"") -> Any:
    """An ASGI app that gives every request the same answer, and keeps it open."""

    async def app(scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope["type"] != "http":
            return
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content, "more_body": status == 200})
        while status == 200 and (await receive())["type"] != "http.disconnect":
            pass

    return app


HTML = b"<!doctype html><title>Sign in</title>" + b"<p>data: x</p>\n\n" * 100
STREAM = {"content-type": "text/event-stream"}


@pytest.mark.parametrize(
    ("headers", "content", "says"),
    [
        ({"content-type": "text/html; charset=utf-8"}, HTML, "answered with text/html"),
        ({}, b"data: x\n\n", "no content type"),
        ({"content-type": "application/json"}, b"{}", "answered with application/json"),
        (STREAM, b"data: hello\n\n", "does not begin with a welcome"),
        (STREAM, b"event: welcome\ndata: {}\n\n", "does not begin with a welcome"),
        (STREAM, b'event: welcome\ndata: {"protocol": 1\n\n', "does not begin with a welcome"),
    ],
)
async def test_an_answer_that_is_no_stream_of_ours_fails_at_once_and_is_not_retried(
    serve: Serve, headers: dict[str, str], content: bytes, says: str
) -> None:
    server = serve(Hub(), app=answering(200, headers, content))
    async with connect(server.url, session="chat-1", limits=SHORT) as session:
        error = await ending(session)
        assert isinstance(error, SessionFailed)
        assert isinstance(error.__cause__, NotAnEventStream)
        assert error.status == 200
        assert says in str(error)
        assert "is this the address of a perdure hub" in error.hint
        assert session.status.attempt == 1


async def test_a_redirect_is_not_followed_and_says_where_to(serve: Serve) -> None:
    server = serve(Hub(), app=answering(307, {"location": "http://elsewhere.example/events"}))
    async with connect(server.url, session="chat-1", credential="secret", limits=SHORT) as session:
        error = await ending(session)
        assert error.status == 307
        assert "http://elsewhere.example/events" in error.hint


async def test_an_endless_error_page_is_not_read_to_its_end(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            while not await Request(scope, receive).is_disconnected():
                await send({"type": "http.response.body", "body": b"x" * 9000, "more_body": True})

    server = serve(Hub(), app=app)
    async with connect(server.url, session="chat-1", limits=SHORT) as session:
        assert (await ending(session)).status == 404


def welcomed(rest: bytes = b"") -> Any:
    """An ASGI app that welcomes anybody, then sends the rest and is silent."""

    async def app(scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        cid, attempt = request.query_params["cid"], request.query_params["attempt"]
        said = f'"connection": "{cid}", "generation": "{attempt}", "epoch": "e", "resumed": true'
        data = f'{{"protocol": 1, {said}, "grace_s": 1, "heartbeat_s": 0.05}}'
        first = f"retry: 20\nevent: welcome\ndata: {data}\n\n".encode()
        await answering(200, STREAM, first + rest)(scope, receive, send)

    return app


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (b"", "nothing was heard for 0.15 s"),
        (b"id: chat-1:e:1\ndata: {\n\n", "cannot be read"),
        (b"id: other:e:1\ndata: 1\n\n", "no session that was asked for"),
        (b"id: \ndata: 1\n\n", "no session that was asked for"),
        (b"event: end\ndata: 1\n\n", "cannot be read"),
        (b"data: " + b"x" * 3000 + b"\n\n", "larger than this client takes"),
    ],
)
async def test_a_stream_that_breaks_after_its_welcome_is_asked_for_again_within_the_bound(
    serve: Serve, rest: bytes, says: str
) -> None:
    server = serve(Hub(), app=welcomed(rest))
    limits = Limits(heartbeat_s=1, goodbye_s=0.2, event_bytes_max=2000)
    async with connect(server.url, session="chat-1", settings=IMPATIENT, limits=limits) as session:
        error = await ending(session)
        assert isinstance(error, SessionFailed)
        assert isinstance(error.__cause__, StreamBroken)
        assert error.status == 0
        assert says in str(error)
        assert error.__cause__.retry_after_s == 0.02
        assert session.status.attempt == 3


async def test_a_server_that_never_answers_counts_as_lost(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: SendFunction) -> None:
        while scope["type"] == "http" and (await receive())["type"] != "http.disconnect":
            pass

    server = serve(Hub(), app=app)
    limits = Limits(heartbeat_s=0.05, goodbye_s=0.1, post_s=0.1)
    async with connect(server.url, session="chat-1", settings=IMPATIENT, limits=limits) as session:
        error = await ending(session)
        assert "nothing was heard for 0.15 s" in str(error)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://x", "http://", "http://x/?a=1", "http://x:70000", None]
)
async def test_what_is_no_address_is_refused_at_once(url: Any) -> None:
    with pytest.raises(UsageError, match="http://host:8000"):
        async with connect(url, session="chat-1"):
            pass


@pytest.mark.parametrize("name", ["", "x" * 300, "a\0b"])
async def test_what_is_no_session_name_is_refused_at_once(name: str) -> None:
    with pytest.raises(UsageError, match="printable"):
        async with connect("http://127.0.0.1", session=name):
            pass
    with pytest.raises(UsageError):
        Hub().session(name)


async def test_a_handler_that_is_not_async_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="async def"):
        Hub().on_send(print)  # type: ignore[type-var]
    with pytest.raises(UsageError, match="succeeded, failed, expired"):
        await Hub().session("a").end("closed")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Limits(heartbeat_s=0), "heartbeat_s=0"),
        (lambda: Limits(silent_intervals=-1), "silent_intervals=-1"),
        (lambda: Limits(inbox_max=0), "inbox_max=0"),
        (lambda: Limits(body_bytes=100), "body_bytes=100; give a number that is at least 8192"),
        (lambda: Limits(post_s=float("nan")), "post_s=nan"),
        (lambda: HubLimits(body_bytes=0), "body_bytes=0"),
        (lambda: HubLimits(items=1001), "items=1001; give a number that is at most 1000"),
        (lambda: HubLimits(sessions=101), "at most 100"),
        (lambda: Hub(heartbeat_s=0), "heartbeat_s=0"),
        (lambda: Hub(stall_s="soon"), "stall_s='soon'"),  # type: ignore[arg-type]
        (lambda: Hub(settings=ServerSettings(log_max=0)), "log_max=0"),
        (lambda: Hub(settings=ServerSettings(grace_s=-1)), "grace_s=-1"),
    ],
)
def test_a_bound_that_nothing_could_keep_to_is_named(make: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


@pytest.mark.parametrize(
    "changed", [{"attempts_max": 0}, {"batch_max": 1001}, {"queue_max": True}, {"retry_first_s": -1}]
)
async def test_settings_that_no_client_could_keep_to_are_named(changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(changed))):
        async with connect("http://127.0.0.1:1", session="a", settings=ClientSettings(**changed)):
            pass
