"""The application's hooks: each has a deadline, and whatever it lets out is its own failure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import anyio

from perdure.tasks import being_cancelled

LOG = logging.getLogger("perdure")


class Hooks:
    """Calls hooks, each of which may take `hook_s` seconds. `called(name)` is told of each."""

    def __init__(self, hook_s: float, called: Callable[[str], None]) -> None:
        self._hook_s, self._called = hook_s, called

    async def call(self, name: str, hook: Callable[..., Any], *args: Any) -> Any:
        """What the hook returns, awaited where that is to be.

        Raises what it raises, TimeoutError where it takes too long, and RuntimeError where it lets out a
        cancellation that nobody asked for, or anything else that is no Exception.
        """
        self._called(name)
        try:
            said = hook(*args)
            if not isawaitable(said):
                return said
            with anyio.fail_after(self._hook_s, reason=f"{name} has not returned after {self._hook_s:g} s"):
                return await said
        except (Exception, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            if being_cancelled():
                raise
            raise RuntimeError(f"{name} let out {type(error).__name__}") from error

    async def run(self, name: str, hook: Callable[..., Any], *args: Any) -> None:
        """Call a hook that nobody waits for: what it raises goes to the log."""
        try:
            await self.call(name, hook, *args)
        except Exception:
            LOG.exception("the hook %s failed", name)
