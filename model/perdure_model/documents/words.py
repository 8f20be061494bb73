"""Inputs, effects, parts and what is on the wire in few words, generations first of all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from perdure_model.core.common import NEVER, START, Cursor
from perdure_model.documents.deeds import Flag, Token, fielded

QUIET = frozenset({"cid", "session", "tab", "call", "principal", "fresh"})
"""Fields that are the same in all of a picture, or in all of a lane."""
BARE = {"cid", "session", "attempt", "generation", "key", "keys", "due", "input", "event", "state"}
"""Fields whose values say what they are."""


def said(value: Any, quiet: Set[str] = QUIET) -> str:
    """An input or effect: `StreamClosed 1.1`. Fields of the names in `quiet` are not said."""
    if isinstance(value, Cursor) or not fielded(value):
        return shown(value, quiet)
    return " ".join([type(value).__name__, *_fields(value, quiet)])


def shown(value: Any, quiet: Set[str] = QUIET) -> str:
    """A value: attempts and keys as 1.2, a cursor as epoch@position, nothing as a dash."""
    match value:
        case None:
            return "-"
        case str():
            return value
        case Cursor(epoch, position):
            return f"{shown(epoch)}@{position}" if value != START else "start"
        case (int(), int()):
            return f"{value[0]}.{value[1]}"
        case frozenset():
            return f"{{{', '.join(sorted(shown(one, quiet) for one in value))}}}"
        case tuple() if not hasattr(value, "_fields"):
            return f"[{', '.join(shown(one, quiet) for one in value)}]"
    return said(value, quiet) if fielded(value) else repr(value)


def _fields(value: Any, quiet: Set[str] = QUIET) -> Iterator[str]:
    usual = _defaults(value)
    for name, one in fielded(value).items():
        if name in quiet or _says_nothing(one) or (name in usual and usual[name] == one):
            continue
        told = shown(one, quiet)
        yield name if one is True else told if name in BARE else f"{name}={told}"


def _defaults(value: Any) -> dict[str, Any]:
    if is_dataclass(value):
        return {one.name: one.default for one in fields(value) if one.default is not MISSING}
    return dict(value._field_defaults)


def _says_nothing(value: Any) -> bool:
    if type(value) is tuple and value and all(type(one) is tuple and one[-1:] == (START,) for one in value):
        return True
    return value is None or value == () or value == "" or value in (START, NEVER)


def token(one: Token, quiet: Set[str] = QUIET) -> str:
    """What travels without an effect that names it: what it is, or where it is."""
    if isinstance(one.value, Flag):
        return one.value.name if one.value.value is True else f"{one.value.name} {one.value.value}"
    if fielded(one.value):
        return said(one.value, quiet)
    return f"{one.component.rpartition('.')[2]} {shown(one.value, quiet)}"


def changed(part: str, before: Any, after: Any) -> str:
    """What became of a part: `connection[c]: state active → inactive`. Whose it is, its lane says."""
    name = re.sub(r"\((\d+), (\d+)\)", r"\1.\2", re.sub(r"^[^.\[]+\.", "", part))
    return f"{name}: {_changes(before, after)}"


def _changes(before: Any, after: Any) -> str:
    old, new = fielded(before), fielded(after)
    if before is None and new and not isinstance(after, Cursor):
        return " ".join(_fields(after)) or "new"
    if type(before) is not type(after) or not new or isinstance(after, Cursor):
        return "gone" if after is None else f"{shown(before)} → {shown(after)}"
    return ", ".join(f"{n} {shown(old[n])} → {shown(new[n])}" for n in new if old[n] != new[n])


def not_said(told: Iterable[Any]) -> frozenset[str]:
    """What need not be said of these inputs and effects, as it is the same in all of them."""
    values: dict[str, set[str]] = {}
    for one in told:
        for name, value in fielded(one).items():
            values.setdefault(name, set()).add(repr(value))
    return frozenset(
        name for name in QUIET if name not in ("cid", "session") or len(values.get(name, ())) < 2
    )
