"""Values of the rules from what JSON makes of them: by the type hints of their dataclasses.

A tuple comes as a list, a dataclass as an object with its type's name, and a handle (`Hashable`) as anything
that JSON can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from functools import cache, partial
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from perdure_model.conformance.lines import BadRecord

Decode: TypeAlias = Callable[[Any], Any]


class Kinds:
    """The dataclasses that may stand somewhere, by name."""

    def __init__(self, types: set[type]) -> None:
        self._decoders = {one.__name__: decoder(one) for one in types}

    def __call__(self, data: Any) -> Any:
        """The value. Raises BadRecord."""
        try:
            decode = self._decoders[data["type"]]
        except (TypeError, KeyError):
            raise BadRecord(f"{shown(data)} is none of {', '.join(sorted(self._decoders))}") from None
        return decode(data)


@cache
def decoder(kind: type) -> Decode:
    """The function that makes a dataclass of this type."""
    hints = get_type_hints(kind)
    return Fields(kind, {one.name: of_hint(hints[one.name]) for one in fields(kind)})


class Fields:
    """Makes a dataclass of its fields.

    Which types the fields of an object have is looked at once for all objects that have the same.
    """

    def __init__(self, kind: type, converts: dict[str, Decode]) -> None:
        self._kind, self._converts = kind, converts
        self._get = getter(tuple(converts))
        self._plans: dict[tuple[type, ...], list[tuple[int, Decode]]] = {}

    def __call__(self, data: dict[str, Any]) -> Any:
        """The value. Raises BadRecord."""
        try:
            values = self._get(data)
        except KeyError:
            raise self._otherwise(data) from None
        plan = self._plans.get(tuple(map(type, values)))
        if plan is None:
            plan = self._plan(values)
        if len(data) != len(values) + 1:
            raise self._otherwise(data)
        if not plan:
            return self._kind(*values)
        made = [*values]
        try:
            for at, convert in plan:
                made[at] = convert(made[at])
        except BadRecord as error:
            raise BadRecord(f"{self._kind.__name__}: {error}") from None
        return self._kind(*made)

    def _plan(self, values: tuple[Any, ...]) -> list[tuple[int, Decode]]:
        """The fields that have to be converted, where those that have not are of the right types."""
        plan = []
        for at, (name, convert) in enumerate(self._converts.items()):
            try:
                convert(values[at])
            except BadRecord as error:
                raise BadRecord(f"{self._kind.__name__}.{name}: {error}") from None
            if type(values[at]) in (list, dict):
                plan.append((at, convert))
        self._plans[tuple(map(type, values))] = plan
        return plan

    def _otherwise(self, data: dict[str, Any]) -> BadRecord:
        says = ", ".join(self._converts) or "nothing"
        name = self._kind.__name__
        return BadRecord(f"{name} holds {says}, and not {shown(data)}: was it recorded by another perdure?")


Likeness: TypeAlias = Callable[[Any, Any], bool]
"""Whether an object is what JSON makes of a dataclass of this type; quicker than to make one of it.

Raises TypeError or KeyError where it is no object, or lacks a field.
"""
LIKENESSES: dict[type, Likeness] = {}


def likeness(kind: type) -> Likeness:
    """The one for this type."""
    found = LIKENESSES.get(kind)
    if found is None:
        found = LIKENESSES[kind] = likeness_of(kind)
    return found


def likeness_of(kind: type) -> Likeness:
    """Written out for a type, as a dataclass has its methods written: a loop over the fields takes longer."""
    hints, names = get_type_hints(kind), [one.name for one in fields(kind)]
    compared = [f'said["type"] == {kind.__name__!r}', f"len(said) == {len(names) + 1}"]
    compared += [
        f'said["{name}"] == held.{name}' if is_plain(hints[name]) else f'alike(said["{name}"], held.{name})'
        for name in names
    ]
    known: dict[str, Any] = {"alike": alike}
    exec(
        f"def compared(said, held): return {' and '.join(compared)}", known
    )  # of this repository's names alone
    written: Likeness = known["compared"]
    return written


def is_plain(hint: Any) -> bool:
    """Whether JSON has values of this type as they are."""
    if get_origin(hint) in (Union, UnionType):
        return all(map(is_plain, get_args(hint)))
    return hint in (str, int, float, bool, NoneType) or get_origin(hint) is Literal


def are_alike(said: list[Any], held: tuple[Any, ...]) -> bool:
    """Whether JSON makes these objects of the dataclasses."""
    if len(said) != len(held):
        return False
    try:
        for one, value in zip(said, held, strict=True):  # a loop, as it is quicker
            if not likeness(type(value))(one, value):
                return False
    except (TypeError, KeyError):
        return False
    return True


def alike(said: Any, held: Any) -> bool:
    """Whether JSON makes this of the value."""
    if type(said) is list:
        return isinstance(held, tuple) and (
            tuple(said) == held or (len(said) == len(held) and all(map(alike, said, held)))
        )
    if type(said) is dict:
        return likeness(type(held))(said, held)
    return bool(said == held)


def getter(names: tuple[str, ...]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """The values under these keys, in their order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda data: tuple([data[name] for name in names])


