"""The parts of one run, as its rules leave them.

This is not the runtime's own keeping of parts, but a second one: a run in which the runtime gathered the
wrong parts, or stored them wrongly, does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

from perdure_model.core.rule import Book, Family, Key, Part, Rule, Spec

Groups: TypeAlias = dict[Hashable, dict[Key, Part]]
Asking: TypeAlias = Callable[[Any, list[Part], list[Any]], tuple[Any, ...]]
"""Asks a rule about an input: with the parts of families of one, and the shelves of the others."""
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
            group = groups.get(group_of(key))
            if group is None:
                groups[group_of(key)] = {key: part}
            else:
                group[key] = part

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
        self._all = self._every and not spec.by
        if self._every and spec.by:
            self._asked = attrgetter(*spec.by)
            self._group = places_of(tuple([spec.family.fields.index(name) for name in spec.by]))

    def gather(self, i: object, shelf: Shelf) -> Mapping[Key, Part]:
        """The parts by their keys."""
        if self._all:
            return shelf.values
        if self._every:
            return shelf.grouped(self._group).get(self._asked(i), NONE)
        return {key: shelf.values.get(key) for key in self._spec.keys(i)}

    def store(self, shelf: Shelf, old: Mapping[Key, Part], new: Mapping[Key, Part]) -> None:
        """Keep what the rule has made of them."""
        gone = [key for key in old if key not in new] if self._every and not old.keys() <= new.keys() else []
        changed = [(key, part) for key, part in new.items() if part is not old.get(key)]
        for key in gone:
            shelf.put(key, None)
        for key, part in changed:
            shelf.put(key, part)


class Plan:
    """How the rules of a book are asked: worked out once for all runs."""

    def __init__(self, book: Book) -> None:
        self.shelves: dict[Family, int] = {}
        self.rules: dict[type, Asking] = {rule.input: self._asking(rule) for rule in book}

    def _asking(self, rule: Rule) -> Asking:
        """The function that asks a rule: gathers what it sees, and keeps what it makes of it.

        It is written out for each rule, as a dataclass has its methods written, since a loop over the specs
        takes longer than most rules do. For `on_events_due`, say, it begins so:

            def ask(i, ones, shelves):
                old0 = shelves[2].values.get((i.cid, i.session,))
                old1 = shelves[0].values.get((i.session,))
        """
        known: dict[str, Any] = {"decide": rule.decide}
        looks = [self._look(at, spec, known) for at, spec in enumerate(rule.specs)]
        seen = "".join(f", old{at}" for at in range(len(looks)))
        changed = range(len(rule.parts))
        lines = [f"old{at} = {gather}" for at, (gather, _) in enumerate(looks)]
        lines.append(f"({''.join(f'new{at}, ' for at in changed)}), effects = decide(i{seen})")
        lines += [f"if new{at} is not old{at}: {looks[at][1]}" for at in changed]
        lines.append("return effects")
        exec("\n ".join(["def ask(i, ones, shelves):", *lines]), known)  # of names of this repository's alone
        ask: Asking = known["ask"]
        return ask

    def _look(self, at: int, spec: Spec, known: dict[str, Any]) -> tuple[str, str]:
        """The text of what gathers the parts of a spec, and of what keeps what has changed."""
        shelf = self.shelves.setdefault(spec.family, len(self.shelves))
        if spec.kind != "one":
            known[f"many{at}"] = Many(spec)
            return (
                f"many{at}.gather(i, shelves[{shelf}])",
                f"many{at}.store(shelves[{shelf}], old{at}, new{at})",
            )
        if not spec.by:
            return f"ones[{shelf}]", f"ones[{shelf}] = new{at}"
        key = "".join(f"i.{name}, " for name in spec.by)
        return f"shelves[{shelf}].values.get(({key}))", f"shelves[{shelf}].put(({key}), new{at})"


plan_of = lru_cache(maxsize=BOOKS_MAX)(Plan)


@cache
def places_of(places: tuple[int, ...]) -> GroupOf:
    """The group of a key by these places: one function for all rules that ask so, as they share groups."""
    return itemgetter(*places)


class Parts:
    """All parts of a run, and the rules that change them."""

    def __init__(self, book: Book, settings: Mapping[Family, Part]) -> None:
        self._book, self._plan = book, plan_of(book)
        self._shelves = [Shelf() for _ in self._plan.shelves]
        self._rules = self._plan.rules
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
        return self._rules[type(i)](i, self._ones, self._shelves)
