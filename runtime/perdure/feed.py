"""The one function through which the runtime reaches a decision.

`Feed` looks the rule of an input up in a book, gathers the parts that the rule names, decides, stores the
parts, traces, and hands the effects to the performer, in their order. It knows no protocol: neither which
parts there are nor what an effect means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from perdure_model.core.rule import Book, Family, Key, Part, Rule, Spec

Input = TypeVar("Input")
Effect = TypeVar("Effect")
Performed = TypeVar("Performed", contravariant=True)
Seen = Mapping[Key, Part] | Part


class Performer(Protocol[Performed]):
    """Performs one effect; `cargo` is what came with the input (a payload, a request to be answered)."""

    def __call__(self, effect: Performed, cargo: Any, /) -> None:
        """Perform it: register at once, leave all waiting to tasks. Must not raise."""


class Shelf:
    """The parts of one family, in the order in which they came to be, indexed by each field of the key."""

    __slots__ = ("by", "family", "values")

    def __init__(self, family: Family) -> None:
        self.family = family
        self.values: dict[Key, Part] = {}
        self.by: dict[str, dict[Hashable, dict[Key, None]]] = {name: {} for name in family.fields}

    def gather(self, spec: Spec, i: object) -> Seen:
        """What a rule sees of this family. The mapping may be the shelf's own: rules change nothing."""
        if spec.kind == "one":
            return self.values.get(spec.keys(i)[0])
        if spec.kind == "each":
            return {key: self.values.get(key) for key in spec.keys(i)}
        if not spec.by:
            return self.values
        keys = self.by[spec.by[0]].get(getattr(i, spec.by[0]), ())
        return {key: self.values[key] for key in keys if len(spec.by) == 1 or spec.matches(i, key)}

    def store(self, spec: Spec, i: object, old: Seen, new: Seen) -> None:
        """Keep what the rule returned. What the mapping of an `every` lacks is removed."""
        if new is old:
            return
        if spec.kind == "one":
            self.put(spec.keys(i)[0], new)
            return
        for key in [key for key in old if key not in new]:
            self.put(key, None)
        for key, value in new.items():
            self.put(key, value)

    def put(self, key: Key, value: Part) -> None:
        """Set one part; None removes it."""
        known = key in self.values
        if value is not None:
            self.values[key] = value
            if not known:
                for name, field in zip(self.family.fields, key, strict=True):
                    self.by[name].setdefault(field, {})[key] = None
        elif known:
            del self.values[key]
            for name, field in zip(self.family.fields, key, strict=True):
                self._unindex(self.by[name], field, key)

    @staticmethod
    def _unindex(index: dict[Hashable, dict[Key, None]], field: Hashable, key: Key) -> None:
        keys = index[field]
        del keys[key]
        if not keys:
            del index[field]


class Feed(Generic[Input, Effect]):
    """The machine of one client or one server: a book, its parts, and who performs.

    Call it with an input, and whatever the performer needs with it. Deciding and performing are
    synchronous. What is fed while another input is being performed waits its turn.
    """

    def __init__(
        self,
        book: Book,
        perform: Performer[Effect],
        settings: Mapping[Family, Part],
        trace: Callable[[object, tuple[Any, ...]], None] | None = None,
    ) -> None:
        self._perform, self._trace = perform, trace
        self._shelves: dict[Family, Shelf] = {}
        self._rules = {rule.input: self._shelved(rule) for rule in book}
        self._book = book
        self._queue: deque[tuple[Input, Any]] = deque()
        self._following: list[tuple[Input, Any]] = []
        self._busy = False
        for family, part in settings.items():
            self._shelf(family).put((), part)

    def _shelf(self, family: Family) -> Shelf:
        return self._shelves.setdefault(family, Shelf(family))

    def _shelved(self, rule: Rule) -> tuple[Rule, list[tuple[Shelf, Spec]]]:
        return rule, [(self._shelf(spec.family), spec) for spec in rule.specs]

    def __call__(self, i: Input, cargo: Any = None) -> None:
        """Decide on an input and perform what follows, then on what was fed meanwhile.

        Raises UnknownInput where the book has no rule for it.
        """
        self._queue.append((i, cargo))
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                self._decide(*self._queue.popleft())
        finally:
            self._busy = False

    def _decide(self, i: Input, cargo: Any) -> None:
        rule, shelved = self._rules.get(type(i)) or (self._book[type(i)], [])
        seen = [shelf.gather(spec, i) for shelf, spec in shelved]
        changed, effects = rule.decide(i, *seen)
        for (shelf, spec), old, new in zip(shelved[: len(rule.parts)], seen, changed, strict=False):
            shelf.store(spec, i, old, new)
        if self._trace is not None:
            self._trace(i, effects)
        for effect in effects:
            self._perform(effect, cargo)
        self._queue.extendleft(reversed(self._following))
        self._following.clear()

    def follow(self, i: Input) -> None:
        """For the performer: feed this input after the effects of this decision, and before any other."""
        self._following.append((i, None))

    # -- reading, for what is shown to people ----------------------------------------------------------

    def part(self, family: Family, *key: Hashable) -> Part:
        """One part, or None."""
        return self._shelf(family).values.get(key)

    def parts(self, family: Family, **field: Hashable) -> dict[Key, Part]:
        """The parts of a family; with a field of the key given, those that have it."""
        shelf = self._shelf(family)
        if not field:
            return dict(shelf.values)
        ((name, value),) = field.items()
        return {key: shelf.values[key] for key in shelf.by[name].get(value, ())}
