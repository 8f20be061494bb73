"""`always_possible`, `eventually` and `leads_to` on the compiled state graph.

The theory is the oracle's (`perdure_model.checker.liveness`). What is different is the scale: states are
numbers, sets are arrays, strongly connected components are scipy's, and all components are judged at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from perdure_model.checker.contract import Found
from perdure_model.checker.system import Property

from . import kernels
from .graph import Flags, Graph, Numbers
from .trace import Step, leads, path_to

Masks = npt.NDArray[np.uint64]


def decide(graph: Graph) -> Iterator[Found]:
    """The violated liveness properties, each with a short counterexample."""
    for prop in graph.search.system.properties:
        if prop.kind == "always_possible":
            lost = cannot_reach(graph, graph.where(prop))
            if lost is not None:
                yield Found(prop, path_to(graph.search, graph.row(lost)))
        elif prop.kind in ("eventually", "leads_to"):
            lasso = Unkept(graph, prop).lasso()
            if lasso is not None:
                yield Found(prop, *lasso)


def cannot_reach(graph: Graph, wanted: Flags) -> int | None:
    """A nearest state from which none that is wanted can be reached."""
    back_ends = np.zeros(graph.nodes + 1, np.int64)
    back = np.empty(len(graph.targets), np.int32)
    kernels.reverse(graph.ends, graph.targets, back_ends, back)
    reached = wanted.copy()
    queue = np.empty(graph.nodes, np.int32)
    found = np.flatnonzero(wanted)
    queue[: len(found)] = found
    kernels.reach(back_ends, back, reached, queue, len(found))
    numbers, _ = graph.by_level()
    lost = np.flatnonzero(reached[numbers] == 0)
    return int(numbers[lost[0]]) if len(lost) else None


class Unkept:
    """The states in which a property's promise can be open, and the fair ways to stay there."""

    def __init__(self, graph: Graph, prop: Property) -> None:
        self.graph, self.prop = graph, prop
        self.words = max(1, -(-len(graph.fair) // 64))
        self.weak, self.strong = (
            pack([n for n, action in enumerate(graph.fair) if action.fairness == kind], self.words)
            for kind in ("weak", "strong")
        )
        kept = graph.where(prop, len(prop.functions) - 1)
        numbers, levels = graph.by_level()
        if prop.kind == "leads_to":
            starts = (graph.where(prop, 0)[numbers] != 0) & (kept[numbers] == 0)
        else:
            starts = (levels == 0) & (kept[numbers] == 0)
        self.came: Numbers = np.full(graph.nodes, -1, np.int32)
        queue = np.empty(graph.nodes, np.int32)
        filled = kernels.stay_open(
            graph.ends, graph.targets, kept, numbers[starts], levels[starts], self.came, queue
        )
        self.open = queue[:filled]

    def lasso(self) -> tuple[list[Step], int] | None:
        """A path on which the promise is never kept, and where its loop begins."""
        graph = self.graph
        stop = int(kernels.first_stop(graph.ends, graph.targets, graph.labels, self.open))
        if stop >= 0:
            stem = self._stem(stop)
            return stem, len(stem) - 1
        member = self._nearest_fair_part()
        if member is None:
            return None
        start = int(next(node for node in self.open if member[node]))
        stem = self._stem(start)
        return stem + self._loop(start, member), len(stem) - 1

    # ----------------------------------------------------------------- where a fair path can stay

    def _nearest_fair_part(self) -> Flags | None:
        """The strongly connected set nearest to the start in which a fair path can stay for ever, marked."""
        graph = self.graph
        rank = np.full(graph.nodes, graph.nodes, np.int32)
        rank[self.open] = np.arange(len(self.open), dtype=np.int32)
        best, best_rank = None, graph.nodes
        left = self.open
        while len(left):
            left, fair = self._decompose(left)
            for nodes in fair[:1]:
                nearest = int(rank[nodes].min())
                if nearest < best_rank:
                    best, best_rank = nodes, nearest
        if best is None:
            return None
        member = np.zeros(graph.nodes, np.uint8)
        member[best] = 1
        return member

    def _decompose(self, nodes: Numbers) -> tuple[Numbers, list[Numbers]]:
        """Split into components: what is to be split again, and the nearest fair one, if there is one."""
        graph = self.graph
        count, component, part = self._components(nodes)
        inside, somewhere = (np.zeros((count, self.words), np.uint64) for _ in range(2))
        everywhere = np.full((count, self.words), ~np.uint64(0), np.uint64)
        kernels.survey(
            graph.ends, graph.targets, graph.labels, nodes, part, component, inside, somewhere, everywhere
        )
        starved = somewhere & ~inside & self.strong
        neglected = everywhere & ~inside & self.weak
        fair = ~np.logical_or(starved, neglected).any(axis=1)
        left = np.empty(len(nodes), np.int32)
        filled = kernels.without(graph.ends, graph.targets, graph.labels, nodes, component, starved, left)
        in_fair = np.flatnonzero(np.take(fair, component))
        nearest = [nodes[component == component[in_fair[0]]]] if len(in_fair) else []
        return left[:filled], nearest

    def _components(self, nodes: Numbers) -> tuple[int, Numbers, Numbers]:
        graph = self.graph
        part = np.full(graph.nodes, -1, np.int32)
        part[nodes] = np.arange(len(nodes), dtype=np.int32)
        ends = np.zeros(len(nodes) + 1, np.int64)
        none = np.empty(0, np.int32)
        steps = kernels.inner_steps(graph.ends, graph.targets, part, nodes, ends, none)
        targets = np.empty(steps, np.int32)
        if steps:
            kernels.inner_steps(graph.ends, graph.targets, part, nodes, ends, targets)
        weights = np.ones(steps, np.int8)
        inner = csr_array((weights, targets, ends), shape=(len(nodes), len(nodes)))
        count, component = connected_components(inner, directed=True, connection="strong")
        return int(count), component.astype(np.int32), part

    # ----------------------------------------------------------------- the way there, and round

    def _stem(self, node: int) -> list[Step]:
        """A shortest path to an open state on which the promise is open from some point on."""
        walk = [node]
        while self.came[walk[-1]] >= 0:
            walk.append(int(self.came[walk[-1]]))
        walk.reverse()
        return path_to(self.graph.search, self.graph.row(walk[0])) + self._steps(walk)

    def _steps(self, walk: list[int]) -> list[Step]:
        return [self._step(one, other, 0) for one, other in pairwise(walk)]

    def _step(self, one: int, other: int, label: int) -> Step:
        search = self.graph.search
        ids = self.graph.ids(other)
        action = self.graph.fair[label - 1] if label else leads(search, self.graph.ids(one), ids)
        if action is None:
            raise AssertionError("a step of the graph is a step of no action")
        return action.name, search.interner.locals(range(len(ids)), ids)

    def _loop(self, start: int, member: Flags) -> list[Step]:
        """A short closed walk that does for every fair action what fairness demands."""
        part = np.flatnonzero(member)
        due = self._enabled(part)
        due &= ~(self.weak & ~self._enabled(np.array([start])))
        at, loop = start, list[Step]()
        while due.any() or at != start:
            walk, label = self._walk(at, start, member, due)
            for one, other in pairwise(walk):
                last = other == walk[-1] and one == walk[-2]
                taken = label if last else 0
                loop.append(self._step(one, other, taken))
                due &= ~(self.weak & ~self._enabled(np.array([other])))
            due &= ~pack([label - 1] if label else [], self.words)
            at = walk[-1]
        return loop

    def _enabled(self, nodes: npt.NDArray[np.int64]) -> Masks:
        mask = np.zeros(self.words, np.uint64)
        graph = self.graph
        kernels.enabled_among(graph.ends, graph.targets, graph.labels, nodes, mask)
        return mask

    def _walk(self, at: int, start: int, member: Flags, due: Masks) -> tuple[list[int], int]:
        graph = self.graph
        came = np.full(graph.nodes, -1, np.int32)
        queue = np.empty(graph.nodes, np.int32)
        before, last, label, _ = kernels.walk(
            graph.ends, graph.targets, graph.labels, member, at, start, due, due & self.weak, came, queue
        )
        if before < 0:
            raise AssertionError("a strongly connected part has a walk to each of its steps")
        walk = [int(last), int(before)]
        while came[walk[-1]] >= 0:
            walk.append(int(came[walk[-1]]))
        return walk[::-1], int(label)


def pack(bits: list[int], words: int) -> Masks:
    """Numbers of bits as a mask of so many words."""
    value = sum(1 << bit for bit in bits)
    return np.array([(value >> (64 * w)) & (2**64 - 1) for w in range(words)], np.uint64)
