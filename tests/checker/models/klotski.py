"""The sliding puzzle Klotski: 20 cells, each with up to eleven contents.

From its usual start 25,955 positions can be reached, and the large block needs 116 steps to the exit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perdure_model.checker import System

WIDTH, HEIGHT = 4, 5
START = ("vBBv", "vBBv", "vhhv", "vssv", "s..s")
SHAPES = {"B": (2, 2), "v": (1, 2), "h": (2, 1), "s": (1, 1)}
EMPTY = "."


def klotski() -> System:
    """Each cell holds a piece's kind and which part of it; an action moves one kind from one place by one."""
    system = System("Klotski")
    cells = {}
    for y in range(HEIGHT):
        for x in range(WIDTH):
            cells[x, y] = system.component(f"cell{x}{y}", _contents()[x, y])

    for kind, (width, height) in SHAPES.items():
        for x, y in [(x, y) for x in range(WIDTH - width + 1) for y in range(HEIGHT - height + 1)]:
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                before, after = _parts(kind, x, y), _parts(kind, x + dx, y + dy)
                if after.keys() <= cells.keys():
                    places = list(before | after)
                    full = tuple(before.get(place, EMPTY) for place in places)
                    moved = tuple(after.get(place, EMPTY) for place in places)

                    @system.action(*[cells[place] for place in places], name=f"{kind}{x}{y}{dx:+}{dy:+}")
                    def move(
                        *now: str, full: Sequence[str] = full, moved: Sequence[str] = moved
                    ) -> Iterator[Sequence[str]]:
                        if now == full:
                            yield moved

    @system.always(cells[1, 3])
    def shut_in(cell: str) -> bool:
        return cell != "B00"

    return system


def _parts(kind: str, x: int, y: int) -> dict[tuple[int, int], str]:
    width, height = SHAPES[kind]
    return {(x + i, y + j): f"{kind}{i}{j}" for i in range(width) for j in range(height)}


def _contents() -> dict[tuple[int, int], str]:
    cells: dict[tuple[int, int], str] = {}
    for y, row in enumerate(START):
        for x, kind in enumerate(row):
            if (x, y) not in cells:
                cells |= _parts(kind, x, y) if kind != EMPTY else {(x, y): EMPTY}
    return cells
