"""Timers: an input that is fed when its time has come."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from itertools import count
from typing import Generic, TypeVar

import anyio

Due = TypeVar("Due", bound=Hashable)


class Timers(Generic[Due]):
    """The timers that run, each known by the input that it will feed.

    `spawn(function, *args)` starts a task and returns at once.
    """

    def __init__(self, spawn: Callable[..., object], feed: Callable[[Due], None]) -> None:
        self._spawn, self._feed = spawn, feed
        self._running: dict[Due, anyio.CancelScope] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, due: Due, seconds: float) -> None:
        """Feed `due` when `seconds` have passed. A timer that runs for the same input is replaced."""
        self.cancel(due)
        scope = self._running[due] = anyio.CancelScope()
        self._spawn(self._run, due, seconds, scope)

    def cancel(self, due: Due) -> None:
        """Stop the timer for this input, if one runs."""
        scope = self._running.pop(due, None)
        if scope is not None:
            scope.cancel()

    async def _run(self, due: Due, seconds: float, scope: anyio.CancelScope) -> None:
        with scope:
            await anyio.sleep(seconds)
            if self._running.get(due) is scope:  # it may have been cancelled in the very moment of waking
                del self._running[due]
                self._feed(due)


class Calendar(Generic[Due]):
    """Inputs that are fed when their time has come: any number of them, in one task, and none is cancelled.

    `spawn(function)` starts the task, whenever there is something to wait for.
    """

    def __init__(self, spawn: Callable[..., object], feed: Callable[[Due], None]) -> None:
        self._spawn, self._feed = spawn, feed
        self._waiting: list[tuple[float, int, Due]] = []
        self._numbers = count()  # of two for one moment the earlier entry comes first
        self._runs = False
        self._sooner: anyio.Event | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, due: Due, seconds: float) -> None:
        """Feed `due` when `seconds` have passed."""
        heapq.heappush(self._waiting, (anyio.current_time() + seconds, next(self._numbers), due))
        if not self._runs:
            self._runs = True
            self._spawn(self._run)
        elif self._sooner is not None and self._waiting[0][2] is due:
            self._sooner.set()

    async def _run(self) -> None:
        try:
            while self._waiting:
                left_s = self._waiting[0][0] - anyio.current_time()
                if left_s <= 0:
                    self._feed(heapq.heappop(self._waiting)[2])
                    continue
                self._sooner = anyio.Event()
                with anyio.move_on_after(left_s):
                    await self._sooner.wait()
        finally:
            self._runs = False
