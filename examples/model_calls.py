"""Streaming calls to a model provider whose tokens expire: their consumers never notice.

    python examples/model_calls.py

Both calls yield a `start` of their own before they make the request, so that a user interface can show
something at once. With a dead token, that start must not be seen twice, and the refusal not at all.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import anyio
import httpx2
from perdure import Credential, Refreshing, kind_of_error, refreshing
from perdure.response import Kind
from perdure.sse import Event, Parser

START = {"type": "start"}
Chunk: TypeAlias = dict[str, Any]
Events: TypeAlias = AsyncGenerator[Event, None]


def credential_for(http: httpx2.AsyncClient, token: str) -> Credential:
    """A credential that asks the provider for another token when this one is refused."""

    async def refresh() -> str:
        answer = await http.post("/oauth/token", data={"grant_type": "refresh_token"})
        return str(answer.raise_for_status().json()["access_token"])

    return Credential(token, refresh)


@asynccontextmanager
async def asked(http: httpx2.AsyncClient, path: str, token: str, prompt: str) -> AsyncIterator[Events]:
    """The server-sent events that answer a request. Raises HTTPStatusError, with its body read."""
    body = {"model": "any", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    headers = {"Authorization": f"Bearer {token}"}
    async with http.stream("POST", path, json=body, headers=headers) as response:
        if not response.is_success:
            await response.aread()
            response.raise_for_status()
        async with aclosing(response.aiter_bytes()) as chunks, aclosing(parsed(chunks)) as events:
            yield events


async def parsed(chunks: AsyncIterator[bytes]) -> Events:
    """The events in the bytes."""
    parser = Parser()
    async for chunk in chunks:
        for item in parser.feed(chunk):
            if isinstance(item, Event):
                yield item


# -- the OpenAI way: an error is a status --------------------------------------------------------------


def openai(http: httpx2.AsyncClient, credential: Credential, prompt: str) -> Refreshing[Chunk]:
    """A chat completion's chunks."""

    async def ask(token: str) -> AsyncIterator[Chunk]:
        yield START
        async with asked(http, "/v1/chat/completions", token, prompt) as events:
            async for event in events:
                if event.data != "[DONE]":
                    yield json.loads(event.data)

    def kind_of(item: Chunk | Exception) -> Kind:
        if isinstance(item, Exception):
            return kind_of_error(item)
        return "prefix" if item is START else "live"

    return refreshing(ask, credential, classify=kind_of)


# -- the Anthropic way: an error may be an event -------------------------------------------------------


def anthropic(http: httpx2.AsyncClient, credential: Credential, prompt: str) -> Refreshing[Chunk]:
    """A message's events. Two of them prove nothing: our own start, and `message_start`."""

    async def ask(token: str) -> AsyncIterator[Chunk]:
        yield START
        async with asked(http, "/v1/messages", token, prompt) as events:
            async for event in events:
                yield json.loads(event.data)

    def kind_of(item: Chunk | Exception) -> Kind:
        if isinstance(item, Exception):
            return kind_of_error(item)
        if item["type"] == "error":
            return "auth_error" if item["error"]["type"] == "authentication_error" else "error"
        return "prefix" if item["type"] in ("start", "message_start") else "live"

    return refreshing(ask, credential, classify=kind_of, prefix_max=2)


async def main() -> None:
    """Ask twice at once, with a token that has just died."""
    from fake_provider import Provider, serving

    provider = Provider()
    async with serving(provider) as url, httpx2.AsyncClient(base_url=url) as http:
        credential = credential_for(http, provider.token)
        provider.expire()

        async def ask(call: Refreshing[Chunk]) -> None:
            kinds = [chunk.get("type", "chunk") async for chunk in call]
            print(f"{call.outcome} after {call.attempts} attempts: {' '.join(kinds)}")  # noqa: T201

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, openai(http, credential, "What lasts?"))
            tasks.start_soon(ask, anthropic(http, credential, "What lasts?"))
    print(f"{provider.requests} requests, {provider.refreshes} refresh")  # noqa: T201


if __name__ == "__main__":
    anyio.run(main)
