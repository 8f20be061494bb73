"""All states of a search: the rows, in order of their discovery, and the set that knows them.

Rows are in address space that is reserved at once and takes memory as it is written, a region for each
worker, so that a row never moves. The set doubles before it is more than `LOAD_MAX` full; where the budget
forbids that, it fills up to `LOAD_LAST`, and then the search is over.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np

from . import kernels
from .layout import Layout, moved
from .memory import Words, reserve

LOAD_MAX = 0.6
LOAD_LAST = 0.85
SLOTS_MIN = 1 << 12
REPACK_ROWS = 1 << 16
SPARE_ROWS = 4 * kernels.BLOCK
Range = tuple[int, int]


class Store:
    """Rows and slots for one layout."""

    def __init__(self, words: int, workers: int, budget_bytes: int, slots: int = SLOTS_MIN) -> None:
        """`budget_bytes` bounds rows and slots together; `slots` is a power of two."""
        self.words, self.workers, self.budget_bytes = words, workers, budget_bytes
        self.region = budget_bytes // 8 + SPARE_ROWS
        rows = reserve(self.region * workers * words)
        self.states: Words = rows.reshape(-1, words)
        self.ends = [worker * self.region for worker in range(workers)]
        self.slots: Words = reserve(slots)

    def __len__(self) -> int:
        return sum(end - worker * self.region for worker, end in enumerate(self.ends))

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return self.slots.nbytes + len(self) * self.words * 8

    def room(self) -> int:
        """How many states can still be added before the set should grow, or if it may not, at all."""
        return self._room(LOAD_MAX) if self._may_grow() else self.last_room()

    def last_room(self) -> int:
        """How many states can be added without ever growing again."""
        spare = (self.budget_bytes - self.nbytes) // (8 * self.words)
        return max(0, min(self._room(LOAD_LAST), spare))

    def grow(self, pool: Executor) -> bool:
        """Double the slots; False if the budget does not allow it."""
        if not self._may_grow():
            return False
        old, self.slots = self.slots, reserve(2 * len(self.slots))
        if self.words == 1:
            step = -(-len(old) // self.workers)
            parts = [(at, min(at + step, len(old))) for at in range(0, len(old), step)]
            jobs = [pool.submit(kernels.grow_narrow, old, self.slots, first, end) for first, end in parts]
            for job in jobs:
                job.result()
        else:
            self._publish(pool)
        return True

    def _publish(self, pool: Executor) -> None:
        fill = self._fill()
        jobs = [pool.submit(fill, self.states, first, end, self.slots) for first, end in self.ranges()]
        for job in jobs:
            job.result()

    def _fill(self) -> Callable[[Words, int, int, Words], int]:
        return kernels.fill_narrow if self.words == 1 else kernels.fill_wide

    def _may_grow(self) -> bool:
        return self.nbytes + 2 * self.slots.nbytes <= self.budget_bytes

    def _room(self, load: float) -> int:
        return max(0, int(len(self.slots) * load) - len(self))

    def ranges(self) -> list[Range]:
        """The rows in use."""
        return [(worker * self.region, end) for worker, end in enumerate(self.ends)]

    def add(self, rows: Words, pool: Executor) -> None:
        """Add rows that are all new and different to the first worker's region."""
        while self.room() < len(rows):
            if not self.grow(pool):
                raise MemoryError(f"{len(rows):,} initial states do not fit into {self.budget_bytes:,} bytes")
        first, self.ends[0] = self.ends[0], self.ends[0] + len(rows)
        self.states[first : self.ends[0]] = rows
        self._fill()(self.states, first, self.ends[0], self.slots)

    def relaid(self, old: Layout, new: Layout, pool: Executor) -> Store:
        """The same states under another layout; rows keep their numbers."""
        store = Store(new.words, self.workers, self.budget_bytes, len(self.slots))
        moves = np.array(moved(old, new), np.uint64)
        jobs = [
            pool.submit(kernels.repack, self.states, store.states, at, min(at + REPACK_ROWS, end), moves)
            for first, end in self.ranges()
            for at in range(first, end, REPACK_ROWS)
        ]
        for job in jobs:
            job.result()
        store.ends = list(self.ends)
        store._publish(pool)
        return store
