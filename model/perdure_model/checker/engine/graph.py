"""The state graph of a finished search: every state's successors, as numbers.

States are numbered region by region. The steps are made once more from the tables, which is faster than
keeping them during the search, and are only there while liveness is decided.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from perdure_model.checker.system import Property

from . import kernels
from .answers import Ids
from .layout import gather
from .search import Search

NODES_MAX = 2**31 - 1
BYTES_PER_STEP = 4 + 2 + 4 + 12
"""Target, label, and target of the reversed step, or what the strongly connected components take."""
BYTES_PER_STATE = 64
DENSE_KEY_BITS = 22
BATCH_ROWS = 1 << 20

Numbers = npt.NDArray[np.int32]
Ends = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]


def bytes_needed(search: Search) -> int:
    """Bytes that a graph and the work on it take, beside the states."""
    slots = 4 * len(search.store.slots) if search.store.words == 1 else 0
    return BYTES_PER_STATE * len(search.store) + BYTES_PER_STEP * search.out.generated + slots


class Graph:
    """`ends[n]:ends[n + 1]` are the places of state n's successors in `targets`, and of their `labels`.

    A label is the index of the step's action among the fair ones, plus 1; 0 for a step without fairness.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        self.fair = [action for action in search.system.actions if action.fairness != "none"]
        self.ranges = search.store.ranges()
        lengths = [end - first for first, end in self.ranges]
        self.starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        self.nodes = sum(lengths)
        self.ends: Ends = self._degrees()
        self.targets: Numbers = np.empty(int(self.ends[-1]), np.int32)
        self.labels: npt.NDArray[np.int16] = np.empty(len(self.targets), np.int16)
        self._write_steps()

    def _parts(self) -> list[tuple[int, int, int]]:
        """(first row, end, number of the first) for each region."""
        return [(*ends, int(start)) for ends, start in zip(self.ranges, self.starts, strict=True)]

    def _degrees(self) -> Ends:
        search = self.search
        t, store = search.tables, search.store
        ends = np.zeros(self.nodes + 1, np.int64)
        deferred = np.zeros(1 << 15, np.int64)
        buffer = np.zeros(t.keys.shape[1], np.uint64)
        for first, end, offset in self._parts():
            lacking = True
            while lacking:
                count = kernels.degrees(
                    store.states, first, end, offset, t.last, t.book, t.segments, t.rows, t.keys, ends,
                    deferred, buffer,
                )  # fmt: skip
                t.answer(store.states, deferred[:count])
                lacking = count > 0
        return np.cumsum(ends, out=ends)

    def _write_steps(self) -> None:
        search = self.search
        t, store = search.tables, search.store
        place = {action: n + 1 for n, action in enumerate(self.fair)}
        of_action = np.array([place.get(action, 0) for action in t.actions] or [0], np.int16)
        labels_of = of_action[t.delta_action]
        numbers = np.zeros(len(store.slots) if store.words == 1 else 1, np.int32)
        if store.words == 1:
            search.together(
                partial(kernels.number_slots, store.states, *part, store.slots, numbers)
                for part in self._parts()
            )
        width = t.keys.shape[1]
        search.together(
            partial(
                kernels.steps, store.states, *part, t.last, t.book, t.segments, t.rows, t.keys, t.deltas,
                labels_of, store.slots, numbers, store.region, self.starts, self.ends, self.targets,
                self.labels, np.zeros(width, np.uint64),
            )
            for part in self._parts()
        )  # fmt: skip

    # ----------------------------------------------------------------- states and numbers

    def row(self, node: int) -> int:
        """The row of a state."""
        region = int(np.searchsorted(self.starts, node, "right")) - 1
        while self.ranges[region][0] == self.ranges[region][1]:
            region -= 1
        return self.ranges[region][0] + node - int(self.starts[region])

    def ids(self, node: int) -> Ids:
        """A state's local states."""
        return self.search.tables.layout.unpack(self.search.store.states[self.row(node)].tolist())

    def by_level(self) -> tuple[Numbers, Numbers]:
        """All numbers, nearest first, and their levels from 0 on."""
        region = self.search.store.region
        numbers, levels = [], []
        for level, one in enumerate(self.search.levels):
            for first, end in one.ranges:
                offset = int(self.starts[first // region]) - first // region * region
                numbers.append(np.arange(first + offset, end + offset, dtype=np.int32))
                levels.append(np.full(end - first, level, np.int32))
        return np.concatenate(numbers), np.concatenate(levels)

    def where(self, prop: Property, which: int = 0) -> Flags:
        """For each state whether a predicate holds."""
        held = np.zeros(self.nodes, np.uint8)
        for first, end, offset in self._parts():
            for at in range(first, end, BATCH_ROWS):
                until = min(end, at + BATCH_ROWS)
                held[offset + at - first : offset + until - first] = self._judge(at, until, prop, which)
        return held

    def _judge(self, first: int, end: int, prop: Property, which: int) -> Flags:
        rows = self.search.store.states[first:end]
        layout = self.search.tables.layout
        plan = gather(layout, prop.components)
        keys = np.zeros((len(rows), plan.words), np.uint64)
        for word, right, mask, left, key_word in plan.segments:
            keys[:, key_word] |= ((rows[:, word] >> np.uint64(right)) & np.uint64(mask)) << np.uint64(left)
        place = [plan.components.index(c) for c in prop.components]

        def ask(words: list[int]) -> bool:
            key = sum(word << (64 * w) for w, word in enumerate(words))
            ids = [key >> shift & mask for shift, mask in plan.places()]
            return self.search.answers.holds(prop, tuple(ids[p] for p in place), which)

        if plan.words == 1 and plan.bits <= DENSE_KEY_BITS:
            present = np.zeros(1 << plan.bits, bool)
            present[keys[:, 0]] = True
            verdicts = np.zeros(1 << plan.bits, np.uint8)
            for key in np.flatnonzero(present).tolist():
                verdicts[key] = ask([key])
            return verdicts[keys[:, 0]]
        distinct, back = np.unique(keys, axis=0, return_inverse=True)
        return np.array([ask(key) for key in distinct.tolist()], np.uint8)[back.reshape(-1)]
