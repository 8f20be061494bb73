"""Answers for a client, from right ones over those with one thing wrong to noise; and who gives them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import anyio
import httpx2
from hypothesis import strategies as st

from tests.fuzz.requests import JSON, mostly

Ends = Literal["well", "breaks", "hangs"]
Block = Callable[[httpx2.Request], bytes]
"""A piece of an event stream; a welcome has to fit the request."""
ERRORS: Final = [
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ReadError,
    httpx2.ReadTimeout,
    httpx2.RemoteProtocolError,
    httpx2.LocalProtocolError,
    httpx2.WriteError,
    httpx2.DecodingError,
]


@dataclass(frozen=True)
class Answer:
    """What a request gets: an error, nothing for ever, or a response whose body ends as it says."""

    error: type[httpx2.TransportError] | None
    hangs: bool
    status: int
    headers: list[tuple[bytes, bytes]]
    blocks: list[Block]
    chunk_bytes: int
    ends: Ends


class Body(httpx2.AsyncByteStream):
    """A body in chunks."""

    def __init__(self, body: bytes, answer: Answer) -> None:
        self._body, self._answer = body, answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        step = self._answer.chunk_bytes
        for at in range(0, len(self._body), step):
            await anyio.lowlevel.checkpoint()
            yield self._body[at : at + step]
        if self._answer.ends == "breaks":
            raise httpx2.ReadError("it broke")
        if self._answer.ends == "hangs":
            await anyio.sleep_forever()


class Answering(httpx2.AsyncBaseTransport):
    """Gives one answer after another, whatever is asked; then, for ever, 503."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers
        self.asked = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        await anyio.lowlevel.checkpoint()
        self.asked += 1
        if not self._answers:
            return httpx2.Response(503, request=request)
        answer = self._answers.pop(0)
        if answer.error is not None:
            raise answer.error("noise", request=request)
        if answer.hangs:
            await anyio.sleep_forever()
        body = b"".join(block(request) for block in answer.blocks)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=Body(body, answer), request=request
        )


# -- what they are made of ------------------------------------------------------------------------------


def event(name: str, data: Any, token: str | None = None) -> Block:
    """An event, its data as JSON."""
    said = json.dumps(data).encode("utf-8", "surrogatepass")
    id_line = b"" if token is None else b"id: " + token.encode("utf-8", "surrogatepass") + b"\n"
    return lambda _: b"%bevent: %b\ndata: %b\n\n" % (id_line, name.encode("utf-8", "surrogatepass"), said)


def welcome(changed: dict[str, Any]) -> Block:
    """The welcome that fits the request, but for some fields."""

    def block(request: httpx2.Request) -> bytes:
        asked = request.url.params
        body = {
            "protocol": 1,
            "connection": asked.get("cid", ""),
            "generation": asked.get("attempt", ""),
            "epoch": "e",
            "resumed": False,
            "grace_s": 60,
            "heartbeat_s": 1,
        }
        return event("welcome", body | changed)(request)

    return block


def receipts(changed: Any) -> Block:
    """The receipts that fit the request, but for what is changed."""

    def block(request: httpx2.Request) -> bytes:
        try:
            keys = [item["key"] for item in json.loads(request.content)["items"]]
        except (ValueError, KeyError, TypeError):
            keys = []
        right = {"receipts": [{"key": key, "verdict": "accepted"} for key in keys]}
        return json.dumps(right if changed is None else changed).encode("utf-8", "surrogatepass")

    return block


def raw(piece: bytes) -> Block:
    """Bytes as they are."""
    return lambda _: piece


