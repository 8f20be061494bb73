"""Timers: an input that is fed when its time has come."""

from __future__ import annotations

from collections.abc import Callable, Hashable
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
