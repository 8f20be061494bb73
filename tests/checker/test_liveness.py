"""Promises: sound on cycles and joins, fair as TLA+ is fair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from perdure_model.checker import Report, System, Violation

from .conftest import Check

Graph = Mapping[str, Mapping[int, Sequence[int]]]


def on_graph(graph: Graph, **fair: bool | str) -> System:
    """A system with one component, and an action for each name: the successors of each node."""
    system = System("graph")
    node = system.component("node", 0)
    for name, edges in graph.items():

        @system.action(node, name=name, fair=fair.get(name, False))
        def step(node: int, edges: Mapping[int, Sequence[int]] = edges) -> Iterator[int]:
            yield from edges.get(node, ())

    system.terminal(node)(lambda node: True)
    return system


def reaching(system: System, *goals: int) -> System:
    system.eventually(system["node"], name="reaches")(lambda node: node in goals)
    return system


def walk(violation: Violation) -> list[object]:
    return [step.state["node"] for step in violation.trace]


def only(report: Report) -> Violation:
    (violation,) = report.violations
    return violation


def test_a_cycle_that_avoids_the_goal_is_found(run: Check) -> None:
    """A checker that follows `eventually` along a search tree ends at the visited state and sees nothing."""
    violation = only(run(reaching(on_graph({"go": {0: [1, 2], 1: [0], 2: []}}, go=True), 2)))
    assert walk(violation) == [0, 1, 0]
    assert violation.loop == 0


@pytest.mark.parametrize("order", [[1, 2], [2, 1]])
def test_a_join_does_not_hide_the_path_that_missed_the_goal(run: Check, order: list[int]) -> None:
    """Two paths join; one came by the goal, the other did not. It must not matter which is walked first.

    Stateright's issue 3: it carries `eventually` along the paths of its search, and a state that was visited
    by a path that had met the goal is not visited again by one that had not.
    """
    violation = only(run(reaching(on_graph({"go": {0: order, 1: [3], 2: [3], 3: []}}, go=True), 1)))
    assert walk(violation) == [0, 2, 3]
    assert violation.loop == 2


def test_a_cycle_behind_a_join_is_found(run: Check) -> None:
    graph = {"go": {0: [1, 2], 1: [3], 2: [3], 3: [4], 4: [3]}}
    violation = only(run(reaching(on_graph(graph, go=True), 1)))
    assert walk(violation)[:2] == [0, 2]
    assert violation.loop == 2


def test_without_fairness_a_path_may_stop_anywhere(run: Check) -> None:
    violation = only(run(reaching(on_graph({"go": {0: [1]}}), 1)))
    assert (walk(violation), violation.loop) == ([0], 0)


def test_weak_fairness_takes_what_stays_enabled(run: Check) -> None:
    assert run(reaching(on_graph({"go": {0: [1]}}, go=True), 1)).ok


def test_weak_fairness_gives_up_on_what_is_enabled_now_and_then(run: Check) -> None:
    graph = {"spin": {0: [1], 1: [0]}, "leave": {0: [2]}}
    violation = only(run(reaching(on_graph(graph, spin=True, leave=True), 2)))
    assert set(walk(violation)) == {0, 1}
    assert walk(violation)[-1] == walk(violation)[violation.loop or 0]


def test_strong_fairness_takes_what_is_enabled_again_and_again(run: Check) -> None:
    graph = {"spin": {0: [1], 1: [0]}, "leave": {0: [2]}}
    assert run(reaching(on_graph(graph, spin=True, leave="strong"), 2)).ok


def test_strong_fairness_does_not_force_what_is_enabled_only_once(run: Check) -> None:
    graph = {"spin": {0: [1], 1: [2], 2: [1]}, "leave": {0: [3]}}
    violation = only(run(reaching(on_graph(graph, spin=True, leave="strong"), 3)))
    assert set(walk(violation)) == {0, 1, 2}
    assert violation.loop == 1


def test_a_starved_part_of_a_component_is_found(run: Check) -> None:
    """The whole component is unfair to `leave`; the smaller cycle that avoids its guard is not."""
    graph = {"spin": {0: [1], 1: [2, 0], 2: [1]}, "leave": {0: [3]}}
    violation = only(run(reaching(on_graph(graph, spin=True, leave="strong"), 3)))
    assert set(walk(violation)[violation.loop :]) == {1, 2}


def test_a_step_that_changes_nothing_is_no_fair_step(run: Check) -> None:
    """As TLA+'s <A>_vars: an action that can only stutter is not enabled."""
    violation = only(run(reaching(on_graph({"stay": {0: [0]}}, stay=True), 1)))
    assert (walk(violation), violation.loop) == ([0], 0)
    assert run(reaching(on_graph({"choose": {0: [0, 1]}}, choose=True), 1)).ok


def test_a_loop_serves_every_fair_action(run: Check) -> None:
    graph = {"a": {0: [1]}, "b": {1: [2]}, "c": {2: [0]}, "d": {1: [0]}, "out": {0: [9]}}
    violation = only(run(reaching(on_graph(graph, a=True, b=True, c=True, d="strong", out=True), 9)))
    looped = [step.action for step in violation.trace[(violation.loop or 0) + 1 :]]
    assert "d" in looped


def test_leads_to_is_broken_again_after_it_was_kept(run: Check) -> None:
    system = on_graph({"go": {0: [1], 1: [2], 2: [3], 3: [4]}}, go=True)
    node = system["node"]
    system.leads_to(node, when=lambda n: n in (0, 3), then=lambda n: n == 2, name="answered")
    violation = only(run(system))
    assert (walk(violation), violation.loop) == ([0, 1, 2, 3, 4], 4)


def test_leads_to_may_be_answered_at_once(run: Check) -> None:
    system = on_graph({"go": {0: [1]}}, go=True)
    system.leads_to(system["node"], when=lambda n: n == 1, then=lambda n: n == 1, name="at once")
    assert run(system).ok


def test_eventually_is_once_and_not_for_ever(run: Check) -> None:
    assert run(reaching(on_graph({"go": {0: [1], 1: [0]}}, go=True), 1)).ok


def test_always_possible(run: Check) -> None:
    system = on_graph({"go": {0: [1, 2], 1: [0], 2: [3], 3: [2]}})
    system.always_possible(system["node"], name="home")(lambda node: node == 0)
    violation = only(run(system))
    assert (violation.kind, walk(violation), violation.loop) == ("always_possible", [0, 2], None)


def test_always_possible_needs_no_fairness(run: Check) -> None:
    system = on_graph({"go": {0: [1], 1: [0, 2], 2: [0]}})
    system.always_possible(system["node"], name="home")(lambda node: node == 0)
    assert run(system).ok


def test_from_every_initial_state(run: Check) -> None:
    system = reaching(on_graph({"go": {0: [1], 5: [6]}}, go=True), 1)
    system.initial(system["node"])(lambda: [0, 5])
    violation = only(run(system))
    assert walk(violation) == [5, 6]
