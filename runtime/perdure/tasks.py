"""Tasks: those that end with what started them, and those that a hub keeps while it lives."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

LOG = logging.getLogger("perdure")
CANCELLED_S: Final = 2.0
"""A task that was cancelled may take so long to end; what is in a thread, say, cannot be stopped."""


@asynccontextmanager
async def ending_tasks() -> AsyncIterator[TaskGroup]:
    """A task group whose tasks are cancelled when its body ends; what the body raises stays as it is."""
    raised: BaseException | None = None
    async with anyio.create_task_group() as group:
        try:
            yield group
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # kept out of the group, which would wrap it
            raised = error
        group.cancel_scope.cancel()
    if raised is not None:
        raise raised


def being_cancelled() -> bool:
    """Whether somebody cancels the task that asks: a scope around it is cancelled, or the task itself.

    Where nobody does, a cancellation that comes out of a function is its own failure: under asyncio each
    `await` of a future that was cancelled raises one.
    """
    if anyio.current_effective_deadline() == -math.inf:
        return True
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Background:
    """Tasks that outlive the request that started them, under asyncio and trio, until `aclose`.

    There is no place to open a task group: an ASGI app that is mounted in another gets no lifespan. So each
    task is started on the event loop itself and kept by reference. One that fails leaves a log line.
    """

    def __init__(self) -> None:
        self._running: dict[anyio.CancelScope, tuple[anyio.Event, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Callable[..., Awaitable[Any]], /, *args: Any) -> None:
        """Start `work(*args)`."""
        scope, done = anyio.CancelScope(), anyio.Event()
        self._running[scope] = done, getattr(work, "__qualname__", type(work).__name__)
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_task():
            trio.lowlevel.spawn_system_task(self._run, scope, done, work, args)
            return
        context = contextvars.Context()  # not the request's, which will be over
        task = asyncio.get_running_loop().create_task(self._run(scope, done, work, args), context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(
        self,
        scope: anyio.CancelScope,
        done: anyio.Event,
        work: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
    ) -> None:
        try:
            with scope:
                await work(*args)
        except Exception:
            LOG.exception("a background task of the hub failed")
        finally:
            del self._running[scope]
            done.set()

    async def aclose(self) -> None:
        """Cancel what runs, and wait until nothing does; what does not end in time is left behind."""
        for scope in list(self._running):
            scope.cancel()
        with anyio.move_on_after(CANCELLED_S) as waiting:
            for done, _ in list(self._running.values()):
                await done.wait()
        if waiting.cancelled_caught:
            left = ", ".join(sorted(name for _, name in self._running.values()))
            LOG.error("what is closed leaves tasks behind that do not end: %s", left)
