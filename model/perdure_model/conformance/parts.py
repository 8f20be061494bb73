"""The parts of one run, as its rules leave them.

This is not the runtime's own keeping of parts, but a second one: a run in which the runtime gathered the
wrong parts, or stored them wrongly, does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from perdure_model.core.rule import Book, Decide, Family, Key, Part, Spec

Groups: TypeAlias = dict[Key, dict[Key, Part]]
KeyOf: TypeAlias = Callable[[object], Key]
BOOKS_MAX = 64


@dataclass
class Shelf:
    """The parts of one family, and the same once more for each way in which rules ask for many of them."""

    values: dict[Key, Part] = field(default_factory=dict)
    groups: dict[tuple[int, ...], Groups] = field(default_factory=dict)

    def grouped(self, places: tuple[int, ...]) -> Groups:
        """The parts by these places of their keys, from now on."""
        if places not in self.groups:
            groups = self.groups[places] = {}
            for key, part in self.values.items():
                groups.setdefault(tuple([key[place] for place in places]), {})[key] = part
        return self.groups[places]

    def put(self, key: Key, part: Part) -> None:
        """Set one part; None removes it."""
        for places, groups in self.groups.items():
            group = tuple([key[place] for place in places])
            change(groups.setdefault(group, {}), key, part)
            if not groups[group]:
                del groups[group]
        change(self.values, key, part)


def change(parts: dict[Key, Part], key: Key, part: Part) -> None:
    """Set or remove a part."""
    if part is None:
        parts.pop(key, None)
    else:
        parts[key] = part


class Many:
    """What a rule sees of a family by a spec that gives many parts."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._every, self._key = spec, spec.kind == "every", keyed(spec.by)
        self._places = tuple(spec.family.fields.index(name) for name in spec.by) if self._every else ()

    def gather(self, i: object, shelf: Shelf) -> Mapping[Key, Part]:
        """The parts by their keys."""
        if self._every:
            return shelf.grouped(self._places).get(self._key(i), {})
        return {key: shelf.values.get(key) for key in self._spec.keys(i)}

    def store(self, shelf: Shelf, old: Mapping[Key, Part], new: Mapping[Key, Part]) -> None:
        """Keep what the rule has made of them."""
        if self._every:
            for key in [key for key in old if key not in new]:
                shelf.put(key, None)
        for key, part in list(new.items()):
            shelf.put(key, part)


class Look(NamedTuple):
    """One thing that a rule sees: the number of its shelf, and the key of one part there, or many parts."""

    shelf: int
    key: KeyOf
    many: Many | None


class Plan:
    """How the rules of a book are asked: worked out once for all runs."""

    def __init__(self, book: Book) -> None:
        self.shelves: dict[Family, int] = {}
        self.rules: dict[type, tuple[Decide, list[Look]]] = {}
        for rule in book:
            self.rules[rule.input] = rule.decide, [self._look(spec) for spec in rule.specs]

    def _look(self, spec: Spec) -> Look:
        shelf = self.shelves.setdefault(spec.family, len(self.shelves))
        return Look(shelf, keyed(spec.by), None if spec.kind == "one" else Many(spec))


plan_of = lru_cache(maxsize=BOOKS_MAX)(Plan)


def keyed(names: tuple[str, ...]) -> KeyOf:
    """The key that an input names by these attributes."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _i: ()
    get = attrgetter(*names)
    return lambda i: (get(i),)


class Parts:
    """All parts of a run, and the rules that change them."""

    def __init__(self, book: Book, settings: Mapping[Family, Part]) -> None:
        self._book, self._plan = book, plan_of(book)
        self._shelves = [Shelf() for _ in self._plan.shelves]
        for family, part in settings.items():
            self._shelves[self._plan.shelves[family]].put((), part)

    def copy(self) -> Parts:
        """The same parts, to be changed apart from these."""
        other = Parts(self._book, {})
        for shelf, own in zip(other._shelves, self._shelves, strict=True):
            shelf.values.update(own.values)
        return other

    def decided(self, i: object) -> tuple[Any, ...]:
        """The effects that the rule of this input gives; what it makes of the parts is kept."""
        decide, looks = self._plan.rules[type(i)]
        shelves, seen = self._shelves, []
        for shelf, key, many in looks:
            if many is None:
                seen.append(shelves[shelf].values.get(key(i)))
            else:
                seen.append(many.gather(i, shelves[shelf]))
        made, effects = decide(i, *seen)
        for look, old, new in zip(looks, seen, made, strict=False):  # what is only read comes after
            if new is not old:
                self._store(look, i, old, new)
        return effects

    def _store(self, look: Look, i: object, old: Part, new: Part) -> None:
        shelf = self._shelves[look.shelf]
        if look.many is not None:
            look.many.store(shelf, old, new)
        elif shelf.groups:
            shelf.put(look.key(i), new)
        else:
            change(shelf.values, look.key(i), new)
