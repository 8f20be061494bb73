"""One decision of a rule, told by the parts that matter: what else the rule sees is not there, or empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perdure_model.core.common import Moved, Refused
from perdure_model.core.rule import Book, Family, Key, Spec

Parts = Mapping[Family, Any]
"""A family without key fields: its part. One with them: a mapping from whole key to part."""


class Decided:
    """What followed: every part that there is now, the effects, and the transitions, which stand first."""

    def __init__(self, parts: dict[Family, dict[Key, Any]], effects: tuple[Any, ...]) -> None:
        self._parts = parts
        self.moves = [effect for effect in effects if isinstance(effect, Moved)]
        self.effects = [effect for effect in effects if not isinstance(effect, Moved)]

    def __getitem__(self, family: Family) -> Any:
        held = self._parts.get(family, {})
        return held if family.fields else held.get(())


def decide(book: Book, i: Any, parts: Parts) -> Decided:
    """The decision on this input."""
    held: dict[Family, dict[Key, Any]] = {
        family: dict(part) if family.fields else {(): part} for family, part in parts.items()
    }
    rule = book[type(i)]
    changed, effects = rule.decide(i, *(seen(spec, i, held) for spec in rule.specs))
    for spec, new in zip(rule.parts, changed, strict=True):
        store(spec, i, held.setdefault(spec.family, {}), new)
    return Decided(held, effects)


def refused(book: Book, i: Any, parts: Parts) -> list[Any]:
    """The input changes none of the parts and says why; what else it says."""
    before = {family: dict(part) if family.fields else part for family, part in parts.items()}
    decided = decide(book, i, parts)
    assert {family: decided[family] for family in parts} == before
    assert decided.moves == []
    why, *more = decided.effects
    assert isinstance(why, Refused)
    assert why.why
    return more


def seen(spec: Spec, i: Any, held: Mapping[Family, dict[Key, Any]]) -> Any:
    """What a rule sees of a family."""
    there = held.get(spec.family, {})
    if spec.kind == "every":
        return {key: part for key, part in there.items() if spec.matches(i, key)}
    parts = {key: there.get(key) for key in spec.keys(i)}
    return parts if spec.kind == "each" else next(iter(parts.values()))


def store(spec: Spec, i: Any, there: dict[Key, Any], new: Any) -> None:
    """Keep what a rule returned."""
    if spec.kind == "every":
        for key in [key for key in there if spec.matches(i, key) and key not in new]:
            del there[key]
    parts = {spec.keys(i)[0]: new} if spec.kind == "one" else new
    there.update(parts)
    for key in [key for key, part in parts.items() if part is None]:
        del there[key]
