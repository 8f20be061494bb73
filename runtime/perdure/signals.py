"""When the process is told to end: heard here, since servers say so to an app only after they have waited.

A server that is told to end waits for its responses first, and shuts the app's lifespan down afterwards. A
stream is a response that has no end of its own: uvicorn waits for it for ever, or cancels it; hypercorn cuts
it after 3 s. So we listen to the signals, too, and then call the handlers that were there. hypercorn's
workers get no signal: their parent sets an event that they look at, and so it is looked at here.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, TypeAlias

import anyio

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
Soon: TypeAlias = Callable[[Callable[[], object]], object]
LOOK_S: Final = 0.1
"""How often a parent's event is looked at; hypercorn's workers do so as often."""


class Ending:
    """Whether the process has been told to end since `ending` began."""

    def __init__(self) -> None:
        self._told = anyio.Event()
        self._soon = soon()
        self._former: dict[int, Any] = {}
        self._again: int | None = None

    @property
    def alone(self) -> bool:
        """Whether nobody else handles the signal that came: the process would have ended at once."""
        return self._again is not None

    async def wait(self) -> None:
        """Wait until the process is told to end."""
        parent_has_said = parents_event()
        if parent_has_said is None:
            await self._told.wait()
        while not (self._told.is_set() or (parent_has_said and parent_has_said())):
            await anyio.sleep(LOOK_S)

    def end_if_alone(self) -> None:
        """End the process by the signal that came, if nobody else does."""
        if self._again is not None:
            signal.raise_signal(self._again)

    def listen(self) -> None:
        """Call ours before the handler of each signal; one that is ignored does not tell to end."""
        for number in SIGNALS:
            former = signal.getsignal(number)
            if former is signal.SIG_DFL or callable(former):
                with suppress(ValueError):  # only Python's main thread may, and only it is told
                    signal.signal(number, self._heard)
                    self._former[number] = former

    def leave(self) -> None:
        """Put the former handlers back, where nobody has put another in our place."""
        for number, former in self._former.items():
            if signal.getsignal(number) == self._heard:
                signal.signal(number, former)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        former = self._former[number]
        signal.signal(number, former)  # the next one is not for us
        with suppress(RuntimeError):  # the event loop is over
            self._soon(self._told.set)
        if callable(former):
            former(number, None)  # with a frame trio would raise KeyboardInterrupt in it, whose task it be
        else:
            self._again = number


@contextmanager
def ending() -> Iterator[Ending]:
    """Listen for the end of the process; in an event loop, of whatever thread."""
    one = Ending()
    one.listen()
    try:
        yield one
    finally:
        one.leave()


def soon() -> Soon:
    """What has the event loop call a function; a signal's handler may use it."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        run_soon: Soon = trio.lowlevel.current_trio_token().run_sync_soon
        return run_soon
    return asyncio.get_running_loop().call_soon_threadsafe


def parents_event() -> Callable[[], bool] | None:
    """What says whether a parent process has told this one to end, where it is a worker of hypercorn's.

    hypercorn hands the event to its workers' function and to nobody else, so it is looked for where Python
    keeps that function's arguments. Were it not found one day, hypercorn would cut streams after its 3 s.
    """
    given = getattr(multiprocessing.current_process(), "_kwargs", {})
    is_set = getattr(given.get("shutdown_event"), "is_set", None)
    return is_set if callable(is_set) else None
