"""Symmetry in the compiled search: which components are interchangeable, and where their bits are.

A group's local states, in the order of its components, are one number; sorting these numbers gives the
same state for all permutations of the groups and for no others, so it is exact. It needs equal values
to have equal ids in all groups, which is why these components share a numbering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .answers import Ids
from .layout import Field, Layout

if TYPE_CHECKING:
    from perdure_model.checker.symmetry import Symmetry

Group = Sequence[int]


class Orbits:
    """Sets of interchangeable groups of components; empty without symmetry."""

    def __init__(self, symmetry: Symmetry | None) -> None:
        self.orbits: Sequence[Sequence[Group]] = symmetry.orbits if symmetry else ()

    @property
    def alike(self) -> list[Sequence[int]]:
        """Sets of components that have the same local states."""
        return [place for groups in self.orbits for place in zip(*groups, strict=True)]

    @property
    def groups(self) -> list[Group]:
        """All groups."""
        return [group for groups in self.orbits for group in groups]

    def canonical(self, ids: Ids) -> Ids:
        """The state that stands for all its permutations."""
        changed = list(ids)
        for groups in self.orbits:
            ordered = sorted(tuple(ids[i] for i in group) for group in groups)
            for group, values in zip(groups, ordered, strict=True):
                for i, value in zip(group, values, strict=True):
                    changed[i] = value
        return tuple(changed)

    def lay_out(self, layout: Layout) -> None:
        """Plan for the kernels. `units` is (word, shift, mask), group after group, most significant first."""
        units: list[tuple[int, int, int]] = []
        book = []
        for groups in self.orbits:
            pieces = [_units([layout.fields[i] for i in group], layout.words == 1) for group in groups]
            book.append((len(units), len(groups), len(pieces[0])))
            units += [unit for piece in pieces for unit in piece]
        self.units = np.array(units, np.uint64).reshape(-1, 3)
        self.book = np.array(book, np.int64).reshape(-1, 3)


def _units(fields: Sequence[Field], narrow: bool) -> list[tuple[int, int, int]]:
    """A group's fields; in a narrow state, where they lie side by side from the least one on, as one."""
    if not narrow:
        return [(f.word, f.shift, f.mask) for f in fields]
    return [(0, fields[-1].shift, (1 << sum(f.width for f in fields)) - 1)]
