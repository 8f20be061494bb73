"""State counts that others published, most of them in the manifest of the TLA+ examples."""

from __future__ import annotations

import pytest
from perdure_model.checker import System

from .conftest import Check
from .models.alternating_bit import alternating_bit
from .models.coffee_can import coffee_can
from .models.ewd840 import ewd840
from .models.fifo import fifo
from .models.klotski import klotski
from .models.lamport_mutex import lamport_mutex
from .models.philosophers import philosophers
from .models.readers_writers import readers_writers
from .models.transaction_commit import transaction_commit
from .models.two_phase_commit import two_phase_commit

SMALL_TWO_PHASE = {1: 12, 2: 56, 3: 288, 4: 1_568, 5: 8_832}
LARGE_TWO_PHASE = {6: 50_816, 7: 296_448, 8: 1_745_408}
ORBITS = {3: 80, 5: 314, 7: 920, 8: 1_461}


@pytest.mark.parametrize(("n", "distinct"), SMALL_TWO_PHASE.items())
def test_two_phase_commit(run: Check, n: int, distinct: int) -> None:
    report = run(two_phase_commit(n)[0])
    assert report.distinct == distinct
    report.assert_ok()


@pytest.mark.parametrize("run", ["compiled"], indirect=True)
@pytest.mark.parametrize(("n", "distinct"), LARGE_TWO_PHASE.items())
def test_two_phase_commit_with_many_members(run: Check, n: int, distinct: int) -> None:
    report = run(two_phase_commit(n)[0])
    assert report.distinct == distinct
    assert n != 7 or report.generated == 2_744_706
    report.assert_ok()


@pytest.mark.parametrize(("n", "orbits"), ORBITS.items())
def test_orbits_of_two_phase_commit(run: Check, n: int, orbits: int) -> None:
    system, members = two_phase_commit(n)
    report = run(system, symmetry=[members])
    assert report.distinct == orbits
    report.assert_ok()


@pytest.mark.parametrize(
    ("system", "counts"),
    [
        (transaction_commit(3), (34, 94, 7)),
        (coffee_can(100), (5_150, 20_002, 1)),
        (philosophers(5), (67, 336, 29)),
        (readers_writers(3), (21_527, 59_674, 13)),
        (ewd840(4), (1_566, 15_986, 12)),
    ],
    ids=lambda value: value.name if isinstance(value, System) else "",
)
def test_distinct_generated_and_depth(run: Check, system: System, counts: tuple[int, int, int]) -> None:
    report = run(system)
    assert (report.distinct, report.generated, report.depth) == counts
    report.assert_ok()


@pytest.mark.parametrize(
    ("system", "distinct", "depth"),
    [(alternating_bit(), 240, 10), (fifo(), 3_864, 11)],
    ids=lambda value: value.name if isinstance(value, System) else "",
)
def test_distinct_and_depth(run: Check, system: System, distinct: int, depth: int) -> None:
    """TLC bounds these by a constraint on states: it generates states beyond it, and counts them, too."""
    report = run(system)
    assert (report.distinct, report.depth) == (distinct, depth)
    report.assert_ok()


def test_a_smaller_ring(run: Check) -> None:
    report = run(ewd840(3))
    assert (report.distinct, report.generated) == (302, 2_001)


@pytest.mark.parametrize(
    "unfair",
    [alternating_bit(strong=False), ewd840(3, fair=False), philosophers(5, fair=False)],
    ids=lambda system: system.name,
)
def test_what_was_promised_needs_fairness(run: Check, unfair: System) -> None:
    report = run(unfair)
    assert {violation.kind for violation in report.violations} == {"leads_to"}


def test_klotski_needs_116_steps(run: Check) -> None:
    report = run(klotski())
    assert report.distinct == 25_955
    (violation,) = report.violations
    assert (violation.property, len(violation.trace) - 1) == ("shut_in", 116)


@pytest.mark.parametrize("run", ["compiled"], indirect=True)
def test_lamports_mutual_exclusion_is_wider_than_64_bits(run: Check) -> None:
    report = run(lamport_mutex(3, 6))
    assert (report.distinct, report.depth) == (724_274, 61)
    report.assert_ok()
    seen = report.coverage.local_states.values()
    assert sum((len(local_states) - 1).bit_length() for local_states in seen) > 64
