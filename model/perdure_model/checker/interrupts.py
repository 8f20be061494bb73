"""Ctrl-C that is heard: an exception out of nowhere can be swallowed by whatever finalizer it lands in."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """A context in which the first Ctrl-C is noted in `asked`, and a second one breaks in as always.

    Outside the main thread, where Python hears no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._ours = threading.current_thread() is threading.main_thread()
        if self._ours:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
