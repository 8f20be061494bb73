"""What a check tells: counts, violations with their traces, and what was covered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .contract import Found, Stopped
from .system import Local, System

Verdict = Literal["holds", "violated", "unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    """A state on a trace, the action that led to it (None for the first) and the components it changed."""

    action: str | None
    state: Mapping[str, Local]
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that does not hold, and how to see it.

    `kind` is "always", "sometimes", "eventually", "leads_to", "always_possible" or "deadlock" (whose
    `property` is "deadlock", too). The trace is empty for a `sometimes`: nothing reached it. A lasso's
    last state equals the one at `loop`, from where it repeats for ever; if that is the last one itself,
    the path stops there for ever. `loop` is None for the other kinds.
    """

    property: str
    kind: str
    trace: Sequence[Step]
    loop: int | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a search reached of what the model declares."""

    actions: Mapping[str, int]
    """How often each action yielded; 0: it never fired."""
    local_states: Mapping[str, Mapping[Local, int]]
    """For each component its local states in reached states, with the level of the first one."""
    sometimes: Mapping[str, bool]
    """Whether each `sometimes` was met."""
    triggered: Mapping[str, bool]
    """Whether the `when` of each `leads_to` ever held; if not, it holds for want of an occasion."""

    @property
    def never_fired(self) -> list[str]:
        """The actions that never yielded."""
        return [name for name, count in self.actions.items() if not count]

    @property
    def never_triggered(self) -> list[str]:
        """The `leads_to` that hold only because their `when` never did."""
        return [name for name, met in self.triggered.items() if not met]

    def growing(self, depth: int) -> list[str]:
        """The components that still had new local states in each of the last three levels."""
        last = set(range(max(2, depth - 2), depth + 1))
        return [name for name, seen in self.local_states.items() if last and last <= set(seen.values())]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a check. Only a complete search without violations is `ok`."""

    system: str
    complete: bool
    distinct: int
    generated: int
    depth: int
    seconds: float
    engine: str
    violations: Sequence[Violation]
    coverage: Coverage
    verdicts: Mapping[str, Verdict]
    """For each property, and "deadlock"."""
    undecided: Mapping[str, str] = field(default_factory=dict)
    """Why a verdict is unknown."""
    stopped: Stopped | None = None
    """What cut the search short."""
    workers: int = 1
    levels: Sequence[int] = ()
    """Number of new states at each level."""
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Everything was explored, and everything holds."""
        return self.complete and not self.violations

    @property
    def growing(self) -> list[str]:
        """In a search that was cut short: the components that were still growing."""
        return [] if self.complete else self.coverage.growing(self.depth)

    def summary(self) -> str:
        """The report as text for people."""
        from .show.text import summary  # shown at the end only: showing is above telling

        return summary(self)

    def assert_ok(self) -> None:
        """Raise AssertionError with the summary and all traces unless the report is ok."""
        if not self.ok:
            raise AssertionError("\n" + self.summary())


def violation_of(system: System, found: Found) -> Violation:
    """What an engine found, with names in place of indices."""
    names = [component.name for component in system.components]
    steps: list[Step] = []
    for action, state in found.path:
        local = dict(zip(names, state, strict=True))
        changed = tuple(n for n in names if steps and steps[-1].state[n] != local[n])
        steps.append(Step(action, local, changed))
    prop = found.prop
    return Violation(prop.name if prop else "deadlock", prop.kind if prop else "deadlock", steps, found.loop)
