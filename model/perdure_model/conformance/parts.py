"""The parts of one run, as its rules leave them.

This is not the runtime's own keeping of parts, but a second one: a run in which the runtime gathered the
wrong parts, or stored them wrongly, does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from perdure_model.core.rule import Book, Family, Key, Part, Rule, Spec

Groups = dict[Key, dict[Key, Part]]


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


class Sight:
    """What a rule sees by one of its specs."""

    def __init__(self, spec: Spec, shelf: Shelf) -> None:
        self._spec, self._shelf, self._kind = spec, shelf, spec.kind
        self._key = keyed(spec.by)
        if self._kind == "every":
            places = tuple(spec.family.fields.index(name) for name in spec.by)
            self._groups = shelf.grouped(places)

    def gather(self, i: object) -> Part | Mapping[Key, Part]:
        """The part, or the parts by their keys."""
        if self._kind == "one":
            return self._shelf.values.get(self._key(i))
        if self._kind == "every":
            return self._groups.get(self._key(i), {})
        return {key: self._shelf.values.get(key) for key in self._spec.keys(i)}

    def store(self, i: object, old: Part, new: Part) -> None:
        """Keep what the rule has made of it."""
        if self._kind == "one":
            self._shelf.put(self._key(i), new)
            return
        if self._kind == "every":
            for key in [key for key in old if key not in new]:
                self._shelf.put(key, None)
        for key, part in list(new.items()):
            self._shelf.put(key, part)


def keyed(names: tuple[str, ...]) -> Callable[[object], Key]:
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
        self._shelves: dict[Family, Shelf] = {}
        self._book = book
        self._rules: dict[type, tuple[Rule, list[Sight]]] = {}
        for family, part in settings.items():
            self._shelf(family).put((), part)

    def _rule(self, kind: type) -> tuple[Rule, list[Sight]]:
        rule = self._book[kind]
        found = self._rules[kind] = rule, [Sight(spec, self._shelf(spec.family)) for spec in rule.specs]
        return found

    def _shelf(self, family: Family) -> Shelf:
        return self._shelves.setdefault(family, Shelf())

    def decided(self, i: object) -> tuple[Any, ...]:
        """The effects that the rule of this input gives; what it makes of the parts is kept."""
        rule, sights = self._rules.get(type(i)) or self._rule(type(i))
        seen = [sight.gather(i) for sight in sights]
        made, effects = rule.decide(i, *seen)
        for sight, old, new in zip(sights, seen, made, strict=False):  # what is only read comes after
            if new is not old:
                sight.store(i, old, new)
        return effects
