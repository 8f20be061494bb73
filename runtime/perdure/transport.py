"""The client's side of HTTP: asks for streams and posts bodies, and says what came of it. Decides nothing.

Redirects are never followed: they would take the credential elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias

import anyio
import httpx2

from perdure.access import Access
from perdure.bounds import at_least
from perdure.errors import NoCredential, NotAnEventStream, ServerUnreachable, StreamBroken, StreamRefused
from perdure.wire import HEAD_BYTES, ProblemBody

Params: TypeAlias = list[tuple[str, str | int | float | bool | None]]
PROBLEM_BYTES_MAX = 16_384
RETRY_AFTER_MAX_S = 86_400.0
LEAST_S = 0.001
NOT_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@dataclass(frozen=True)
class Limits:
    """What the client's input and output keep to; durations in seconds.

    heartbeat_s: how often a server is expected to be heard from until its welcome says it.
    silent_intervals: after so many heartbeat intervals without a byte the stream counts as lost.
    post_s: how long a POST may take, answer included.
    goodbye_s: how long leaving waits for the server to take the goodbye.
    body_bytes: a POST's body is no larger, so that no server refuses many sends for the sake of one.
    inbox_max: how many events may wait to be taken before the stream is not read on.
    """

    connect_s: float = 10.0
    heartbeat_s: float = 15.0
    silent_intervals: float = 3.0
    post_s: float = 30.0
    goodbye_s: float = 2.0
    event_bytes_max: int = 4 << 20
    body_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        """Raises UsageError for a bound that nothing could keep to."""
        at_least(
            LEAST_S,
            connect_s=self.connect_s,
            heartbeat_s=self.heartbeat_s,
            silent_intervals=self.silent_intervals,
            post_s=self.post_s,
            goodbye_s=self.goodbye_s,
        )
        at_least(1, inbox_max=self.inbox_max, event_bytes_max=self.event_bytes_max)
        at_least(2 * HEAD_BYTES, body_bytes=self.body_bytes)

    inbox_max: int = 1000


@dataclass(frozen=True)
class Reply:
    """How a POST ended. Status 0: no answer; `sent` is False where it surely never left."""

    status: int
    body: bytes = b""
    sent: bool = True
    retry_after_s: float | None = None
    detail: str = ""


class Transport:
    """Requests to one hub, each with the credential that `token` is the handle of."""

    def __init__(self, http: httpx2.AsyncClient, base_url: str, access: Access, limits: Limits) -> None:
        self._http, self._base, self._limits = http, base_url.rstrip("/"), limits
        self._access = access
        self._addresses: dict[str, httpx2.URL] = {}
        self._timeout = httpx2.Timeout(None, connect=limits.connect_s, pool=limits.connect_s)

    @asynccontextmanager
    async def stream(
        self, params: Params, last_event_id: str, token: Hashable
    ) -> AsyncIterator[Callable[[float], Awaitable[bytes]]]:
        """Ask for a stream; gives `read(silence_s)`, the next bytes, b"" at the end.

        Raises StreamError, here and from `read`.
        """
        headers = {"accept": "text/event-stream", "accept-encoding": "identity", "cache-control": "no-store"}
        if last_event_id:
            headers["last-event-id"] = last_event_id
        silence_s = self._limits.heartbeat_s * self._limits.silent_intervals
        with telling(self._base):
            request = self._http.build_request(
                "GET",
                f"{self._base}/events",
                params=params,
                headers=await self._headers(headers, token),
                timeout=self._timeout,
            )
            response = await self._begin(request, silence_s)
        try:
            await self._check(response, silence_s)
            async with unwinding(response.aiter_bytes()) as chunks:

                async def read(silence_s: float) -> bytes:
                    with telling(self._base), anyio.move_on_after(silence_s):
                        return await anext(chunks, b"")
                    raise silent(silence_s)

                yield read
        finally:
            await response.aclose()

    async def _begin(self, request: httpx2.Request, silence_s: float) -> httpx2.Response:
        with anyio.move_on_after(silence_s):
            return await self._http.send(request, stream=True, follow_redirects=False)
        raise silent(silence_s)

    async def _check(self, response: httpx2.Response, silence_s: float) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        retry_after_s = retry_after(response.headers)
        if response.status_code != 200:
            detail = ""
            with telling(self._base), anyio.move_on_after(silence_s):
                detail = await problem_of(response)
            raise StreamRefused(
                f"{self._base} answered the request for a stream with {response.status_code}",
                status=response.status_code,
                hint=detail,
                retry_after_s=retry_after_s,
            )
        if kind != "text/event-stream":
            raise NotAnEventStream(
                f"{self._base} answered with {kind or 'no content type'} instead of an event stream",
                status=200,
                readable=False,
            )

    async def post(self, path: str, body: bytes, seconds: float, token: Hashable) -> Reply:
        """Post JSON. Raises nothing: every end of a request is a Reply."""
        try:
            with anyio.fail_after(seconds):
                headers = await self._headers({"content-type": "application/json"}, token)
                response = await self._http.post(
                    self._address(path),
                    content=body,
                    headers=headers,
                    timeout=self._timeout,
                    follow_redirects=False,
                )
        except NOT_CONNECTED as error:
            return Reply(0, sent=False, detail=f"{self._base} is not to be reached: {error}")
        except NoCredential as error:
            return Reply(0, sent=False, detail=str(error))
        except (httpx2.HTTPError, TimeoutError) as error:
            return Reply(0, detail=f"no answer from {self._base}: {words(error)}")
        detail = "" if response.is_success else problem_detail(response.headers, response.content)
        return Reply(
            response.status_code, response.content, retry_after_s=retry_after(response.headers), detail=detail
        )

    def _address(self, path: str) -> httpx2.URL:
        """The address, parsed once: a send is mostly the making of its request."""
        url = self._addresses.get(path)
        if url is None:
            url = self._addresses[path] = httpx2.URL(f"{self._base}{path}")
        return url

    async def _headers(self, headers: dict[str, str], token: Hashable) -> dict[str, str]:
        text = await self._access.text(token)
        return headers if text is None else {**headers, "authorization": f"Bearer {text}"}


class telling:  # noqa: N801 - reads as a statement
    """Turns what the HTTP client raises into a StreamError."""

    def __init__(self, base: str) -> None:
        self._base = base

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _at: object) -> None:
        if isinstance(error, NOT_CONNECTED):
            raise ServerUnreachable(f"{self._base} is not to be reached: {error}") from error
        if isinstance(error, httpx2.HTTPError):
            raise StreamBroken(f"the stream from {self._base} broke: {words(error)}") from error


def words(error: Exception) -> str:
    """What an exception says, or else its name: the HTTP client's are often silent."""
    return str(error) or type(error).__name__


