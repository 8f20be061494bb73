"""A counterexample told as deeds: who decided what on which input, and what travelled in between.

A trace has states only. Each step is decided again, by the very rules that decided it, so that its input and
its effects can be told, and what was put on a wire or timer, taken from it, or lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from perdure_model.checker import Component, Violation
from perdure_model.checker.system import Action
from perdure_model.core.common import Moved, Refused
from perdure_model.world.bind import Binding, World

States: TypeAlias = dict[Component, Any]


@dataclass(frozen=True)
class Token:
    """Something on a wire, or a timer that runs: the component that holds it, and its value."""

    component: str
    value: Any


class Flag(NamedTuple):
    """What a wire itself shows, such as the status that a request was answered with."""

    name: str
    value: Any


class Sign(NamedTuple):
    """What an effect made of a wire on which nothing travels that could be told apart."""

    step: int


@dataclass
class Deed:
    """One step: which lane (`side`) decided on which input; None where no rule was asked, as in a fault."""

    number: int
    action: str
    side: str | None = None
    input: Any = None
    effects: tuple[Any, ...] = ()
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Of the parts: what each was before, and is now."""
    put: list[tuple[Token, Any]] = field(default_factory=list)
    """What travels from here, with the effect that sent it; None where no effect did."""
    taken: list[Token] = field(default_factory=list)
    lost: list[Token] = field(default_factory=list)
    remade: list[tuple[Token, Token]] = field(default_factory=list)
    """Messages under way that are marked otherwise now, such as one that has been overtaken."""
    touched: set[str] = field(default_factory=set)
    """The wires that are not as they were."""


def deeds(world: World, violation: Violation, sides: Mapping[str, str]) -> list[Deed]:
    """The steps of a world's counterexample; `sides` tells of each rule whose it is.

    Raises LookupError where a step is none of the world's: the violation is of another one.
    """
    teller = _Teller(world, sides)
    steps = list(enumerate(pairwise(violation.trace), start=1))
    return [
        teller.tell(number, step.action or "", before.state, step.state) for number, (before, step) in steps
    ]


