"""What has arrived and the application has not taken yet."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")
CHECKED_EACH = 16
"""Of the items that are taken without waiting, each so-manieth looks whether its reader is cancelled."""


class Inbox(Generic[T]):
    """A queue between the stream and the application.

    `put` never waits, so that nothing comes between a decision and its delivery. Who fills it waits for
    `room` before reading on: that is the backpressure.
    """

    def __init__(self, items_max: int) -> None:
        self._items_max = items_max
        self._items: deque[T] = deque()
        self._ended = False
        self._taken = 0
        self._changed: anyio.Event | None = None  # made by who waits: most changes wake nobody

    def __len__(self) -> int:
        return len(self._items)

    def put(self, *items: T) -> None:
        """Add items, over the bound too."""
        self._items.extend(items)
        self._tell()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._tell()

    async def get(self) -> T | None:
        """The next item; None once all are taken and nothing more will come."""
        while not self._items and not self._ended:
            await self._change()
        if self._taken % CHECKED_EACH == 0:
            await anyio.lowlevel.checkpoint_if_cancelled()
        if not self._items:
            return None
        self._taken += 1
        item = self._items.popleft()
        self._tell()
        return item

    async def room(self) -> None:
        """Wait until fewer items than the bound wait to be taken."""
        while len(self._items) >= self._items_max and not self._ended:
            await self._change()

    async def _change(self) -> None:
        """Wait for the next change."""
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
