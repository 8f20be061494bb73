"""Values of the rules from what JSON makes of them: by the type hints of their dataclasses.

A tuple comes as a list, a dataclass as an object with its type's name, and a handle (`Hashable`) as anything
that JSON can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from perdure_model.conformance.lines import BadRecord

Decode: TypeAlias = Callable[[Any], Any]


def kinds(types: Iterable[type]) -> Decode:
    """The function that makes one of these dataclasses, by its name."""
    decoders = {one.__name__: decoder(one) for one in types}

    def read(data: Any) -> Any:
        """The value. Raises BadRecord."""
        try:
            decode = decoders[data["type"]]
        except (TypeError, KeyError):
            raise BadRecord(f"{shown(data)} is none of {', '.join(sorted(decoders))}") from None
        return decode(data)

    return read


@cache
def decoder(kind: type) -> Decode:
    """The function that makes a dataclass of this type.

    It is written out, as a dataclass has its methods written: a loop over the fields takes longer. For
    `EventsDue`, say:

        def read(data):
            if len(data) != 4: raise otherwise(data)
            try: v0 = data["cid"]; v1 = data["session"]; v2 = data["generation"]
            except KeyError: raise otherwise(data) from None
            try:
                if type(v0) is not str: v0 = read0(v0)
                if type(v1) is not str: v1 = read1(v1)
                v2 = read2(v2)
            except BadRecord: raise wrong(data) from None
            return kind(v0, v1, v2)
    """
    hints = get_type_hints(kind)
    names = [one.name for one in fields(kind)]
    reads = {name: of_hint(hints[name]) for name in names}
    gets = "; ".join([f"v{at} = data[{name!r}]" for at, name in enumerate(names)])
    lines = [
        f"if len(data) != {len(names) + 1}: raise otherwise(data)",
        f"try: {gets or 'pass'}",
        "except KeyError: raise otherwise(data) from None",
        "try:",
        *[f" {line}" for line in conversions([hints[name] for name in names])],
        "except BadRecord: raise wrong(data) from None",
        f"return kind({listing(names)})",
    ]
    known = {"kind": kind, "BadRecord": BadRecord, **numbered(reads.values())}
    known |= {"otherwise": partial(otherwise, kind), "wrong": partial(wrong, kind, reads)}
    return written("read", "data", lines, known)


def conversions(hints: Sequence[Any]) -> list[str]:
    """The text of what makes values of `v0`, `v1` and so on by `read0`, `read1`, where they are none yet."""
    lines = []
    for at, hint in enumerate(hints):
        usual = as_it_is(hint)
        unless = f"if type(v{at}) is not {usual}: " if usual else ""
        lines.append(f"{unless}v{at} = read{at}(v{at})")
    return lines or ["pass"]


def as_it_is(hint: Any) -> str:
    """The name of a type whose values stand for themselves in a field with this hint, "" if there is none."""
    if get_origin(hint) is Literal or hint is Hashable:
        return "str"
    return hint.__name__ if hint in (str, int, float, bool) else ""


def numbered(reads: Iterable[Decode]) -> dict[str, Decode]:
    """These functions as the text knows them."""
    return {f"read{at}": read for at, read in enumerate(reads)}


def listing(several: Sequence[Any]) -> str:
    """The text of so many values."""
    return "".join([f"v{at}, " for at in range(len(several))])


def otherwise(kind: type, data: dict[str, Any]) -> BadRecord:
    """That an object has other fields than the dataclass."""
    says = ", ".join([one.name for one in fields(kind)]) or "nothing"
    return BadRecord(
        f"{kind.__name__} holds {says}, and not {shown(data)}: was it recorded by another perdure?"
    )


def wrong(kind: type, reads: dict[str, Decode], data: dict[str, Any]) -> BadRecord:
    """That a field is of the wrong kind: the first that is. It is named, unless only what it holds is so."""
    hints = get_type_hints(kind)
    for name, read in reads.items():
        try:
            read(data[name])
        except BadRecord as error:
            within = type(data[name]) is stands_as(hints[name])
            return BadRecord(f"{kind.__name__}: {error}" if within else f"{kind.__name__}.{name}: {error}")
    raise AssertionError(f"{shown(data)} is a {kind.__name__}")


def stands_as(hint: Any) -> type | None:
    """What JSON makes of a field with this hint, if it holds more than one value."""
    if get_origin(hint) in (Union, UnionType):
        return stands_as(get_args(hint)[0])
    if get_origin(hint) is tuple or hasattr(hint, "_fields"):
        return list
    return dict if is_dataclass(hint) else None


def written(name: str, takes: str, lines: Iterable[str], known: dict[str, Any]) -> Callable[..., Any]:
    """The function of this text; it is made of names of this repository alone."""
    exec("\n ".join([f"def {name}({takes}):", *lines]), known)
    made: Callable[..., Any] = known[name]
    return made


Likeness: TypeAlias = Callable[[Any, Any], bool]
"""Whether an object is what JSON makes of a dataclass of this type; quicker than to make one of it.

