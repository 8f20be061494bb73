"""A client of production, run to its end against a server whose answers are made up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
import httpx2
from perdure_model.core.client.parts import ClientSettings

from perdure.client import Session, connect
from perdure.identity import Identity, MemoryIdentity
from perdure.sse import encode

T = TypeVar("T")
STREAM = "text/event-stream"
EAGER = ClientSettings(
    attempts_max=2,
    retries_max=1,
    reconnect_first_s=0,
    reconnect_cap_s=0,
    retry_first_s=0,
    retry_cap_s=0,
)
CID = "cid-00000000-0000-4000-8000-000000000000"
WITHIN_S = 3.0
"""No run takes as long."""


class FirstLife(MemoryIdentity):
    """An identity whose keys are known beforehand: 1.1, 1.2 and so on."""

    def start(self) -> Identity:
        """Always the same life."""
        return Identity(CID, 1)


NO_ANSWER = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ReadError,
    httpx2.ReadTimeout,
    httpx2.WriteError,
    httpx2.RemoteProtocolError,
    httpx2.ProxyError,
)


@dataclass(frozen=True)
class Answer:
    """What a request is answered with: a status, or (0) one of the ways to get no answer."""

    status: int
    body: bytes = b""
    media: str = "application/problem+json"
    failure: type[httpx2.TransportError] = httpx2.ReadError


class Chunks(httpx2.AsyncByteStream):
    """A body that ends, or stays open once it is sent."""

    def __init__(self, body: bytes, *, stays: bool) -> None:
        self._body, self._stays = body, stays

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body's one chunk."""
        yield self._body
        if self._stays:
            await anyio.sleep_forever()


@dataclass
class Canned(httpx2.AsyncBaseTransport):
    """A server of two answers: one for every stream that is asked for, and one for every POST."""

    stream: Answer
    post: Answer = field(default_factory=lambda: Answer(204))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer as given; an event stream begins with its welcome, and stays open."""
        answer = self.stream if request.method == "GET" else self.post
        if answer.status == 0:
            raise answer.failure("made up")
        begins = request.method == "GET" and answer.status == 200 and answer.media == STREAM
        body = welcome(request.url.params["attempt"]) + answer.body if begins else answer.body
        chunks = Chunks(body, stays=begins)
        return httpx2.Response(answer.status, headers={"content-type": answer.media}, stream=chunks)


def welcome(attempt: str) -> bytes:
    """The welcome of a stream, as PROTOCOL.md has it."""
    says = {"protocol": 1, "connection": CID, "generation": attempt, "epoch": "e", "resumed": False}
    return encode(json.dumps({**says, "grace_s": 60, "heartbeat_s": 15}), event="welcome")


def asked(talk: Callable[[Session], Awaitable[T]], answers: Canned) -> T:
    """What comes of a talk in a session whose client gives up early, unspaced. Raises TimeoutError."""

    async def run() -> T:
        async with httpx2.AsyncClient(transport=answers) as http:
            with anyio.fail_after(WITHIN_S):
                async with connect(
                    "http://made.up", session="s", http=http, settings=EAGER, identity=FirstLife()
                ) as session:
                    return await talk(session)

    return anyio.run(run)
