"""Other people's readers of event streams, each as its users would write it, behind one face."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

import aiohttp
import anyio
import httpx
import httpx2
import httpx_sse
from anyio.streams.text import TextReceiveStream

from tests.wild.certificates import Certificates
from tests.wild.programs import program


class Said(NamedTuple):
    """An event as a reader gives it."""

    event: str
    data: str
    id: str


class Torn(Exception):
    """The stream broke off, as this reader says it; some end it as if it were whole."""


Stream: TypeAlias = AbstractAsyncContextManager[AsyncIterator[Said]]
Open: TypeAlias = Callable[[str, Mapping[str, str], Certificates], Stream]
"""Asks for the stream at an address, with these headers, trusting these certificates."""


@dataclass(frozen=True)
class Reader:
    """One reader: the package or program whose version counts, and the HTTP that it speaks."""

    name: str
    package: str
    http: str
    open: Open


# -- libraries that know event streams -----------------------------------------------------------------


@asynccontextmanager
async def by_httpx2(
    url: str, headers: Mapping[str, str], certificates: Certificates, *, http2: bool
) -> AsyncIterator[AsyncIterator[Said]]:
    """httpx2's own `sse`."""
    async with (
        httpx2.AsyncClient(verify=certificates.trusting, http1=not http2, http2=http2, timeout=None) as http,
        http.sse(url, headers=headers) as source,
    ):

        async def events() -> AsyncGenerator[Said, None]:
            try:
                async for one in source:
                    yield Said(one.event, one.data, one.id)
            except httpx2.TransportError as error:
                raise Torn from error

        async with aclosing(events()) as said:
            yield said


@asynccontextmanager
async def by_httpx_sse(
    url: str, headers: Mapping[str, str], certificates: Certificates, *, http2: bool
) -> AsyncIterator[AsyncIterator[Said]]:
    """httpx-sse, over httpx."""
    async with (
        httpx.AsyncClient(verify=certificates.trusting, http1=not http2, http2=http2, timeout=None) as http,
        httpx_sse.aconnect_sse(http, "GET", url, headers=dict(headers)) as source,
    ):

        async def events() -> AsyncGenerator[Said, None]:
            try:
                async for one in source.aiter_sse():
                    yield Said(one.event, one.data, one.id)
            except httpx.TransportError as error:
                raise Torn from error

        async with aclosing(events()) as said:
            yield said


# -- what only gives bytes, and twenty lines around it -------------------------------------------------


async def blocks(lines: AsyncIterator[str]) -> AsyncGenerator[Said, None]:
    """The events in a stream's lines, by a parser as people write it who need one now."""
    event, data, last = "message", list[str](), ""
    async for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Said(event, "\n".join(data), last)
            event, data = "message", []
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            last = value


@asynccontextmanager
async def by_aiohttp(
    url: str, headers: Mapping[str, str], certificates: Certificates
) -> AsyncIterator[AsyncIterator[Said]]:
    """aiohttp, which decodes the transfer and gives lines."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(url, headers=headers, ssl=certificates.trusting) as response,
    ):
        assert response.content_type == "text/event-stream"

        async def lines() -> AsyncGenerator[str, None]:
            try:
                async for line in response.content:
                    yield line.decode().rstrip("\r\n")
            except aiohttp.ClientError as error:
                raise Torn from error

        async with aclosing(lines()) as read, aclosing(blocks(read)) as said:
            yield said


@asynccontextmanager
async def by_command(
    command: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[AsyncIterator[Said]]:
    """A program that writes the stream to its output as it comes in; it fails where the stream is torn."""
    process = await anyio.open_process(command, env={**os.environ, **environment}, stderr=None)
    assert process.stdout is not None
    text = TextReceiveStream(process.stdout)

    async def lines() -> AsyncGenerator[str, None]:
        tail = ""
        async for chunk in text:
            *whole, tail = (tail + chunk).split("\n")
            for line in whole:
                yield line
        if await process.wait():
            raise Torn

    async with process:
        try:
            async with aclosing(lines()) as read, aclosing(blocks(read)) as said:
                yield said
        finally:
            if process.returncode is None:
                process.kill()


def by_curl(url: str, headers: Mapping[str, str], certificates: Certificates, *, flag: str) -> Stream:
    """curl, not buffering its output; `--compressed` asks for whatever encoding the server likes."""
    command = [program("curl"), "--no-buffer", "--silent", "--fail", "--compressed", flag, url]
    command += ["--cacert", str(certificates.authority), "--header", "Accept: text/event-stream"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    return by_command(command, {})


FETCH = """
const [url, headers] = process.argv.slice(1);
const response = await fetch(url, { headers: JSON.parse(headers) });
if (!response.ok) process.exit(2);
for await (const chunk of response.body) process.stdout.write(chunk);
"""


def by_node(url: str, headers: Mapping[str, str], certificates: Certificates) -> Stream:
    """The fetch of Node (undici)."""
    asked = json.dumps({"accept": "text/event-stream", **headers})
    command = [program("node"), "--input-type=module", "--eval", FETCH, url, asked]
    return by_command(command, {"NODE_EXTRA_CA_CERTS": str(certificates.authority)})


READERS = (
    Reader("httpx2", "httpx2", "1.1", partial(by_httpx2, http2=False)),
    Reader("httpx2", "httpx2", "2", partial(by_httpx2, http2=True)),
    Reader("httpx-sse", "httpx-sse", "1.1", partial(by_httpx_sse, http2=False)),
    Reader("httpx-sse", "httpx-sse", "2", partial(by_httpx_sse, http2=True)),
    Reader("aiohttp", "aiohttp", "1.1", by_aiohttp),
    Reader("curl", "curl", "1.0", partial(by_curl, flag="--http1.0")),
    Reader("curl", "curl", "1.1", partial(by_curl, flag="--http1.1")),
    Reader("curl", "curl", "2", partial(by_curl, flag="--http2-prior-knowledge")),
    Reader("Node's fetch", "node", "1.1", by_node),
)
