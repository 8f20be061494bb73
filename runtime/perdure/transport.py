"""The client's side of HTTP: asks for streams and posts bodies, and says what came of it. Decides nothing.

Redirects are never followed: they would take the credential elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import anyio
import httpx2

from perdure.access import Access
from perdure.addresses import shown
from perdure.answers import (
    PLAIN,
    AnswerTooLarge,
    body_of,
    coding_of,
    problem_detail,
    problem_of,
    raw_chunks,
    retry_after,
    unwinding,
)
from perdure.bounds import at_least, counts
from perdure.errors import NoCredential, NotAnEventStream, ServerUnreachable, StreamBroken, StreamRefused
from perdure.wire import HEAD_BYTES

Params: TypeAlias = list[tuple[str, str | int | float | bool | None]]
LEAST_S = 0.001
WORDS_MAX = 200
NOT_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@dataclass(frozen=True)
class Limits:
    """What the client's input and output keep to; durations in seconds.

    heartbeat_s: how often a server is expected to be heard from until its welcome says it.
    silent_intervals: after so many heartbeat intervals without a byte the stream counts as lost.
    post_s: how long a POST may take, answer included.
    goodbye_s: how long leaving waits for the server to take the goodbye.
    body_bytes: a POST's body is no larger, so that no server refuses many sends for the sake of one.
    answer_bytes: of an answer that is no stream no more is read.
    inbox_max: how many events may wait to be taken before the stream is not read on.
    """

    connect_s: float = 10.0
    heartbeat_s: float = 15.0
    silent_intervals: float = 3.0
    post_s: float = 30.0
    goodbye_s: float = 2.0
    event_bytes_max: int = 4 << 20
    body_bytes: int = 1 << 20
    answer_bytes: int = 4 << 20

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
        counts(1, inbox_max=self.inbox_max, event_bytes_max=self.event_bytes_max)
        counts(1, answer_bytes=self.answer_bytes)
        counts(2 * HEAD_BYTES, body_bytes=self.body_bytes)

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
        self._shown = shown(self._base)
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
        headers = {"accept": "text/event-stream", "cache-control": "no-store", **PLAIN}
        if last_event_id:
            headers["last-event-id"] = last_event_id
        silence_s = self._limits.heartbeat_s * self._limits.silent_intervals
        with telling(self._shown):
            request = self._http.build_request(
                "GET",
                self._address("/events"),
                params=params,
                headers=await self._headers(headers, token),
                timeout=self._timeout,
            )
            response = await self._begin(request, silence_s)
        try:
            await self._check(response, silence_s)
            async with unwinding(raw_chunks(response)) as chunks:

                async def read(silence_s: float) -> bytes:
                    with telling(self._shown), anyio.move_on_after(silence_s):
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
            with telling(self._shown), anyio.move_on_after(silence_s):
                detail = await problem_of(response)
            raise StreamRefused(
                f"{self._shown} answered the request for a stream with {response.status_code}",
                status=response.status_code,
                hint=detail,
                retry_after_s=retry_after_s,
            )
        if kind != "text/event-stream":
            raise NotAnEventStream(
                f"{self._shown} answered with {kind[:80] or 'no content type'} instead of an event stream",
                status=200,
                readable=False,
            )
        if coding := coding_of(response.headers):
            raise coded(self._shown, coding)

    async def post(self, path: str, body: bytes, seconds: float, token: Hashable) -> Reply:
        """Post JSON. Raises nothing: every end of a request is a Reply."""
        with anyio.move_on_after(seconds):
            return await self._posted(path, body, token)
        return self._unanswered(f"nothing within {seconds:g} s")

    async def _posted(self, path: str, body: bytes, token: Hashable) -> Reply:
        try:
            headers = await self._headers({"content-type": "application/json", **PLAIN}, token)
            request = self._http.build_request(
                "POST", self._address(path), content=body, headers=headers, timeout=self._timeout
            )
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                return await self._reply(response)
            finally:
                await response.aclose()
        except NOT_CONNECTED as error:
            return Reply(0, sent=False, detail=f"{self._shown} is not to be reached: {words(error)}")
        except NoCredential as error:
            return Reply(0, sent=False, detail=str(error))
        except (httpx2.HTTPError, TimeoutError) as error:
            return self._unanswered(words(error))

    def _unanswered(self, why: str) -> Reply:
        return Reply(0, detail=f"no answer from {self._shown}: {why}")

    async def _reply(self, response: httpx2.Response) -> Reply:
        status, wait_s = response.status_code, retry_after(response.headers)
        try:
            body = await body_of(response, self._limits.answer_bytes)
        except AnswerTooLarge:
            return Reply(status, retry_after_s=wait_s, detail=f"{self._shown} answered without end")
        detail = "" if response.is_success else problem_detail(response.headers, body)
        return Reply(status, body, retry_after_s=wait_s, detail=detail)

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
            raise ServerUnreachable(f"{self._base} is not to be reached: {words(error)}") from error
        if isinstance(error, httpx2.HTTPError):
            raise StreamBroken(f"the stream from {self._base} broke: {words(error)}") from error


def words(error: Exception) -> str:
    """What an exception says, or else its name: the HTTP client's are often silent."""
    return str(error)[:WORDS_MAX] or type(error).__name__


def coded(address: str, coding: str) -> NotAnEventStream:
    """A stream in a coding that was not asked for, and that could grow without bound when decoded."""
    return NotAnEventStream(
        f"{address} answered in the content coding {coding!r}, though it was asked for none",
        status=200,
        hint="keep servers and proxies from compressing event streams",
        readable=False,
    )


def silent(seconds: float) -> StreamBroken:
    """A peer that was silent for longer than a living one is."""
    return StreamBroken(
        f"nothing was heard for {seconds:g} s",
        hint="if a proxy on the way holds the stream back, turn its buffering off for this address",
    )
