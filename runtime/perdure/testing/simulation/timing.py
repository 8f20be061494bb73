"""How long timers run: what one feeds comes when its time is over, in virtual time, neither before nor after.

Which decisions start and cancel one stands in `perdure_model.conformance.sides`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, TypeAlias

from perdure_model.conformance.sides import SIDES

from perdure.trace import Record

Told: TypeAlias = dict[str, Any]
TOLERANCE_S: Final = 0.001
BREAKS: Final = {
    "ReconnectDue": "P-SPACED",
    "RetryDue": "P-SPACED",
    "AgainDue": "P-SPACED",
    "GiveUpDue": "P-TERMINATES",
    "SteadyDue": "P-TERMINATES",
    "SettleDue": "P-NO-STUCK",
    "GraceElapsed": "P-TTL",
    "ForgetDue": "P-EXPIRES",
}
"""What feeds at another time than it was started for breaks this property, by what it feeds."""
STARTS: Final = {kind.__name__ for side in SIDES.values() for kind in side.timing.starts}
CANCELS: Final = {kind.__name__ for side in SIDES.values() for kind in side.timing.cancels}


class TimerWatch:
    """The timers of all machines of a world. Call it with each record, at its virtual time."""

    def __init__(self, breaks: Callable[[str, str], None]) -> None:
        self._breaks = breaks
        self._runs: dict[str, str] = {}
        self._due_s: dict[str, dict[str, tuple[Told, float]]] = {}

    def __call__(self, who: str, record: Record) -> None:
        """Look at a decision. Who begins another run has none of the timers of the one before."""
        if self._runs.get(who) != record["run"]:
            self._runs[who], self._due_s[who] = record["run"], {}
        due_s, i, now_s = self._due_s[who], record["input"], record["t"]
        if i["type"] in BREAKS and (ran := due_s.pop(str(i), None)) is not None:
            self._fed(who, *ran, now_s)
        self._late(who, now_s)
        for effect in record["effects"]:
            if effect["type"] in STARTS:
                due_s[str(effect["due"])] = effect["due"], now_s + effect["seconds"]
            elif effect["type"] in CANCELS:
                due_s.pop(str(effect["due"]), None)

    def look(self, living: Collection[str], now_s: float) -> None:
        """Whether a timer of those who live should have run out before now."""
        for who in living:
            self._late(who, now_s)

    def _late(self, who: str, now_s: float) -> None:
        for due, due_s in self._due_s.get(who, {}).values():
            if due_s < now_s - TOLERANCE_S:
                self._says(who, due, f"was due at {due_s:.3f} s, and it is {now_s:.3f} s")

    def _fed(self, who: str, due: Told, due_s: float, now_s: float) -> None:
        if abs(due_s - now_s) > TOLERANCE_S:
            self._says(who, due, f"was due at {due_s:.3f} s, and came at {now_s:.3f} s")

    def _says(self, who: str, due: Told, what: str) -> None:
        self._breaks(BREAKS[due["type"]], f"the {due['type']} of {who} {what}")
