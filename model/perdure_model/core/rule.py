"""What a rule is, which parts it sees, and the books that rules are kept in."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

Key: TypeAlias = tuple[Hashable, ...]
Part: TypeAlias = Any
"""A frozen value, or None: not there."""
Decision: TypeAlias = tuple[tuple[Part, ...], tuple[Any, ...]]
"""The parts, in the order in which the rule declares them, and the effects, in the order to perform."""
Decide: TypeAlias = Callable[..., Decision]


@dataclass(frozen=True)
class Spec:
    """Which parts of a family a rule sees.

    one: the part under the key whose fields are the input's attributes of the same names; its value, or None.
    every: all parts whose key agrees with the input in the fields named by `by`; a mapping from whole key
        to value, in the order in which the parts came to be. What the returned mapping lacks is removed.
    each: like `one`, for every element of the input's attribute `over`, which gives the field `spread`;
        a mapping from whole key to value or None.
    """

    family: Family
    kind: Literal["one", "every", "each"]
    by: tuple[str, ...] = ()
    spread: str = ""
    over: str = ""

    def keys(self, i: object) -> list[Key]:
        """The whole keys that `i` names; for `one` and `each`."""
        if self.kind == "one":
            return [tuple([getattr(i, name) for name in self.family.fields])]
        return [
            tuple([one if name == self.spread else getattr(i, name) for name in self.family.fields])
            for one in getattr(i, self.over)
        ]

    def matches(self, i: object, key: Key) -> bool:
        """Whether `every` sees the part under this key."""
        return all(getattr(i, name) == key[self.family.fields.index(name)] for name in self.by)


@dataclass(frozen=True)
class Family:
    """Parts of one kind: its name, and its key's field names, which inputs use for their attributes."""

    name: str
    fields: tuple[str, ...] = ()

    @property
    def one(self) -> Spec:
        """The part that the input names."""
        return Spec(self, "one", self.fields)

    def every(self, *by: str) -> Spec:
        """All parts that agree with the input in these fields."""
        return Spec(self, "every", by)

    def each(self, spread: str, over: str) -> Spec:
        """One part for each element of the input's attribute `over`."""
        return Spec(self, "each", tuple(name for name in self.fields if name != spread), spread, over)


@dataclass(frozen=True)
class Rule:
    """One decision: what it is asked (`input`), what it sees, what it may change, what it may emit."""

    name: str
    input: type
    parts: tuple[Spec, ...]
    reads: tuple[Spec, ...]
    emits: tuple[type, ...]
    decide: Decide = field(repr=False)

    @property
    def specs(self) -> tuple[Spec, ...]:
        """All that it sees: the parts that it may change, then those that it only reads."""
        return self.parts + self.reads

    @property
    def says(self) -> str:
        """The first line of its docstring."""
        return (self.decide.__doc__ or "").strip().split("\n")[0]


class UnknownInput(TypeError):
    """An input for which the book has no rule."""


class Book:
    """The rules of one side, by input type. A book is complete once its modules are imported."""

    def __init__(self, side: str, rules: Mapping[type, Rule] | None = None) -> None:
        self.side = side
        self._rules = dict(rules or {})

    def rule(
        self, input_type: type, *parts: Spec, reads: tuple[Spec, ...] = (), emits: tuple[type, ...] = ()
    ) -> Callable[[Decide], Decide]:
        """Enter the decorated function as the rule for one type of input.

        It is called with the input, then a value for each of `parts` and of `reads`, and returns the new
        values of `parts` and the effects. Beside those of `emits` it may emit `Moved` and `Refused`.
        """

        def enter(decide: Decide) -> Decide:
            if input_type in self._rules:
                raise ValueError(f"{input_type.__name__} has a rule already: {self._rules[input_type].name}")
            self._rules[input_type] = Rule(decide.__name__, input_type, parts, reads, emits, decide)
            return decide

        return enter

    def __getitem__(self, input_type: type) -> Rule:
        try:
            return self._rules[input_type]
        except KeyError:
            raise UnknownInput(f"the {self.side} has no rule for {input_type.__name__}") from None

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def override(self, **variants: Decide | Rule) -> Book:
        """The same book with other functions for the rules of these names: how a defect is planted.

        A variant that sees, changes or emits other things than the rule is given as a whole `Rule`.
        """
        book = Book(self.side, self._rules)
        by_name = {rule.name: rule for rule in self}
        for name, variant in variants.items():
            if name not in by_name:
                raise ValueError(f"the {self.side} has no rule {name!r}; it has {', '.join(sorted(by_name))}")
            rule = by_name[name]
            book._rules[rule.input] = variant if isinstance(variant, Rule) else replace(rule, decide=variant)
        return book
