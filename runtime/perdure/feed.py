"""The one function through which the runtime reaches a decision.

`Feed` looks the rule of an input up in a book, gathers the parts that the rule names, decides, stores the
parts, traces, and hands the effects to the performer, in their order. It knows no protocol: neither which
parts there are nor what an effect means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from perdure_model.core.rule import Book, Decision, Family, Key, Part, Rule, Spec

Input = TypeVar("Input")
Effect = TypeVar("Effect")
Performed = TypeVar("Performed", contravariant=True)


Index = dict[Hashable, dict[Key, Part]]
NONE: Final[Mapping[Key, Part]] = {}


class Performer(Protocol[Performed]):
    """Performs one effect; `cargo` is what came with the input (a payload, a request to be answered)."""

    def __call__(self, effect: Performed, cargo: Any, /) -> None:
        """Perform it: register at once, leave all waiting to tasks. Must not raise."""


class Shelf:
    """The parts of one family, in the order in which they came to be.

    An index by a field of the key is kept from when it is first asked for: most are never.
    """

    __slots__ = ("_fields", "_indexes", "values")

    def __init__(self, family: Family) -> None:
        self._fields = family.fields
        self._indexes: dict[str, tuple[int, Index]] = {}
        self.values: dict[Key, Part] = {}

    def by(self, name: str) -> Index:
        """The parts by one field of their keys, now and later."""
        if name not in self._indexes:
            at, index = self._fields.index(name), Index()
            for key, value in self.values.items():
                index.setdefault(key[at], {})[key] = value
            self._indexes[name] = at, index
        return self._indexes[name][1]

    def put(self, key: Key, value: Part) -> None:
        """Set one part; None removes it."""
        if value is None:
            self._remove(key)
            return
        self.values[key] = value
        for at, index in self._indexes.values():
            index.setdefault(key[at], {})[key] = value

    def _remove(self, key: Key) -> None:
        if self.values.pop(key, None) is None:
            return
        for at, index in self._indexes.values():
            del index[key[at]][key]
            if not index[key[at]]:
                del index[key[at]]


class One:
    """The part that the input names."""

    __slots__ = ("_key", "_shelf", "gather")

    def __init__(self, shelf: Shelf, spec: Spec) -> None:
        self._shelf, self._key = shelf, key_of(spec.family.fields)
        self.gather = getter(shelf.values, spec.family.fields)

    def store(self, i: object, _old: Part, new: Part) -> None:
        """Keep what the rule returned."""
        self._shelf.put(self._key(i), new)


class Each:
    """One part for each element of one of the input's attributes."""

    __slots__ = ("_shelf", "_spec")

    def __init__(self, shelf: Shelf, spec: Spec) -> None:
        self._shelf, self._spec = shelf, spec

    def gather(self, i: object) -> Mapping[Key, Part]:
        """The parts, None where there is none."""
        return {key: self._shelf.values.get(key) for key in self._spec.keys(i)}

    def store(self, _i: object, old: Mapping[Key, Part], new: Mapping[Key, Part]) -> None:
        """Keep what the rule returned."""
        for key, value in new.items():
            if value is not old.get(key):
                self._shelf.put(key, value)


class Every:
    """All parts that agree with the input in some fields."""

    __slots__ = ("_shelf", "gather")

    def __init__(self, shelf: Shelf, spec: Spec) -> None:
        self._shelf = shelf
        self.gather = gatherer(shelf, spec)

    def store(self, _i: object, old: Mapping[Key, Part], new: Mapping[Key, Part]) -> None:
        """Keep what the rule returned; what the mapping lacks is removed."""
        for key in [key for key in old if key not in new]:
            self._shelf.put(key, None)
        for key in [key for key, value in new.items() if value is not old.get(key)]:
            self._shelf.put(key, new[key])


View: TypeAlias = One | Each | Every
Prepared: TypeAlias = tuple[
    Callable[..., Decision], list[Callable[[object], Any]], list[Callable[[object, Any, Any], None]]
]
"""A rule's function, and what gathers and stores the parts that it sees: looked up once for all inputs."""
VIEWS: Final[dict[str, Callable[[Shelf, Spec], View]]] = {"one": One, "each": Each, "every": Every}


