"""When the records of a run were made: time goes on, and no timer runs out before it should.

Late is never held against a run: machines are slow. What a record has started that was filled in is due at a
time that nobody knows.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from perdure_model.conformance.sides import Side

EARLY_S = 0.005
"""So much too early is not told: clocks tick."""


class Early(Exception):
    """A record cannot have been made at its time; the message says why."""


class Clock:
    """The time of a run's latest record, and when its timers are due: in seconds, as in the records."""

    def __init__(self, side: Side) -> None:
        self._timing = side.timing
        self._now_s = float("-inf")
        self._due_s: dict[Any, float] = {}

    def goes_on(self, t: float) -> None:
        """The next record is of this time. Raises Early where the one before is of a later one."""
        if not t >= self._now_s:
            raise Early(f"its t is {t!r}, and that of the record before it {self._now_s!r}")
        self._now_s = t

    def told(self, i: Any, *, filled: bool) -> None:
        """What a timer feeds has come. Raises Early where it was not due yet."""
        due_s = self._due_s.pop(i, None) if type(i) in self._timing.feeds else None
        if due_s is not None and not filled and self._now_s < due_s - EARLY_S:
            raise Early(f"it comes {due_s - self._now_s:.3f} s before its timer can have run out")

    def asked(self, effect: Any, *, filled: bool) -> None:
        """A timer is started, or cancelled."""
        starts = type(effect) in self._timing.starts
        if starts and not filled:
            self._due_s[effect.due] = self._now_s + effect.seconds
        elif starts or type(effect) in self._timing.cancels:
            self._due_s.pop(effect.due, None)

    def forget(self) -> None:
        """No timer runs any more."""
        self._due_s.clear()

    def copy(self) -> Clock:
        """The same, to go on apart from this one."""
        other = copy(self)
        other._due_s = dict(self._due_s)  # noqa: SLF001 - its own kind
        return other
