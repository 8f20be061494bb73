"""`refreshing` as its example uses it, at a provider that means it ill."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest
from perdure.sse import EventTooLarge

from tests.examples.test_model_calls import model_calls
from tests.hostile.beside import allocating_at_most
from tests.hostile.servers.attacker import Asked, Write, attacker, endless, head, once

pytestmark = pytest.mark.anyio


async def chunks(call: Any) -> list[Any]:
    with anyio.fail_after(10):
        return [chunk async for chunk in call]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("redirected", ["/oauth/token", "/v1/chat/completions"])
async def test_no_redirect_takes_a_token_elsewhere(status: int, redirected: str) -> None:
    async with attacker(once(head(200, "application/json"), b'{"access_token": "x"}')) as elsewhere:

        async def script(asked: Asked, write: Write) -> None:
            away = head(status, location=f"{elsewhere.url}{asked.path}")
            await write(away if asked.path == redirected else head(401))

        async with attacker(script) as server, httpx2.AsyncClient(base_url=server.url) as http:
            call = model_calls.openai(http, model_calls.credential_for(http, "dead"), "hello")
            with pytest.raises(httpx2.HTTPStatusError) as raised:
                await chunks(call)
            assert raised.value.response.status_code == (401 if redirected == "/oauth/token" else status)
            assert call.outcome == "failed"
        assert elsewhere.asked == []


async def test_an_authentication_error_for_ever_costs_two_attempts_and_one_refresh() -> None:
    async def script(asked: Asked, write: Write) -> None:
        fresh = head(200, "application/json") + b'{"access_token": "fresh"}'
        await write(fresh if asked.path == "/oauth/token" else head(401))

    async with attacker(script) as server, httpx2.AsyncClient(base_url=server.url) as http:
        call = model_calls.openai(http, model_calls.credential_for(http, "dead"), "hello")
        with pytest.raises(httpx2.HTTPStatusError):
            await chunks(call)
        paths = [asked.path for asked in server.asked]
        assert paths == ["/v1/chat/completions", "/oauth/token", "/v1/chat/completions"]


async def test_a_refresh_that_never_answers_is_given_up() -> None:
    async def script(asked: Asked, write: Write) -> None:
        if asked.path == "/oauth/token":
            await anyio.sleep_forever()
        await write(head(401))

    async with attacker(script) as server, httpx2.AsyncClient(base_url=server.url, timeout=0.2) as http:
        call = model_calls.openai(http, model_calls.credential_for(http, "dead"), "hello")
        with pytest.raises(httpx2.HTTPStatusError):
            await chunks(call)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # httpx2 leaves a body half-read to trio's collector
@pytest.mark.parametrize("line", [b"data: x" * 9000, b": x" * 9000], ids=["data", "comment"])
async def test_a_line_that_never_ends_breaks_the_call_within_its_bound(line: bytes) -> None:
    script = endless(head(), line)
    async with attacker(script) as server, httpx2.AsyncClient(base_url=server.url) as http:
        call = model_calls.openai(http, model_calls.credential_for(http, "good"), "hello")
        with allocating_at_most(8 << 20), pytest.raises(EventTooLarge):
            await chunks(call)
        assert (call.outcome, call.attempts) == ("failed", 1)
