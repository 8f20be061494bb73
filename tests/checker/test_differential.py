"""The engines against each other, and liveness and symmetry against their definitions, on random systems."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from perdure_model.checker import Report, System, calls, check
from perdure_model.checker.system import Property, State

from .conftest import HAVE_NUMBA
from .systems import Generated, generated

needs_numba = pytest.mark.skipif(not HAVE_NUMBA, reason="numba is not installed")
MANY = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
BRUTE_MAX = 9


def told(report: Report) -> dict[str, Any]:
    """What two engines must tell alike. Traces may differ; the length of a shortest one may not."""
    safety = ("always", "deadlock", "sometimes", "always_possible")
    return {
        "complete": report.complete,
        "distinct": report.distinct,
        "generated": report.generated,
        "depth": report.depth,
        "levels": list(report.levels),
        "verdicts": dict(report.verdicts),
        "undecided": set(report.undecided),
        "stopped": report.stopped,
        "lengths": {v.property: len(v.trace) for v in report.violations if v.kind in safety},
        "coverage": report.coverage,
    }


@needs_numba
@MANY
@given(generated(), st.sampled_from([1, 2]))
def test_engines_agree(model: Generated, workers: int) -> None:
    assert told(check(model.system, workers=workers)) == told(check(model.system, engine="plain"))


@needs_numba
@MANY
@given(generated(symmetric=True), st.sampled_from([1, 2]))
def test_engines_agree_under_symmetry(model: Generated, workers: int) -> None:
    compiled = check(model.system, workers=workers, symmetry=model.symmetry)
    assert told(compiled) == told(check(model.system, engine="plain", symmetry=model.symmetry))


@needs_numba
@MANY
@given(generated(), st.integers(1, 30), st.integers(1, 6))
def test_engines_agree_where_a_search_is_cut(model: Generated, states: int, depth: int) -> None:
    limits: list[dict[str, Any]] = [{"max_states": states}, {"max_depth": depth}]
    for limit in limits:
        compiled, plain = (check(model.system, engine=e, **limit) for e in ("compiled", "plain"))
        assert (compiled.complete, compiled.stopped) == (plain.complete, plain.stopped)
        assert compiled.distinct == plain.distinct
        if plain.stopped != "max_states":  # where it stops within a level is the engine's affair
            assert told(compiled) == told(plain)


@MANY
@given(generated(symmetric=True))
def test_symmetry_changes_no_verdict(model: Generated) -> None:
    whole = check(model.system, engine="plain")
    reduced = check(model.system, engine="plain", symmetry=model.symmetry)
    assert reduced.verdicts == whole.verdicts
    assert reduced.depth == whole.depth
    assert reduced.distinct == len(orbits(model))
    assert reduced.coverage.local_states == whole.coverage.local_states
    assert reduced.coverage.sometimes == whole.coverage.sometimes
    assert reduced.coverage.never_fired == whole.coverage.never_fired
    assert {v.property: len(v.trace) for v in reduced.violations if v.loop is None} == {
        v.property: len(v.trace) for v in whole.violations if v.loop is None
    }


@MANY
@given(generated())
def test_promises_are_judged_by_their_definition(model: Generated) -> None:
    steps = reachable(model.system)
    assume(len(steps) <= BRUTE_MAX)
    report = check(model.system, engine="plain")
    for prop in model.system.of_kind("eventually", "leads_to"):
        broken = can_break(model.system, prop, steps)
        assert report.verdicts[prop.name] == ("violated" if broken else "holds")


def reachable(system: System) -> dict[State, list[tuple[str, State]]]:
    """All states with their steps."""
    steps: dict[State, list[tuple[str, State]]] = {}
    work = calls.initial_states(system)
    while work:
        state = work.pop()
        if state not in steps:
            steps[state] = list(calls.steps(system, state))
            work += [successor for _, successor in steps[state]]
    return steps


def orbits(model: Generated) -> set[State]:
    """The least arrangement of every reachable state, by trying all of them."""
    groups = [tuple(c.index for c in group) for group in model.symmetry[0]]

    def arrangements(state: State) -> list[State]:
        found = []
        for order in itertools.permutations(groups):
            image = list(state)
            for group, source in zip(groups, order, strict=True):
                for index, other in zip(group, source, strict=True):
                    image[index] = state[other]
            found.append(tuple(image))
        return found

    return {min(arrangements(state), key=repr) for state in reachable(model.system)}


def can_break(system: System, prop: Property, steps: dict[State, list[tuple[str, State]]]) -> bool:
    """By definition: some set of states can be walked for ever, fairly, while the promise is open."""

    def holds(which: int, state: State) -> bool:
        return calls.holds(system, prop, tuple(state[i] for i in prop.components), which)

    unkept = {state for state in steps if not holds(len(prop.functions) - 1, state)}
    begun = (
        set(calls.initial_states(system)) if prop.kind == "eventually" else {s for s in steps if holds(0, s)}
    )
    is_open = closure(begun & unkept, unkept, steps)
    for size in range(1, len(is_open) + 1):
        for part in map(set, itertools.combinations(is_open, size)):
            if all(closure({state}, part, steps) == part for state in part) and fair(system, part, steps):
                return True
    return False


def closure(start: set[State], within: set[State], steps: dict[State, list[tuple[str, State]]]) -> set[State]:
    found, work = set(start), list(start)
    while work:
        for _, successor in steps[work.pop()]:
            if successor in within and successor not in found:
                found.add(successor)
                work.append(successor)
    return found


def fair(system: System, part: set[State], steps: dict[State, list[tuple[str, State]]]) -> bool:
    for action in system.actions:
        moves = {s: {t for name, t in steps[s] if name == action.name and t != s} for s in part}
        taken = any(targets & part for targets in moves.values())
        if action.fairness == "weak" and all(moves.values()) and not taken:
            return False
        if action.fairness == "strong" and any(moves.values()) and not taken:
            return False
    return True
