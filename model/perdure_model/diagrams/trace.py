"""What a trace shows: for each step its action, and what it changed, in the words of the states' own fields.

Knows the form of a checker's trace (steps with `action` and `state`), and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

LENGTH_MAX = 72  # characters of one value


class Step(Protocol):
    """One step of a trace, as `perdure_model.checker` reports it."""

    @property
    def action(self) -> str | None:
        """What led to this state; None for the first."""

    @property
    def state(self) -> Mapping[str, Any]:
        """The local state of each component."""


class Change(NamedTuple):
    """What a step did to one component, a line for each thing that is different now."""

    lane: str
    component: str
    lines: tuple[str, ...]


class Moment(NamedTuple):
    """One step: its place in the trace (the first state is 0), its action and what it changed."""

    number: int
    action: str
    changes: tuple[Change, ...]


Lane = Callable[[str], str | None]
"""Component name -> the lane it is drawn in; None leaves it out."""


def own_lane(component: str) -> str:
    """Each component in a lane of its own: right for small systems."""
    return component


def moments(trace: Sequence[Step], lane: Lane = own_lane) -> list[Moment]:
    """The steps of a trace after its first state."""
    return [
        Moment(number, step.action or "", tuple(_changes(before.state, step.state, lane)))
        for number, (before, step) in enumerate(pairwise(trace), start=1)
    ]


def lanes(trace: Sequence[Step], lane: Lane = own_lane) -> list[str]:
    """The lanes in which anything happens, in the order of the system's components."""
    happens = {change.lane for moment in moments(trace, lane) for change in moment.changes}
    every = dict.fromkeys(lane(component) for step in trace[:1] for component in step.state)
    return [name for name in every if name is not None and name in happens]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], lane: Lane) -> Iterator[Change]:
    for component, value in after.items():
        where = lane(component)
        if where is not None and before[component] != value:
            yield Change(where, component, tuple(_difference(before[component], value)))


def _difference(before: Any, after: Any) -> Iterator[str]:
    old, new = _fields(before), _fields(after)
    if type(before) is type(after) and old:
        yield from (
            f"{name}: {show(old[name])} → {show(new[name])}" for name in new if new[name] != old[name]
        )
    elif isinstance(before, frozenset) and isinstance(after, frozenset):
        yield from (f"- {shown}" for shown in sorted(map(show, before - after)))
        yield from (f"+ {shown}" for shown in sorted(map(show, after - before)))
    elif _extends(after, before):
        yield from (f"+ {show(item)}" for item in after[len(before) :])
    elif _extends(before, after):
        yield from (f"- {show(item)}" for item in before[len(after) :])
    elif before is None or after is None:
        yield f"= {show(after)}"
    else:
        yield f"{show(before)} → {show(after)}"


def _extends(longer: Any, shorter: Any) -> bool:
    return type(longer) is type(shorter) is tuple and longer[: len(shorter)] == shorter


def _fields(value: Any) -> dict[str, Any]:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: getattr(value, name) for name in getattr(value, "_fields", ())}


def show(value: Any) -> str:
    """A local state in few words: no quotes, no defaults, sets in a fixed order, cut where it gets long."""
    text = _show(value)
    return text if len(text) <= LENGTH_MAX else f"{text[: LENGTH_MAX - 1]}…"


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if named := _fields(value):
        return f"{type(value).__name__}({', '.join(_shown_fields(value, named))})"
    if isinstance(value, frozenset | set):
        return f"{{{', '.join(sorted(_show(item) for item in value))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_show, value))}{',' * (len(value) == 1)})"
    return repr(value)


def _shown_fields(value: Any, named: Mapping[str, Any]) -> Iterator[str]:
    """What has no default as it is; of the rest, what differs from it, by name."""
    if is_dataclass(value):
        defaults = {field.name: field.default for field in fields(value) if field.default is not MISSING}
    else:
        defaults = value._field_defaults
    for name, one in named.items():
        if name not in defaults:
            yield _show(one)
        elif one != defaults[name]:
            yield f"{name}={_show(one)}"
