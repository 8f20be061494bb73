"""A counterexample for people: each step, and what it changed, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from perdure_model.checker import Violation


def steps(violation: Violation) -> Iterator[str]:
    """The lines of a trace: a numbered line for each step, and one below it for each component it changed."""
    before: dict[str, Any] = {}
    for number, step in enumerate(violation.trace):
        if step.action is not None:
            yield f"{number:3}. {step.action}"
            for name in step.changed:
                yield f"        {name}: {change(before.get(name), step.state[name])}"
        before = dict(step.state)
    if violation.loop is not None:
        yield f"     and again from step {violation.loop}, for ever"


def change(old: Any, new: Any) -> str:
    """What became of a value; of two of one kind, the fields that differ."""
    if isinstance(old, frozenset) and isinstance(new, frozenset):
        signs = [f"+{show(one)}" for one in sorted(new - old, key=repr)]
        return " ".join(signs + [f"-{show(one)}" for one in sorted(old - new, key=repr)])
    then, now = parts(old), parts(new)
    if type(old) is type(new) and now:
        return ", ".join(f"{k} {show(then[k])} -> {show(now[k])}" for k in now if then[k] != now[k])
    return f"{show(old)} -> {show(new)}" if old is not None else show(new)


def parts(value: Any) -> dict[str, Any]:
    """The fields of a dataclass or a named tuple."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value._asdict() if hasattr(value, "_asdict") else {}


def show(value: Any) -> str:
    """A value in short: attempts and keys as 1.2, nothing as a dash, fields that say nothing left out."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    fielded = parts(value)
    if fielded:
        told = [
            f"{k}={show(v)}" for k, v in fielded.items() if k != "chance" and v not in (None, False, (), "")
        ]
        return f"{type(value).__name__}({' '.join(told)})"
    if isinstance(value, tuple):
        if len(value) == 2 and all(type(one) is int for one in value):
            return f"{value[0]}.{value[1]}"
        return "[" + ", ".join(show(one) for one in value) + "]"
    return repr(value)
