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

    `spawn(function, *args)` starts it. `look()` is called each time, and gives the sessions whose handlers
    run on.
    """

    def __init__(self, spawn: Callable[..., object], every_s: float, look: Callable[[], Set[str]]) -> None:
        self._spawn, self._every_s, self._look = spawn, every_s, look
        self._sessions: set[str] = set()
        self._hooks: set[str] = set()
        self._runs = False

    def handler(self, session: str) -> None:
        """A handler of this session is called now."""
        self._sessions.add(session)
        if not self._runs:
            self._start()

    def hook(self, name: str) -> None:
        """The hook of this name is called now."""
        self._hooks.add(name)
        if not self._runs:
            self._start()

    def _start(self) -> None:
        self._runs = True
        self._spawn(self._run, anyio.current_time())  # the function may block before the task begins

    async def _run(self, asked_at: float) -> None:
        try:
            while self._sessions or self._hooks:
                await anyio.sleep(self._every_s)
                woken_at = anyio.current_time()
                self._tell(woken_at - asked_at - self._every_s)
                self._sessions = set(self._look())
                self._hooks.clear()
                asked_at = anyio.current_time()
        finally:
            self._runs = False
            self._sessions.clear()
            self._hooks.clear()

    def _tell(self, late_s: float) -> None:
        if late_s > STANDSTILL_S:
            LOG.warning(
                "the event loop stood still for %.1f s, while these ran: handlers of sessions [%s], hooks"
                " [%s]; what blocks belongs in a thread",
                late_s,
                some(self._sessions),
                some(self._hooks),
            )


def some(names: Set[str]) -> str:
    """The first few of the names, and how many more there are."""
    said = ", ".join(map(repr, sorted(names)[:NAMED]))
    return f"{said} and {len(names) - NAMED} more" if len(names) > NAMED else said
