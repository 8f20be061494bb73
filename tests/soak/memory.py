"""Whether memory is flat: the slope of a measure of it over time, after a warm-up.

Two measures are taken of each process. The blocks that Python has allocated tell a leak soon, but not one in
a compiled library. Resident memory tells both, but late: an allocator that is not full yet grows for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, linear_regression
from typing import Final

WARM_UP: Final = 0.4
"""The share of the samples that is not judged: caches fill, and the allocator gets its arenas."""
GROWTH_MAX: Final = {"blocks": 0.08, "resident": 0.10}
"""The growth over the judged time that is still called flat, as a share of the mean, by measure."""
WINDOWS: Final = 10
"""The judged time is cut into so many, and the least of each counts: work under way adds, and never takes."""


@dataclass
class Memory:
    """One measure of a process's memory, at each second of the run at which it was looked at."""

    measure: str
    at_s: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)

    def sample(self, at_s: float, size: int) -> None:
        """Add a sample."""
        self.at_s.append(at_s)
        self.sizes.append(float(size))

    @property
    def floor(self) -> tuple[list[float], list[float]]:
        """When each window after the warm-up begins, and the least in it.

        Raises ValueError where there are too few samples to tell.
        """
        first = int(len(self.at_s) * WARM_UP)
        size = (len(self.at_s) - first) // WINDOWS
        if size < 2:
            raise ValueError(f"{len(self.at_s)} samples: run for longer")
        starts = range(first, first + size * WINDOWS, size)
        return [self.at_s[n] for n in starts], [min(self.sizes[n : n + size]) for n in starts]

    @property
    def a_second(self) -> float:
        """The slope after the warm-up. Raises ValueError where there are too few samples."""
        return linear_regression(*self.floor).slope

    @property
    def growth(self) -> float:
        """How much of its mean the memory grew by, over the judged time, along the slope."""
        at_s, size = self.floor
        return self.a_second * (at_s[-1] - at_s[0]) / fmean(size)

    @property
    def flat(self) -> bool:
        """Whether it does not grow, within the tolerance."""
        return self.growth <= GROWTH_MAX[self.measure]
