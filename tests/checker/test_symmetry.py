"""Symmetry: exact where the model has it, refused where it has not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from perdure_model.checker import Component, SymmetryError, System
from perdure_model.checker.symmetry import Symmetry

from .conftest import Check
from .models.two_phase_commit import two_phase_commit


def pair(odd: bool = False) -> tuple[System, list[Component]]:
    """Two counters to 2; the second goes a step further if it is odd."""
    system = System("pair")
    counters = [system.component(name, 0) for name in ("left", "right")]
    for i, counter in enumerate(counters):

        @system.action(counter, name=f"up_{counter.name}")
        def up(n: int, last: int = 2 + (odd and i)) -> Iterator[int]:
            if n < last:
                yield n + 1

    system.terminal(*counters, name="both done")(lambda *counters: min(counters) == 2)
    return system, counters


def test_orbits_are_counted(run: Check) -> None:
    system, counters = pair()
    assert run(system).distinct == 9
    report = run(system, symmetry=[counters])
    assert report.distinct == 6
    report.assert_ok()


def test_components_can_be_given_by_name(run: Check) -> None:
    assert run(pair()[0], symmetry=[["left", "right"]]).distinct == 6
    assert run(pair()[0], symmetry=[[("left",), ("right",)]]).distinct == 6


def test_several_sets_are_permuted_independently(run: Check) -> None:
    system = System()
    bits = [system.component(f"b{i}", 0) for i in range(5)]
    for bit in bits:
        system.action(bit, name=bit.name)(lambda b: [1 - b])
    assert run(system).distinct == 32
    assert run(system, symmetry=[bits[:2], bits[2:]]).distinct == 3 * 4


def test_the_whole_group_is_sorted_and_not_one_field(run: Check) -> None:
    """Sorting by the first component alone would take (0, a) (0, b) and (0, b) (0, a) for two."""
    system = System()
    groups = [(system.component(f"same{i}", 0), system.component(f"other{i}", "a")) for i in range(3)]
    for i, (_, other) in enumerate(groups):
        system.action(other, name=f"flip{i}")(lambda o: ["b" if o == "a" else "a"])
    assert run(system, symmetry=[groups]).distinct == 4


def test_an_action_that_tells_groups_apart_is_refused(run: Check) -> None:
    system, counters = pair(odd=True)
    with pytest.raises(SymmetryError, match=r"=2 differs from what can at .*=2; see 'up_(left|right)'"):
        run(system, symmetry=[counters])


def test_an_action_without_counterpart_is_refused(run: Check) -> None:
    system, counters = pair()
    system.action(counters[0], name="only left")(lambda n: None)
    with pytest.raises(SymmetryError, match=r"'up_left'|'only left'.*no counterpart over \(right\)"):
        run(system, symmetry=[counters])


def test_groups_must_start_alike(run: Check) -> None:
    system, counters = pair()
    system.initial(*counters)(lambda: [(0, 1)])
    with pytest.raises(SymmetryError, match="left=1, right=0 is not"):
        run(system, symmetry=[counters])


def test_a_property_that_tells_groups_apart_is_refused(run: Check) -> None:
    system, counters = pair()
    system.sometimes(*counters, name="left leads")(lambda left, right: left > right)
    with pytest.raises(SymmetryError, match="'left leads' answers"):
        run(system, symmetry=[counters])


def test_a_property_of_one_group_is_refused(run: Check) -> None:
    system, counters = pair()
    system.always(counters[0], name="small")(lambda n: n < 9)
    with pytest.raises(SymmetryError, match="'small' has no counterpart"):
        run(system, symmetry=[counters])


def test_possibility_for_one_group_is_refused(run: Check) -> None:
    system, counters = pair()
    for counter in counters:
        system.always_possible(counter, name=f"{counter.name} done")(lambda n: n == 2)
    with pytest.raises(SymmetryError, match="looks at one group"):
        run(system, symmetry=[counters])


def test_a_terminal_that_tells_groups_apart_is_refused(run: Check) -> None:
    system, counters = pair()
    system.terminal(*counters, name="odd")(lambda left, right: left == 2 and right == 1)
    system.terminal(*counters, name="stuck")(lambda left, right: False)
    system.action(*counters, name="block")(lambda left, right: None)
    report = run(system, symmetry=[counters])  # neither is asked: no state without successors needs it
    assert report.distinct == 6


def test_each_members_own_property_is_judged(run: Check) -> None:
    system, counters = pair()
    for counter in counters:
        system.always(counter, name=f"{counter.name} below 2")(lambda n: n < 2)
        system.sometimes(counter, name=f"{counter.name} gets to 1")(lambda n: n == 1)
    report = run(system, symmetry=[counters])
    traces = {v.property: v.trace for v in report.violations}
    assert set(traces) == {"left below 2", "right below 2"}
    for name, trace in traces.items():
        side = name.split()[0]
        assert [step.action for step in trace] == [None, f"up_{side}", f"up_{side}"]
        assert trace[-1].state[side] == 2
    assert all(report.coverage.sometimes.values())
    assert report.coverage.never_fired == []
    assert report.coverage.local_states["left"] == report.coverage.local_states["right"]


def test_a_trace_is_a_real_one(run: Check) -> None:
    system, members = two_phase_commit(4)
    components = [group[0] for group in members]
    system.always(*components, name="never two prepared, one aborted")(
        lambda *at: not (at.count("prepared") == 2 and at.count("aborted") == 1)
    )
    (violation,) = run(system, symmetry=[members]).violations
    (whole,) = run(system).violations
    assert len(violation.trace) == len(whole.trace) == 4


def test_promises_are_judged_on_the_whole_graph(run: Check) -> None:
    system = System()
    bits = [system.component(f"b{i}", 0) for i in range(3)]
    for bit in bits:
        system.action(bit, name=bit.name, fair=True)(lambda b: [1 - b])
    system.eventually(bits[0], name="first rises")(lambda b: b == 1)
    system.eventually(*bits, name="all at once")(lambda *bits: all(bits))
    report = run(system, symmetry=[bits])
    assert report.distinct == 4
    assert report.verdicts["first rises"] == "holds"
    assert report.verdicts["all at once"] == "violated"
    (violation,) = report.violations
    assert violation.loop is not None


def test_promises_of_a_cut_search_are_unknown(run: Check) -> None:
    system, counters = pair()
    system.eventually(*counters, name="done")(lambda *counters: min(counters) == 2)
    report = run(system, symmetry=[counters], max_states=4)
    assert report.verdicts["done"] == "unknown"
    assert not report.complete


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ([["left"]], "two or more groups"),
        ([[("left", "right"), ("left",)]], "two or more groups"),
        ([["left", "left"]], "in two groups"),
        ([[("left",), ("right",)], ["left", "right"]], "in two groups"),
        ([[(), ()]], "two or more groups"),
    ],
)
def test_misfits_are_refused(declared: Any, said: str) -> None:
    with pytest.raises(SymmetryError, match=said):
        Symmetry(pair()[0], declared)


def test_components_of_another_system_are_refused() -> None:
    with pytest.raises(SymmetryError, match="no component of system"):
        Symmetry(pair()[0], [pair()[1]])


def three_with_a_lock(odd_action: bool = False, odd_property: bool = False) -> tuple[System, list[Component]]:
    """One of three takes a lock for good. What is odd of the first is seen only after two exchanges."""
    system = System("lock")
    lock = system.component("lock", False)
    members = [system.component(f"m{i}", 0) for i in range(3)]
    for i, member in enumerate(members):

        @system.action(member, lock, name=f"take{i}")
        def take(member: int, lock: bool) -> Iterator[tuple[int, bool]]:
            if not lock:
                yield 1, True

        @system.action(member, name=f"use{i}")
        def use(member: int, first: bool = i == 0) -> Iterator[int]:
            if member == 1 and not (odd_action and first):
                yield member

        @system.always(member, name=f"fine{i}")
        def fine(member: int, first: bool = i == 0) -> bool:
            return member == 0 or not (odd_property and first)

    return system, members


def test_what_shows_only_after_two_exchanges_is_seen(run: Check) -> None:
    system, members = three_with_a_lock()
    assert run(system, symmetry=[members]).distinct == 2
    for odd in ({"odd_action": True}, {"odd_property": True}):
        system, members = three_with_a_lock(**odd)
        with pytest.raises(SymmetryError):
            run(system, symmetry=[members])


def test_a_local_state_is_seen_at_its_first_level_in_any_group(run: Check) -> None:
    """The second field is not what the groups are sorted by first, so the earliest may be in any place."""
    system = System()
    groups = [(system.component(f"a{i}", 0), system.component(f"b{i}", 0)) for i in range(2)]
    for i, (a, b) in enumerate(groups):
        system.action(a, name=f"rise{i}")(lambda a: [1] if a == 0 else None)

        @system.action(b, groups[1 - i][0], name=f"follow{i}")
        def follow(b: int, other: int) -> Iterator[tuple[int, int]]:
            if other == 1:
                yield 1, other

    whole, reduced = run(system), run(system, symmetry=[groups])
    assert reduced.coverage.local_states == whole.coverage.local_states
    assert reduced.distinct < whole.distinct
