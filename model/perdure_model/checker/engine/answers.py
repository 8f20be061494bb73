"""What a model's functions answered: each asked once for each projection that was reached.

Everything here is in ids; it outlives any layout of the bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from perdure_model.checker import calls
from perdure_model.checker.system import Action, Property, State, System

from .interning import Interner

Ids = tuple[int, ...]
Successors = dict[tuple[Action, State], tuple[State, ...]]
Verdicts = dict[tuple[Property, int, State], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A predicate that the search watches: the state where it answers `alarm` is remarkable.

    For `always` that is a violation; for `sometimes`, and for the `when` of a `leads_to`, it is met.
    Without a property it is the watch for deadlocks.
    """

    prop: Property | None
    alarm: bool = False

    @property
    def components(self) -> tuple[int, ...]:
        """What the predicate names."""
        return self.prop.components if self.prop else ()

    @property
    def violation(self) -> bool:
        """Whether the alarm is a violated property."""
        return self.prop is None or self.prop.kind == "always"


DEADLOCK = Watched(None)


def watched(system: System) -> list[Watched]:
    """The predicates that a search looks at in every state."""
    return [Watched(p, p.kind != "always") for p in system.of_kind("always", "sometimes", "leads_to")]


class Answers:
    """The memory of all calls. `projections` is what was asked, for the symmetry's probe."""

    def __init__(self, system: System, interner: Interner) -> None:
        self.system, self.interner = system, interner
        self._successors: dict[Action, dict[Ids, tuple[Ids, ...]]] = {a: {} for a in system.actions}
        self._verdicts: dict[tuple[Property, int], dict[Ids, bool]] = {}

    def successors(self, action: Action, ids: Ids) -> tuple[Ids, ...]:
        """The successors of an action, as ids of its components."""
        memory = self._successors[action]
        found = memory.get(ids)
        if found is None:
            values = self.interner.locals(action.components, ids)
            results = calls.successors(self.system, action, values)
            found = memory[ids] = tuple(self.interner.ids(action.components, r) for r in results)
        return found

    def holds(self, prop: Property, ids: Ids, which: int = 0) -> bool:
        """What a predicate says."""
        memory = self._verdicts.setdefault((prop, which), {})
        found = memory.get(ids)
        if found is None:
            values = self.interner.locals(prop.components, ids)
            found = memory[ids] = calls.holds(self.system, prop, values, which)
        return found

    def named(self, watched: Watched) -> tuple[int, ...]:
        """The components whose ids `alarms` wants: a predicate's, or those of all terminals."""
        if watched.prop is not None:
            return watched.prop.components
        return tuple(sorted({c for t in self.system.terminals for c in t.components}))

    def alarms(self, watched: Watched, ids: Ids) -> bool:
        """Whether a state is remarkable for this. Deadlock: whether a state without successors is one."""
        if watched.prop is not None:
            return self.holds(watched.prop, ids) == watched.alarm
        ids_of = dict(zip(self.named(watched), ids, strict=True))
        return not any(self.holds(t, tuple(ids_of[c] for c in t.components)) for t in self.system.terminals)

    def told(self) -> tuple[Successors, Verdicts]:
        """All that was asked and answered, in local states."""
        known = self.interner.locals
        successors = {
            (action, known(action.components, ids)): tuple(known(action.components, r) for r in results)
            for action, memory in self._successors.items()
            for ids, results in memory.items()
        }
        verdicts = {
            (prop, which, known(prop.components, ids)): held
            for (prop, which), memory in self._verdicts.items()
            for ids, held in memory.items()
        }
        return successors, verdicts
