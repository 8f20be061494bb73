"""One stream as it comes in: bytes to items to inputs. Reads in order; decides nothing."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Container
from typing import Any

from perdure_model.core.client.inputs import ClientInput, Heard
from perdure_model.core.common import Attempt

from perdure.errors import StreamBroken, StreamError
from perdure.events import input_of, welcome_of
from perdure.identity import new_id
from perdure.sse import Comment, Event, EventTooLarge, Item, Parser, Retry
from perdure.transport import Limits

FeedFunction = Callable[[ClientInput, Any], None]


class Incoming:
    """Feeds what one stream brings. The first event must be the welcome; comments before it say nothing."""

    def __init__(
        self, attempt: Attempt, sessions: Container[str], limits: Limits, feed: FeedFunction
    ) -> None:
        self._attempt, self._sessions, self._limits = attempt, sessions, limits
        self._feed = feed
        self._heartbeat_s = limits.heartbeat_s
        self._retry_after_s: float | None = None
        self._take: Callable[[Item], None] = self._first
        self.on_welcome: Callable[[], None] = lambda: None

    async def run(
        self, read: Callable[[float], Awaitable[bytes]], room: Callable[[], Awaitable[None]]
    ) -> StreamError:
        """Feed until the stream ends, and return how it did. Raises StreamError where it breaks.

        What a read has brought is fed at once; then nothing is read until there is room for more.
        """
        parser = Parser(event_bytes_max=self._limits.event_bytes_max)
        while chunk := await read(self._heartbeat_s * self._limits.silent_intervals):
            try:
                self._all(parser.feed(chunk))
            except EventTooLarge as error:
                self._all(error.before)
                raise StreamBroken(
                    "an event is larger than this client takes", hint="raise Limits.event_bytes_max"
                ) from error
            except ValueError as error:
                raise StreamBroken(f"an event that cannot be read: {error}") from error
            await room()
        return self.with_retry(StreamBroken("the server ended the stream", status=200))

    def with_retry(self, error: StreamError) -> StreamError:
        """The error, with the wait that the stream asked for (`retry:`), if the answer asked for none."""
        if error.retry_after_s is None:
            error.retry_after_s = self._retry_after_s
        return error

    def _all(self, items: list[Item]) -> None:
        for item in items:
            self._take(item)

    def _first(self, item: Item) -> None:
        if isinstance(item, Event):
            i, welcome = welcome_of(item, self._attempt)
            self._heartbeat_s = welcome.heartbeat_s
            self._take = self._rest
            self.on_welcome()
            self._feed(i, None)
        else:
            self._aside(item)

    def _rest(self, item: Item) -> None:
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
            self._retry_after_s = item.milliseconds / 1000
