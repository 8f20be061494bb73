"""The parts of one run, as its rules leave them.

This is not the runtime's own keeping of parts, but a second one: a run in which the runtime gathered the
wrong parts, or stored them wrongly, does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeAlias

from perdure_model.core.rule import Book, Decide, Family, Key, Part, Spec

Groups: TypeAlias = dict[Hashable, dict[Key, Part]]
KeyOf: TypeAlias = Callable[[object], Key]
GroupOf: TypeAlias = Callable[[Any], Hashable]
BOOKS_MAX = 64
NONE: Mapping[Key, Part] = {}


@dataclass(slots=True)
class Shelf:
    """The parts of one family, and the same once more for each way in which rules ask for many of them."""

    values: dict[Key, Part] = field(default_factory=dict)
    groups: dict[GroupOf, Groups] = field(default_factory=dict)

    def grouped(self, group_of: GroupOf) -> Groups:
        """The parts by this of their keys, from now on."""
        groups = self.groups.get(group_of)
        if groups is None:
            groups = self.groups[group_of] = {}
            for key, part in self.values.items():
                groups.setdefault(group_of(key), {})[key] = part
        return groups

    def put(self, key: Key, part: Part) -> None:
        """Set one part; None removes it."""
        if part is None:
            self._remove(key)
            return
        self.values[key] = part
        for group_of, groups in self.groups.items():
            group = group_of(key)
            if group in groups:
                groups[group][key] = part
            else:
                groups[group] = {key: part}

    def _remove(self, key: Key) -> None:
        if self.values.pop(key, None) is None:
            return
        for group_of, groups in self.groups.items():
            group = group_of(key)
            del groups[group][key]
            if not groups[group]:
                del groups[group]


class Many:
    """What a rule sees of a family by a spec that gives many parts."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._every = spec, spec.kind == "every"
        if self._every:
            self._asked = attributes_of(spec.by)
            self._group = places_of(tuple([spec.family.fields.index(name) for name in spec.by]))

    def gather(self, i: object, shelf: Shelf) -> Mapping[Key, Part]:
        """The parts by their keys."""
        if self._every:
            return shelf.grouped(self._group).get(self._asked(i), NONE)
        return {key: shelf.values.get(key) for key in self._spec.keys(i)}

    def store(self, shelf: Shelf, old: Mapping[Key, Part], new: Mapping[Key, Part]) -> None:
        """Keep what the rule has made of them."""
        gone = [key for key in old if key not in new] if self._every else []
        changed = [(key, part) for key, part in new.items() if part is not old.get(key)]
        for key in gone:
            shelf.put(key, None)
        for key, part in changed:
            shelf.put(key, part)


class Look(NamedTuple):
    """One thing that a rule sees: the number of its shelf, and the key of one part there, or many parts.

    Without a key, it is the one part of its family.
    """

    shelf: int
    key: KeyOf | None
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
        if spec.kind != "one":
            return Look(shelf, None, Many(spec))
        return Look(shelf, keyed(spec.by) if spec.by else None, None)


plan_of = lru_cache(maxsize=BOOKS_MAX)(Plan)


def keyed(names: tuple[str, ...]) -> KeyOf:
    """The key that an input names by these attributes."""
    if len(names) > 1:
        return attrgetter(*names)
    get = attrgetter(*names)
    return lambda i: (get(i),)


def attributes_of(names: tuple[str, ...]) -> GroupOf:
    """The group that an input asks for by these attributes: as `places_of` has it of a key."""
    return attrgetter(*names) if names else lambda _i: ()


def places_of(places: tuple[int, ...]) -> GroupOf:
    """The group of a key by these places."""
    return itemgetter(*places) if places else lambda _key: ()


class Parts:
    """All parts of a run, and the rules that change them."""

    def __init__(self, book: Book, settings: Mapping[Family, Part]) -> None:
        self._book, self._plan = book, plan_of(book)
        self._shelves = [Shelf() for _ in self._plan.shelves]
        self._ones: list[Part] = [None] * len(self._shelves)
        """The parts of families that have one only."""
        for family, part in settings.items():
            self._ones[self._plan.shelves[family]] = part

    def copy(self) -> Parts:
        """The same parts, to be changed apart from these."""
        other = Parts(self._book, {})
        other._ones[:] = self._ones
        for shelf, own in zip(other._shelves, self._shelves, strict=True):
            shelf.values.update(own.values)
        return other

    def decided(self, i: object) -> tuple[Any, ...]:
        """The effects that the rule of this input gives; what it makes of the parts is kept."""
        decide, looks = self._plan.rules[type(i)]
        shelves, ones, seen = self._shelves, self._ones, []
        for shelf, key, many in looks:
            if key is not None:
                seen.append(shelves[shelf].values.get(key(i)))
            elif many is None:
                seen.append(ones[shelf])
            else:
                seen.append(many.gather(i, shelves[shelf]))
        made, effects = decide(i, *seen)
        for look, old, new in zip(looks, seen, made):  # noqa: B905 - what is only read comes after
            if new is not old:
                self._store(look, i, old, new)
        return effects

    def _store(self, look: Look, i: object, old: Part, new: Part) -> None:
        shelf, key, many = look
        if key is not None:
            self._shelves[shelf].put(key(i), new)
        elif many is None:
            self._ones[shelf] = new
        else:
            many.store(self._shelves[shelf], old, new)
