"""Any address that answers with server-sent events, or with JSON. Decides nothing.

Redirects are never followed: they would take the credential elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import httpx2

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
from perdure.errors import NotAnEventStream, SnapshotFailed, StreamRefused
from perdure.states import State, object_of
from perdure.transport import Limits, coded, silent, telling


def authorized(token: str | None, headers: dict[str, str]) -> dict[str, str]:
    """The headers, with the credential if there is one (finding A19)."""
    return headers if token is None else {**headers, "authorization": f"Bearer {token}"}


class Source:
    """Requests for streams and snapshots, through one HTTP client."""

    def __init__(self, http: httpx2.AsyncClient, limits: Limits) -> None:
        self._http, self._limits = http, limits
        self._timeout = httpx2.Timeout(None, connect=limits.connect_s, pool=limits.connect_s)

    @asynccontextmanager
    async def stream(
        self, url: str, cursor: str | None, token: str | None, silence_s: float
    ) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
        """Ask for a stream; gives `read()`, the next bytes, b"" at the end. Both raise StreamError."""
        headers = {"accept": "text/event-stream", "cache-control": "no-store", **PLAIN}
        if cursor is not None:
            headers["last-event-id"] = cursor
        where = shown(url)
        with telling(where):
            request = self._http.build_request(
                "GET", url, headers=authorized(token, headers), timeout=self._timeout
            )
            response = await self._begin(request, silence_s)
        try:
            await self._check(url, response, silence_s)
            async with unwinding(raw_chunks(response)) as chunks:

                async def read() -> bytes:
                    with telling(where), anyio.move_on_after(silence_s):
                        return await anext(chunks, b"")
                    raise silent(silence_s)

                yield read
        finally:
            await response.aclose()

    async def _begin(self, request: httpx2.Request, silence_s: float) -> httpx2.Response:
        with anyio.move_on_after(silence_s):
            return await self._http.send(request, stream=True, follow_redirects=False)
        raise silent(silence_s)

    async def _check(self, url: str, response: httpx2.Response, silence_s: float) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code != 200:
            detail = ""
            with telling(shown(url)), anyio.move_on_after(silence_s):
                detail = await problem_of(response)
            raise StreamRefused(
                f"{shown(url)} answered the request for a stream with {response.status_code}",
                status=response.status_code,
                hint=detail,
                retry_after_s=retry_after(response.headers),
            )
        if kind != "text/event-stream":
            raise NotAnEventStream(
                f"{shown(url)} answered with {kind[:80] or 'no content type'} instead of an event stream",
                status=200,
                hint="is this the address of an event stream? a login page may have answered for it",
                readable=False,
            )
        if coding := coding_of(response.headers):
            raise coded(shown(url), coding)

    async def snapshot(self, url: str, token: str | None) -> State:
        """The JSON object at an address. Raises SnapshotFailed, StreamError, ValueError where it is none."""
        headers = authorized(token, {"accept": "application/json", "cache-control": "no-store", **PLAIN})
        with telling(shown(url)):
            request = self._http.build_request("GET", url, headers=headers, timeout=self._timeout)
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                body = await body_of(response, self._limits.answer_bytes)
            except AnswerTooLarge as error:
                raise SnapshotFailed(
                    f"{shown(url)} answered with more than a snapshot may have",
                    hint="raise Limits.answer_bytes",
                ) from error
            finally:
                await response.aclose()
        if not response.is_success:
            raise SnapshotFailed(
                f"{shown(url)} answered the request for a snapshot with {response.status_code}",
                status=response.status_code,
                hint=problem_detail(response.headers, body),
            )
        if coding := coding_of(response.headers):
            raise SnapshotFailed(
                f"{shown(url)} answered in the content coding {coding!r}, though it was asked for none",
                hint="keep servers and proxies from compressing it",
            )
        return object_of(body)
