"""Local states as small integers: one table for each component, or for each orbit's place."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

from perdure_model.checker.system import Local, State


class Interner:
    """Numbers local states in the order in which they are met. Equal values have one number."""

    def __init__(self, components: int, alike: Iterable[Sequence[int]] = ()) -> None:
        """`alike`: sets of components that share their numbering, for symmetry."""
        self._ids: list[dict[Local, int]] = [{} for _ in range(components)]
        self.values: list[list[Local]] = [[] for _ in range(components)]
        for first, *others in alike:
            for other in others:
                self._ids[other] = self._ids[first]
                self.values[other] = self.values[first]

    def id(self, component: int, value: Local) -> int:
        """The number of a local state, a new one if it has none."""
        ids = self._ids[component]
        found = ids.get(value)
        if found is None:
            found = ids[value] = len(ids)
            self.values[component].append(value)
        return found

    def ids(self, components: Iterable[int], values: Iterable[Local]) -> tuple[int, ...]:
        """The numbers of these components' local states."""
        return tuple([self.id(c, v) for c, v in zip(components, values, strict=True)])

    def locals(self, components: Iterable[int], ids: Iterable[int]) -> State:
        """The local states that these numbers stand for."""
        values = self.values
        return tuple([values[c][i] for c, i in zip(components, ids, strict=True)])

    def counts(self) -> list[int]:
        """How many local states each component has shown."""
        return [len(values) for values in self.values]

    def bounds(self) -> list[int | None]:
        """How many local states each component can have at all, where their type tells."""
        return [_bound(values) for values in self.values]


def _bound(values: Sequence[Local]) -> int | None:
    kind = type(values[0]) if values else object
    if any(type(value) is not kind for value in values):
        return None
    if kind is bool:
        return 2
    return len(kind) if issubclass(kind, enum.Enum) and not issubclass(kind, enum.Flag) else None
