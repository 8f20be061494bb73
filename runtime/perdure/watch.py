"""The watch over the application's functions: whether each ends, and whether the event loop goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from typing import Final

import anyio

LOG = logging.getLogger("perdure")
STANDSTILL_S: Final = 1.0
"""Waking so much later than asked for is worth a line in the log."""
NAMED: Final = 5
"""So many of what may have blocked the event loop are named."""


class Watch:
    """One task, while functions of the application run: it looks every so often, and lingers no longer.

    `spawn(function, *args)` starts it. `look()` is called each time, and gives the names of what runs on.
    """

    def __init__(self, spawn: Callable[..., object], every_s: float, look: Callable[[], Set[str]]) -> None:
        self._spawn, self._every_s, self._look = spawn, every_s, look
        self._called: set[str] = set()
        self._runs = False

    def add(self, name: str) -> None:
        """A function of this name is called now."""
        self._called.add(name)
        if not self._runs:
            self._runs = True
            self._spawn(self._run, anyio.current_time())  # the function may block before the task begins

    async def _run(self, asked_at: float) -> None:
        try:
            while self._called:
                await anyio.sleep(self._every_s)
                woken_at = anyio.current_time()
                self._tell(woken_at - asked_at - self._every_s)
                self._called = set(self._look())
                asked_at = anyio.current_time()
        finally:
            self._runs = False
            self._called.clear()

    def _tell(self, late_s: float) -> None:
        if late_s <= STANDSTILL_S:
            return
        named = ", ".join(map(repr, sorted(self._called)[:NAMED]))
        more = f" and {len(self._called) - NAMED} more" if len(self._called) > NAMED else ""
        LOG.warning(
            "the event loop stood still for %.1f s, while handlers ran of session %s%s;"
            " what blocks belongs in a thread",
            late_s,
            named,
            more,
        )
