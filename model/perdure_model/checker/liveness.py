"""The oracle's decision of `eventually`, `leads_to` and `always_possible`, on an explicit graph.

Theory. A behaviour is an infinite path; as in TLA+ it may stutter, and so stop, at any state unless
fairness forbids it. An action is *enabled* in a state if one of its successors is another state, and
*taken* by such a step. Weak fairness: an action that is enabled from some point on is taken again and
again. Strong: one that is enabled again and again is. What a behaviour does for ever happens inside a
strongly connected set of states, so `p leads to q` is violated exactly if, from a reachable state with
p and not q, one reaches without q such a set C (a single state counts: stopping there) with, for each
weakly fair action, a state in C where it is not enabled, or a step of it inside C; and for each strongly
fair one, a step inside C, or no state in C where it is enabled. `eventually q` is the same from the
initial states on.

A component that fails because of a strongly fair action may contain a smaller one that does not: the
states where the action is enabled are taken out, and what is left is decomposed again.

A graph that is not whole (a successor that is no key of `edges` is not looked at) gives no verdict that a
promise is kept; but what is found in it to break one is real, because the steps of its states are all there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator

from .contract import Found
from .system import Property, State, System

Edges = dict[State, list[tuple[int, State]]]
Holds = Callable[[Property, int, State], bool]
Path = list[tuple[str | None, State]]
Node = tuple[State, bool]
"""A state, and whether a promise is open: `when` has held, or the start is past, and `then` not since."""


def decide(
    system: System, edges: Edges, initial: list[State], holds: Holds, path: Callable[[State], Path]
) -> Iterator[Found]:
    """The violated ones among `always_possible`, `eventually` and `leads_to`, each with a short path."""
    for prop in system.properties:
        if prop.kind == "always_possible":
            lost = _cannot_reach(edges, [state for state in edges if holds(prop, 0, state)])
            if lost is not None:
                yield Found(prop, path(lost))
        elif prop.kind in ("eventually", "leads_to"):
            lasso = _Unkept(system, edges, initial, prop, holds).lasso()
            if lasso is not None:
                yield Found(prop, *lasso)


def _cannot_reach(edges: Edges, targets: Collection[State]) -> State | None:
    """The first state (in the order of the search: a nearest one) from which no target can be reached."""
    before: dict[State, list[State]] = {state: [] for state in edges}
    for state, steps in edges.items():
        for _, successor in steps:
            before[successor].append(state)
    can, queue = set(targets), list(targets)
    while queue:
        fresh = [state for state in before[queue.pop()] if state not in can]
        can.update(fresh)
        queue.extend(fresh)
    return next((state for state in edges if state not in can), None)


class _Unkept:
    """The part of a graph in which a property's promise is open, and the fair ways to stay in it."""

    def __init__(
        self, system: System, edges: Edges, initial: list[State], prop: Property, holds: Holds
    ) -> None:
        self.system, self.edges, self.prop, self.holds = system, edges, prop, holds
        self.weak = [n for n, action in enumerate(system.actions) if action.fairness == "weak"]
        self.strong = [n for n, action in enumerate(system.actions) if action.fairness == "strong"]
        self.came: dict[Node, tuple[Node, str] | None] = {}
        self._search(initial)
        self.open = [state for state, is_open in self.came if is_open]

    def lasso(self) -> tuple[Path, int] | None:
        """A path on which the promise is never kept, and where its loop begins."""
        for state in self.open:
            if not any(self._enabled(n, state) for n in self.weak + self.strong):
                stem = self._stem(state)
                return stem, len(stem) - 1
        fair = {state for part in self._fair_parts(self.open) for state in part}
        nearest = next((state for state in self.open if state in fair), None)
        if nearest is None:
            return None
        part = next(part for part in self._fair_parts(self.open) if nearest in part)
        stem = self._stem(nearest)
        return stem + self._loop(nearest, part), len(stem) - 1

    def _search(self, initial: list[State]) -> None:
        """Breadth first over states and over whether the promise is open."""
        waits = self.prop.kind == "leads_to"
        queue: deque[Node] = deque()

        def add(state: State, is_open: bool, came: tuple[Node, str] | None) -> None:
            if is_open and self._kept(state):
                return
            if (state, is_open) not in self.came:
                self.came[state, is_open] = came
                queue.append((state, is_open))
            if not is_open and self.holds(self.prop, 0, state):
                add(state, True, came)

        for state in initial:
            add(state, not waits, None)
        while queue:
            node = queue.popleft()
            for number, successor in self.edges[node[0]]:
                if successor in self.edges:
                    add(successor, node[1], (node, self.system.actions[number].name))

    def _kept(self, state: State) -> bool:
        return self.holds(self.prop, len(self.prop.functions) - 1, state)

    def _stem(self, state: State) -> Path:
        path: Path = []
        came: tuple[Node, str] | None = ((state, True), "")
        while came is not None:
            (at, _), came = came[0], self.came[came[0]]
            path.append((came[1] if came else None, at))
        return path[::-1]

    def _enabled(self, number: int, state: State) -> bool:
        return any(n == number and successor != state for n, successor in self.edges[state])

    def _inside(self, number: int, state: State, part: Collection[State]) -> bool:
        return any(n == number and t != state and t in part for n, t in self.edges[state])

    def _fair_parts(self, states: Iterable[State]) -> Iterator[set[State]]:
        """The strongly connected sets in which a fair path can stay for ever."""
        work = [set(states)]
        while work:
            for part in strongly_connected(work.pop(), self.edges):
                starved = [n for n in self.strong if not any(self._inside(n, s, part) for s in part)]
                rest = {s for s in part if not any(self._enabled(n, s) for n in starved)}
                if len(rest) < len(part):
                    work.append(rest)
                elif not any(self._neglects(n, part) for n in self.weak):
                    yield part

    def _neglects(self, number: int, part: Collection[State]) -> bool:
        return all(self._enabled(number, s) and not self._inside(number, s, part) for s in part)

    def _loop(self, start: State, part: set[State]) -> Path:
        """A short closed walk in `part` that does for every fair action what fairness demands."""
        due = {n for n in self.weak + self.strong if any(self._enabled(n, s) for s in part)}
        due -= {n for n in self.weak if not self._enabled(n, start)}
        at, loop = start, Path()

        def settles(number: int, state: State) -> bool:
            return number in due or any(n in due and not self._enabled(n, state) for n in self.weak)

        def returns(_: int, state: State) -> bool:
            return state == start

        while due or at != start:
            for number, state in self._walk(at, part, settles if due else returns):
                loop.append((self.system.actions[number].name, state))
                due -= {number} | {n for n in self.weak if not self._enabled(n, state)}
                at = state
        return loop

    def _walk(
        self, start: State, part: set[State], ends: Callable[[int, State], bool]
    ) -> list[tuple[int, State]]:
        """A shortest walk inside `part` whose last step is what is looked for."""
        queue: deque[tuple[State, list[tuple[int, State]]]] = deque([(start, [])])
        known = {start}
        while queue:
            at, walk = queue.popleft()
            for number, state in self.edges[at]:
                if state == at or state not in part:
                    continue
                if ends(number, state):
                    return [*walk, (number, state)]
                if state not in known:
                    known.add(state)
                    queue.append((state, [*walk, (number, state)]))
        raise AssertionError("a strongly connected part has a walk to each of its steps")


def strongly_connected(states: set[State], edges: Edges) -> Iterator[set[State]]:
    """The strongly connected components of the graph on `states` (Tarjan's algorithm, with its own stack)."""
    index: dict[State, int] = {}
    low: dict[State, int] = {}
    stack: list[State] = []
    on_stack: set[State] = set()
    for root in states:
        calls = [] if root in index else [(root, iter(edges[root]))]
        while calls:
            state, steps = calls[-1]
            if state not in index:
                index[state] = low[state] = len(index)
                stack.append(state)
                on_stack.add(state)
            for _, successor in steps:
                if successor not in states:
                    continue
                if successor not in index:
                    calls.append((successor, iter(edges[successor])))
                    break
                if successor in on_stack:
                    low[state] = min(low[state], index[successor])
            else:
                calls.pop()
                if calls:
                    low[calls[-1][0]] = min(low[calls[-1][0]], low[state])
                if low[state] == index[state]:
                    part = _pop_until(state, stack)
                    on_stack -= part
                    yield part


def _pop_until(state: State, stack: list[State]) -> set[State]:
    part = {stack.pop()}
    while state not in part:
        part.add(stack.pop())
    return part
