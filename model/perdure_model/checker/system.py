"""What a model is: components, actions over them, and properties.

A `System` holds plain data that every engine reads: components in the order of their declaration
(a global state is the tuple of their local states in that order), actions and properties with the
indices of the components that they name. Nothing here runs a model's function.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from .errors import DeclarationError

Local = Hashable
State = tuple[Local, ...]
Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

Fairness = Literal["none", "weak", "strong"]
Kind = Literal["always", "sometimes", "eventually", "leads_to", "always_possible", "terminal"]
LIVENESS: frozenset[Kind] = frozenset({"eventually", "leads_to"})
FAIRNESS: dict[bool | str, Fairness] = {False: "none", True: "weak", "weak": "weak", "strong": "strong"}


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """One variable of a system. `index` is its place in a global state."""

    name: str
    index: int
    initial: Local

    def __repr__(self) -> str:
        return f"<component {self.name}>"


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """A named set of steps. `components` are indices; `function` maps their local states to successors."""

    name: str
    components: tuple[int, ...]
    function: Function
    fairness: Fairness = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """A named demand. `functions` is one predicate, or (when, then) for `leads_to`."""

    name: str
    kind: Kind
    components: tuple[int, ...]
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A function that yields alternative initial values for some components."""

    name: str
    components: tuple[int, ...]
    function: Function


