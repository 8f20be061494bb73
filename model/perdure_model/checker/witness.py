"""Every counterexample is walked again before it is shown, by calling the model's own functions.

An engine that told a path that the model does not have, or one that violates nothing, would be wrong;
it is then found out here and not by whoever reads the trace.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from . import calls
from .contract import Found
from .system import Property, State, System


class WitnessError(AssertionError):
    """The engine is wrong, not the model: please report it with the model."""


def confirm(system: System, findings: Iterable[Found]) -> None:
    """Raise WitnessError unless each path is one of the system's and shows what it is said to show."""
    initial: set[State] = set()
    for found in findings:
        initial = initial or set(calls.initial_states(system))
        _confirm(system, found, initial)


def _confirm(system: System, found: Found, initial: set[State]) -> None:
    states = [state for _, state in found.path]
    name = found.prop.name if found.prop else "deadlock"
    if not states or states[0] not in initial or found.path[0][0] is not None:
        raise WitnessError(f"{name}: the path does not begin in an initial state")
    for (_, before), (action, after) in itertools.pairwise(found.path):
        if not any(step == (action, after) for step in calls.steps(system, before)):
            raise WitnessError(f"{name}: no step {action!r} leads from {before!r} to {after!r}")
    if not _shows(system, found, states):
        raise WitnessError(f"{name}: the path does not violate it")


def _shows(system: System, found: Found, states: list[State]) -> bool:
    prop, last = found.prop, states[-1]
    if prop is None:
        dead = next(calls.steps(system, last), None) is None
        return dead and not any(_holds(system, terminal, last) for terminal in system.terminals)
    if prop.kind in ("always", "always_possible"):
        return not _holds(system, prop, last)
    return found.loop is not None and _unkept(system, prop, states, found.loop)


def _unkept(system: System, prop: Property, states: list[State], loop: int) -> bool:
    """Whether the lasso closes, is fair, and leaves the promise open for ever."""
    kept = [_holds(system, prop, state, len(prop.functions) - 1) for state in states]
    if prop.kind == "eventually":
        is_open = not any(kept)
    else:
        last_kept = max((n for n, held in enumerate(kept) if held), default=-1)
        when = [_holds(system, prop, state) for state in states[last_kept + 1 :]]
        is_open = last_kept < loop and any(when)
    return is_open and states[loop] == states[-1] and _fair(system, states[loop:])


def _fair(system: System, cycle: list[State]) -> bool:
    """Whether going round for ever, or stopping in the one state, neglects no fair action."""
    for action in system.actions:
        moves = [
            {after for name, after in calls.steps(system, state) if name == action.name and after != state}
            for state in cycle
        ]
        taken = any(after in possible for after, possible in zip(cycle[1:], moves, strict=False))
        owed = {"none": False, "weak": all(moves), "strong": any(moves)}[action.fairness]
        if owed and not taken:
            return False
    return True


def _holds(system: System, prop: Property, state: State, which: int = 0) -> bool:
    return calls.holds(system, prop, tuple(state[i] for i in prop.components), which)
