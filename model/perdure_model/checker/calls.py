"""The one place that runs a model's functions, and what it demands of them.

A function must be one: equal inputs, equal outputs, and inputs left as they were. So each call here is
made twice and compared, inputs are looked at before and after, and results are checked before an engine
sees them. Engines call once for each projection and keep the result.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import inspect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from .errors import DeclarationError, FunctionError
from .system import Action, Function, Local, Property, Start, State, System

Result = tuple[State, ...]

ATOMS = frozenset({int, bool, str, bytes, type(None)})


def successors(system: System, action: Action, values: State) -> Result:
    """The successors that an action yields for its components' local states, in their order.

    Each is a tuple, also over one component. Raises FunctionError for whatever is no function.
    """
    return _pure(system, action, f"action {action.name!r}", action.function, values)


def holds(system: System, prop: Property, values: State, which: int = 0) -> bool:
    """Whether a property's predicate holds; `which` is 0, or 1 for the `then` of a leads_to."""
    who = f"{prop.kind} {prop.name!r}" + (("'s when", "'s then")[which] if prop.kind == "leads_to" else "")
    function = prop.functions[which]
    watch = _Watch(system, prop, who, values)
    function = prop.functions[which]
    first, second = _truth(watch, _run(watch, function)), _truth(watch, _run(watch, function))
    watch.compare()
    if first != second:
        watch.fail(f"is not deterministic: it answered {first}, then {second}", DETERMINISM)
    return first


def steps(system: System, state: State) -> Iterator[tuple[str, State]]:
    """Every step from a state: the action's name and the state that it leads to."""
    for action in system.actions:
        for values in successors(system, action, tuple(state[i] for i in action.components)):
            yield action.name, merged(state, action, values)


def merged(state: State, action: Action, values: State) -> State:
    """The global state after an action made these values of its components' local states."""
    after = list(state)
    for index, value in zip(action.components, values, strict=True):
        after[index] = value
    return tuple(after)


def initial_states(system: System) -> list[State]:
    """All initial states, a combination that was yielded twice also twice."""
    if not system.components:
        raise DeclarationError(f"system {system.name!r} has no components; add one with system.component")
    declared = tuple(component.initial for component in system.components)
    for component in system.components:
        refuse_unusable(component.initial, f"component {component.name!r}: its initial local state")
    choices = [(start, _starts(system, start, declared)) for start in system.starts]
    states = []
    for chosen in itertools.product(*(values for _, values in choices)):
        state = list(declared)
        for (start, _), values in zip(choices, chosen, strict=True):
            for index, value in zip(start.components, values, strict=True):
                state[index] = value
        states.append(tuple(state))
    return states


def refuse_unusable(value: object, what: str) -> None:
    """Raise FunctionError unless the value can be (part of) a state: hashable, and equal to itself."""
    try:
        hash(value)
    except TypeError:
        raise FunctionError(
            f"{what} is {value!r}, which is not hashable; use tuples for lists, frozensets for sets, "
            "frozen dataclasses for records"
        ) from None
    if any(leaf != leaf for leaf in _leaves(value)):
        raise FunctionError(f"{what} is {value!r}: NaN equals nothing, so it cannot be part of a state")


DETERMINISM = (
    "it must depend on its arguments alone: no chance, clock, counter or order of a set; "
    "what may happen either way is a yield for each way"
)
MUTATION = "build a new value and yield it; frozen dataclasses (with dataclasses.replace) and tuples help"


@dataclasses.dataclass(slots=True)
class _Watch:
    """A call under observation: who is called with what, and what its inputs were like before."""

    system: System
    declared: Action | Property | Start
    who: str
    values: State
    before: list[tuple[Any, Any, int]] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        known = _KNOWN.get  # engines pass the same objects again and again: no call for those
        strange = [v for v in self.values if known(id(v), _KNOWN) is not v and not _known(v)]
        self.before = [(value, _copy(value), hash(value)) for value in strange]

    def compare(self) -> None:
        for value, kept, hashed in self.before:
            if hash(value) != hashed or not _alike(value, kept):
                self.fail(f"changes its input {kept!r} to {value!r}", MUTATION)

    def fail(self, what: str, advice: str) -> NoReturn:
        raise FunctionError(f"{self.who} {what}, called with {self.inputs()}; {advice}")

    def inputs(self) -> str:
        names = (self.system.components[i].name for i in self.declared.components)
        return ", ".join(f"{name}={value!r}" for name, value in zip(names, self.values, strict=True))


