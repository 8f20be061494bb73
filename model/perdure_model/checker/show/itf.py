"""A trace in the Informal Trace Format (ITF), which Apalache and Quint write and read."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure_model.checker.report import Violation

JSON_INT_MAX = 2**53 - 1


def to_itf(violation: Violation, source: str = "") -> dict[str, Any]:
    """The trace as an ITF object, ready for `json.dumps`.

    Each state has every component and the variable `action`. A lasso's `loop` is the index of the state
    where the loop begins; its last state, which repeats that one, is left out.
    """
    steps = list(violation.trace)
    last = len(steps) - 1
    if violation.loop is not None and violation.loop < last:
        steps = steps[:-1]
    names = list(steps[0].state) if steps else []
    trace: dict[str, Any] = {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "source": source,
            "status": "violation",
            "description": f"{violation.kind} {violation.property}",
        },
        "vars": [*names, "action"],
        "states": [
            {
                "#meta": {"index": number},
                **{name: encode(step.state[name]) for name in names},
                "action": step.action or "",
            }
            for number, step in enumerate(steps)
        ],
    }
    if violation.loop is not None:
        trace["loop"] = violation.loop
    return trace


def encode(value: object) -> Any:
    """A local state as an ITF expression; what ITF has no form for is given as its repr."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= JSON_INT_MAX else {"#bigint": str(value)}
    if isinstance(value, frozenset):
        return {"#set": [encode(item) for item in sorted(value, key=repr)]}
    if isinstance(value, tuple):
        return _sequence(value)
    if isinstance(value, Mapping):
        return {"#map": [[encode(key), encode(item)] for key, item in value.items()]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"tag": type(value).__name__, "value": fields}
    return {"#unserializable": repr(value)}


def _sequence(value: tuple[object, ...]) -> Any:
    """A named tuple is a record; a tuple of one type is a sequence, as queues are; any other a tuple."""
    names = getattr(value, "_fields", None)
    if names:
        return {name: encode(item) for name, item in zip(names, value, strict=True)}
    items = [encode(item) for item in value]
    return items if len({type(item) for item in value}) <= 1 else {"#tup": items}
