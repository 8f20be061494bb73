"""The coffee can problem of Dijkstra, Scholten and Gries (TLA+ examples, CoffeeCan)."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import System


def coffee_can(beans: int) -> System:
    """From every can of 1 … `beans` beans, two are taken out and one is put back until one is left."""
    system = System(f"coffee can, {beans} beans")
    black, white = system.component("black", 0), system.component("white", 0)

    @system.initial(black, white)
    def start() -> Iterator[tuple[int, int]]:
        for b in range(beans + 1):
            for w in range(beans + 1 - b):
                if b + w:
                    yield b, w

    @system.action(black, white, fair=True)
    def two_black(black: int, white: int) -> Iterator[tuple[int, int]]:
        if black >= 2:
            yield black - 1, white

    @system.action(black, white, fair=True)
    def two_white(black: int, white: int) -> Iterator[tuple[int, int]]:
        if white >= 2:
            yield black + 1, white - 2

    @system.action(black, white, fair=True)
    def one_of_each(black: int, white: int) -> Iterator[tuple[int, int]]:
        if black and white:
            yield black - 1, white

    @system.action(black, white)
    def rest(black: int, white: int) -> Iterator[tuple[int, int]]:
        if black + white == 1:
            yield black, white

    @system.eventually(black, white)
    def one_is_left(black: int, white: int) -> bool:
        return black + white == 1

    system.leads_to(
        black,
        white,
        when=lambda black, white: white % 2 == 0,
        then=lambda black, white: (black, white) == (1, 0),
        name="even white ends black",
    )
    return system
