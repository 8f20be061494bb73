"""The oracle: a breadth-first search over dictionaries, as simple as it can be.

What it does is what checking means; the compiled engine is tested against it, and it runs where numba
is not installed.
"""

from __future__ import annotations

import time

from . import calls, memory
from .contract import Found, Options, Outcome, Snapshot, Stopped
from .interrupts import Interrupts
from .liveness import Edges, decide
from .system import Action, Property, State, System

LOOK_EVERY_STATES = 512
PROGRESS_EVERY_S = 0.25


def explore(system: System, options: Options) -> Outcome:
    """Search the whole state space, then decide liveness. See `contract` for what is promised."""
    with Interrupts() as interrupts:
        return Search(system, options, interrupts).run()


class Cut(Exception):
    """Ends the search before its natural end."""

    def __init__(self, reason: Stopped) -> None:
        super().__init__(reason)
        self.reason: Stopped = reason


class Search:
    """One search: where each state came from, what follows it, and what was found on the way."""

    def __init__(self, system: System, options: Options, interrupts: Interrupts) -> None:
        self.system, self.options, self.interrupts = system, options, interrupts
        self.came: dict[State, tuple[State | None, str | None]] = {}
        self.edges: Edges = {}
        self.keep_edges = bool(system.of_kind("always_possible", "eventually", "leads_to"))
        self.successors: dict[tuple[Action, State], tuple[State, ...]] = {}
        self.answers: dict[tuple[Property, int, State], bool] = {}
        self.first: dict[Property | None, State] = {}
        self.out = Outcome(fired=[0] * len(system.actions), seen=[{} for _ in system.components])
        self.started = self.told = time.perf_counter()
        self.memory = memory.Budget(options.memory_bytes)

    def run(self) -> Outcome:
        """Search and decide; an interrupt or a limit ends either early."""
        out = self.out
        try:
            self.explore()
            out.timings["explore"] = time.perf_counter() - self.started
            started = time.perf_counter()
            out.found += decide(self.system, self.edges, self.initial, self.holds, self.path)
            out.timings["liveness"] = time.perf_counter() - started
        except Cut as cut:
            out.stopped = cut.reason
        except KeyboardInterrupt:
            out.stopped = "interrupted"
        if out.stopped:
            late = self.system.of_kind("always_possible", "eventually", "leads_to")
            out.undecided = {prop.name: f"the search was cut short: {out.stopped}" for prop in late}
        out.distinct = len(self.came)
        out.found = [Found(prop, self.path(state)) for prop, state in self.first.items()] + out.found
        if self.options.symmetry:
            self.options.symmetry.probe(self.successors, self.answers)
        return out

    def explore(self) -> None:
        """Level by level, until nothing is new."""
        frontier: list[State] = []
        for state in calls.initial_states(self.system):
            self.out.generated += 1
            self.visit(self.canonical(state), None, None, 1, frontier)
        self.initial = list(frontier)
        level, beyond = 1, False
        while frontier:
            level, new = level + 1, list[State]()
            for done, state in enumerate(frontier):
                if done % LOOK_EVERY_STATES == 0:
                    self.look(len(frontier) - done + len(new))
                if self.interrupts.asked:
                    raise Cut("interrupted")
                for name, successor in self.expand(state):
                    if level - 1 != self.options.max_depth:
                        self.visit(successor, state, name, level, new)
                    elif successor not in self.came:
                        beyond = True
            frontier = new
        if beyond:
            raise Cut("max_depth")

    def expand(self, state: State) -> list[tuple[str, State]]:
        """The successors of a state with the names of their actions; without any it may be a deadlock."""
        edges: list[tuple[int, State]] = []
        for number, action in enumerate(self.system.actions):
            for values in self.call(action, tuple(state[i] for i in action.components)):
                edges.append((number, self.canonical(calls.merged(state, action, values))))
                self.out.fired[number] += 1
        self.out.generated += len(edges)
        if self.keep_edges:
            self.edges[state] = edges
        if not edges and not any(self.holds(prop, 0, state) for prop in self.system.terminals):
            self.violated(None, state)
        return [(self.system.actions[number].name, successor) for number, successor in edges]

    def visit(self, state: State, came: State | None, name: str | None, level: int, new: list[State]) -> None:
        """Add a state, unless it is known, and judge it."""
        if state in self.came:
            return
        if len(self.came) == self.options.max_states:
            raise Cut("max_states")
        self.came[state] = came, name
        new.append(state)
        self.out.depth = level
        self.out.levels[level - 1 :] = [len(new)]
        for seen, value in zip(self.out.seen, state, strict=True):
            seen.setdefault(value, level)
        for prop in self.system.properties:
            if prop.kind == "always" and prop not in self.first and not self.holds(prop, 0, state):
                self.violated(prop, state)
            elif prop.kind in ("sometimes", "leads_to") and prop.name not in self.out.met:
                self.out.met.update([prop.name] if self.holds(prop, 0, state) else [])

    def violated(self, prop: Property | None, state: State) -> None:
        """Keep the first state that violates a property: none is nearer."""
        self.first.setdefault(prop, state)
        if self.options.stop_at_first:
            raise Cut("violation")

    def path(self, state: State) -> list[tuple[str | None, State]]:
        """A shortest path from an initial state."""
        path = []
        at: State | None = state
        while at is not None:
            came, name = self.came[at]
            path.append((name, at))
            at = came
        return path[::-1]

    def call(self, action: Action, values: State) -> tuple[State, ...]:
        """What an action yields; the function runs once for each projection."""
        key = action, values
        if key not in self.successors:
            self.successors[key] = calls.successors(self.system, action, values)
        return self.successors[key]

    def holds(self, prop: Property, which: int, state: State) -> bool:
        """Whether a predicate of a property holds in a state."""
        key = prop, which, tuple(state[i] for i in prop.components)
        if key not in self.answers:
            self.answers[key] = calls.holds(self.system, prop, key[2], which)
        return self.answers[key]

    def canonical(self, state: State) -> State:
        """The state itself, or with a symmetry the one that stands for its orbit."""
        return self.options.symmetry.canonical(state) if self.options.symmetry else state

    def look(self, frontier: int) -> None:
        """Stop at the memory budget, and tell how far the search is."""
        if self.memory.spent():
            raise Cut("memory")
        now = time.perf_counter()
        if self.options.progress and now - self.told >= PROGRESS_EVERY_S:
            self.told = now
            out, seconds = self.out, now - self.started
            held = self.memory.held()
            self.options.progress(Snapshot(len(self.came), out.generated, out.depth, frontier, seconds, held))
