"""The same seed draws the same faults, and every kind of them."""

from __future__ import annotations

import random

from perdure.testing import Fault

from tests.soak.chaos import DRAWS, draw


def drawn(seed: int, count: int) -> list[tuple[Fault, float]]:
    chance = random.Random(seed)
    return [draw(chance, 0.1) for _ in range(count)]


def test_a_seed_draws_the_same_faults_again() -> None:
    assert drawn(7, 50) == drawn(7, 50)
    assert drawn(7, 50) != drawn(8, 50)


def test_every_type_of_fault_is_drawn() -> None:
    assert len({type(fault) for fault, _ in drawn(1, 500)}) == 8
    assert len(DRAWS) > 10


def test_the_waits_are_as_long_as_was_asked_for_in_the_mean() -> None:
    waits = [wait_s for _, wait_s in drawn(1, 2000)]
    assert 0.09 < sum(waits) / len(waits) < 0.11
