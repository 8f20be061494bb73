"""States as data: how one is read, what an error says, and how an event's fields are merged into a state.

Whether a state is newer than what is shown is decided by the rules, on its handles; here are its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic_core import from_json

from perdure.errors import ErrorFrame, UnreadableState
from perdure.sse import Event

State: TypeAlias = dict[str, Any]
Field: TypeAlias = str | Callable[[State], Any]
"""A field's name, or a function that gives a value for a state."""
ERROR: Final = "error"


@dataclass(frozen=True)
class Arrived:
    """A state's fields as they came. `whole`: from a snapshot, which carries all there is."""

    fields: State
    whole: bool


def merged(before: State, arrived: Arrived, volatile: Collection[str]) -> State:
    """The state after this one arrived (findings A01, A18).

    Every field that came is in it, known or not. A snapshot stands for itself; beside an event's fields,
    those of before stay, but for the volatile ones.
    """
    if arrived.whole:
        return dict(arrived.fields)
    return {name: value for name, value in before.items() if name not in volatile} | arrived.fields


def read(event: Event) -> Mapping[str, Any] | None:
    """The state that an event carries: a JSON object. Raises ValueError."""
    return object_of(event.data)


def object_of(text: str | bytes) -> State:
    """The JSON object that a text is. Raises ValueError."""
    value = from_json(text)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is expected, not {type(value).__name__}")
    return value


def handle_of(fields: State, field: Field | None) -> Any:
    """The value that orders a state, or says where it stands; None where it has none."""
    if field is None:
        return None
    return field(fields) if callable(field) else fields.get(field)


def version_of(fields: State, field: Field | None) -> int | None:
    """A state's version. Raises ValueError where it is there and is no int."""
    version = handle_of(fields, field)
    if version is None or (isinstance(version, int) and not isinstance(version, bool)):
        return version
    raise ValueError(f"its version is {type(version).__name__}, which is no int")


def cursor_of(fields: State, field: Field | None) -> str | None:
    """The place in the stream that a snapshot stands for, as an event's id says it."""
    cursor = handle_of(fields, field)
    return None if cursor is None or cursor == "" else str(cursor)


def frame_of(event: Event) -> tuple[ErrorFrame, bool]:
    """What an error event says, and whether it is fatal: unless it says no (finding A06).

    `status` is the HTTP status that it names, or 0: never an invented one (finding A02).
    """
    try:
        body = object_of(event.data)
    except ValueError:
        return ErrorFrame("the stream brought an error that cannot be read", text=event.data), True
    says = body.get("message") or body.get("detail") or "the stream brought an error"
    return ErrorFrame(str(says), status=http_status(body.get("status")), text=event.data), (
        body.get("fatal") is not False
    )


def http_status(value: object) -> int:
    """The value, if it is an HTTP status, else 0."""
    return value if type(value) is int and 100 <= value < 600 else 0


def status_of(error: BaseException) -> int:
    """The HTTP status that an exception carries, or 0: its `status` or `status_code`, or its response's."""
    for bearer in (error, getattr(error, "response", None)):
        for name in ("status", "status_code"):
            status = http_status(getattr(bearer, name, None))
            if status:
                return status
    return 0


def unreadable(event: Event, why: Exception) -> UnreadableState:
    """The error for an event that should be a state and is none; the stream goes on (finding A06)."""
    return UnreadableState(f"an event that is no state: {why}", text=event.data)
