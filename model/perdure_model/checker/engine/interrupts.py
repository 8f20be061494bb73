"""Ctrl-C that never hits in the middle of a table.

During a search the signal only sets a flag that is looked at between rounds; but while the model's own
functions run, which may be slow or endless, it breaks in as always.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """A context in which Ctrl-C waits for a good moment. Outside the main thread it does nothing."""

    def __init__(self) -> None:
        self.asked = False
        self._open = False

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

    @contextmanager
    def may_break(self) -> Iterator[None]:
        """While the model's functions run: Ctrl-C breaks in."""
        if self.asked:
            raise KeyboardInterrupt
        self._open = True
        try:
            yield
        finally:
            self._open = False

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if self._open:
            raise KeyboardInterrupt