def _pure(system: System, declared: Action | Start, who: str, function: Function, values: State) -> Result:
    watch = _Watch(system, declared, who, values)
    first = _collect(watch, _run(watch, function))
    second = _collect(watch, _run(watch, function))
    watch.compare()
    if first != second:
        watch.fail(f"is not deterministic: it yielded {first!r}, then {second!r}", DETERMINISM)
    return first


def _run(watch: _Watch, function: Function) -> object:
    try:
        return function(*watch.values)
    except Exception as error:
        error.add_note(f"raised by {watch.who}, called with {watch.inputs()}")
        raise


def _collect(watch: _Watch, returned: object) -> Result:
    """What a function yielded, checked, each successor as a tuple."""
    if returned is None:
        return ()
    if not isinstance(returned, (Iterator, list)):
        watch.fail(f"returned {returned!r}", "yield each successor, or return None where it is not enabled")
    return tuple(_successor(watch, value) for value in _iterate(watch, returned))


def _iterate(watch: _Watch, values: Iterable[object]) -> Iterator[object]:
    try:
        yield from values
    except Exception as error:
        error.add_note(f"raised by {watch.who}, called with {watch.inputs()}")
        raise


def _successor(watch: _Watch, value: Any) -> State:
    width = len(watch.declared.components)
    if width == 1:
        value = (value,)
    elif not isinstance(value, tuple) or len(value) != width:
        names = ", ".join(watch.system.components[i].name for i in watch.declared.components)
        watch.fail(f"yielded {value!r}", f"yield a tuple of {width} local states: ({names})")
    known = _KNOWN.get
    for index, local in zip(watch.declared.components, value, strict=True):
        if known(id(local), _KNOWN) is not local and not _known(local):
            name = watch.system.components[index].name
            refuse_unusable(local, f"{watch.who}: what it yielded for {name!r}")
    return tuple(value)


def _truth(watch: _Watch, value: object) -> bool:
    if isinstance(value, Iterator) or inspect.iscoroutine(value):
        watch.fail(f"returned {value!r}", "a predicate returns True or False; it neither yields nor awaits")
    return bool(value)


def _starts(system: System, start: Start, declared: State) -> Result:
    values = tuple(declared[i] for i in start.components)
    function = start.function
    if not _takes(function, values):
        given = start.function

        def function(*_: Local) -> Any:
            return given()

    found = _pure(system, start, f"initial {start.name!r}", function, values)
    if not found:
        raise FunctionError(f"initial {start.name!r} yields nothing: the system would have no initial state")
    return found


def _takes(function: Function, values: Sequence[object]) -> bool:
    try:
        inspect.signature(function).bind(*values)
    except TypeError:
        return False
    except ValueError:
        pass
    return True


_KNOWN: dict[int, object] = {}
"""Values that were found immutable, by their id: engines pass the same objects again and again."""
KNOWN_MAX = 1 << 17


def _known(value: object) -> bool:
    """Whether a value is immutable, looked at once for each object."""
    if _KNOWN.get(id(value), _KNOWN) is value:
        return True
    if not _immutable(value):
        return False
    if len(_KNOWN) == KNOWN_MAX:
        _KNOWN.clear()
    _KNOWN[id(value)] = value
    return True


def _immutable(value: object) -> bool:
    """Whether a value is known to be immutable and equal to itself, without running code of its own."""
    kind: Any = type(value)
    if kind in ATOMS or isinstance(value, enum.Enum):
        return True
    if isinstance(value, float):
        return value == value
    if isinstance(value, (tuple, frozenset)):
        return all(_immutable(item) for item in value)
    frozen = getattr(kind, "__dataclass_params__", None)
    if frozen is None or not frozen.frozen:
        return False
    return all(_immutable(getattr(value, name)) for name in _fields(kind))


def _copy(value: object) -> object:
    """A copy to compare with, or the value itself where it cannot be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever a foreign __deepcopy__ raises: then its hash alone is watched
        return value


def _alike(value: object, kept: object) -> bool:
    """Whether a value still is like its copy; one that never equals a copy is compared by its attributes."""
    if type(value).__eq__ is object.__eq__:
        return getattr(value, "__dict__", None) == getattr(kept, "__dict__", None)
    return value == kept


def _leaves(value: object) -> Iterator[Any]:
    if isinstance(value, (tuple, frozenset)):
        for item in value:
            yield from _leaves(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for name in _fields(type(value)):
            yield from _leaves(getattr(value, name))
    else:
        yield value


@functools.cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
