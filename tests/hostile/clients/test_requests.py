"""Requests that are none: each gets its status and its problem, and nobody else notices."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from perdure_model.core.server.parts import CONNECTION, LOG

from tests.hostile.beside import LATENCY_S, until
from tests.hostile.clients.attacks import (
    LIMITS,
    Logs,
    answer,
    asked,
    attacked,
    events,
    get,
    new_cid,
    post,
    raw,
    sends,
    socket_to,
    welcomed,
)
from tests.runtime.serving import Serve

pytestmark = pytest.mark.anyio

CID = "cid-00000000-0000-4000-8000-00000000000b"
LONG = "x" * 10_000
MANY = [f"1.{n}" for n in range(1, 200)]
CHUNKS = ("transfer-encoding: chunked", "content-type: application/json")
WORD = {"cid": CID, "attempt": "1.1", "serial": 1, "session": "bad"}


def entries(count: int, entry: str = "bad:e:1") -> str:
    return f"last-event-id: {','.join([entry] * count)}"


REFUSED = {
    "an id without end": (get("cid-" + LONG), 400, "bad-connection-id"),
    "an id of other digits": (get(CID.replace("0", "\u0660")), 400, "bad-connection-id"),
    "an id with a line end": (get(CID + "\n"), 400, "bad-connection-id"),
    "an attempt without end": (get(CID, "1." + "9" * 5000), 400, "bad-request"),
    "an attempt beyond numbers": (get(CID, f"1.{2**53}"), 400, "bad-request"),
    "a session's name without end": (get(CID, session=LONG), 400, "bad-request"),
    "a session's name with NUL": (get(CID, session="bad\0"), 400, "bad-request"),
    "a session's name with a line end": (get(CID, session="bad\r\nx: y"), 400, "bad-request"),
    "a cursor that is none": (get(CID, "1.1", "bad", "last-event-id: nonsense"), 400, "bad-request"),
    "a cursor before the beginning": (get(CID, "1.1", "bad", "last-event-id: bad:e:-1"), 400, "bad-request"),
    "a cursor of too many entries": (get(CID, "1.1", "bad", entries(101)), 400, "bad-request"),
    "a cursor with a long name": (get(CID, "1.1", "bad", entries(1, f"{LONG}:e:1")), 400, "bad-request"),
    "a cursor with a long epoch": (get(CID, "1.1", "bad", entries(1, f"bad:{LONG}:1")), 400, "bad-request"),
    "a session of somebody else": (get(CID, session="lobby"), 403, "not-allowed"),
    "no credential": (raw("GET /events HTTP/1.1", token="x"), 401, "unauthenticated"),
    "a credential of bytes": (raw("GET /events HTTP/1.1", token="\xff" * 500), 401, "unauthenticated"),
    "another address": (raw("GET /../../etc/passwd HTTP/1.1"), 404, "not-found"),
    "another method": (raw("BREW /send HTTP/1.1", "content-length: 0"), 405, "method-not-allowed"),
    "a body announced too large": (post("/send", b"", length=10**15), 413, "body-too-large"),
    "a body too large": (post("/send", b" " * (LIMITS.body_bytes + 1)), 413, "body-too-large"),
    "invalid UTF-8": (post("/send", b'{"cid": "\xff\xfe"}'), 400, "malformed-json"),
    "a lone surrogate": (post("/send", b'{"cid": "\\ud800"}'), 400, "malformed-json"),
    "a NUL": (post("/send", b"\0"), 400, "malformed-json"),
    "deep JSON": (post("/send", b"[" * 100_000), 400, "malformed-json"),
    "deep data": (post("/send", b'{"items": ' + b'{"data":' * 20_000), 400, "malformed-json"),
    "a number without end": (post("/watch", b'{"serial": ' + b"9" * 100_000 + b"}"), 400, "malformed-json"),
    "a list for an object": (post("/send", [1, 2, 3]), 400, "bad-request"),
    "items without end": (post("/send", sends(CID, "e", *MANY)), 413, "batch-too-large"),
    "items of no key": (post("/send", sends(CID, "e", "")), 400, "bad-request"),
    "keys that shrink": (post("/send", sends(CID, "e", "1.2", "1.1")), 400, "bad-request"),
    "one key twice": (post("/send", sends(CID, "e", "1.1", "1.1")), 400, "bad-request"),
    "keys beyond numbers": (post("/send", sends(CID, "e", f"1.{2**53}")), 400, "bad-request"),
    "an epoch without end": (post("/send", sends(CID, LONG, "1.1")), 400, "bad-request"),
    "a send of nobody": (post("/send", sends(CID, "e", "1.1")), 409, "unknown-connection"),
    "a serial below one": (post("/watch", WORD | {"serial": 0}), 400, "bad-request"),
    "a close of nobody": (post("/close", WORD), 409, "unknown-connection"),
    "many sessions": (
        get(CID, session="b0").replace(b"session=b0", b"&".join(b"session=b%d" % n for n in range(101))),
        403,
        "too-many-sessions",
    ),
    "sessions beyond the hub's limit": (
        get(CID, session="b0").replace(b"session=b0", b"&".join(b"session=b%d" % n for n in range(6))),
        403,
        "too-many-sessions",
    ),
    "another kind of body": (
        raw("POST /send HTTP/1.1", "content-type: text/html", "content-length: 2") + b"{}",
        415,
        "unsupported-media-type",
    ),
}
UNFINISHED = {"a body announced too large"}
NO_HTTP = {
    "noise": bytes(range(256)) * 40,
    "headers without end": raw("GET /events HTTP/1.1", *[f"x-{n}: {LONG}" for n in range(20)]),
    "two lengths": post("/close", b"{}", "content-length: 5"),
    "a length beyond numbers": post("/close", b"{}", length=10**30),
    "a negative length": post("/close", b"{}", length="-5"),
    "a length of words": post("/close", b"{}", length="five"),
    "broken chunks": raw("POST /close HTTP/1.1", *CHUNKS) + b"zz\r\n",
    "bytes in the target": b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    "no target": b"GET\r\n\r\n",
}


async def test_each_request_that_is_none_gets_its_problem_on_a_connection_that_serves_on(
    serve: Serve,
) -> None:
    async with attacked(serve) as (server, talk):
        found = {}
        for name, (request, _, _) in REFUSED.items():
            async with socket_to(server) as stream:
                await stream.send(request)
                said = await answer(stream)
                assert said.status >= 400, name
                found[name] = (said.status, said.problem)
                if name not in UNFINISHED:
                    await stream.send(post("/close", WORD))
                    assert (await answer(stream)).problem == "unknown-connection", name
            assert len(said.body) < 1000, "an answer is no echo of the request"
        assert found == {name: (status, problem) for name, (_, status, problem) in REFUSED.items()}
        assert set(server.hub._rules.parts(LOG)) == {("lobby",)}
        assert len(server.hub._rules.parts(CONNECTION)) == 1
        await talk.more(3)


async def test_what_is_no_http_is_the_asgi_server_s_and_never_reaches_the_hub(serve: Serve) -> None:
    async with attacked(serve) as (server, talk):
        for name, request in NO_HTTP.items():
            assert (await asked(server, request)).status == 400, name
        await talk.more(3)


async def test_a_refusal_is_logged_with_its_connection_and_session(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    logs = Logs(caplog)
    async with attacked(serve) as (server, _):
        await asked(server, get(CID, session="lobby"))
        await asked(server, post("/send", sends(CID, "e", "1.1")))
        await asked(server, get(CID, session="two\nlines"))
    assert logs.naming(CID, "GET /events is refused: not-allowed")[0].endswith("session 'lobby')")
    assert logs.naming(CID, "POST /send is refused: unknown-connection")[0].endswith("session 'bad')")
    assert all("\n" not in line for line in logs.naming(CID, ""))
    assert logs.naming(CID, "GET /events is refused: bad-request")


CURSORS = {
    "from the future": (lambda epoch: f"bad:{epoch}:999999999999999", True),
    "of another log": (lambda _: "bad:other:1", True),
    "of one session twice": (lambda epoch: f"bad:{epoch}:1,bad:{epoch}:999", True),
    "of somebody else's session": (lambda _: "lobby:other:1", False),
}


@pytest.mark.parametrize(("cursor", "is_gap"), CURSORS.values(), ids=CURSORS.keys())
async def test_a_cursor_that_lies_brings_a_gap_or_the_log(serve: Serve, cursor: Any, is_gap: bool) -> None:
    async with attacked(serve) as (server, talk):
        for n in range(3):
            await server.call(server.hub.session("bad").publish, n)
        token = cursor(server.hub._rules.part(LOG, "bad").epoch)
        for request in (
            get(new_cid(), "1.1", "bad", f"last-event-id: {token}"),
            get(new_cid(), cursor=token),
        ):
            async with socket_to(server) as stream:
                await stream.send(request)
                said = await events(stream, 2 if is_gap else 4)
                assert said.count(b"event: gap") == is_gap
                assert said.count(b"\ndata: ") == (2 if is_gap else 4)
                assert b"ROUND" not in said
        await talk.more(3)


async def test_wide_json_holds_up_nobody_for_long(serve: Serve) -> None:
    """A body of the largest size whose value is as large in memory as can be."""
    wide = json.dumps([[]] * 60_000, separators=(",", ":"))
    async with attacked(serve) as (server, talk):
        async with socket_to(server) as stream:
            cid = new_cid()
            epoch = await welcomed(stream, get(cid))
            for n in range(1, 11):
                body = json.dumps(sends(cid, epoch, f"1.{n}", text="TEXT")).replace('"TEXT"', wide)
                assert (await asked(server, post("/send", body.encode()))).status == 200
        assert talk.slowest_s < LATENCY_S / 3
        await talk.more(3)


async def test_another_s_id_is_of_no_use(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    logs = Logs(caplog)
    async with attacked(serve) as (server, talk):
        theirs, epoch = talk.session.connection_id, talk.session.epoch
        assert epoch is not None
        for request in (
            get(theirs, "9000000000000000.1"),
            get(theirs.upper().replace("CID", "cid"), "9000000000000000.1"),
            post("/send", sends(theirs, epoch, "1.1")),
            post("/close", WORD | {"cid": theirs, "attempt": "9000000000000000.1"}),
            post("/suspend", WORD | {"cid": theirs, "attempt": "9000000000000000.1"}),
            post("/watch", WORD | {"cid": theirs}),
            post("/unwatch", WORD | {"cid": theirs}),
        ):
            said = await asked(server, request)
            assert (said.status, said.problem) == (403, "other-principal")
            await talk.more(1)
    assert len(logs.naming(theirs, "other-principal")) == 7


async def test_replayed_and_colliding_keys_are_handled_once(serve: Serve) -> None:
    async with attacked(serve) as (server, talk):
        cid, other = new_cid(), new_cid()
        async with socket_to(server) as stream, socket_to(server) as second:
            epoch = await welcomed(stream, get(cid))
            other_epoch = await welcomed(second, get(other))
            first = post("/send", sends(cid, epoch, "7.1", "7.2", text="first"))
            for n in range(30):
                said = json.loads((await asked(server, first)).body)["receipts"]
                assert {one["verdict"] for one in said} == {"duplicate" if n else "accepted"}
            colliding = post("/send", sends(cid, epoch, "7.1", text="other"))
            assert b"duplicate" in (await asked(server, colliding)).body
            for stolen in (sends(cid, other_epoch, "7.3"), sends(other, epoch, "7.3")):
                assert (await asked(server, post("/send", stolen))).problem == "unknown-connection"
            same_key = post("/send", sends(other, other_epoch, "7.1", text="mine"))
            assert b"accepted" in (await asked(server, same_key)).body
            last = post("/send", sends(cid, epoch, f"{2**53 - 1}.{2**53 - 1}", text="last"))
            assert b"accepted" in (await asked(server, last)).body
        await until(lambda: server.hub._rules.part(LOG, "bad").head == 4)
        await talk.more(3)
        assert server.hub._rules.part(LOG, "bad").head == 4


async def test_words_of_an_earlier_life_change_nothing(serve: Serve) -> None:
    async with attacked(serve) as (server, talk):
        cid = new_cid()
        async with socket_to(server) as stream:
            await welcomed(stream, get(cid, "5.1"))
            for attempt in ("1.1", "4.9007199254740991"):
                for path in ("/close", "/suspend", "/watch", "/unwatch"):
                    said = await asked(server, post(path, WORD | {"cid": cid, "attempt": attempt}))
                    assert said.problem == "stale-attempt"
                assert (await asked(server, get(cid, attempt))).problem == "stale-attempt"
            await server.call(server.hub.session("bad").publish, "still there")
            assert b"still there" in await events(stream, 1)
        await talk.more(3)


async def test_pipelined_requests_are_answered_in_turn(serve: Serve) -> None:
    async with attacked(serve) as (server, talk):
        async with socket_to(server) as stream:
            await stream.send(post("/close", WORD) * 300)
            got = b""
            with anyio.fail_after(10):
                while got.count(b"unknown-connection") < 300:
                    got += await stream.receive()
        await talk.more(3)
