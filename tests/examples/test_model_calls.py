"""The examples of `refreshing` run: against a real server, with both providers' ways to say no."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.runtime.serving import Uvicorn

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


model_calls, fake_provider = example("model_calls"), example("fake_provider")
CALLS = {"openai": model_calls.openai, "anthropic": model_calls.anthropic}
SOUND = {
    "openai": ["start"] + ["chunk"] * 6,
    "anthropic": ["start", "message_start"] + ["content_block_delta"] * 6 + ["message_stop"],
}

left_by_httpx2 = pytest.mark.filterwarnings(
    "ignore:.*PoolByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"
)
"""A body that is not read to its end leaves a generator of httpx2 to the garbage collector; trio minds."""


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Any, str]]:
    provider = fake_provider.Provider()
    server = Uvicorn(provider.app)
    yield provider, f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def provider(served: tuple[Any, str]) -> Any:
    provider, _ = served
    provider.requests = provider.refreshes = 0
    return provider


@pytest.fixture
async def http(served: tuple[Any, str]) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=served[1]) as http:
        yield http


async def kinds(call: Any) -> list[str]:
    with anyio.fail_after(10):
        return [chunk.get("type", "chunk") async for chunk in call]


@pytest.mark.anyio
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_with_a_good_token(name: str, provider: Any, http: httpx2.AsyncClient) -> None:
    credential = model_calls.credential_for(http, provider.token)
    assert await kinds(CALLS[name](http, credential, "?")) == SOUND[name]
    assert (provider.requests, provider.refreshes) == (1, 0)


@left_by_httpx2
@pytest.mark.anyio
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_with_a_dead_token_looks_the_same(
    name: str, provider: Any, http: httpx2.AsyncClient
) -> None:
    credential = model_calls.credential_for(http, provider.token)
    provider.expire()
    assert await kinds(CALLS[name](http, credential, "?")) == SOUND[name]
    assert (provider.requests, provider.refreshes) == (2, 1)


@left_by_httpx2
@pytest.mark.anyio
async def test_many_calls_of_both_kinds_share_one_refresh(provider: Any, http: httpx2.AsyncClient) -> None:
    credential = model_calls.credential_for(http, provider.token)
    provider.expire()
    seen: list[tuple[str, list[str]]] = []

    async def ask(name: str) -> None:
        seen.append((name, await kinds(CALLS[name](http, credential, "?"))))

    async with anyio.create_task_group() as tasks:
        for name in list(CALLS) * 8:
            tasks.start_soon(ask, name)
    assert len(seen) == 16
    assert all(chunks == SOUND[name] for name, chunks in seen)
    assert provider.refreshes == 1
    assert 16 <= provider.requests <= 32


@left_by_httpx2
@pytest.mark.anyio
async def test_a_refusal_that_stays_keeps_its_type_and_fields(
    provider: Any, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "knows", lambda _request: False)
    credential = model_calls.credential_for(http, "token-0")
    with pytest.raises(httpx2.HTTPStatusError) as refused:
        await kinds(model_calls.openai(http, credential, "?"))
    assert refused.value.response.status_code == 401
    assert refused.value.response.json()["error"]["code"] == "invalid_api_key"
    (event,) = [chunk async for chunk in model_calls.anthropic(http, credential, "?")]
    assert event["error"] == {"type": "authentication_error", "message": "token expired"}


def test_the_example_runs_as_a_script() -> None:
    command = [sys.executable, str(EXAMPLES / "model_calls.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sorted(lines[:2]) == sorted(f"completed after 2 attempts: {' '.join(SOUND[n])}" for n in SOUND)
    assert lines[2] == "4 requests, 1 refresh"