def silent(seconds: float) -> StreamBroken:
    """A peer that was silent for longer than a living one is."""
    return StreamBroken(f"nothing was heard for {seconds:g} s")


@asynccontextmanager
async def unwinding(chunks: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """For a body that may be left before its end: ends the HTTP client's nested generators.

    Closing the outermost would leave the others to the garbage collector. A cancellation in the innermost
    ends all.
    """
    try:
        yield chunks
    finally:
        with anyio.CancelScope() as scope:
            scope.cancel()
            while await anext(chunks, b""):
                pass


async def problem_of(response: httpx2.Response) -> str:
    """What an error's body says, of which no more than a bound is read."""
    body = b""
    async with unwinding(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > PROBLEM_BYTES_MAX:
                break
    return problem_detail(response.headers, body)


def problem_detail(headers: Mapping[str, str], body: bytes) -> str:
    """The detail of a problem (RFC 9457); "" where the body is none."""
    location = headers.get("location")
    if location:
        return f"it redirects to {location}, which is not followed: connect to that address if you trust it"
    if not headers.get("content-type", "").startswith("application/problem+json"):
        return ""
    try:
        problem = ProblemBody.model_validate_json(body)
    except ValueError:
        return ""
    return problem.detail or problem.title


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds from now, of either form; None where there is none, or none that can be read."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        seconds = float(value[:12])
    else:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if math.isfinite(seconds) else None
