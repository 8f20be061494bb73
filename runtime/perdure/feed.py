"""The one function through which the runtime reaches a decision.

`Feed` looks the rule of an input up in a book, gathers the parts that the rule names, decides, stores the
parts, traces, and hands the effects to the performer, in their order. It knows no protocol: neither which
parts there are nor what an effect means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, partial
from itertools import compress, islice
from operator import attrgetter, is_, is_not
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from perdure_model.core.rule import Book, Family, Key, Part, Rule, Spec

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
    """The part that the input names. Rules see mostly these: their keys are made in the rule's own step."""

    stores = "put{n}(key{n}, new{n})"

    def __init__(self, shelf: Shelf, spec: Spec) -> None:
        fields = "".join([f"i.{name}," for name in spec.family.fields])
        self.gathers = f"key{{n}} = ({fields}); old{{n}} = get{{n}}(key{{n}})"
        self.uses: dict[str, Any] = {"get": shelf.values.get, "put": shelf.put}


class Several:
    """Parts by their keys; how they are found and kept is the view's."""

    gathers = "old{n} = gather{n}(i)"
    stores = "store{n}(old{n}, new{n})"

    def __init__(self, shelf: Shelf, spec: Spec) -> None:
        self._shelf, self._spec = shelf, spec
        self.uses: dict[str, Any] = {"gather": self.gather, "store": self.store}

    def gather(self, i: object) -> Mapping[Key, Part]:
        """The parts that an input sees."""
        raise NotImplementedError

    def store(self, old: Mapping[Key, Part], new: Mapping[Key, Part]) -> None:
        """Keep what the rule returned."""
        for key in changed(old, new):
            self._shelf.put(key, new[key])


class Each(Several):
    """One part for each element of one of the input's attributes."""

    def gather(self, i: object) -> Mapping[Key, Part]:
        """The parts, None where there is none."""
        return {key: self._shelf.values.get(key) for key in self._spec.keys(i)}


class Every(Several):
    """All parts that agree with the input in some fields; what the new mapping lacks is removed."""

    def __init__(self, shelf: Shelf, spec: Spec) -> None:
        super().__init__(shelf, spec)
        if len(spec.by) == 1:  # most of them: found in the rule's own step
            self.gathers = f"old{{n}} = find{{n}}(i.{spec.by[0]}, none{{n}})"
            self.uses |= {"find": shelf.by(spec.by[0]).get, "none": NONE}
        else:
            self.uses["gather"] = gatherer(shelf, spec)

    def store(self, old: Mapping[Key, Part], new: Mapping[Key, Part]) -> None:
        """Keep what the rule returned."""
        if not begins_with(new, old):
            for key in [key for key in old if key not in new]:
                self._shelf.put(key, None)
        super().store(old, new)


def begins_with(new: Mapping[Key, Part], old: Mapping[Key, Part]) -> bool:
    """Whether `new` was made of `old` by setting and adding: its keys are then the same ones, and more.

    That is so most of the time, and told without hashing a key: there may be hundreds, and one is new.
    """
    return len(new) >= len(old) and all(map(is_, old, new))


def changed(old: Mapping[Key, Part], new: Mapping[Key, Part]) -> list[Key]:
    """The keys whose parts are others than before."""
    if begins_with(new, old):
        return [*compress(new, map(is_not, old.values(), new.values())), *islice(new, len(old), None)]
    return [key for key, value in new.items() if value is not old.get(key)]


VIEWS: Final[dict[str, type[One | Each | Every]]] = {"one": One, "each": Each, "every": Every}
compiled: Final = cache(partial(compile, filename="a rule's step", mode="exec"))
Step: TypeAlias = Callable[[Any], tuple[Any, ...]]
"""A rule as it is run: gathers its parts, decides, stores those that changed, returns the effects."""


def gatherer(shelf: Shelf, spec: Spec) -> Callable[[object], Mapping[Key, Part]]:
    """What finds all parts that agree with an input, perhaps the shelf's own mapping: no rule changes it."""
    if not spec.by:
        return lambda _i: shelf.values
    attribute, find = attrgetter(spec.by[0]), shelf.by(spec.by[0]).get
    return lambda i: {key: v for key, v in find(attribute(i), NONE).items() if spec.matches(i, key)}


def written_out(rule: Rule, views: Sequence[One | Each | Every]) -> Step:
    """The rule's step as a function of its own: a loop over its parts takes longer than most rules do."""
    numbered = list(enumerate(views))
    uses = {f"{name}{n}": use for n, view in numbered for name, use in view.uses.items()}
    changed = "".join([f"new{n}," for n in range(len(rule.parts))])
    lines = [
        "def step(i):",
        *[view.gathers.format(n=n) for n, view in numbered],
        f"({changed}), effects = decide({', '.join(['i', *[f'old{n}' for n, _ in numbered]])})",
        *[f"if new{n} is not old{n}: {view.stores.format(n=n)}" for n, view in numbered[: len(rule.parts)]],
        "return effects",
    ]
    names: dict[str, Any] = {"decide": rule.decide, **uses}
    exec(compiled("\n    ".join(lines)), names)  # made of field names and numbers: no text of anybody's
    step: Step = names["step"]
    return step


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
        self._steps: dict[type, Step] = {}
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

    def _made(self, kind: type) -> Step:
        """The step of the rule for this type of input; made when it is first needed: many never are."""
        rule = self._book[kind]
        views = [VIEWS[spec.kind](self._shelf(spec.family), spec) for spec in rule.specs]
        step = self._steps[kind] = written_out(rule, views)
        return step

    def __call__(self, i: Input, cargo: Any = None) -> None:
        """Decide on an input and perform what follows, then on what was fed meanwhile.

        Raises UnknownInput where the book has no rule for it.
        """
        if self._busy:
            self._queue.append((i, cargo))
            return
        self._busy = True
        try:
            while True:
                effects = (self._steps.get(type(i)) or self._made(type(i)))(i)
                if self._trace is not None:
                    self._trace(i, effects)
                for effect in effects:
                    self._perform(effect, cargo)
                if self._following:
                    self._queue.extendleft(reversed(self._following))
                    self._following.clear()
                if not self._queue:
                    return
                i, cargo = self._queue.popleft()
        finally:
            self._busy = False

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
