"""A server that speaks HTTP as it likes: raw bytes on a real socket, and what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.IncompleteRead)


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def query(self, name: str) -> str:
        return parse_qs(urlsplit(self.target).query)[name][0]


Write: TypeAlias = Callable[[bytes], Awaitable[None]]
Script: TypeAlias = Callable[[Asked, Write], Awaitable[None]]
"""Answers one request; once it returns, the connection is closed."""


class Attacker:
    """Answers each request by the script, and keeps what was asked."""

    def __init__(self, script: Script, port: int) -> None:
        self.script, self.url = script, f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self.written = 0

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            with suppress(*GONE):
                asked = await request_of(stream)
                self.asked.append(asked)

                async def write(data: bytes) -> None:
                    await stream.send(data)
                    self.written += len(data)

                await self.script(asked, write)

    async def stuck(self) -> int:
        """Wait until nobody reads on, and what fits between is full; returns the bytes written."""
        while True:
            before = self.written
            await anyio.sleep(0.3)
            if self.written == before > 0:
                return before

    @property
    def streams(self) -> int:
        """How often a stream was asked for."""
        return sum(asked.method == "GET" for asked in self.asked)


async def request_of(stream: SocketStream) -> Asked:
    """One request."""
    buffered = BufferedByteReceiveStream(stream)
    first, *lines = (await buffered.receive_until(b"\r\n\r\n", 1 << 20)).decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await buffered.receive_exactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


@asynccontextmanager
async def attacker(script: Script) -> AsyncIterator[Attacker]:
    """A server with this script, until the block is left."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        hostile = Attacker(script, listener.extra(SocketAttribute.local_port))
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, hostile.serve)
            yield hostile
            group.cancel_scope.cancel()


# -- what scripts are made of --------------------------------------------------------------------------


def head(status: int = 200, kind: str = "text/event-stream", **more: str) -> bytes:
    """The beginning of an answer whose body lasts until the connection is closed."""
    names = {"content-type": kind, "connection": "close", **more}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in names.items() if value)
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode()


def welcome(asked: Asked, **changed: Any) -> bytes:
    """The welcome that fits the request, but for what is changed."""
    said = {
        "protocol": 1,
        "connection": asked.query("cid"),
        "generation": asked.query("attempt"),
        "epoch": "e",
        "resumed": False,
        "grace_s": 1.0,
        "heartbeat_s": 1.0,
    } | changed
    return f"event: welcome\ndata: {json.dumps(said)}\n\n".encode()


def once(*parts: bytes) -> Script:
    """Answers every request with these bytes, and closes."""

    async def script(_asked: Asked, write: Write) -> None:
        await write(b"".join(parts))

    return script


def endless(first: bytes, again: bytes, *, pause_s: float = 0.0) -> Script:
    """Answers every request with the first bytes, and then with the others for ever."""

    async def script(_asked: Asked, write: Write) -> None:
        await write(first)
        while True:
            await write(again)
            await anyio.sleep(pause_s)

    return script


def welcomed(rest: Script) -> Script:
    """Streams begin as they should; what follows is the script's. POSTs are answered with 204."""

    async def script(asked: Asked, write: Write) -> None:
        if asked.method == "POST":
            await write(head(204, ""))
            return
        await write(head() + welcome(asked))
        await rest(asked, write)

    return script
