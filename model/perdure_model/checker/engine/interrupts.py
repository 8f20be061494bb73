"""Ctrl-C that never hits in the middle of a table.

During a search the signal only sets a flag that is looked at between rounds; but while the model's own
functions run, which may be slow or endless, it breaks in as always.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from perdure_model.checker import interrupts


class Interrupts(interrupts.Interrupts):
    """A context in which Ctrl-C waits for a good moment. Outside the main thread it does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._open = False

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
