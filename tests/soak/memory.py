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
GROWTH_MAX: Final = {"blocks": 0.04, "resident": 0.10}
"""The growth over the judged time that is still called flat, as a share of the mean, by measure."""
SAMPLES_MIN: Final = 10


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
    def judged(self) -> tuple[list[float], list[float]]:
        """Times and sizes after the warm-up."""
        first = int(len(self.at_s) * WARM_UP)
        return self.at_s[first:], self.sizes[first:]

    @property
    def a_second(self) -> float:
        """The slope after the warm-up. Raises ValueError where there are too few samples to tell."""
        at_s, size = self.judged
        if len(at_s) < SAMPLES_MIN:
            raise ValueError(f"{len(at_s)} samples after the warm-up: run for longer")
        return linear_regression(at_s, size).slope

    @property
    def growth(self) -> float:
        """How much of its mean the memory grew by, over the judged time, along the slope."""
        at_s, size = self.judged
        return self.a_second * (at_s[-1] - at_s[0]) / fmean(size)

    @property
    def flat(self) -> bool:
        """Whether it does not grow, within the tolerance."""
        return self.growth <= GROWTH_MAX[self.measure]
