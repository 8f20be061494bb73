"""Does a model have the symmetry that was declared? Exact on all that a search reaches.

For an exchange of two groups, the actions over a set of components, taken together, must lead from each
projection to the same as the actions over the exchanged components do from the exchanged projection; and
a property must answer as its counterpart does. Both are demanded of every projection that was tabulated
and, in turn, of each one that an exchange made of it, so of all that an unreduced search would tabulate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import calls
from .errors import SymmetryError
from .system import Action, Local, Property, State, System

if TYPE_CHECKING:
    from .symmetry import Permutation, Symmetry

Projection = tuple[tuple[int, Local], ...]
"""Indices of components, ascending, with their local states."""


def initial_states(symmetry: Symmetry) -> None:
    """Demand that an exchange maps the initial states onto themselves."""
    states = set(calls.initial_states(symmetry.system))
    for permutation in symmetry.generators():
        for state in states:
            image = _exchanged(tuple(enumerate(state)), permutation)
            if tuple(value for _, value in image) not in states:
                raise SymmetryError(
                    f"symmetry: {_shown(symmetry.system, tuple(enumerate(state)))} is an initial state, but "
                    f"{_shown(symmetry.system, image)} is not: interchangeable groups must start alike"
                )


def actions(symmetry: Symmetry, tabulated: Mapping[tuple[Action, State], tuple[State, ...]]) -> None:
    """Demand that actions do the same for interchanged groups."""
    system = symmetry.system
    known: dict[tuple[Action, State], tuple[State, ...]] = dict(tabulated)
    over: dict[frozenset[int], list[Action]] = {}
    for action in system.actions:
        over.setdefault(frozenset(action.components), []).append(action)
        for permutation in symmetry.generators():
            symmetry.counterpart(action, permutation, system.actions)

    def together(at: Projection) -> frozenset[Projection]:
        """What all actions over just these components lead to."""
        values, found = dict(at), set[Projection]()
        for action in over[frozenset(values)]:
            key = action, tuple(values[i] for i in action.components)
            if key not in known:
                known[key] = calls.successors(system, *key)
            found |= {_projection(action.components, successor) for successor in known[key]}
        return frozenset(found)

    work = dict.fromkeys(_projection(action.components, values) for action, values in tabulated)
    done = set(work)
    while work:
        at, _ = work.popitem()
        for permutation in symmetry.generators():
            image = _exchanged(at, permutation)
            if {_exchanged(successor, permutation) for successor in together(at)} != together(image):
                raise SymmetryError(
                    f"symmetry: what can happen at {_shown(system, at)} differs from what can at "
                    f"{_shown(system, image)}; see {_over(system, at)} and {_over(system, image)}"
                )
            if image not in done:
                done.add(image)
                work[image] = None


def properties(symmetry: Symmetry, tabulated: Mapping[tuple[Property, int, State], bool]) -> None:
    """Demand that properties, and terminals, judge interchanged groups alike."""
    system = symmetry.system
    everything = [*system.properties, *system.terminals]
    for prop in everything:
        for permutation in symmetry.generators():
            image = symmetry.counterpart(prop, permutation, everything)
            if prop.kind == "always_possible" and image is not prop:
                raise SymmetryError(
                    f"symmetry: always_possible {prop.name!r} looks at one group; let it name all of them"
                )
    known = {(prop, values): held for (prop, _, values), held in tabulated.items()}
    work = list(known)
    for prop, values in work:  # grows while it is walked
        at = _projection(prop.components, values)
        for permutation in symmetry.generators():
            image = symmetry.counterpart(prop, permutation, everything)
            moved = dict(_exchanged(at, permutation))
            key = image, tuple(moved[i] for i in image.components)
            if key not in known:
                known[key] = calls.holds(system, *key)
                work.append(key)
            if known[key] != known[prop, values]:
                raise SymmetryError(
                    f"symmetry: {prop.name!r} answers {known[prop, values]} at {_shown(system, at)}, but "
                    f"{image.name!r} answers {known[key]} at {_shown(system, tuple(moved.items()))}"
                )


def _projection(components: tuple[int, ...], values: State) -> Projection:
    return tuple(sorted(zip(components, values, strict=True), key=lambda pair: pair[0]))


def _exchanged(at: Projection, permutation: Permutation) -> Projection:
    return tuple(sorted(((permutation[i], value) for i, value in at), key=lambda pair: pair[0]))


def _shown(system: System, at: Projection) -> str:
    return ", ".join(f"{system.components[i].name}={value!r}" for i, value in at)


def _over(system: System, at: Projection) -> str:
    goal = {i for i, _ in at}
    return ", ".join(repr(action.name) for action in system.actions if set(action.components) == goal)