class _Teller:
    """Tells the steps of one world."""

    def __init__(self, world: World, sides: Mapping[str, str]) -> None:
        self.components = world.system.components
        self.lanes = lanes(world, sides)
        self.parts = {c.name for held in world.parts.values() for c in held.values()}
        self.actions = {action.name: action.function for action in world.system.actions}
        self.wires = wires(world)

    def tell(self, number: int, action: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Deed:
        before = {component: old[component.name] for component in self.components}
        after = {component: new[component.name] for component in self.components}
        deed = Deed(number, action, changes=self._changes(old, new))
        deed.touched = {name for name in self.wires if old[name] != new[name]}
        function = self.actions[action]
        gone = self._tokens(before) - self._tokens(after)
        if isinstance(function, Binding):
            gone |= self._tokens(before) - self._tokens(self._decide(deed, function, before, after))
            sources = {source.name for source in function.sources}
            deed.taken = [token for token in gone.elements() if _is_taken(token, deed.input, sources)]
            gone.subtract(deed.taken)
        deed.lost = list((+gone).elements())
        told = [token for token, _ in deed.put]
        deed.put += [(token, None) for token in (self._new(before, after) - Counter(told)).elements()]
        if deed.side is not None:
            _remake(deed)
        return deed

    def _changes(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        names = (c.name for c in self.components if c.name in self.parts)
        return {name: (old[name], new[name]) for name in names if old[name] != new[name]}

    def _decide(self, deed: Deed, binding: Binding, before: States, after: States) -> States:
        """Tell of the decision that led to `after`; what its input's arrival had left."""
        deed.side = self.lanes[binding]
        for i, left, to in binding.arrivals(*(before[source] for source in binding.sources)):
            arrived = before | dict(zip(binding.sources, left, strict=True))
            decided, effects = binding.decided(i, arrived)
            for path in _paths(binding, effects, to, decided):
                if path[-1] == after:
                    deed.input, deed.effects = i, effects
                    deed.put = self._put(deed.number, effects, path)
                    return arrived
        raise LookupError(f"{deed.action} does not lead from step {deed.number - 1} to the next")

    def _put(self, step: int, effects: tuple[Any, ...], path: list[States]) -> list[tuple[Token, Any]]:
        return [
            (token, effect)
            for effect, (old, new) in zip(effects, pairwise(path), strict=True)
            for token in [*self._new(old, new).elements()] or self._signs(step, old, new)
        ]

    def _signs(self, step: int, old: States, new: States) -> list[Token]:
        changed = (c.name for c in old if c.name in self.wires and old[c] != new[c])
        return [Token(name, Sign(step)) for name in changed]

    def _new(self, old: States, new: States) -> Counter[Token]:
        """What was not there before; the flags that a new wire has from the start say nothing."""
        made = {component.name for component, state in old.items() if state is None}
        found = self._tokens(new) - self._tokens(old)
        silent = [one for one in found if one.component in made and isinstance(one.value, Flag)]
        return found - Counter({one: found[one] for one in silent})

    def _tokens(self, states: States) -> Counter[Token]:
        return Counter(
            Token(component.name, value)
            for component, state in states.items()
            if component.name in self.wires
            for value in items(state)
        )


def _remake(deed: Deed) -> None:
    """Pair what seems lost with what seems put, where a decision only marks a message that is under way."""
    for old in [one for one in deed.lost if is_dataclass(one.value)]:
        for put in deed.put:
            if put[0].component == old.component and type(put[0].value) is type(old.value):
                deed.lost.remove(old)
                deed.put.remove(put)
                deed.remade.append((old, put[0]))
                break


def _paths(binding: Binding, effects: tuple[Any, ...], to: Any, decided: States) -> Iterator[list[States]]:
    """Every way to perform the effects one after the other: the states before the first and after each."""
    if not effects:
        yield [decided]
        return
    for done in binding.performed(effects[0], to, decided):
        for rest in _paths(binding, effects[1:], to, done):
            yield [decided, *rest]


def wires(world: World) -> set[str]:
    """What is put somewhere by an effect or a fault, and taken from there by a rule's input."""
    names = {component.index: component.name for component in world.system.components}
    put = {component.name for sink in world.sinks.values() for component in sink.components}
    put |= {names[index] for action in faults(world) for index in action.components}
    taken = {source.name for binding in bindings(world) for source in binding.sources}
    return {name for name in put & taken if not is_outside(name)}


def is_outside(component: str) -> bool:
    """Whether this is the application's, or a budget: neither is on the way from one side to another."""
    return not {"app", "budget"}.isdisjoint(re.split(r"[.\[]", component))


def lanes(world: World, sides: Mapping[str, str]) -> dict[Binding, str]:
    """Who decides in each binding: its rule's side, and which of them where there are several.

    There are several where each of the side's rules is bound at one of several addresses.
    """
    found: dict[str, list[Binding]] = {}
    for one in bindings(world):
        found.setdefault(sides[one.rule.name], []).append(one)
    return {one: _lane(side, one, held) for side, held in found.items() for one in held}


def _lane(side: str, one: Binding, held: list[Binding]) -> str:
    common = set.intersection(*(set(other.address) for other in held))
    apart = sorted(name for name in common if len({other.address[name] for other in held}) > 1)
    return " ".join([side, *(str(one.address[name]) for name in apart)])


def readers(world: World, sides: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Of each wire and timer who takes from it."""
    takers = lanes(world, sides)
    return {
        wire: frozenset(takers[one] for one in takers if wire in {source.name for source in one.sources})
        for wire in wires(world)
    }


def bindings(world: World) -> list[Binding]:
    """The actions that are rules."""
    return [a.function for a in world.system.actions if isinstance(a.function, Binding)]


def faults(world: World) -> list[Action]:
    """The actions that are none: what goes wrong, and what the surroundings do."""
    return [a for a in world.system.actions if not isinstance(a.function, Binding)]


def items(state: Any) -> Iterator[Any]:
    """What a wire or timer holds: the elements of a set or queue, be it a field of what the wire is.

    Of the wire itself come a message that it has room for one of, flags that are set, and numbers.
    """
    if isinstance(state, frozenset) or _is_queue(state):
        yield from state
    else:
        for name, value in fielded(state).items():
            if isinstance(value, frozenset) or _is_queue(value):
                yield from value
            elif is_dataclass(value):
                yield value
            elif type(value) in (bool, int) and value is not False:
                yield Flag(name, value)


def fielded(value: Any) -> dict[str, Any]:
    """The fields of a dataclass or a named tuple, by name; of anything else none."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return {name: getattr(value, name) for name in getattr(value, "_fields", ())}


def _is_queue(value: Any) -> bool:
    """A tuple of messages; an attempt, a key or a cursor is a tuple, too, but of numbers."""
    return type(value) is tuple and all(isinstance(one, tuple) or is_dataclass(one) for one in value)


def _is_taken(token: Token, i: Any, sources: set[str]) -> bool:
    """Whether the input is what this was; all else that vanishes with it is lost."""
    if token.component not in sources:
        return False
    if isinstance(token.value, Flag):
        return True
    told = [token.value, *_details(token.value)]
    if any(is_dataclass(one) for one in told):
        return i in told
    said = set(map(repr, fielded(i).values()))
    return bool(said & set(map(repr, told)))


def _details(value: Any) -> list[Any]:
    return [*fielded(value).values()] or (list(value) if isinstance(value, tuple) else [])


def reasons(deed: Deed) -> list[str]:
    """Why its input changed nothing, where it was refused."""
    return [effect.why for effect in deed.effects if isinstance(effect, Refused)]


def asked(deed: Deed) -> list[Any]:
    """Its effects on the world: all but those for the record."""
    return [effect for effect in deed.effects if not isinstance(effect, (Moved, Refused))]
