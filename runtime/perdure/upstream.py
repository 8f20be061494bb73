"""One attempt's stream, however the application opens it: opened, read and closed in the reader's task."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Generic, TypeAlias, TypeVar

from perdure.errors import UsageError

E = TypeVar("E")
Stream: TypeAlias = AsyncIterable[E] | AbstractAsyncContextManager[AsyncIterable[E]]
OpenResponse: TypeAlias = Callable[[str], Stream[E] | Awaitable[Stream[E]]]
"""Makes the request with this token: an async generator function; a function that returns an async iterable,
or a context manager around one, as the SDKs' streams are; or a coroutine function that returns either."""


class Upstream(Generic[E]):
    """The stream of one attempt: opened by the first `next`, closed by `close`, which may come before it."""

    def __init__(self, open_response: OpenResponse[E], token: str) -> None:
        self._open_response, self._token = open_response, token
        self._events: AsyncIterator[E] | None = None
        self._held = AsyncExitStack()

    async def next(self) -> E:
        """The next event. Raises StopAsyncIteration at the end, or whatever the stream raises."""
        if self._events is None:
            self._events = await self._open()
        return await anext(self._events)

    async def _open(self) -> AsyncIterator[E]:
        opened: Any = self._open_response(self._token)
        if inspect.isawaitable(opened):
            opened = await opened
        if hasattr(opened, "__aenter__"):
            opened = await self._held.enter_async_context(opened)
        if not hasattr(opened, "__aiter__"):
            raise UsageError(
                f"open_response gave {type(opened).__name__}, which is no async iterable",
                hint="write it as an async generator that yields the events",
            )
        events: AsyncIterator[E] = aiter(opened)
        if hasattr(events, "aclose"):
            self._held.push_async_callback(events.aclose)
        return events

    async def close(self) -> None:
        """Close what was opened. Raises what closing raises."""
        await self._held.aclose()
