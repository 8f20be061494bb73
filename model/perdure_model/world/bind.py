"""How a rule becomes an action of the checker: the one way for a world to reach a decision.

The footprint of the action is derived: the components of the parts that the rule declares, the wire or
timer that its input arrives on, and the sinks of the effects that it declares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from perdure_model.checker import Component, System
from perdure_model.core.common import Moved, Refused
from perdure_model.core.rule import Book, Family, Key, Rule, Spec

Local: TypeAlias = Hashable
States: TypeAlias = dict[Component, Any]
Arrival: TypeAlias = tuple[Any, tuple[Any, ...], Hashable]
"""An input, what its arrival leaves on the components it came from, and whom an answer goes to."""
Arrivals: TypeAlias = Callable[..., Iterable[Arrival]]
Statement: TypeAlias = Callable[..., bool]
SinkFunction: TypeAlias = Callable[..., Iterable[tuple[Any, ...]]]


NOWHERE: Mapping[str, Hashable] = {}


def property_id(title: str) -> str:
    """The id of the property that a part of it is declared under."""
    return title.partition(" (")[0]


class UndeclaredEffect(TypeError):
    """A rule emitted an effect that it had not declared, or that no wire of this world takes."""


@dataclass(frozen=True)
class Sink:
    """Where an effect goes: components, and a function (effect, answer to, *states) -> alternatives."""

    components: tuple[Component, ...]
    put: SinkFunction


class World:
    """A system whose parts are changed by rules only."""

    def __init__(self, name: str) -> None:
        self.system = System(name)
        self.parts: dict[tuple[str, Family], dict[Key, Component]] = {}
        self.sinks: dict[tuple[type, type | None, frozenset[Any]], Sink] = {}
        self.bound: set[str] = set()
        self.titles: Counter[str] = Counter()
        self.reached: set[str] = set()
        """The actions whose rule has had something to decide, be it nothing."""
        self.moves: set[tuple[str, str, str, str]] = set()
        """The transitions taken so far: machine, source, event, target."""

    def part(self, family: Family, key: Key = (), initial: Local = None, scope: str = "") -> Component:
        """Add a part; a key's absence is None. `scope` tells the parts of one client from another's."""
        name = (f"{scope}." if scope else "") + family.name + "".join(f"[{one}]" for one in key)
        component = self.system.component(name, initial)
        self.parts.setdefault((scope, family), {})[key] = component
        return component

    def always(self, *components: Component, name: str) -> Callable[[Statement], Statement]:
        """Declare a part of a property: one may be stated of each client, or of each session, apart.

        What is stated of nothing, such as the sends of a client that makes none, holds.
        """
        if not components:
            return lambda statement: statement
        return self.system.always(*components, name=self._title(name))

    def leads_to(self, *components: Component, when: Statement, then: Statement, name: str) -> None:
        """Declare a part of a property that says what must happen in the end."""
        self.system.leads_to(*components, when=when, then=then, name=self._title(name))

    def kind(self, action: str) -> str:
        """What an action is called in the report of what was reached: the same for each of many clients."""
        return action

    def _title(self, name: str) -> str:
        """The property's name for its first part, and a numbered one for each further part."""
        self.titles[name] += 1
        return name if self.titles[name] == 1 else f"{name} ({self.titles[name]})"

    def sink(
        self,
        effect: type,
        *components: Component,
        of: type | None = None,
        address: Mapping[str, Hashable] = NOWHERE,
    ) -> Callable[[SinkFunction], SinkFunction]:
        """Say where effects of this type go; with `of`, those of decisions on that type of input only.

        With `address`, those of rules that are bound at that address or at a narrower one.
        """

        def declare(put: SinkFunction) -> SinkFunction:
            self.sinks[effect, of, frozenset(address.items())] = Sink(components, put)
            return put

        return declare

    def ignore(self, *effects: type) -> None:
        """Effects that leave no mark on this world, such as the storing of payloads."""
        for effect in effects:
            self.sinks[effect, None, frozenset()] = Sink((), lambda _effect, _to: [()])

    def sink_of(self, effect: type, rule: Rule, address: Mapping[str, Hashable] = NOWHERE) -> Sink:
        """Where this rule's effects of this type go, if it is bound at this address.

        Raises UndeclaredEffect where the rule has not declared it, or this world has no sink for it.
        """
        if effect not in rule.emits:
            raise UndeclaredEffect(f"{rule.name} emits {effect.__name__} without declaring it")
        here = frozenset(address.items())
        fitting = [
            (len(place), of is not None, sink)
            for (kind, of, place), sink in self.sinks.items()
            if kind is effect and of in (None, rule.input) and place <= here
        ]
        if not fitting:
            raise UndeclaredEffect(f"{rule.name} emits {effect.__name__}, for which there is no sink")
        return max(fitting, key=lambda one: one[:2])[2]

    def bind(
        self,
        book: Book,
        input_type: type,
        sources: Iterable[Component],
        arrivals: Arrivals,
        *,
        name: str = "",
        fair: bool = True,
        address: Mapping[str, Hashable] = NOWHERE,
        scope: str = "",
    ) -> None:
        """Make an action of the book's rule for this input.

        `arrivals` is called with the states of `sources` and yields what can arrive now. `address` gives
        the key fields that all of them have in common, and whatever else its sinks are told apart by.
        `scope` says whose parts the rule sees. A decision that changes nothing is no step.
        """
        rule = book[input_type]
        self.bound.add(f"{book.side}.{rule.name}")
        sources = tuple(sources)
        sees = [self._components(spec, address, scope) for spec in rule.specs]
        sunk = [self.sink_of(effect, rule, address).components for effect in rule.emits]
        footprint = _union(sources, *(seen.values() for seen in sees), *sunk)
        name = name or rule.name
        binding = Binding(self, name, rule, sources, arrivals, sees, footprint, address)
        self.system.action(*footprint, name=name, fair=fair)(binding)

    def _components(self, spec: Spec, address: Mapping[str, Hashable], scope: str) -> dict[Key, Component]:
        fields = spec.family.fields
        return {
            key: component
            for key, component in self.parts.get((scope, spec.family), {}).items()
            if all(address.get(n, key[fields.index(n)]) == key[fields.index(n)] for n in spec.by)
        }


