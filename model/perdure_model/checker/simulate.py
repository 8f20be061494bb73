"""Seeded random walks through a system too big to exhaust.

A walk judges every state it comes to, and at its end whether a fair path could stay for ever among its
states and break a promise. What is found is shortened before it is shown. That nothing is found proves
nothing.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import calls, witness
from .contract import Found
from .interrupts import Interrupts
from .liveness import decide
from .report import Violation, violation_of
from .system import Property, State, System

Walk = list[tuple[str | None, State]]
STEPS = 1_000
SHORTEN_STATES = 20_000


@dataclass(frozen=True, slots=True)
class Simulation:
    """What random walks met. The same `seed`, `walks` and `steps` on the same model give the same again."""

    system: str
    seed: int
    walks: int
    steps: int
    distinct: int
    seconds: float
    violations: Sequence[Violation]
    never_fired: Sequence[str]
    met: Sequence[str]
    """The `sometimes` that were met."""
    not_judged: Sequence[str]
    """The `always_possible`, which walks cannot judge."""

    @property
    def found(self) -> bool:
        """Whether a violation was found. That none was is no proof."""
        return bool(self.violations)

    def summary(self) -> str:
        """The walks as text for people, with how to repeat them."""
        from .show.text import trace

        lines = [
            f"{self.system}: {len(self.violations)} violations in {self.walks:,} walks of up to "
            f"{self.steps:,} steps, {self.distinct:,} distinct states; repeat with seed={self.seed}"
        ]
        if self.never_fired:
            lines.append(f"  never fired: {', '.join(self.never_fired)}")
        if self.not_judged:
            lines.append(f"  not judged by walks: {', '.join(self.not_judged)}")
        return "\n".join(lines + [f"\n{trace(violation)}" for violation in self.violations])


def simulate(
    system: System,
    *,
    seed: int | None = None,
    walks: int = 100,
    steps: int = STEPS,
    seconds: float | None = None,
) -> Simulation:
    """Walk at random from initial states, `walks` times up to `steps` steps, or until `seconds` are over.
    Ctrl-C ends after the walk under way.

    Without a `seed` one is drawn; the result names it.
    """
    chosen = random.SystemRandom().randrange(2**32) if seed is None else seed
    started = time.perf_counter()
    system.refuse_changed_variables()
    walker = _Walker(system, random.Random(chosen))
    made = 0
    with Interrupts() as interrupts:
        while made < walks and not interrupts.asked:
            if seconds is not None and time.perf_counter() - started >= seconds:
                break
            walker.walk(steps)
            made += 1
    found = list(walker.found.values())
    witness.confirm(system, found)
    return Simulation(
        system=system.name,
        seed=chosen,
        walks=made,
        steps=steps,
        distinct=len(walker.steps),
        seconds=time.perf_counter() - started,
        violations=[violation_of(system, one) for one in found],
        never_fired=[action.name for n, action in enumerate(system.actions) if n not in walker.fired],
        met=sorted(walker.met),
        not_judged=[prop.name for prop in system.of_kind("always_possible")],
    )


class _Walker:
    """Walks, and what they have met so far."""

    def __init__(self, system: System, chance: random.Random) -> None:
        self.system, self.chance = system, chance
        self.initial = calls.initial_states(system)
        self.steps: dict[State, list[tuple[int, State]]] = {}
        self.projected: dict[tuple[Hashable, ...], Any] = {}
        self.found: dict[Property | None, Found] = {}
        self.fired: set[int] = set()
        self.met: set[str] = set()

    def walk(self, steps: int) -> None:
        """One walk of up to so many steps."""
        state = self.chance.choice(self.initial)
        visited: dict[State, None] = {}
        for _ in range(steps):
            visited[state] = None
            self.judge(state, visited)
            moves = self.moves(state)
            if not moves:
                break
            state = self.choose(moves)
        self.judge_promises(visited)

    def choose(self, moves: list[tuple[int, State]]) -> State:
        """A successor: first an action at random, so that one with many choices does not drown the others."""
        action = self.chance.choice(list(dict.fromkeys(number for number, _ in moves)))
        return self.chance.choice([state for number, state in moves if number == action])

    def judge(self, state: State, visited: dict[State, None]) -> None:
        """Safety in one state."""
        if self.is_deadlock(state):
            self.violated(None, visited, self.is_deadlock)
        for prop in self.system.properties:
            if prop.kind == "always" and not self.holds(prop, 0, state):
                self.violated(prop, visited, self.breaks(prop))
            elif prop.kind == "sometimes" and prop.name not in self.met and self.holds(prop, 0, state):
                self.met.add(prop.name)

    def violated(
        self, prop: Property | None, visited: dict[State, None], bad: Callable[[State], bool]
    ) -> None:
        """Keep a violation with the shortest path that is found among few states, or among those walked."""
        if prop not in self.found:
            path = self.shortest(bad, None) or self.shortest(bad, visited)
            assert path is not None, "the walk itself is such a path"
            self.found[prop] = Found(prop, path)

    def breaks(self, prop: Property) -> Callable[[State], bool]:
        """Whether a state violates an invariant."""
        return lambda state: not self.holds(prop, 0, state)

    def is_deadlock(self, state: State) -> bool:
        """Whether a state has no successors and should."""
        return not self.moves(state) and not any(self.holds(p, 0, state) for p in self.system.terminals)

    def judge_promises(self, visited: dict[State, None]) -> None:
        """Whether a fair path among the visited states breaks a promise; found ones are short already."""
        due = [p for p in self.system.of_kind("eventually", "leads_to") if p not in self.found]
        if due:
            edges = {state: self.moves(state) for state in visited}
            initial = [state for state in dict.fromkeys(self.initial) if state in visited]
            view = dataclasses.replace(self.system, properties=due)
            for found in decide(view, edges, initial, self.holds, lambda _: []):
                self.found[found.prop] = found

    def shortest(self, bad: Callable[[State], bool], among: dict[State, None] | None) -> Walk | None:
        """A shortest path to a bad state: among the given states, or among the first ones of a search."""
        came: dict[State, tuple[State | None, str | None]] = dict.fromkeys(self.initial, (None, None))
        queue = deque(came)
        while queue and (among is not None or len(came) < SHORTEN_STATES):
            state = queue.popleft()
            if bad(state):
                return _walked(came, state)
            for number, successor in self.moves(state):
                if successor not in came and (among is None or successor in among):
                    came[successor] = state, self.system.actions[number].name
                    queue.append(successor)
        return None

    def moves(self, state: State) -> list[tuple[int, State]]:
        """The steps from a state."""
        if state not in self.steps:
            self.steps[state] = list(self.expand(state))
        return self.steps[state]

    def expand(self, state: State) -> Iterator[tuple[int, State]]:
        """The steps from a state, each function run once for each projection."""
        for number, action in enumerate(self.system.actions):
            values = tuple(state[i] for i in action.components)
            if (action, values) not in self.projected:
                self.projected[action, values] = calls.successors(self.system, action, values)
            for result in self.projected[action, values]:
                self.fired.add(number)
                yield number, calls.merged(state, action, result)

    def holds(self, prop: Property, which: int, state: State) -> bool:
        """Whether a predicate holds in a state."""
        key = prop, which, tuple(state[i] for i in prop.components)
        if key not in self.projected:
            self.projected[key] = calls.holds(self.system, prop, key[2], which)
        return bool(self.projected[key])


def _walked(came: dict[State, tuple[State | None, str | None]], state: State) -> Walk:
    path: Walk = []
    at: State | None = state
    while at is not None:
        before, name = came[at]
        path.append((name, at))
        at = before
    return path[::-1]
