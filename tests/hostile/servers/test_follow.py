"""`follow` at a server that means it ill: streams, snapshots and submissions."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest
from perdure import (
    Credential,
    Followed,
    FollowSettings,
    Limits,
    PerdureError,
    SessionError,
    SnapshotFailed,
    SubmitFailed,
    UnreadableState,
    UsageError,
    connect,
    follow,
)

from tests.hostile.beside import allocating_at_most, until
from tests.hostile.servers.attacker import Asked, Attacker, Script, Write, attacker, endless, head, once

pytestmark = pytest.mark.anyio

TOKEN = "credential-of-mine"
WARY = Limits(
    connect_s=2, heartbeat_s=3, post_s=5, goodbye_s=0.1, event_bytes_max=100_000, answer_bytes=100_000
)
IMPATIENT = FollowSettings(attempts_max=3, again_first_s=0.001, again_cap_s=0.002)
JSON = head(200, "application/json")
STATE = JSON + b'{"version": 1}'
BOMB = gzip.compress(b'{"version": 1, "x": "' + bytes(32 << 20) + b'"}')
MEMORY = 4 << 20
STATED, QUIET = once(STATE), endless(head(), b":\n\n", pause_s=0.05)


@asynccontextmanager
async def followed(server: Attacker, **more: Any) -> AsyncIterator[Followed]:
    given: dict[str, Any] = {
        "settings": IMPATIENT,
        "limits": WARY,
        "credential": TOKEN,
        "silence_s": 9.0,
    } | more
    snapshot, events = (f"{server.url}/{path}?key=hidden" for path in ("state", "events"))
    async with follow(snapshot=snapshot, events=events, outcome=lambda _: None, **given) as session:
        yield session


def either(*, state: Script = STATED, events: Script = QUIET) -> Script:
    """A script for each of the two addresses."""

    async def script(asked: Asked, write: Write) -> None:
        await (state if asked.path == "/state" else events)(asked, write)

    return script


async def ending(session: Followed) -> SessionError:
    with anyio.fail_after(10), pytest.raises(SessionError) as raised:
        _ = [state async for state in session]
    return raised.value


EVENTS = {
    "endless headers": endless(b"HTTP/1.1 200 OK\r\n", b"x-more: y\r\n" * 500),
    "a line that never ends": endless(head(), b"data: x" * 900),
    "a comment that never ends": endless(head(), b": x" * 900),
    "an event that never ends": endless(head(), b"data: x\n" * 900),
    "a bomb": once(head(content_encoding="gzip"), BOMB),
    "HTML": once(head(200, "text/html"), b"<p>data: {}</p>\n\n"),
    "silence": endless(b"", b"", pause_s=10),
}


@pytest.mark.parametrize("events", EVENTS.values(), ids=EVENTS.keys())
async def test_a_stream_that_is_none_is_asked_for_a_bounded_number_of_times(events: Script) -> None:
    silence_s = 0.2 if events is EVENTS["silence"] else 9.0
    async with attacker(either(events=events)) as server, followed(server, silence_s=silence_s) as session:
        with allocating_at_most(MEMORY):
            error = await ending(session)
        asked = [one for one in server.asked if one.path == "/events"]
        assert len(asked) <= IMPATIENT.attempts_max + 1
        assert "hidden" not in str(error)
        assert TOKEN not in str(error)


STATES = {
    "a bomb": once(head(200, "application/json", content_encoding="gzip"), BOMB),
    "no end": endless(JSON, b"[" * 9000),
    "no beginning": endless(b"", b"", pause_s=10),
    "deep JSON": once(JSON, b"[" * 90_000),
    "invalid UTF-8": once(JSON, b'{"version": 1, "x": "\xff"}'),
    "a version of words": once(JSON, b'{"version": "hidden"}'),
    "a list": once(JSON, b"[1]"),
    "HTML": once(head(200, "text/html"), b"<title>Sign in</title>"),
    "an error that never ends": endless(head(500, "application/problem+json"), b"x" * 9000),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
async def test_a_snapshot_that_is_none_is_asked_for_a_bounded_number_of_times(state: Script) -> None:
    errors: list[PerdureError] = []
    limits = replace(WARY, post_s=0.2) if state is STATES["no beginning"] else WARY
    async with (
        attacker(either(state=state)) as server,
        followed(server, on_error=errors.append, limits=limits) as session,
    ):
        with allocating_at_most(MEMORY):
            error = await ending(session)
        assert sum(one.path == "/state" for one in server.asked) <= IMPATIENT.attempts_max + 1
    assert errors
    assert all(isinstance(one, SnapshotFailed | UnreadableState) for one in errors)
    assert not any("hidden" in str(one) or TOKEN in str(one) for one in [error, *errors])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["/state", "/events"])
async def test_no_redirect_takes_the_credential_elsewhere(status: int, path: str) -> None:
    async with attacker(once(STATE)) as elsewhere:
        away = once(head(status, location=f"{elsewhere.url}/there"))
        script = either(state=away) if path == "/state" else either(events=away)
        async with attacker(script) as server, followed(server) as session:
            error = await ending(session)
            assert error.status == status
            assert any(one.path == path for one in server.asked)
        assert elsewhere.asked == []


async def test_a_submission_and_a_refresh_by_the_http_client_follow_no_redirect_either() -> None:
    """They are the application's functions; httpx2 follows none unless it is told to."""
    async with attacker(once(STATE)) as elsewhere, httpx2.AsyncClient() as http:

        async def script(asked: Asked, write: Write) -> None:
            if asked.path in ("/submit", "/token"):
                await write(head(307, location=f"{elsewhere.url}{asked.path}"))
            elif asked.path == "/state" and asked.headers.get("authorization") == "Bearer dead":
                await write(head(401))
            else:
                await either()(asked, write)

        async with attacker(script) as server:

            async def submit(data: Any, token: str | None) -> dict[str, Any]:
                headers = {"authorization": f"Bearer {token}"}
                answer = await http.post(f"{server.url}/submit", json=data, headers=headers)
                said: dict[str, Any] = answer.raise_for_status().json()
                return said

            async def refresh() -> str:
                answer = await http.post(f"{server.url}/token", data={"refresh_token": "secret"})
                return str(answer.raise_for_status().json()["access_token"])

            async with followed(server, submit=submit) as session:
                await until(lambda: session.status.state == "awaiting")
                with pytest.raises(SubmitFailed) as raised:
                    await session.submit({"form": 1})
                assert raised.value.status == 307
            async with followed(server, credential=Credential("dead", refresh)) as session:
                assert (await ending(session)).status == 401
        assert elsewhere.asked == []


