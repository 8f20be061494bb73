"""One stream as it comes in: bytes to items to inputs. Reads in order; decides nothing."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Container
from typing import Any

import anyio
from perdure_model.core.client.inputs import ClientInput, Heard
from perdure_model.core.common import Attempt

from perdure.answers import bounded_s
from perdure.errors import StreamBroken, StreamError
from perdure.events import Runs, input_of, welcome_of
from perdure.identity import new_id
from perdure.sse import Comment, Event, EventTooLarge, Item, Parser, Retry
from perdure.transport import Limits
from perdure.wire import HEARTBEAT_MAX_S

FeedFunction = Callable[[ClientInput, Any], None]


class Incoming:
    """Feeds what one stream brings. The first event must be the welcome; comments before it say nothing,
    and do not put off the end of the wait for it."""

    def __init__(
        self, attempt: Attempt, sessions: Container[str], limits: Limits, feed: FeedFunction
    ) -> None:
        self._attempt, self._sessions, self._limits = attempt, sessions, limits
        self._feed = feed
        self._heartbeat_s = limits.heartbeat_s
        self._retry_after_s: float | None = None
        self._runs = Runs(attempt, sessions, feed)
        self._take: Callable[[Item], None] = self._first
        self.on_welcome: Callable[[], None] = lambda: None

    async def run(
        self, read: Callable[[float], Awaitable[bytes]], room: Callable[[], Awaitable[None]]
    ) -> StreamError:
        """Feed until the stream ends, and return how it did. Raises StreamError where it breaks.

        What a read has brought is fed at once; then nothing is read until there is room for more.
        """
        parser = Parser(event_bytes_max=self._limits.event_bytes_max)
        self._welcome_by = anyio.current_time() + self._silence_s
        while chunk := await self._next(read):
            try:
                self._chunk(parser, chunk)
            except ValueError as error:
                raise StreamBroken(f"an event that cannot be read: {error}") from error
            await room()
        return self.with_retry(StreamBroken("the server ended the stream", status=200))

    def _chunk(self, parser: Parser, chunk: bytes) -> None:
        try:
            items = parser.feed(chunk)
        except EventTooLarge as error:
            self._all(error.before)
            raise StreamBroken(
                "an event is larger than this client takes", hint="raise Limits.event_bytes_max"
            ) from error
        self._all(items)

    @property
    def _silence_s(self) -> float:
        return self._heartbeat_s * self._limits.silent_intervals

    async def _next(self, read: Callable[[float], Awaitable[bytes]]) -> bytes:
        """The next bytes."""
        if self._take == self._rest:
            return await read(self._silence_s)
        with anyio.CancelScope(deadline=self._welcome_by):
            return await read(self._silence_s)
        raise StreamBroken(f"no welcome came within {self._silence_s:g} s")

    def with_retry(self, error: StreamError) -> StreamError:
        """The error, with the wait that the stream asked for (`retry:`), if the answer asked for none."""
        if error.retry_after_s is None:
            error.retry_after_s = self._retry_after_s
        return error

    def _all(self, items: list[Item]) -> None:
        heard = False
        try:
            for item in items:
                if type(item) is Comment:
                    if heard:  # what came together says no more than one
                        continue
                    heard = True
                self._take(item)
        finally:  # what stands before one that cannot be read is whole
            self._runs.tell()

    def _first(self, item: Item) -> None:
        if isinstance(item, Event):
            i, welcome = welcome_of(item, self._attempt)
            self._heartbeat_s = min(welcome.heartbeat_s, HEARTBEAT_MAX_S)
            self._take = self._rest
            self.on_welcome()
            self._feed(i, None)
        else:
            self._aside(item)

    def _rest(self, item: Item) -> None:
        if type(item) is Event and self._runs.take(item):
            return
        self._runs.tell()
        if isinstance(item, Event):
            told = input_of(item, self._attempt, self._sessions, random.random(), new_id)
            if told is not None:
                self._feed(*told)
        elif isinstance(item, Comment):
            self._feed(Heard(self._attempt), None)
        else:
            self._aside(item)

    def _aside(self, item: Item) -> None:
        if isinstance(item, Retry):
            self._retry_after_s = bounded_s(item.milliseconds / 1000)