@dataclass(frozen=True, eq=False)
class Binding:
    """A rule as an action: its successors are what its decisions make of the arrivals."""

    world: World
    name: str
    rule: Rule
    sources: tuple[Component, ...]
    arrivals: Arrivals
    sees: list[dict[Key, Component]]
    footprint: tuple[Component, ...]
    address: Mapping[str, Hashable]
    sinks: dict[type, Sink] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    """Where the sources are in the footprint: most of what is asked has nothing arriving, and ends there."""

    def __post_init__(self) -> None:
        self.places.extend(self.footprint.index(source) for source in self.sources)

    def __call__(self, *states: Any) -> Iterator[Any]:  # noqa: D102
        for i, left, to in self.arrivals(*[states[place] for place in self.places]):
            self.world.reached.add(self.name)
            after = dict(zip(self.footprint, states, strict=True))
            after |= zip(self.sources, left, strict=True)
            for done in self._decide(i, to, after):
                successor = tuple([done[component] for component in self.footprint])
                if successor != states:
                    yield successor if len(successor) > 1 else successor[0]

    def _decide(self, i: Any, to: Hashable, states: States) -> list[States]:
        decided, effects = self.decided(i, states)
        branches = [decided]
        for effect in effects:
            branches = [done for branch in branches for done in self.performed(effect, to, branch)]
        return branches

    def decided(self, i: Any, states: States) -> tuple[States, tuple[Any, ...]]:
        """The states with the parts that the rule makes of this input, and the effects still to perform."""
        specs = self.rule.specs
        values = [_gather(spec, i, seen, states) for spec, seen in zip(specs, self.sees, strict=True)]
        parts, effects = self.rule.decide(i, *values)
        states = dict(states)
        for spec, seen, part in zip(self.rule.parts, self.sees, parts, strict=False):
            _store(spec, i, seen, part, states)
        return states, effects

    def sink_of(self, effect: type) -> Sink:
        """Where this rule's effects of this type go here."""
        if effect not in self.sinks:
            self.sinks[effect] = self.world.sink_of(effect, self.rule, self.address)
        return self.sinks[effect]

    def performed(self, effect: Any, to: Hashable, states: States) -> Iterator[States]:
        """What may come of one effect."""
        if isinstance(effect, Moved):
            self.world.moves.add((effect.machine, effect.source, effect.event, effect.target))
        if isinstance(effect, (Moved, Refused)):
            yield states
            return
        sink = self.sink_of(type(effect))
        for put in sink.put(effect, to, *(states[component] for component in sink.components)):
            yield states | dict(zip(sink.components, put, strict=True))


def _gather(spec: Spec, i: Any, seen: dict[Key, Component], states: States) -> Any:
    if spec.kind == "one":
        return states[seen[spec.keys(i)[0]]]
    if spec.kind == "each":
        return {key: states[seen[key]] for key in spec.keys(i)}
    held = {key: states[component] for key, component in seen.items() if spec.matches(i, key)}
    return {key: value for key, value in held.items() if value is not None}


def _store(spec: Spec, i: Any, seen: dict[Key, Component], part: Any, states: States) -> None:
    if spec.kind == "one":
        states[seen[spec.keys(i)[0]]] = part
        return
    wanted = spec.keys(i) if spec.kind == "each" else [key for key in seen if spec.matches(i, key)]
    unknown = set(part) - set(wanted)
    if unknown:
        raise KeyError(f"{spec.family.name} has no part {sorted(unknown, key=repr)} in this world")
    for key in wanted:
        states[seen[key]] = part.get(key)


def _union(*groups: Iterable[Component]) -> tuple[Component, ...]:
    return tuple(dict.fromkeys(component for group in groups for component in group))
