"""Answers as they come in: in plain bytes, bounded, and what their headers say.

A body in a content coding can grow a thousandfold while it is decoded. So every request asks for none
(`PLAIN`), and a body that has one all the same is not decoded: it says nothing.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import anyio
import httpx2

from perdure.addresses import shown
from perdure.wire import ProblemBody

PLAIN: Final = {"accept-encoding": "identity"}
PROBLEM_BYTES_MAX: Final = 16_384
DETAIL_MAX: Final = 1000
RETRY_AFTER_MAX_S: Final = 86_400.0
"""No server makes a client wait for longer than a day."""


class AnswerTooLarge(Exception):
    """A body outgrew its bound."""


# -- bodies --------------------------------------------------------------------------------------------


def coding_of(headers: Mapping[str, str]) -> str:
    """The body's content coding; "" where it has none, as it was asked for."""
    coding = headers.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding[:40]


@asynccontextmanager
async def unwinding(chunks: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """For a body that may be left before its end: ends the HTTP client's nested generators.

    Closing the outermost would leave the others to the garbage collector. A cancellation in the innermost
    ends all.
    """
    try:
        yield chunks
    finally:
        # An error of what was left concerns nobody; it would hide why it was left.
        with suppress(httpx2.HTTPError), anyio.CancelScope() as scope:
            scope.cancel()
            while await anext(chunks, b""):
                pass


def raw_chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body as it comes, undecoded; in one piece where it was read before (by a transport for tests)."""
    return once(response.content) if response.is_stream_consumed else response.aiter_raw()


async def once(chunk: bytes) -> AsyncIterator[bytes]:
    """One chunk."""
    yield chunk


async def body_of(response: httpx2.Response, bytes_max: int) -> bytes:
    """The whole body; b"" where it has a content coding. Raises AnswerTooLarge."""
    if coding_of(response.headers):
        return b""
    body, chunks = bytearray(), raw_chunks(response)
    async for chunk in chunks:  # whatever ends this from within has ended the generators, too
        body += chunk
        if len(body) > bytes_max:
            async with unwinding(chunks):
                raise AnswerTooLarge
    return bytes(body)


async def problem_of(response: httpx2.Response) -> str:
    """What an error's body says, of which no more than a bound is read."""
    try:
        body = await body_of(response, PROBLEM_BYTES_MAX)
    except AnswerTooLarge:
        body = b""
    return problem_detail(response.headers, body)


def problem_detail(headers: Mapping[str, str], body: bytes) -> str:
    """The detail of a problem (RFC 9457); "" where the body is none."""
    location = headers.get("location")
    if location:
        where = shown(location)
        return f"it redirects to {where}, which is not followed: connect to that address if you trust it"
    if not headers.get("content-type", "").startswith("application/problem+json"):
        return ""
    try:
        problem = ProblemBody.model_validate_json(body)
    except ValueError:
        return ""
    return (problem.detail or problem.title)[:DETAIL_MAX]


# -- headers -------------------------------------------------------------------------------------------


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds from now, of either form; None where there is none, or none that can be read.

    A date counts from the answer's own `Date`, if it has one: the two clocks may differ, one does not.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return bounded_s(float(value[:12]))
    until, now = date_of(value), date_of(headers.get("date", "")) or datetime.now(UTC)
    return None if until is None else bounded_s((until - now).total_seconds())


def date_of(text: str) -> datetime | None:
    """The time that a header says; None where it says none."""
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def bounded_s(seconds: float) -> float:
    """A wait that a server asks for, as far as it is granted."""
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if math.isfinite(seconds) else RETRY_AFTER_MAX_S