async def test_a_flood_of_states_that_nobody_takes_is_not_read_on() -> None:
    async def events(_asked: Asked, write: Write) -> None:
        await write(head())
        for first in range(2, 10**9, 100):
            await write(b"".join(b'data: {"version": %d}\n\n' % n for n in range(first, first + 100)))

    limits = Limits(inbox_max=100)
    async with attacker(either(events=events)) as server, followed(server, limits=limits) as session:
        await until(lambda: len(session._inbox) >= 100)
        with anyio.fail_after(10):
            assert await server.stuck() < 16 << 20
        assert len(session._inbox) < 100 + 65_536 // 20


@pytest.mark.parametrize("token", ["two\nlines", " spaced ", "t\u00f6ken", "nul\0"])
async def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str) -> None:
    async with attacker(once(STATE)) as server:
        with pytest.raises(UsageError, match="printable ASCII") as raised:
            async with connect(server.url, session="s", credential=token):
                pass
        assert token.strip() not in str(raised.value)
        for credential in (token, lambda: token):
            async with followed(server, credential=credential) as session:
                error = await ending(session)
                assert "printable ASCII" in str(error)
                assert token.strip() not in str(error)
        with pytest.raises(UsageError, match="printable ASCII"):
            Credential(token, lambda: token)
        assert server.asked == []