def of_hint(hint: Any) -> Decode:
    """The function that makes a value of a field with this hint."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return of_union([one for one in arguments if one is not NoneType], NoneType in arguments)
    if origin is tuple:
        return of_tuple(arguments)
    if origin is Literal:
        return text
    if is_dataclass(hint):
        return Kinds({hint})  # type: ignore[arg-type]
    if hasattr(hint, "_fields"):
        return partial(of_named_tuple, hint, [of_hint(one) for one in get_type_hints(hint).values()])
    return PLAIN[hint]


def of_union(kinds: list[Any], optional: bool) -> Decode:
    """One of several, or none."""
    convert = Kinds(set(kinds)) if len(kinds) > 1 else of_hint(kinds[0])
    return (lambda value: None if value is None else convert(value)) if optional else convert


def of_tuple(arguments: tuple[Any, ...]) -> Decode:
    """A tuple of any length, or of a fixed one."""
    if arguments[1:] == (Ellipsis,):
        return partial(of_items, of_hint(arguments[0]))
    return partial(of_fixed, arguments, [of_hint(one) for one in arguments])


def of_items(convert: Decode, value: Any) -> tuple[Any, ...]:
    """A tuple of any length."""
    return tuple([convert(one) for one in items(value)])


def of_fixed(kinds: tuple[Any, ...], converts: list[Decode], value: Any) -> tuple[Any, ...]:
    """A tuple of this length."""
    if tuple(map(type, items(value))) == kinds:
        return tuple(value)
    if len(value) != len(converts):
        raise BadRecord(f"{shown(value)} has not {len(converts)} items")
    return tuple([convert(one) for convert, one in zip(converts, value, strict=True)])


def of_named_tuple(kind: Callable[..., Any], converts: list[Decode], value: Any) -> Any:
    """A tuple of this type."""
    return kind(*of_fixed((), converts, value))


def items(value: Any) -> list[Any]:
    """A list."""
    if type(value) is list:
        return value
    raise BadRecord(f"{shown(value)} is no list")


def text(value: Any) -> str:
    """A str."""
    if type(value) is str:
        return value
    raise BadRecord(f"{shown(value)} is no text")


def whole(value: Any) -> int:
    """An int, and no bool."""
    if type(value) is int:
        return value
    raise BadRecord(f"{shown(value)} is no whole number")


def number(value: Any) -> float:
    """A float; JSON may make an int of it."""
    if type(value) in (float, int):
        return value  # type: ignore[no-any-return]
    raise BadRecord(f"{shown(value)} is no number")


def truth(value: Any) -> bool:
    """A bool."""
    if type(value) is bool:
        return value
    raise BadRecord(f"{shown(value)} is neither true nor false")


def handle(value: Any) -> Hashable:
    """Whatever can be a key; a list stands for a tuple."""
    if type(value) is list:
        return tuple([handle(one) for one in value])
    if type(value) is dict:
        raise BadRecord(f"{shown(value)} is no handle")
    return value  # type: ignore[no-any-return]


PLAIN: dict[Any, Decode] = {str: text, int: whole, float: number, bool: truth, Hashable: handle}


def shown(value: Any) -> str:
    """A value in a message."""
    said = repr(value)
    return said if len(said) <= 120 else said[:117] + "..."
