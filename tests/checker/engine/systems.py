"""Systems whose state counts are known by arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import System


def counters(*tops: int, loop: bool = True) -> System:
    """Independent counters: the product of `top + 1`; `loop` brings each back to 0."""
    system = System(f"counters {tops}")
    for n, top in enumerate(tops):
        counter = system.component(f"counter{n}", 0)

        @system.action(counter, name=f"count{n}", fair=True)
        def count(at: int, top: int = top) -> Iterator[int]:
            if at < top:
                yield at + 1
            elif loop:
                yield 0

    if not loop:
        everything = system.components

        @system.terminal(*everything)
        def all_done(*at: int) -> bool:
            return at == tops

    return system


def switches(n: int) -> System:
    """n switches that only go on: 2 ** n states."""
    return counters(*[1] * n, loop=False)


def with_ballast(system: System, bits: int) -> System:
    """The same system with that many components that never change, to make its states wide."""
    for n in range(bits):
        system.component(f"ballast{n}", 0)
    return system
