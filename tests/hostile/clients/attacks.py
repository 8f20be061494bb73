"""What attackers do: raw bytes on real sockets to a hub behind uvicorn."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import anyio
import pytest
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream
from perdure import Hub, HubLimits, HubSession, Send, Unauthenticated
from perdure.events import sender_of
from perdure_model.core.server.parts import ServerSettings
from starlette.requests import Request

from tests.hostile.beside import Talk, undisturbed
from tests.runtime.serving import Serve, Server

GOOD, BAD = "token-of-the-good", "token-of-the-bad"
LIMITS = HubLimits(
    body_bytes=200_000, body_s=0.3, held_bytes=1_000_000, items=100, sessions=5, connections=40, awaited=60
)


def target(**more: Any) -> Hub:
    """An echo hub for two: the good one's session is the lobby, all others are the bad one's."""

    def authenticate(request: Request) -> str:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in (GOOD, BAD):
            raise Unauthenticated("no such token")
        return token

    async def authorize(principal: object, session: str) -> bool:
        await anyio.sleep(0.01)  # as one that asks a database
        return (session == "lobby") == (principal == GOOD)

    given: dict[str, Any] = {
        "settings": ServerSettings(grace_s=0.5, log_max=1000),
        "heartbeat_s": 2.0,
        "stall_s": 1.0,
        "limits": LIMITS,
    } | more
    hub = Hub(authenticate=authenticate, authorize=authorize, **given)

    @hub.on_send
    async def echo(send: Send, session: HubSession) -> None:
        await session.publish({"text": send.data["text"].upper()})

    return hub


@asynccontextmanager
async def attacked(serve: Serve, **more: Any) -> AsyncIterator[tuple[Server, Talk]]:
    """A server of its own with such a hub, and the good one's talk that must go on undisturbed.

    When all attackers are gone, the hub holds nothing more for them.
    """
    server = serve(target(**more), alone=True)
    async with undisturbed(server.url, credential=GOOD) as talk:
        yield server, talk
        hub = server.hub
        with anyio.fail_after(10):
            while len(hub._streams) > 1 or hub._routes._held or set(hub._routes._open) != {GOOD}:
                await anyio.sleep(0.01)


def new_cid() -> str:
    return f"cid-{uuid4()}"


def get(cid: str, attempt: str = "1.1", session: str = "bad", *headers: str, **query: str) -> bytes:
    """A request for a stream."""
    asked = urlencode({"cid": cid, "attempt": attempt, "session": session, **query})
    return raw(f"GET /events?{asked} HTTP/1.1", *headers)


def post(path: str, body: object, *headers: str, length: int | str | None = None) -> bytes:
    """A POST of a value as JSON, or of bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    announced = len(content) if length is None else length
    lines = ("content-type: application/json", f"content-length: {announced}", *headers)
    return raw(f"POST {path} HTTP/1.1", *lines) + content


def raw(*lines: str, token: str = BAD) -> bytes:
    return "\r\n".join([*lines, "host: x", f"authorization: Bearer {token}", "", ""]).encode("latin-1")


def sends(cid: str, epoch: str, *keys: str, text: str = "hello", **changed: Any) -> dict[str, Any]:
    """The body of POST /send."""
    items = [{"key": key, "data": {"text": text}} for key in keys]
    return {"cid": cid, "attempt": "1.1", "epoch": epoch, "session": "bad", "items": items} | changed


@asynccontextmanager
async def socket_to(server: Server) -> AsyncIterator[ByteStream]:
    async with await anyio.connect_tcp("127.0.0.1", server.port) as stream:
        yield stream


class Answer:
    """The beginning of an answer, and its body where the length is known."""

    def __init__(self, head: str, body: bytes) -> None:
        first, *lines = head.split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.body = body

    @property
    def problem(self) -> str:
        """The type of the problem that it is."""
        assert self.headers["content-type"] == "application/problem+json", vars(self)
        said = json.loads(self.body)
        assert said["status"] == self.status
        return str(said["type"]).removeprefix("urn:perdure:problem:")


async def answer(stream: ByteStream) -> Answer:
    """What the server answers, within some seconds."""
    buffered = BufferedByteReceiveStream(stream)
    with anyio.fail_after(10):
        head = (await buffered.receive_until(b"\r\n\r\n", 100_000)).decode("latin-1")
        begun = Answer(head, b"")
        begun.body = await buffered.receive_exactly(int(begun.headers.get("content-length", "0")))
    return begun


async def asked(server: Server, request: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    async with socket_to(server) as stream:
        await stream.send(request)
        return await answer(stream)


async def events(stream: ByteStream, count: int) -> bytes:
    """What a stream brings, once that holds so many blocks."""
    got = b""
    with anyio.fail_after(10):
        while got.count(b"\n\n") < count:
            got += await stream.receive()
    return got


async def welcomed(stream: ByteStream, request: bytes) -> str:
    """The epoch that a stream begins with."""
    await stream.send(request)
    line = next(line for line in (await events(stream, 1)).splitlines() if line.startswith(b"data: "))
    return str(json.loads(line[6:])["epoch"])


class Logs:
    """The lines of perdure's log, none of which holds a secret."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "perdure")
        self._caplog = caplog

    def naming(self, cid: str, says: str) -> list[str]:
        """Those that name this connection as others may know it, and say this."""
        lines = [record.getMessage() for record in self._caplog.records if record.name == "perdure"]
        assert not any(secret in line for line in lines for secret in (GOOD, BAD, cid))
        return [line for line in lines if sender_of(cid) in line and says in line]
