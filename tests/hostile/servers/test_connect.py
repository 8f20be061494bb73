"""`connect` at a server that means it ill: a typed error or bounded retries, bounded memory, no credential
elsewhere; and a client of another server, in the same program, notices nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from perdure import (
    Event,
    Limits,
    NotAnEventStream,
    SendFailed,
    SendUncertain,
    Session,
    SessionError,
    SessionExpired,
    SessionFailed,
    StreamBroken,
    connect,
    machine,
)
from perdure.incoming import Incoming
from perdure_model.core.client.parts import ClientSettings

from tests.hostile.beside import allocating_at_most, undisturbed, until
from tests.hostile.servers.attacker import (
    Asked,
    Script,
    Write,
    attacker,
    endless,
    head,
    once,
    welcome,
    welcomed,
)
from tests.runtime.serving import Serve, echo_hub

pytestmark = pytest.mark.anyio

TOKEN = "credential-of-mine"
WARY = Limits(
    connect_s=2, heartbeat_s=3, post_s=5, goodbye_s=0.1, event_bytes_max=100_000, answer_bytes=100_000
)
IMPATIENT = ClientSettings(
    attempts_max=3, reconnect_first_s=0.001, reconnect_cap_s=0.002, retry_first_s=0.001, retry_cap_s=0.002
)
BOMB = gzip.compress(b"data: " + bytes(32 << 20))
MEMORY = 4 << 20
CHUNKED = head(transfer_encoding="chunked")


@asynccontextmanager
async def joined(url: str, **more: Any) -> AsyncIterator[Session]:
    given: dict[str, Any] = {"settings": IMPATIENT, "limits": WARY, "credential": TOKEN} | more
    async with connect(url, session="s", **given) as session:
        yield session


async def ending(session: Session) -> SessionError:
    """The error that the session ends in, soon."""
    with anyio.fail_after(10), pytest.raises(SessionError) as raised:
        _ = [item async for item in session]
    return raised.value


# -- streams that are none -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "says"),
    [
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"x-more: y\r\n" * 500), "broke", id="endless headers"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nx: ", b"y" * 5000), "broke", id="endless header line"),
        pytest.param(endless(b"", b"HTTP/1.1 103 Hint\r\n\r\n"), "nothing was heard", id="endless hints"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\n", b"x", pause_s=0.05), "nothing was heard", id="slow headers"
        ),
        pytest.param(once(b"HTTP/9.9 200 \0\r\n\r\n"), "broke", id="no HTTP"),
        pytest.param(once(b"\x16\x03\x01" + bytes(5000)), "broke", id="another protocol"),
        pytest.param(once(head(content_length="-5")), "broke", id="a negative length"),
        pytest.param(once(head(transfer_encoding="chunked"), b"zz\r\n"), "broke", id="broken chunks"),
        pytest.param(endless(head(), b":\n", pause_s=0.05), "no welcome came", id="no welcome, ever"),
        pytest.param(endless(head(), b"data: x" * 900), "larger than", id="a line that never ends"),
        pytest.param(endless(head(), b"data: x\n" * 900), "larger than", id="an event that never ends"),
        pytest.param(endless(head(), b": x" * 900), "larger than", id="a comment that never ends"),
        pytest.param(endless(CHUNKED, b"1\r\nx\r\n" * 900), "no welcome came", id="chunks of a byte"),
    ],
)
async def test_what_is_no_stream_is_asked_for_a_bounded_number_of_times(script: Script, says: str) -> None:
    limits = replace(WARY, heartbeat_s=0.05) if says in ("nothing was heard", "no welcome came") else WARY
    async with attacker(script) as server, joined(server.url, limits=limits) as session:
        with allocating_at_most(MEMORY):
            error = await ending(session)
        assert isinstance(error, SessionFailed)
        assert isinstance(error.__cause__, StreamBroken)
        assert (error.status, server.streams) == (0, IMPATIENT.attempts_max + 1)
        assert says in str(error)
        assert TOKEN not in str(error)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x" * 500])
async def test_a_stream_in_a_coding_that_nobody_asked_for_is_not_decoded(coding: str) -> None:
    script = once(head(content_encoding=coding), BOMB)
    async with attacker(script) as server, joined(server.url) as session:
        with allocating_at_most(MEMORY):
            error = await ending(session)
        assert isinstance(error.__cause__, NotAnEventStream)
        assert f"content coding '{coding[:40]}'" in str(error)
        assert server.streams == 1
        assert server.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_takes_the_credential_elsewhere(status: int) -> None:
    async with attacker(once(head())) as elsewhere:
        there = f"http://user:hidden@{elsewhere.url[7:]}/events?token=hidden"
        async with attacker(once(head(status, location=there))) as server, joined(server.url) as session:
            error = await ending(session)
            assert error.status == status
            assert f"redirects to {elsewhere.url}/events…, which is not followed" in error.hint
            assert "hidden" not in str(error)
        assert elsewhere.asked == []
        assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {TOKEN}"}


async def test_an_error_page_that_expands_or_never_ends_is_not_taken_in() -> None:
    problem = "application/problem+json"
    for script in (
        once(head(404, problem, content_encoding="gzip"), BOMB),
        endless(head(404, problem), b'{"detail": "' + b"x" * 9000),
        once(head(404, problem), b"[" * 10_000),
        once(head(404, problem), b'{"detail": 7}'),
    ):
        async with attacker(script) as server, joined(server.url) as session:
            with allocating_at_most(MEMORY):
                assert (await ending(session)).status == 404


async def test_what_a_problem_says_is_shown_to_a_bound() -> None:
    said = json.dumps({"detail": "x" * 10_000}).encode()
    script = once(head(404, "application/problem+json"), said)
    async with attacker(script) as server, joined(server.url) as session:
        assert len((await ending(session)).hint) == 1000


# -- welcomes that lie ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        {"protocol": 2},
        {"generation": "9.9"},
        {"generation": None},
        {"connection": "me"},
        {"epoch": "x" * 65},
        {"epoch": 'e","x'},
        {"heartbeat_s": 0},
        {"heartbeat_s": -1},
        {"heartbeat_s": float("nan")},
        {"heartbeat_s": float("inf")},
        {"heartbeat_s": "soon"},
        {"grace_s": float("-inf")},
        {"deep": json.loads("[" * 150 + "]" * 150), "protocol": []},
    ],
    ids=lambda lie: next(iter(lie.items()))[0] + "=" + str(next(iter(lie.values())))[:8],
)
async def test_a_welcome_that_lies_is_final(lie: dict[str, Any]) -> None:
    async def script(asked: Asked, write: Write) -> None:
        await write(head() + welcome(asked, **lie) + b"id: s:e:1\ndata: 1\n\n")

    async with attacker(script) as server, joined(server.url) as session:
        error = await ending(session)
        assert isinstance(error.__cause__, NotAnEventStream)
        assert (error.status, server.streams) == (200, 1)


async def test_a_heartbeat_beyond_all_patience_is_waited_for_an_hour() -> None:
    async def script(asked: Asked, write: Write) -> None:
        if asked.method == "GET":
            await write(head() + welcome(asked, heartbeat_s=1e308) + b"id: s:e:1\ndata: 1\n\n")
            await anyio.sleep_forever()

    silences: list[float] = []

    class Patient(Incoming):
        async def _next(self, read: Any) -> bytes:
            silences.append(self._silence_s)
            return await super()._next(read)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "Incoming", Patient)
        async with attacker(script) as server, joined(server.url) as session:
            with anyio.fail_after(5):
                assert await anext(session) == Event(1, 1)
            await until(lambda: len(silences) > 1)
    assert silences[-1] == 3600 * WARY.silent_intervals


async def test_a_second_welcome_says_nothing() -> None:
    async def rest(asked: Asked, write: Write) -> None:
        other = "cid-00000000-0000-0000-0000-00000000000f"
        await write(welcome(asked, connection=other, heartbeat_s=0.001, epoch="other"))
        await write(b"id: s:e:1\ndata: 1\n\n")
        await anyio.sleep_forever()

    async with attacker(welcomed(rest)) as server, joined(server.url) as session:
        before = session.connection_id
        with anyio.fail_after(5):
            assert await anext(session) == Event(1, 1)
        assert (session.connection_id, session.epoch, session.status.attempt) == (before, "e", 1)


# -- events that lie -----------------------------------------------------------------------------------

LIES = {
    "positions that skip": b"id: s:e:7\ndata: 1\n\n",
    "positions from the end of numbers": b"id: s:e:999999999999999\ndata: 1\n\n",
    "a position that is none": b"id: s:e:99999999999999999999\ndata: 1\n\n",
    "a session that nobody asked for": b"id: other:e:1\ndata: 1\n\n",
    "a session's name of a megabyte": b"id: " + b"x" * 90_000 + b":e:1\ndata: 1\n\n",
    "an id of many entries": b"id: " + b"s:e:1," * 15_000 + b"\ndata: 1\n\n",
    "no JSON": b"id: s:e:1\ndata: {\n\n",
    "deep JSON": b"id: s:e:1\ndata: " + b"[" * 40_000 + b"\n\n",
    "invalid UTF-8": b'id: s:e:1\ndata: {\xff"a": 1}\n\n',
    "a failure of nobody": b"id: s:e:1\nevent: handler-failed\ndata: 5\n\n",
    "a failure without a key": b'id: s:e:1\nevent: handler-failed\ndata: {"sender": "x", "key": ""}\n\n',
    "a gap of nothing": b"id: s:e:1\nevent: gap\ndata: [1]\n\n",
    "an end of another kind": b'event: end\ndata: {"outcome": "closed", "session": "s"}\n\n',
    "an end without words": b'event: end\ndata: {"outcome": "", "session": "s"}\n\n',
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_events_that_lie_are_handed_to_nobody_and_end_the_stream(lie: bytes) -> None:
    async def rest(_asked: Asked, write: Write) -> None:
        await write(lie)
        await anyio.sleep_forever()

    taken = []
    async with attacker(welcomed(rest)) as server, joined(server.url) as session:
        with allocating_at_most(MEMORY), anyio.fail_after(10), pytest.raises(SessionFailed):
            taken += [item async for item in session]
        assert taken == []
        assert server.streams == IMPATIENT.attempts_max + 1


async def test_an_epoch_that_changes_with_every_event_delivers_nothing_twice() -> None:
    async def rest(_asked: Asked, write: Write) -> None:
        for n in range(1, 50):
            await write(b"id: s:e%d:1\ndata: %d\n\n" % (n, n))

    async with attacker(welcomed(rest)) as server, joined(server.url) as session:
        with anyio.fail_after(10):
            assert await anext(session) == Event(1, 1)
            with pytest.raises(SessionFailed):
                await anext(session)


@pytest.mark.parametrize(
    "again", [b'event: end\ndata: {"outcome": "taken over"}\n\n', b""], ids=["end", "409"]
)
async def test_a_server_that_takes_every_id_over_is_left(again: bytes) -> None:
    async def rest(_asked: Asked, write: Write) -> None:
        await write(again)

    async def refused(asked: Asked, write: Write) -> None:
        await write(head(409, "application/problem+json"))

    async with attacker(welcomed(rest) if again else refused) as server, joined(server.url) as session:
        assert isinstance(await ending(session), SessionError)
        assert server.streams <= 2 * (IMPATIENT.attempts_max + 1)


async def test_a_server_that_refuses_every_credential_gets_no_third() -> None:
    given: list[str] = []

    def credential() -> str:
        given.append(f"token-{len(given)}")
        return given[-1]

    async with attacker(once(head(401))) as server, joined(server.url, credential=credential) as session:
        assert isinstance(await ending(session), SessionExpired)
        assert len(given) == server.streams == 2


@pytest.mark.parametrize("flood", [b":\n\n" * 3000, b"retry: 1\n\n" * 900, b"event: news\ndata: x\n\n" * 400])
async def test_a_flood_that_says_nothing_keeps_no_other_client_waiting(serve: Serve, flood: bytes) -> None:
    good = serve(echo_hub())
    rest = endless(b"", flood)
    async with (
        attacker(welcomed(rest)) as server,
        joined(server.url) as session,
        undisturbed(good.url) as talk,
    ):
        await talk.more(10)
        assert session.status.state == "awaiting"
        await until(lambda: server.written > 1 << 20)


async def test_a_flood_of_events_that_nobody_takes_is_not_read_on(serve: Serve) -> None:
    good = serve(echo_hub())

    async def rest(_asked: Asked, write: Write) -> None:
        for first in range(1, 10**9, 100):
            await write(b"".join(b"id: s:e:%d\ndata: 1\n\n" % n for n in range(first, first + 100)))

    limits = Limits(heartbeat_s=30, inbox_max=100, goodbye_s=0.1)
    async with (
        attacker(welcomed(rest)) as server,
        joined(server.url, limits=limits) as session,
        undisturbed(good.url) as talk,
    ):
        await until(lambda: len(session._place.inbox) >= 100)
        with anyio.fail_after(10):
            assert await server.stuck() < 16 << 20
        await talk.more(3)
        assert len(session._place.inbox) < 100 + 65_536 // 20
        with anyio.fail_after(10):
            assert [(await anext(session)).position for _ in range(10_000)] == list(range(1, 10_001))


# -- answers to sends ----------------------------------------------------------------------------------


def taking(answer: bytes, *, again: bytes = b"") -> Script:
    """Streams are as they should be; each POST gets this answer."""

    async def script(asked: Asked, write: Write) -> None:
        if asked.method == "GET":
            await write(head() + welcome(asked))
            await anyio.sleep_forever()
        await write(answer)
        while again:
            await write(again)

    return script


JSON = head(200, "application/json")
MANY = json.dumps({"receipts": [{"key": f"1.{n}", "verdict": "accepted"} for n in range(1, 2000)]}).encode()
RECEIPTS = {
    "a sign-in page": head(200, "text/html") + b"<title>Sign in</title>",
    "nothing": head(204, ""),
    "a bomb": head(200, "application/json", content_encoding="gzip") + BOMB[:90_000],
    "receipts of others": JSON + b'{"receipts":[{"key":"9.9","verdict":"accepted"}]}',
    "a key that is none": JSON + b'{"receipts":[{"key":"1","verdict":"accepted"}]}',
    "many receipts": JSON + MANY,
    "deep JSON": JSON + b"[" * 90_000,
}


@pytest.mark.parametrize("answer", RECEIPTS.values(), ids=RECEIPTS.keys())
async def test_an_answer_that_tells_nothing_leaves_a_send_in_doubt(answer: bytes) -> None:
    async with attacker(taking(answer)) as server, joined(server.url) as session:
        with allocating_at_most(MEMORY), anyio.fail_after(10), pytest.raises(SendUncertain) as raised:
            await session.send({"text": "payload-of-mine"})
        sends = [asked for asked in server.asked if asked.path == "/send"]
        assert len(sends) == 1 + IMPATIENT.retries_max
        assert len({asked.body for asked in sends}) == 1, "each repeats the same keys"
        assert "payload-of-mine" not in str(raised.value)


async def test_an_answer_to_a_send_that_never_ends_is_left() -> None:
    script = taking(head(200, "application/json"), again=b"x" * 9000)
    async with attacker(script) as server, joined(server.url) as session:
        with allocating_at_most(MEMORY), anyio.fail_after(10), pytest.raises(SendUncertain):
            await session.send(1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_of_a_send_takes_it_elsewhere(status: int) -> None:
    async with attacker(once(head())) as elsewhere:
        script = taking(head(status, "text/html", location=f"{elsewhere.url}/send"))
        async with attacker(script) as server, joined(server.url) as session:
            with anyio.fail_after(10), pytest.raises(SendFailed) as raised:
                await session.send(1)
            assert raised.value.status == status
            assert "which is not followed" in raised.value.hint
        assert elsewhere.asked == []


@pytest.mark.parametrize("status", [302, 307])
async def test_no_redirect_of_a_word_about_the_connection_takes_it_elsewhere(status: int) -> None:
    async with attacker(once(head())) as elsewhere:
        script = taking(head(status, "text/html", location=f"{elsewhere.url}/watch"))
        async with attacker(script) as server, joined(server.url) as session:
            await until(lambda: session.status.state == "awaiting")
            other = await session.watch("other")
            assert (await ending(other)).status == status
            await session.suspend()
            await until(lambda: any(asked.path == "/suspend" for asked in server.asked))
        await until(lambda: any(asked.path == "/close" for asked in server.asked))
        assert elsewhere.asked == []


# -- waits ---------------------------------------------------------------------------------------------

DAY_S = 86_400


@pytest.mark.parametrize(
    ("headers", "least_s", "most_s"),
    [
        ({"retry_after": "31536000"}, DAY_S, DAY_S),
        ({"retry_after": "9" * 300}, DAY_S, DAY_S),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 GMT"}, DAY_S, DAY_S),
        ({"retry_after": "-7"}, 0, 0.01),
        ({"retry_after": "1e9"}, 0, 0.01),
        ({"retry_after": "soon"}, 0, 0.01),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0, 0.01),
        ({"retry_after": "Fri, 31 Dec 99999999999 23:59:59 GMT"}, 0, 0.01),
        (
            {"retry_after": "Thu, 01 Jan 2099 00:00:40 GMT", "date": "Thu, 01 Jan 2099 00:00:00 GMT"},
            40,
            40,
        ),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:40 GMT", "date": "Thu, 01 Jan 1970 00:00:00 GMT"}, 40, 40),
    ],
    ids=lambda given: " ".join(given.values())[:30] if isinstance(given, dict) else None,
)
async def test_a_wait_that_a_server_asks_for_is_clamped_and_goes_by_its_own_clock(
    headers: dict[str, str], least_s: float, most_s: float
) -> None:
    patient = ClientSettings(attempts_max=1000, reconnect_first_s=0.001, reconnect_cap_s=0.01)
    waits: list[float] = []
    script = once(head(503, **headers))
    async with attacker(script) as server, joined(server.url, settings=patient) as session:
        session.on_status(lambda status: waits.append(status.next_try_s or 0.0))
        await until(lambda: waits and session.status.next_try_s is not None)
    assert least_s <= max(waits) <= most_s


async def test_a_wait_that_a_stream_asks_for_is_clamped_too() -> None:
    async def rest(_asked: Asked, write: Write) -> None:
        await write(b"retry: 99999999999\n\n")

    async with attacker(welcomed(rest)) as server, joined(server.url) as session:
        await until(lambda: session.status.next_try_s is not None)
        assert session.status.next_try_s == DAY_S
