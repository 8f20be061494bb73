"""Interchangeable groups of components: one state stands for all that differ only in who is who.

A declaration is a list of sets; a set is a list of groups; a group is a tuple of components, and the
groups of a set correspond component by component. Permuting the groups of a set must change nothing
that the model can do: then the states of an *orbit* (all arrangements of the same groups' contents)
behave alike, and it is enough to explore one of them. The one taken has its groups sorted by their whole
contents, so it is the same for the whole orbit: the reduction is exact.

Whether the model has the symmetry is not believed but checked (`probe`), on every projection that the
search tabulates and on everything that the symmetry makes of it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, cast

from . import calls, probe
from .contract import Found, Outcome
from .errors import SymmetryError
from .system import Action, Component, Local, Property, State, System

Declared = Sequence[Sequence[Sequence[Component | str] | Component | str]]
Permutation = tuple[int, ...]
"""Where each component's local state goes."""
D = TypeVar("D", Action, Property)


class Symmetry:
    """A declared symmetry of a system. `orbits[s][g]` are the indices of the components of a group."""

    def __init__(self, system: System, declared: Declared) -> None:
        self.system = system
        self.orbits = tuple(tuple(_group(system, group) for group in groups) for groups in declared)
        _refuse_misfits(system, self.orbits)
        self._ranks: list[dict[Local, int]] = [{} for groups in self.orbits for _ in groups[0]]
        self._counterparts: dict[tuple[Action | Property, Permutation], Action | Property] = {}

    def canonical(self, state: State) -> State:
        """The state that stands for the orbit: in each set the groups' contents are sorted."""
        result = list(state)
        ranks = iter(self._ranks)
        for groups in self.orbits:
            columns = list(itertools.islice(ranks, len(groups[0])))
            contents = [tuple(state[i] for i in group) for group in groups]
            contents.sort(key=lambda values: _ranked(values, columns))
            for group, values in zip(groups, contents, strict=True):
                for index, value in zip(group, values, strict=True):
                    result[index] = value
        return tuple(result)

    def generators(self) -> Iterator[Permutation]:
        """Exchanges of two groups that stand side by side: they make up all permutations."""
        for groups in self.orbits:
            for one, other in itertools.pairwise(groups):
                moved = list(range(len(self.system.components)))
                for i, j in zip(one, other, strict=True):
                    moved[i], moved[j] = j, i
                yield tuple(moved)

    def counterpart(self, declared: D, permutation: Permutation, among: Sequence[D]) -> D:
        """What a permutation makes of an action or property: the one in the same place over its components.

        Raises SymmetryError where there is none.
        """
        key = declared, permutation
        if key not in self._counterparts:
            self._counterparts[key] = self._counterpart(declared, permutation, among)
        return cast("D", self._counterparts[key])

    def _counterpart(self, declared: D, permutation: Permutation, among: Sequence[D]) -> D:
        kind = getattr(declared, "kind", None)
        alike = [one for one in among if getattr(one, "kind", None) == kind]
        goal = {permutation[i] for i in declared.components}
        peers = [one for one in alike if set(one.components) == set(declared.components)]
        images = [one for one in alike if set(one.components) == goal]
        if len(images) != len(peers):
            names = ", ".join(self.system.components[i].name for i in sorted(goal))
            raise SymmetryError(
                f"symmetry: {declared.name!r} has no counterpart over ({names}); declare the same actions "
                "and properties for every group, or let one name all groups"
            )
        return images[peers.index(declared)]

    def probe(
        self,
        successors: Mapping[tuple[Action, State], tuple[State, ...]],
        answers: Mapping[tuple[Property, int, State], bool],
    ) -> None:
        """Raise SymmetryError unless everything that was tabulated is alike under every permutation."""
        probe.initial_states(self)
        probe.actions(self, successors)
        probe.properties(self, answers)

    def spread(self, outcome: Outcome) -> None:
        """Make what was found of one member of an orbit known of the others, and paths real ones."""
        for groups in self.orbits:
            for column in zip(*groups, strict=True):
                merged = _merged([outcome.seen[i] for i in column])
                for index in column:
                    outcome.seen[index] = dict(merged)
        actions, properties = self.system.actions, self.system.properties
        fired = dict(zip(actions, outcome.fired, strict=True))
        outcome.fired = [sum(fired[peer] for peer in self._orbit(action, actions)) for action in actions]
        met = [prop for prop in properties if prop.name in outcome.met]
        outcome.met = {peer.name for prop in met for peer in self._orbit(prop, properties)}
        violated: dict[Property | None, Found] = {}
        for found in outcome.found:
            for prop in self._orbit(found.prop, properties) if found.prop else [None]:
                violated.setdefault(prop, found)
        outcome.found = [Found(prop, self._real(found, prop)) for prop, found in violated.items()]

    def _orbit(self, one: D, among: Sequence[D]) -> list[D]:
        orbit = [one]
        for member in orbit:
            images = [self.counterpart(member, permutation, among) for permutation in self.generators()]
            orbit += [image for image in dict.fromkeys(images) if image not in orbit]
        return orbit

    def _real(self, found: Found, prop: Property | None) -> list[tuple[str | None, State]]:
        """A path of the system itself for a path of canonical states, to where `prop` is violated."""
        states = [found.path[0][1]]
        for _, canonical in found.path[1:]:
            goal = self.canonical(canonical)
            states.append(next(t for _, t in self._steps(states[-1]) if self.canonical(t) == goal))
        arranged = self._arrange(states, prop)
        names: list[str | None] = [None]
        for state, successor in itertools.pairwise(arranged):
            names.append(next(name for name, t in self._steps(state) if t == successor))
        return list(zip(names, arranged, strict=True))

    def _arrange(self, states: Sequence[State], prop: Property | None) -> list[State]:
        """The path with its groups arranged so that it ends in a violation."""
        queue = deque([list(states)])
        known = {states[-1]}
        while queue:
            path = queue.popleft()
            last = path[-1]
            if prop is None or prop.kind != "always" or not self._holds(prop, last):
                return path
            for permutation in self.generators():
                image = [permuted(state, permutation) for state in path]
                if image[-1] not in known:
                    known.add(image[-1])
                    queue.append(image)
        raise SymmetryError(f"symmetry: no arrangement of the groups violates {prop and prop.name!r}")

    def _holds(self, prop: Property, state: State) -> bool:
        return calls.holds(self.system, prop, tuple(state[i] for i in prop.components))

    def _steps(self, state: State) -> Iterator[tuple[str, State]]:
        return calls.steps(self.system, state)


