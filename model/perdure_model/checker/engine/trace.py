"""Shortest paths, rebuilt backwards from the frontiers.

No parent is stored. A state's predecessor is looked for in the level before: a step changes only what one
bundle of actions names, so nearly all candidates are ruled out by one comparison, and the few others by
asking what their actions lead to.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from perdure_model.checker.system import Action, State

from .answers import Ids
from .search import Search

Step = tuple[str | None, State]
BATCH_ROWS = 1 << 16


def path_to(search: Search, row: int) -> list[Step]:
    """A shortest path from an initial state to the state in that row."""
    layout = search.tables.layout
    target = layout.unpack(search.store.states[row].tolist())
    level = next(n for n, one in enumerate(search.levels) if any(a <= row < b for a, b in one.ranges))
    steps: list[tuple[str | None, Ids]] = []
    while level:
        level -= 1
        before, action = predecessor(search, level, target)
        steps.append((action.name, target))
        target = before
    steps.append((None, target))
    everything = range(len(search.system.components))
    return [(name, search.interner.locals(everything, ids)) for name, ids in reversed(steps)]


def predecessor(search: Search, level: int, target: Ids) -> tuple[Ids, Action]:
    """A state of that level, and the action that leads from it to the target: the first by their ids."""
    for candidates in _candidates(search, level, target):
        for ids in sorted(map(search.tables.layout.unpack, candidates)):
            action = leads(search, ids, target)
            if action is not None:
                return ids, action
    raise AssertionError("a state of the next level has no predecessor")


def leads(search: Search, ids: Ids, target: Ids) -> Action | None:
    """The first action that leads from one state to another."""
    for action in search.system.actions:
        for result in search.answers.successors(action, tuple(ids[c] for c in action.components)):
            after = list(ids)
            for component, value in zip(action.components, result, strict=True):
                after[component] = value
            if search.orbits.canonical(tuple(after)) == target:
                return action
    return None


def _candidates(search: Search, level: int, target: Ids) -> Iterator[list[list[int]]]:
    """Rows of the level that differ from the target in no more than some action's components."""
    layout = search.tables.layout
    goal = np.array(layout.words_of(layout.pack(target)), np.uint64)
    footprints = {frozenset(action.components) for action in search.system.actions}
    outside = [
        np.array(
            layout.words_of(layout.pack(0 if i in named else f.mask for i, f in enumerate(layout.fields))),
            np.uint64,
        )
        for named in footprints
    ]
    for first, end in search.levels[level].ranges:
        for at in range(first, end, BATCH_ROWS):
            rows = search.store.states[at : min(end, at + BATCH_ROWS)]
            if search.orbits.orbits:
                yield rows.tolist()
                continue
            differs = rows ^ goal
            near = np.zeros(len(rows), bool)
            for mask in outside:
                near |= ~(differs & mask).any(axis=1)
            if near.any():
                yield rows[near].tolist()
