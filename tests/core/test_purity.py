"""A rule is a pure function: the same decision for the same input, and nothing that it was given changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, get_args

import pytest
from perdure_model.checker import check
from perdure_model.core.client import CLIENT
from perdure_model.core.client import parts as mine
from perdure_model.core.client.effects import ClientEffect
from perdure_model.core.client.inputs import ClientInput, Heard
from perdure_model.core.client.parts import Link
from perdure_model.core.common import Moved, Refused
from perdure_model.core.credential import parts as shared
from perdure_model.core.credential.effects import CredentialEffect
from perdure_model.core.credential.inputs import CredentialInput
from perdure_model.core.follow import parts as followed
from perdure_model.core.follow.effects import FollowEffect
from perdure_model.core.follow.inputs import FollowInput
from perdure_model.core.response import parts as calls
from perdure_model.core.response.effects import ResponseEffect
from perdure_model.core.response.inputs import ResponseInput
from perdure_model.core.rule import Book, Decide, Decision, Rule
from perdure_model.core.server import parts as theirs
from perdure_model.core.server.effects import ServerEffect
from perdure_model.core.server.inputs import ServerInput
from perdure_model.world import MODELS


class Witness:
    """Stands in for a rule, lets it decide twice over parts that it cannot change, and compares."""

    def __init__(self, rule: Rule, seen: Counter[str]) -> None:
        self.rule, self.seen = rule, seen

    def __call__(self, i: Any, *parts: Any) -> Decision:
        before = deepcopy((i, parts))
        first = self.rule.decide(i, *(sealed(part) for part in parts))
        second = self.rule.decide(i, *parts)
        assert first == second, f"{self.rule.name} decided twice, and differently"
        assert (i, parts) == before, f"{self.rule.name} changed what it was given"
        self.check(parts, *second)
        self.seen[self.rule.name] += 1
        return second

    def check(self, parts: tuple[Any, ...], after: tuple[Any, ...], effects: tuple[Any, ...]) -> None:
        """One part for each that it declares, and effects only of the types that it declares."""
        assert len(after) == len(self.rule.parts)
        assert isinstance(effects, tuple)
        assert {type(effect) for effect in effects} <= {*self.rule.emits, Moved, Refused}
        kinds = [type(effect) for effect in effects]
        assert kinds == sorted(kinds, key=lambda kind: kind is not Moved) or self.rule.name in SEVERAL
        if Refused in kinds:
            assert after == parts[: len(after)], f"{self.rule.name} refused, and changed a part"


SEVERAL = {rule.name for rule in CLIENT if "outbox" in rule.decide.__module__}
"""Rules that step several machines, each move followed by what it asks for."""


def sealed(part: Any) -> Any:
    """A mapping that cannot be written to; that other parts stay as they are is compared."""
    return MappingProxyType(part) if isinstance(part, Mapping) else part


def watched(book: Book, seen: Counter[str]) -> Book:
    decides: dict[str, Decide] = {rule.name: Witness(rule, seen) for rule in book}
    return book.override(**decides)


def test_every_decision_of_the_small_worlds_is_pure() -> None:
    for model in MODELS:
        seen: Counter[str] = Counter()
        books = {book.side: watched(book, seen) for book in model.books}
        for world in model.worlds("small", books).values():
            assert check(world.system, progress=False).complete
        assert sum(seen.values()) > 1_000
        assert len(set(seen)) > len(model.rules) // 2


def test_parts_inputs_and_effects_are_values() -> None:
    values = {
        one
        for module in (mine, theirs, shared, calls, followed)
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == module.__name__
    }
    for union in (ClientInput, ClientEffect, ServerInput, ServerEffect):
        values |= set(get_args(union))
    for union in (
        CredentialInput,
        CredentialEffect,
        ResponseInput,
        ResponseEffect,
        FollowInput,
        FollowEffect,
    ):
        values |= set(get_args(union))
    assert len(values) > 50
    others = [one.__name__ for one in values if not one.__dataclass_params__.unsafe_hash]  # type: ignore[attr-defined]
    assert others == [], "made by something else than `value`"
    assert [one.__name__ for one in values if "__slots__" not in vars(one)] == []


def test_an_impure_rule_is_seen() -> None:
    """The witness itself can fail: a rule that counts, one that writes, one that refuses and changes."""
    calls: list[int] = []

    def counts(_i: Heard, link: Link) -> Decision:
        calls.append(1)
        return (Link((1, len(calls))),), ()

    def emits(_i: Heard, link: Link) -> Decision:
        return (link,), ("anything",)

    def refuses(_i: Heard, _link: Link) -> Decision:
        return (Link((9, 9)),), (Refused("no"),)

    def changes(_i: Heard, link: Link) -> Decision:
        object.__setattr__(link, "failures", link.failures + 1)
        return (link,), ()

    for wrong in (counts, emits, refuses, changes):
        book = CLIENT.override(on_heard=wrong)
        with pytest.raises(AssertionError):
            Witness(book[Heard], Counter())(Heard((1, 1)), Link((1, 1), "open"))
