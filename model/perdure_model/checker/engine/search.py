"""Breadth-first search, level by level, in rounds of the compiled kernel.

A round expands some of the frontier and comes back with states that it could not: those that need a row
which nobody has asked the model for, and those that raise an alarm. These are answered here, and come
again. Between rounds is where everything happens that is not expanding: growing, a wider layout, limits,
progress, Ctrl-C.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from perdure_model.checker import calls
from perdure_model.checker.contract import Options, Outcome, Snapshot, Stopped
from perdure_model.checker.system import Property, System

from . import kernels
from .answers import DEADLOCK, Answers, Watched, watched
from .interning import Interner
from .interrupts import Interrupts
from .memory import budget_bytes
from .orbits import Orbits
from .store import Range, Store
from .tables import Counts, Tables

CHUNK_STATES = 512
ROUND_STATES = 1 << 19
ALONE_STATES = 1 << 12
"""Below this much work a second worker is not worth waking."""
DEFERRED_MAX = 1 << 15
PROGRESS_EVERY_S = 0.25
SOFT, DROP, STOP = 0, 1, 2
"""What a worker does at its quota: leave the rest; drop what is new and go on; drop it and stop."""


class Cut(Exception):
    """The search ends here, with this reason."""

    def __init__(self, reason: Stopped) -> None:
        self.reason = reason


@dataclass(slots=True)
class Level:
    """A level's rows. What has not been expanded yet is `rest`."""

    ranges: list[Range]
    rest: list[Range] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(end - first for first, end in self.ranges)


