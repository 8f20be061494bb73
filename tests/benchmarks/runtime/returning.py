"""Many clients that are cut at once: when each is back, and what it missed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.runtime.load import ask

PATIENCE_S = 60.0
QUIET_S = 1.0


class Seen:
    """What one client got of the numbered events."""

    def __init__(self, events: int) -> None:
        self._events = events
        self.numbers: list[int] = []
        self.times: list[float] = []

    def take(self, number: int) -> None:
        """Note an event."""
        self.numbers.append(number)
        self.times.append(time.perf_counter())

    @property
    def complete(self) -> bool:
        """Whether the last event has come."""
        return bool(self.numbers) and self.numbers[-1] == self._events - 1

    def back_at(self, first: int) -> float:
        """When the first event came that was published after the cut."""
        return next(at for number, at in zip(self.numbers, self.times, strict=True) if number >= first)

    @property
    def lost(self) -> int:
        """Events that never came."""
        return self._events - len(set(self.numbers))

    @property
    def doubled(self) -> int:
        """Events that came again."""
        return len(self.numbers) - len(set(self.numbers))


async def cut_and_wait(base: str, seen: Sequence[Seen], ticks: int, milliseconds: int) -> dict[str, Any]:
    """Let events go on, cut all after a quarter of them, and wait for each client to have the last one."""
    await ask(base, f"tick/{ticks}/{milliseconds}")
    await asyncio.sleep(ticks * milliseconds / 4000)
    at = time.perf_counter()
    said = await ask(base, "cut")
    async with asyncio.timeout(PATIENCE_S):
        while not all(one.complete for one in seen):
            await asyncio.sleep(0.05)
    back = sorted(one.back_at(said["published"]) - at for one in seen)
    return {
        "cut": said["cut"],
        "seconds": back[-1],
        "median_s": back[len(back) // 2],
        "lost": sum(one.lost for one in seen),
        "doubled": sum(one.doubled for one in seen),
    }