def permuted(state: State, permutation: Permutation) -> State:
    """The state with every local state where the permutation sends it."""
    result = list(state)
    for index, goal in enumerate(permutation):
        result[goal] = state[index]
    return tuple(result)


def _ranked(values: Sequence[Local], columns: Sequence[dict[Local, int]]) -> list[int]:
    return [ranks.setdefault(value, len(ranks)) for ranks, value in zip(columns, values, strict=True)]


def _merged(seen: Sequence[dict[Local, int]]) -> dict[Local, int]:
    merged: dict[Local, int] = {}
    for one in seen:
        for value, level in one.items():
            merged[value] = min(level, merged.get(value, level))
    return merged


def _group(system: System, group: Sequence[Component | str] | Component | str) -> tuple[int, ...]:
    members = [group] if isinstance(group, (Component, str)) else list(group)
    components = [system[member] if isinstance(member, str) else member for member in members]
    for component in components:
        if component not in system.components:
            raise SymmetryError(f"symmetry: {component!r} is no component of system {system.name!r}")
    return tuple(component.index for component in components)


def _refuse_misfits(system: System, orbits: Sequence[Sequence[Sequence[int]]]) -> None:
    """Groups of a set are of one size, and no component is in two groups."""
    taken: set[int] = set()
    for groups in orbits:
        sizes = {len(group) for group in groups}
        if len(groups) < 2 or sizes == {0} or len(sizes) != 1:
            raise SymmetryError("symmetry: a set is two or more groups of as many components each")
        for index in (index for group in groups for index in group):
            if index in taken:
                raise SymmetryError(f"symmetry: component {system.components[index].name!r} is in two groups")
            taken.add(index)