Raises TypeError or KeyError where it is no object, or lacks a field.
"""


class Likenesses(dict[type, Likeness]):
    """Those of all types, each made when it is first asked for."""

    def __missing__(self, kind: type) -> Likeness:
        found = self[kind] = likeness_of(kind)
        return found


LIKENESSES: Final = Likenesses()


def likeness_of(kind: type) -> Likeness:
    """Written out for a type: a loop over the fields takes longer."""
    hints, names = get_type_hints(kind), [one.name for one in fields(kind)]
    compared = [f'said["type"] == {kind.__name__!r}', f"len(said) == {len(names) + 1}"]
    compared += [comparison(f'said["{name}"]', f"held.{name}", hints[name]) for name in names]
    return written("compared", "said, held", [f"return {' and '.join(compared)}"], {"alike": alike})


def comparison(said: str, held: str, hint: Any) -> str:
    """The text of a condition: that JSON makes this of what is held."""
    if is_plain(hint):
        return f"{said} == {held}"
    if get_origin(hint) is tuple and all(map(is_plain, set(get_args(hint)) - {Ellipsis})):
        return f"{said} == [*{held}]"
    return f"({said} == {held} or alike({said}, {held}))"


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
        for one, value in zip(said, held):  # noqa: B905 - as many; a loop, as it is quicker
            if not LIKENESSES[type(value)](one, value):
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
        return LIKENESSES[type(held)](said, held)
    return bool(said == held)


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
        return kinds([hint])  # type: ignore[list-item]
    if hasattr(hint, "_fields"):
        return of_fixed([*get_type_hints(hint).values()], hint)
    return PLAIN[hint]


def of_union(types: list[Any], optional: bool) -> Decode:
    """One of several, or none."""
    convert = kinds(types) if len(types) > 1 else of_hint(types[0])
    return (lambda value: None if value is None else convert(value)) if optional else convert


def of_tuple(arguments: tuple[Any, ...]) -> Decode:
    """A tuple of any length, or of a fixed one."""
    if arguments[1:] == (Ellipsis,):
        return partial(of_items, of_hint(arguments[0]))
    return of_fixed(arguments)


def of_items(convert: Decode, value: Any) -> tuple[Any, ...]:
    """A tuple of any length."""
    return tuple([convert(one) for one in items(value)])


def of_fixed(hints: Sequence[Any], kind: Callable[..., Any] | None = None) -> Decode:
    """A tuple of this length, and of this type; written out as the others are."""
    lines = [
        f"if len(items(value)) != {len(hints)}: raise otherwise(value)",
        f"{listing(hints)} = value",
        *conversions(hints),
        f"return {'kind' if kind else ''}({listing(hints)})",
    ]
    known = {"kind": kind, "items": items, "otherwise": partial(miscounted, len(hints))}
    return written("read", "value", lines, {**known, **numbered(map(of_hint, hints))})


def miscounted(count: int, value: list[Any]) -> BadRecord:
    """That a list has another length."""
    return BadRecord(f"{shown(value)} has not {count} items")


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
