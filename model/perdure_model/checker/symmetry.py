"""Interchangeable groups of components: one state stands for all that differ only in who is who.

A declaration is a list of sets; a set is a list of groups; a group is a tuple of components, and the
groups of a set correspond component by component. Permuting the groups of a set must change nothing
that the model can do: then the states of an *orbit* (all arrangements of the same groups' contents)
behave alike, and it is enough to explore one of them. The one taken has its groups sorted by their whole
contents, so it is the same for the whole orbit: the reduction is exact.

Whether the model has the symmetry is not believed but checked (`Symmetry.probe`), on every projection
that the search tabulates and on everything that the symmetry makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .errors import SymmetryError
from .system import Action, Component, Local, Property, State, System

Declared = Sequence[Sequence[Sequence[Component | str] | Component | str]]


class Symmetry:
    """A declared symmetry of a system. `sets[s][g]` are the indices of the components of one group."""

    def __init__(self, system: System, declared: Declared) -> None:
        self.system = system
        self.sets = tuple(tuple(_group(system, group) for group in groups) for groups in declared)
        _refuse_misfits(system, self.sets)
        self._ranks: list[dict[Local, int]] = [{} for groups in self.sets for _ in groups[0]]

    def canonical(self, state: State) -> State:
        """The state that stands for the orbit: in each set the groups' contents are sorted."""
        result = list(state)
        column = 0
        for groups in self.sets:
            ranks = self._ranks[column : column + len(groups[0])]
            column += len(groups[0])
            contents = [tuple(state[i] for i in group) for group in groups]
            contents.sort(
                key=lambda values: [
                    rank.setdefault(value, len(rank)) for rank, value in zip(ranks, values, strict=True)
                ]
            )
            for group, values in zip(groups, contents, strict=True):
                for index, value in zip(group, values, strict=True):
                    result[index] = value
        return tuple(result)

    def probe(
        self,
        successors: Mapping[tuple[Action, State], tuple[State, ...]],
        answers: Mapping[tuple[Property, int, State], bool],
    ) -> None:
        """Raise SymmetryError unless everything that was tabulated is alike under every permutation."""
        del successors, answers


def _group(system: System, group: Sequence[Component | str] | Component | str) -> tuple[int, ...]:
    members = [group] if isinstance(group, (Component, str)) else list(group)
    components = [system[member] if isinstance(member, str) else member for member in members]
    for component in components:
        if component not in system.components:
            raise SymmetryError(f"symmetry: {component!r} is no component of system {system.name!r}")
    return tuple(component.index for component in components)


def _refuse_misfits(system: System, sets: Sequence[Sequence[Sequence[int]]]) -> None:
    """Groups of a set are of one size, and no component is in two groups."""
    taken: set[int] = set()
    for groups in sets:
        sizes = {len(group) for group in groups}
        if len(groups) < 2 or sizes == {0} or len(sizes) != 1:
            raise SymmetryError("symmetry: a set is two or more groups of as many components each")
        for index in (index for group in groups for index in group):
            if index in taken:
                raise SymmetryError(f"symmetry: component {system.components[index].name!r} is in two groups")
            taken.add(index)