@dataclass(eq=False)
class System:
    """A model under construction; `check` explores it.

    Every decorator takes the components that the function reads (an action also writes them), calls
    it with their current local states in that order, and takes `name=` (default: the function's).
    """

    name: str = "system"
    components: list[Component] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    terminals: list[Property] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    enclosed: list[tuple[str, Function, dict[str, object]]] = field(default_factory=list, repr=False)
    """For each function, the numbers and strings around it that it reads, as they were at declaration."""

    def component(self, name: str, initial: Local) -> Component:
        """Add a variable with its initial local state: any hashable value, compared with `==`."""
        if not name or not isinstance(name, str):
            raise DeclarationError(f"a component's name must be a non-empty string, not {name!r}")
        _refuse_second(name, self.components, "component")
        component = Component(name, len(self.components), initial)
        self.components.append(component)
        return component

    def action(
        self, *components: Component, name: str | None = None, fair: bool | str = False
    ) -> Callable[[F], F]:
        """Declare steps: the function yields a successor for each choice, and none if it is not enabled.

        Over one component it yields the bare new value, over several a tuple in their order. `fair=True`
        is weak fairness (an action that stays enabled is taken in the end), `fair="strong"` strong
        fairness (one that is enabled again and again is taken in the end). Both count only steps that
        change the state, as TLA+ does.
        """
        if fair not in (False, True, "weak", "strong"):
            raise DeclarationError(f"fair={fair!r} is not one of False, True, 'strong'")
        indices = self._indices(components, "action", name)

        def declare(function: F) -> F:
            title = self._title(function, name, indices)
            _refuse_second(title, self.actions, "action")
            self.actions.append(Action(title, indices, function, FAIRNESS[fair]))
            return function

        return declare

    def always(self, *components: Component, name: str | None = None) -> Callable[[F], F]:
        """Declare an invariant: true in every reachable state."""
        return self._predicate("always", components, name)

    def sometimes(self, *components: Component, name: str | None = None) -> Callable[[F], F]:
        """Declare what must be reachable: true in at least one reachable state."""
        return self._predicate("sometimes", components, name)

    def eventually(self, *components: Component, name: str | None = None) -> Callable[[F], F]:
        """Declare what comes about on every fair path, at least once."""
        return self._predicate("eventually", components, name)

    def always_possible(self, *components: Component, name: str | None = None) -> Callable[[F], F]:
        """Declare what never becomes impossible: from every reachable state such a state can be reached."""
        return self._predicate("always_possible", components, name)

    def leads_to(
        self, *components: Component, when: Function, then: Function, name: str | None = None
    ) -> None:
        """Declare that on every fair path each `when` is answered: `then` holds there or later."""
        indices = self._indices(components, "leads_to", name)
        for function in (when, then):
            self._title(function, None, indices)
        title = name or f"{_name_of(when)} leads to {_name_of(then)}"
        _refuse_second(title, self.properties, "property")
        self.properties.append(Property(title, "leads_to", indices, (when, then)))

    def terminal(self, *components: Component, name: str | None = None) -> Callable[[F], F]:
        """Declare where stopping is right. Any other state without successors is a deadlock.

        Several declarations add up: a state that one of them accepts is terminal.
        """
        return self._predicate("terminal", components, name)

    def initial(self, *components: Component, name: str | None = None) -> Callable[[F], F]:
        """Declare alternative initial values, in place of the declared ones.

        The function yields as an action does, and is called with the declared initial values, or with
        nothing if it takes nothing. Several declarations over different components multiply.
        """
        indices = self._indices(components, "initial", name)

        def declare(function: F) -> F:
            title = self._title(function, name, None)
            _refuse_second(title, self.starts, "initial")
            taken = {i for start in self.starts for i in start.components}
            for index in taken.intersection(indices):
                raise DeclarationError(
                    f"initial {title!r}: component {self.components[index].name!r} already has initial "
                    "values from another declaration; yield them all from one function"
                )
            self.starts.append(Start(title, indices, function))
            return function

        return declare

    def __getitem__(self, name: str) -> Component:
        """The component of that name."""
        for component in self.components:
            if component.name == name:
                return component
        raise DeclarationError(f"system {self.name!r} has no component {name!r}; it has {self._names()}")

    def of_kind(self, *kinds: Kind) -> list[Property]:
        """The properties of these kinds, in the order of their declaration."""
        return [p for p in self.properties if p.kind in kinds]

    def without(self, *kinds: Kind) -> System:
        """The same system without the properties of these kinds."""
        kept = [p for p in self.properties if p.kind not in kinds]
        return dataclasses.replace(self, properties=kept)

    def refuse_changed_variables(self) -> None:
        """Raise DeclarationError if a function reads a variable that has changed since it was declared.

        That is the loop variable that every function of the loop sees at its last value.
        """
        for title, function, before in self.enclosed:
            now = _enclosed(function)
            for name, value in before.items():
                if now.get(name) != value:
                    raise DeclarationError(
                        f"{title!r} reads the variable {name!r}, {value!r} when it was declared and "
                        f"{now.get(name)!r} now; bind it in the signature: def step(queue, {name}={name})"
                    )

    def _predicate(self, kind: Kind, components: Sequence[Component], name: str | None) -> Callable[[F], F]:
        indices = self._indices(components, kind, name)
        into = self.terminals if kind == "terminal" else self.properties

        def declare(function: F) -> F:
            title = self._title(function, name, indices)
            _refuse_second(title, into, "terminal" if kind == "terminal" else "property")
            into.append(Property(title, kind, indices, (function,)))
            return function

        return declare

    def _indices(self, components: Sequence[object], what: str, name: str | None) -> tuple[int, ...]:
        label = f"{what} {name!r}" if name else what
        if not components:
            raise DeclarationError(f"{label}: name the components that it reads, as in system.{what}(queue)")
        indices = []
        for component in components:
            if not isinstance(component, Component):
                raise DeclarationError(
                    f"{label}: {component!r} is not a component; pass what system.component(...) returned"
                )
            if component.index >= len(self.components) or self.components[component.index] is not component:
                raise DeclarationError(
                    f"{label}: component {component.name!r} is not of system {self.name!r}"
                )
            if component.index in indices:
                raise DeclarationError(f"{label}: component {component.name!r} is named twice")
            indices.append(component.index)
        return tuple(indices)

    def _title(self, function: Function, name: str | None, components: tuple[int, ...] | None) -> str:
        """The name to declare a function under, once it is known that it takes these components."""
        title = name or _name_of(function)
        if not callable(function):
            raise DeclarationError(f"{title!r} is not a function")
        try:
            inspect.signature(function).bind(*components or ())
        except TypeError as error:
            if components is not None:
                raise DeclarationError(
                    f"{title!r} cannot take the local states of its {len(components)} components: {error}"
                ) from None
        except ValueError:  # a builtin without a signature: its first call will tell
            pass
        self.enclosed.append((title, function, _enclosed(function)))
        return title

    def _names(self) -> str:
        return ", ".join(component.name for component in self.components) or "none"


def _name_of(function: object) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _enclosed(function: Function) -> dict[str, object]:
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    values: dict[str, object] = {}
    for name, cell in zip(code.co_freevars if code else (), cells, strict=True):
        try:
            values[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return {name: value for name, value in values.items() if isinstance(value, (int, str))}


def _refuse_second(name: str, among: Sequence[Component | Action | Property | Start], what: str) -> None:
    if any(other.name == name for other in among):
        raise DeclarationError(
            f"{what} {name!r} is declared twice; in a loop give each its own, as in name=f'{name}{{i}}'"
        )
