"""What the rules decided, as JSON: a line for each distinct decision, for other interpreters to reproduce."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

from perdure_model.core.rule import Book, Decide, Decision, Rule

Json: TypeAlias = Any
Asked: TypeAlias = tuple[str, Any, tuple[Any, ...]]


class Decisions:
    """Every distinct (rule, input, parts) that a book is asked, and what it decides.

    Give `book` to a world instead of the one that it watches.
    """

    def __init__(self, book: Book) -> None:
        self.seen: dict[Asked, tuple[type, Decision]] = {}
        self.book = book.override(**{rule.name: self._watched(rule) for rule in book})

    def _watched(self, rule: Rule) -> Decide:
        def decide(i: Any, *parts: Any) -> Decision:
            decision = rule.decide(i, *parts)
            asked = (rule.name, i, tuple([frozen(part) for part in parts]))
            self.seen.setdefault(asked, (rule.input, decision))
            return decision

        return decide

    def lines(self) -> Iterator[str]:
        """One JSON line for each: [input type, input, parts, [parts, effects]]."""
        for (_, i, parts), (kind, decision) in self.seen.items():
            yield json.dumps([kind.__name__, plain(i), plain(parts), plain(decision)], allow_nan=False)


def frozen(part: Any) -> Any:
    """A part that can be a key, and tells the order of a family's parts, which counts."""
    return tuple(part.items()) if isinstance(part, Mapping) else part


def plain(value: Any) -> Json:
    """A value of the rules as JSON: what has a type says it, a mapping is a list of its items.

    Raises TypeError for what JSON would not tell from something else.
    """
    if is_dataclass(value):
        said = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {"type": type(value).__name__, **said}
    if isinstance(value, Mapping):
        return [[plain(key), plain(one)] for key, one in value.items()]
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{value!r} has no form in JSON")
