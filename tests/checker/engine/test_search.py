"""Counts that arithmetic gives, over all that the packing can be made to do."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from perdure_model.checker import System, check
from perdure_model.checker.contract import Options
from perdure_model.checker.engine.search import Search

from tests.checker.engine.systems import counters, switches, with_ballast
from tests.checker.models.two_phase_commit import two_phase_commit

pytest.importorskip("numba")
WORKERS = pytest.mark.parametrize("workers", [1, 2, 3])


@WORKERS
@pytest.mark.parametrize("tops", [(7,), (300,), (40, 40), (9, 99, 20), (1, 2, 4, 8, 16)])
def test_ids_grow_as_wide_as_needed(tops: tuple[int, ...], workers: int) -> None:
    report = check(counters(*tops), engine="compiled", workers=workers)
    assert report.distinct == math.prod(top + 1 for top in tops)
    assert report.generated == 1 + len(tops) * report.distinct
    assert report.depth == 1 + sum(tops)
    assert report.ok


@WORKERS
@pytest.mark.parametrize("ballast", [44, 45, 46, 47, 48, 49, 110, 200])
def test_states_of_any_width(ballast: int, workers: int) -> None:
    report = check(with_ballast(switches(16), ballast), engine="compiled", workers=workers)
    assert (report.distinct, report.depth) == (2**16, 17)
    assert report.generated == 1 + 16 * 2**15
    assert sum(report.coverage.actions.values()) == report.generated - 1
    assert report.ok


def test_a_search_that_becomes_wide_on_the_way() -> None:
    system = with_ballast(counters(200, 200), 50)
    search = _searched(system)
    assert search.store.words == 2
    assert len(search.store) == 201 * 201
    assert (
        len(
            {
                tuple(row)
                for first, end in search.store.ranges()
                for row in search.store.states[first:end].tolist()
            }
        )
        == 201 * 201
    )


def test_an_action_over_more_than_a_word() -> None:
    system = with_ballast(switches(12), 80)

    @system.action(*system.components)
    def all_off(*local: int) -> Iterator[tuple[int, ...]]:
        if all(local[:12]):
            yield (0,) * len(local)

    report = check(system, engine="compiled", workers=2)
    assert report.distinct == 2**12
    assert report.coverage.actions["all_off"] == 1
    assert report.ok


@WORKERS
def test_the_set_grows_under_several_workers(workers: int) -> None:
    report = check(switches(19), engine="compiled", workers=workers)
    assert report.distinct == 2**19
    assert report.levels == [math.comb(19, n) for n in range(20)]


@WORKERS
def test_a_state_with_more_successors_than_a_worker_has_room_for(workers: int) -> None:
    system = System("fan")
    value = system.component("value", -1)

    @system.action(value)
    def fan(at: int) -> Iterator[int]:
        if at < 0:
            yield from range(20_000)

    @system.terminal(value)
    def fanned(at: int) -> bool:
        return at >= 0

    report = check(system, engine="compiled", workers=workers)
    assert (report.distinct, report.generated, report.depth) == (20_001, 20_001, 2)
    assert report.ok


def test_the_model_is_asked_once_for_each_projection_that_is_reached() -> None:
    asked: list[tuple[int, int]] = []
    system = System("asked")
    one, other = system.component("one", 0), system.component("other", 0)
    system.component("third", 0)

    @system.action(one, other)
    def together(a: int, b: int) -> Iterator[tuple[int, int]]:
        asked.append((a, b))
        if a < 5:
            yield a + 1, b + 1

    @system.action(system["third"])
    def alone(a: int) -> Iterator[int]:
        yield (a + 1) % 50

    @system.terminal(one)
    def never(_: int) -> bool:
        return False

    check(system, engine="compiled")
    assert sorted(asked) == sorted(2 * [(n, n) for n in range(6)])  # each call is made twice and compared


@pytest.mark.parametrize(("n", "orbits"), [(3, 80), (5, 314), (7, 920), (8, 1_461)])
def test_orbits_of_two_phase_commit(n: int, orbits: int) -> None:
    system, groups = two_phase_commit(n)
    report = check(system, symmetry=[groups], engine="compiled", workers=2)
    assert report.distinct == orbits
    assert report.ok


@WORKERS
def test_several_sets_of_interchangeable_groups_in_wide_states(workers: int) -> None:
    """Unordered choices: 4 of 5 values with repetition, times 3 of 8."""
    system = with_ballast(counters(4, 4, 4, 4, 7, 7, 7), 60)
    names = [component.name for component in system.components]
    sets = [[(name,) for name in names[:4]], [(name,) for name in names[4:7]]]
    report = check(system, symmetry=sets, engine="compiled", workers=workers)
    assert report.distinct == math.comb(5 + 4 - 1, 4) * math.comb(8 + 3 - 1, 3)


def test_bits_can_be_gathered_without_the_instruction_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portable way, in plain Python: the compiled kernels have the processor's built in."""
    from perdure_model.checker.engine import kernels

    gathered = []
    for extracts in (False, True):
        monkeypatch.setattr(kernels, "EXTRACTS", extracts)
        search = Search(two_phase_commit(3)[0], Options(workers=1))
        search.new_tables([])
        gathered.append(len(search.tables.segments))
        search.pool.shutdown()
    assert gathered[0] > gathered[1]


def _searched(system: System) -> Search:
    from perdure_model.checker.engine.interrupts import Interrupts

    search = Search(system, Options(workers=2))
    with search.pool, Interrupts() as interrupts:
        search.run(interrupts)
    return search
