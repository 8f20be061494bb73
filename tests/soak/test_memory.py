"""Flat memory is told from memory that grows."""

from __future__ import annotations

import pytest

from tests.soak.memory import Memory

MIB = 2**20


def sampled(*sizes: float) -> Memory:
    memory = Memory("resident")
    for second, size in enumerate(sizes):
        memory.sample(second, int(size))
    return memory


def test_memory_that_fills_up_and_then_wavers_is_flat() -> None:
    filling = [(30 + n) * MIB for n in range(30)]
    wavering = [(60 + n % 2) * MIB for n in range(70)]
    assert sampled(*filling, *wavering).flat


def test_memory_that_grows_on_is_not() -> None:
    growing = sampled(*[60 * MIB + n * 300_000 for n in range(100)])
    assert not growing.flat
    assert growing.a_second == pytest.approx(300_000)


def test_memory_that_shrinks_is_flat() -> None:
    assert sampled(*[90 * MIB - n * 60_000 for n in range(100)]).flat


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="run for longer"):
        _ = sampled(*range(12)).flat


def test_of_the_blocks_allocated_less_is_borne() -> None:
    sizes = [60 * MIB + n * 110_000 for n in range(100)]
    blocks = Memory("blocks", [float(n) for n in range(100)], [float(size) for size in sizes])
    assert sampled(*sizes).flat
    assert not blocks.flat


def test_work_that_is_under_way_at_times_is_no_growth() -> None:
    busy = [60 * MIB + (n % 7) * n * 20_000 for n in range(100)]
    assert sampled(*busy).flat