def key_of(fields: tuple[str, ...]) -> Callable[[object], Key]:
    """The key that an input names: its attributes of these names."""
    if len(fields) > 1:
        return attrgetter(*fields)
    if not fields:
        return lambda _i: ()
    attribute = attrgetter(*fields)
    return lambda i: (attribute(i),)


def getter(values: dict[Key, Part], fields: tuple[str, ...]) -> Callable[[object], Part]:
    """What finds the part that an input names, or None: called several times for each decision."""
    get = values.get
    if not fields:
        return lambda _i: get(())
    attribute = attrgetter(*fields)
    return (lambda i: get(attribute(i))) if len(fields) > 1 else (lambda i: get((attribute(i),)))


def gatherer(shelf: Shelf, spec: Spec) -> Callable[[object], Mapping[Key, Part]]:
    """What finds all parts that agree with an input, perhaps the shelf's own mapping: no rule changes it."""
    if not spec.by:
        return lambda _i: shelf.values
    attribute, find = attrgetter(spec.by[0]), shelf.by(spec.by[0]).get
    if len(spec.by) == 1:
        return lambda i: find(attribute(i), NONE)
    return lambda i: {key: v for key, v in find(attribute(i), NONE).items() if spec.matches(i, key)}


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
        self._rules = {rule.input: self._prepared(rule) for rule in book}
        self._book = book
        self._queue: deque[tuple[Input, Any]] = deque()
        self._following: list[tuple[Input, Any]] = []
        self._busy = False
        for family, part in settings.items():
            self._shelf(family).put((), part)

    def _shelf(self, family: Family) -> Shelf:
        shelf = self._shelves.get(family)
        if shelf is None:
            shelf = self._shelves[family] = Shelf(family)
        return shelf

    def _prepared(self, rule: Rule) -> Prepared:
        views = [VIEWS[spec.kind](self._shelf(spec.family), spec) for spec in rule.specs]
        return rule.decide, [view.gather for view in views], [view.store for view in views]

    def __call__(self, i: Input, cargo: Any = None) -> None:
        """Decide on an input and perform what follows, then on what was fed meanwhile.

        Raises UnknownInput where the book has no rule for it.
        """
        if self._busy:
            self._queue.append((i, cargo))
            return
        self._busy = True
        try:
            self._decide(i, cargo)
            while self._queue:
                self._decide(*self._queue.popleft())
        finally:
            self._busy = False

    def _decide(self, i: Input, cargo: Any) -> None:
        decide, gathers, stores = self._rules.get(type(i)) or (self._book[type(i)].decide, [], [])
        seen = [gather(i) for gather in gathers]
        changed, effects = decide(i, *seen)
        for store, old, new in zip(stores, seen, changed):  # noqa: B905 - what is only read comes after
            if new is not old:
                store(i, old, new)
        if self._trace is not None:
            self._trace(i, effects)
        for effect in effects:
            self._perform(effect, cargo)
        if self._following:
            self._queue.extendleft(reversed(self._following))
            self._following.clear()

    def follow(self, i: Input) -> None:
        """For the performer: feed this input after the effects of this decision, and before any other."""
        self._following.append((i, None))

    # -- reading, for what is shown to people ----------------------------------------------------------

    def reader(self, family: Family) -> Callable[[], Part]:
        """What gives the one part of a family whose key has no fields, for who asks often."""
        return partial(self._shelf(family).values.get, ())

    def part(self, family: Family, *key: Hashable) -> Part:
        """One part, or None."""
        return self._shelf(family).values.get(key)

    def parts(self, family: Family, **field: Hashable) -> dict[Key, Part]:
        """The parts of a family; with a field of the key given, those that have it."""
        shelf = self._shelf(family)
        if not field:
            return dict(shelf.values)
        ((name, value),) = field.items()
        return dict(shelf.by(name).get(value, NONE))