TOKENS = mostly(
    st.builds("chat:{}:{}".format, st.sampled_from(["f", "g"]), st.integers(1, 4)),
    st.text(max_size=12)
    | st.sampled_from(["", "chat:f:9999999999999999", "other:f:1", "chat:f:1,other:g:2"]),
)
FIELDS = st.sampled_from(
    ["protocol", "connection", "generation", "epoch", "resumed", "grace_s", "heartbeat_s", "what"]
)
NUMBERS = st.sampled_from([0, -1, 1e308, 1 << 60, float("inf"), float("nan"), "x", None, True])
WELCOMES = mostly(st.just({}), st.dictionaries(FIELDS, JSON | NUMBERS, max_size=2)).map(welcome)
OUTCOMES = st.sampled_from(["succeeded", "failed", "expired", "taken over", "what", ""])
EVENTS = st.one_of(
    st.builds(event, st.just("message"), JSON, TOKENS),
    st.builds(event, st.just("message"), JSON, TOKENS),
    st.builds(event, st.just("gap"), st.fixed_dictionaries({"snapshot": JSON}) | JSON, TOKENS),
    st.builds(
        event, st.just("end"), st.fixed_dictionaries({"outcome": OUTCOMES, "session": st.just("chat")})
    ),
    st.builds(event, st.just("end"), st.fixed_dictionaries({"outcome": OUTCOMES}) | JSON),
    st.builds(event, st.just("handler-failed"), st.just({"sender": "0", "key": "1.1"}) | JSON, TOKENS),
    st.builds(event, st.sampled_from(["welcome", "error"]) | st.text(max_size=5), JSON),
    st.sampled_from([b": \n\n", b"retry: 10\n\n", b"retry: " + b"9" * 40 + b"\n\n", b"\0\xff\n\n"]).map(raw),
    st.just(b"data: " + b"x" * 3000 + b"\n\n").map(raw),
    st.binary(max_size=30).map(raw),
)
STATUSES = st.sampled_from(
    [200, 201, 204, 301, 400, 401, 403, 404, 408, 409, 410, 418, 425, 429, 500, 503, 599]
)
HEADERS = st.one_of(
    st.tuples(st.just(b"retry-after"), st.sampled_from([b"0", b"9" * 50, b"-1", b"nan", b"\xb2", b"soon"])),
    st.tuples(st.just(b"retry-after"), st.just(b"Fri, 31 Dec 9999 23:59:59 GMT")),
    st.tuples(st.just(b"content-encoding"), st.sampled_from([b"gzip", b"br", b"identity", b"\xff"])),
    st.tuples(st.just(b"location"), st.sampled_from([b"http://other/", b"\xff", b"http://[::"])),
    st.tuples(st.just(b"content-type"), st.binary(max_size=20)),
    st.tuples(st.just(b"date"), st.sampled_from([b"now", b"Fri, 01 Jan 0001 00:00:00 GMT"])),
)


@st.composite
def answers(draw: st.DrawFn, first: st.SearchStrategy[Block], rest: st.SearchStrategy[Block]) -> Answer:
    """An answer: an event stream, JSON, or anything."""
    streams = draw(st.booleans())
    kind = draw(
        mostly(st.just(b"text/event-stream" if streams else b"application/json"), st.just(b"text/html"))
    )
    problem = b"application/problem+json"
    status = draw(mostly(st.just(200), STATUSES))
    blocks = [draw(first), *draw(st.lists(rest, max_size=6))] if streams else [draw(REPLIES)]
    return Answer(
        error=draw(mostly(st.none(), st.sampled_from(ERRORS))),
        hangs=draw(st.integers(0, 15)) == 15,
        status=status,
        headers=[(b"content-type", kind if status == 200 else problem), *draw(st.lists(HEADERS, max_size=1))],
        blocks=blocks,
        chunk_bytes=draw(st.sampled_from([1, 7, 64, 1 << 16])),
        ends=draw(st.sampled_from(["well", "breaks", "hangs"])),
    )


VERDICTS = st.sampled_from(["accepted", "duplicate", "the session is over", ""])
RECEIPT = st.fixed_dictionaries({"key": st.sampled_from(["1.1", "x"]), "verdict": VERDICTS})
REPLIES = mostly(
    st.just(None).map(receipts),
    st.fixed_dictionaries({"receipts": st.lists(RECEIPT, max_size=3)}).map(receipts),
) | mostly(JSON.map(receipts), st.binary(max_size=20).map(raw))
"""Bodies that are no streams: receipts, or any JSON, or any bytes."""