class Search:
    """A search under way, and then what is known of its states."""

    def __init__(self, system: System, options: Options) -> None:
        self.system, self.options = system, options
        self.workers = options.workers or cores()
        self.orbits = Orbits(options.symmetry)
        self.interner = Interner(len(system.components), self.orbits.alike)
        self.answers = Answers(system, self.interner)
        self.pool = ThreadPoolExecutor(self.workers)
        self.budget_bytes = budget_bytes(options.memory_bytes)
        self.levels: list[Level] = []
        self.alarms: dict[Property | None, int] = {}
        """For each violated property, and None for a deadlock, the row where it was seen first."""
        self.out = Outcome(seen=[{} for _ in system.components], workers=self.workers)
        self.fired: Counts = np.zeros(len(system.actions), np.int64)
        self.control = np.zeros(kernels.CONTROL_SIZE, np.int64)
        self.told = np.zeros((self.workers, kernels.TOLD_SIZE), np.int64)
        self.deferred = np.zeros((self.workers, DEFERRED_MAX), np.int64)
        self.beyond = False
        self.partial = False
        """Whether the last level is not whole, because the level before was not expanded to its end."""
        self.room_min = ALONE_STATES * self.workers
        self.started = self.reported = time.perf_counter()

    # ----------------------------------------------------------------- the search

    def run(self, interrupts: Interrupts) -> None:
        """Explore until nothing is new or a limit is met; `out.stopped` tells."""
        self.interrupts = interrupts
        try:
            if not self.levels:
                self._start()
            self._explore()
            self.out.stopped = "max_depth" if self.beyond else None
        except Cut as cut:
            self.out.stopped = cut.reason
            pending = self.levels[-1].rest + self._fresh()
            self._close_cut_level()
            if cut.reason in ("max_states", "memory"):
                self._judge(pending)
        except KeyboardInterrupt:
            self.out.stopped = "interrupted"
            self._close_cut_level()
        self._tell()

    def _start(self) -> None:
        found = calls.initial_states(self.system)
        everything = range(len(self.system.components))
        states = [self.orbits.canonical(self.interner.ids(everything, state)) for state in found]
        self.new_tables([*watched(self.system), DEADLOCK])
        layout = self.tables.layout
        self.store = Store(layout.words, self.workers, self.budget_bytes)
        self.opened = list(self.store.ends)
        self.out.generated = len(states)
        distinct = list(dict.fromkeys(states))
        kept = distinct[: self.options.max_states]
        self.store.add(np.array([layout.words_of(layout.pack(s)) for s in kept], np.uint64), self.pool)
        self._close_level()
        if len(kept) < len(distinct):
            raise Cut("max_states")

    def new_tables(self, alive: Iterable[Watched]) -> None:
        """Begin with empty tables, watching out for these."""
        self.tables = Tables(self.answers, list(alive), self.workers, self.orbits.groups)
        self.orbits.lay_out(self.tables.layout)
        self.buffers = [self._buffers() for _ in range(self.workers)]

    def _buffers(self) -> tuple[npt.NDArray[np.generic], ...]:
        """What a worker needs for itself; see the kernels."""
        words = self.tables.layout.words
        block = np.zeros(kernels.BLOCK if words == 1 else (kernels.BLOCK, words), np.uint64)
        hashes, scratch = np.zeros(kernels.BLOCK, np.uint64), np.zeros(len(self.orbits.units) + 64, np.uint64)
        rows, key = np.zeros(self.tables.all + 1, np.uint64), np.zeros(self.tables.keys.shape[1], np.uint64)
        size = 1 << kernels.RECENT_BITS
        recent = np.zeros(size if words == 1 else (size, words + 1), np.uint64)
        return block, hashes, rows, key, scratch, recent

    def _explore(self) -> None:
        while self.levels[-1].ranges:
            level = self.levels[-1]
            last = len(self.levels) == self.options.max_depth
            if last:
                self.before_last = self.out.generated, self.fired + self.tables.fired(), list(level.rest)
            while level.rest:
                self._look(level)
                self._round(level, last)
            if last:
                self.beyond = self.beyond or bool(self._fresh())  # of a search that went on
                self._close_cut_level()
                return
            self._close_level()
        self.levels.pop()

    def _close_level(self) -> None:
        """What was found since the last time is a level; what was interned was first seen in it."""
        fresh = self._fresh()
        self.levels.append(Level(fresh, list(fresh)))
        self.opened = list(self.store.ends)
        for seen, values in zip(self.out.seen, self.interner.values, strict=True):
            for value in values[len(seen) :]:
                seen[value] = len(self.levels)

    def _fresh(self) -> list[Range]:
        pairs = zip(self.opened, self.store.ends, strict=True)
        return [(first, end) for first, end in pairs if first != end]

    def _close_cut_level(self) -> None:
        """A level that is not whole: what was interned need not be in any of its states."""
        fresh = self._fresh()
        if not fresh:
            return
        rows = np.concatenate([self.store.states[first:end] for first, end in fresh])
        self.levels.append(Level(fresh))
        self.partial = True
        for index, seen in enumerate(self.out.seen):
            values = self.interner.values[index]
            if len(seen) < len(values):
                place = self.tables.layout.fields[index]
                column = rows[:, place.word] >> np.uint64(place.shift) & np.uint64(place.mask)
                for number in np.unique(column).tolist():
                    seen.setdefault(values[number], len(self.levels))

    # ----------------------------------------------------------------- one round

    def _round(self, level: Level, last: bool) -> None:
        work, level.rest = take(level.rest, ROUND_STATES)
        chunks = chop(work)
        amount = sum(end - first for first, end in work)
        workers, quotas, at_quota = self._shares(amount, last)
        self.control[:] = 0
        self._run_kernel(workers, chunks, quotas, at_quota)
        told = self.told[:workers]
        for worker in range(workers):
            self.store.ends[worker] += int(told[worker, kernels.ADDED])
        self.out.generated += int(told[:, kernels.GENERATED].sum())
        level.rest = rest_of(chunks, int(self.control[kernels.NEXT_CHUNK]), told) + level.rest
        wanted = bool(told[:, kernels.WANTED].any())
        self.beyond = self.beyond or (last and wanted)
        if not told[:, [kernels.EXPANDED, kernels.DEFERRED]].any():
            self.room_min *= 4  # a state has more successors than a worker's share of the room
        self._answer(level, workers)
        if wanted and not last:
            raise Cut("max_states" if self._at_limit() else "memory")

    def _shares(self, amount: int, last: bool) -> tuple[int, list[int], int]:
        """How many workers, what each may add, and what it does then."""
        workers = self.workers if amount > ALONE_STATES else 1
        if last:
            return workers, [0] * workers, DROP
        while self.store.room() < self.room_min and self.store.grow(self.pool):
            pass
        room = self.store.room()
        if self.options.max_states is not None:
            room = min(room, self.options.max_states - len(self.store))
        if room < self.room_min:
            return 1, [room], STOP
        return workers, [room // workers] * workers, SOFT

    def together(self, jobs: Iterable[Callable[[], object]]) -> None:
        """Run compiled functions all at once."""
        for done in [self.pool.submit(job) for job in jobs]:
            done.result()

    def _at_limit(self) -> bool:
        return len(self.store) == self.options.max_states

    def _run_kernel(self, workers: int, chunks: Counts, quotas: list[int], at_quota: int) -> None:
        t, store = self.tables, self.store
        kernel = kernels.expand_narrow if store.words == 1 else kernels.expand_wide

        def work(worker: int) -> None:
            kernel(
                store.states, chunks, self.control, quotas[worker], at_quota, store.ends[worker],
                t.last, t.all, t.book, t.segments, t.rows, t.keys, t.deltas, t.hits[worker], store.slots,
                self.orbits.units, self.orbits.book, self.deferred[worker], self.told[worker],
                self.buffers[worker],
            )  # fmt: skip

        if workers == 1:
            work(0)
        else:
            for done in [self.pool.submit(work, worker) for worker in range(workers)]:
                done.result()

    def _answer(self, level: Level, workers: int) -> None:
        """Ask the model what the deferred states need, and queue them again."""
        counts = self.told[:workers, kernels.DEFERRED].tolist()
        deferred = np.sort(np.concatenate([self.deferred[w, :n] for w, n in enumerate(counts)]))
        if not len(deferred):
            return
        level.rest = ranges_of(deferred) + level.rest
        with self.interrupts.may_break():
            fits, alarms = self.tables.answer(self.store.states, deferred)
        self._raise(alarms)
        if not fits:
            self._widen()

    def _raise(self, alarms: Iterable[tuple[int, Watched]]) -> None:
        for row, alarm in alarms:
            if alarm not in self.tables.alive:
                continue
            self.tables.discard(alarm)
            if alarm.violation:
                self.alarms[alarm.prop] = row
                if self.options.stop_at_first:
                    raise Cut("violation")
            elif alarm.prop is not None:
                self.out.met.add(alarm.prop.name)

    def _widen(self) -> None:
        """Lay the states out anew, for components with more local states than their bits can tell apart."""
        if 2 * self.store.nbytes > self.budget_bytes:
            raise Cut("memory")
        self.fired += self.tables.fired()
        old = self.tables.layout
        self.new_tables(self.tables.alive)
        self.store = self.store.relaid(old, self.tables.layout, self.pool)

    def _judge(self, rows: list[Range]) -> None:
        """Judge states of a search that was cut short, without expanding them."""
        self.fired += self.tables.fired()
        alive = [w for w in self.tables.alive if w is not DEADLOCK]
        self.tables = Tables(self.answers, alive, self.workers, frozen=self.tables.layout)
        self.buffers = [self._buffers() for _ in range(self.workers)]
        judged = Level(rows, list(rows))
        while judged.rest and self.tables.alive:
            self._round(judged, last=True)

    # ----------------------------------------------------------------- limits and progress

    def _look(self, level: Level) -> None:
        if self.interrupts.asked:
            raise KeyboardInterrupt
        if self.store.nbytes + self.tables.nbytes > self.budget_bytes:
            raise Cut("memory")
        now = time.perf_counter()
        if self.options.progress and now - self.reported >= PROGRESS_EVERY_S:
            self.reported = now
            self.options.progress(self.snapshot(level))

    def snapshot(self, level: Level) -> Snapshot:
        """How far the search is."""
        todo = sum(end - first for first, end in level.rest)
        seconds = time.perf_counter() - self.started
        held = self.store.nbytes + self.tables.nbytes
        return Snapshot(len(self.store), self.out.generated, len(self.levels), todo, seconds, held)

    def _tell(self) -> None:
        out = self.out
        out.distinct = len(self.store)
        out.fired = (self.fired + self.tables.fired()).tolist()
        out.levels = [len(level) for level in self.levels]
        out.depth = len(out.levels)


def cores() -> int:
    """Cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0))


def take(ranges: list[Range], amount: int) -> tuple[list[Range], list[Range]]:
    """The first `amount` rows of some ranges, and the others."""
    taken: list[Range] = []
    for at, (first, end) in enumerate(ranges):
        if end - first > amount:
            return [*taken, (first, first + amount)], [(first + amount, end), *ranges[at + 1 :]]
        taken.append((first, end))
        amount -= end - first
    return taken, []


def chop(ranges: Iterable[Range]) -> Counts:
    """The same rows in chunks for the workers to take."""
    parts = [
        (at, min(at + CHUNK_STATES, end)) for first, end in ranges for at in range(first, end, CHUNK_STATES)
    ]
    return np.array(parts, np.int64).reshape(-1, 2)


def rest_of(chunks: Counts, taken: int, told: npt.NDArray[np.int64]) -> list[Range]:
    """What the workers left: the ends of their chunks, and the chunks that none took."""
    left = told[told[:, kernels.STATUS] != kernels.DONE][:, [kernels.REST_FROM, kernels.REST_TO]]
    rest = np.concatenate([left, chunks[taken:]])
    return [(first, end) for first, end in rest.tolist() if first != end]


def ranges_of(rows: Counts) -> list[Range]:
    """Sorted row numbers as ranges."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    starts, ends = np.concatenate([[0], breaks]), np.concatenate([breaks, [len(rows)]])
    return [(int(rows[s]), int(rows[e - 1]) + 1) for s, e in zip(starts, ends, strict=True)]
