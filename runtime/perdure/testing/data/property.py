"""What a property of data is, what a defect of data code is, and how a defect is planted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from unittest.mock import patch

from hypothesis.strategies import SearchStrategy

Holds: TypeAlias = Callable[[Any], bool]
Plant: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Begins a time in which a piece of data code is replaced by a wrong one."""


@dataclass(frozen=True)
class DataProperty:
    """A statement about data, under the stable id that it belongs to; an id may have several.

    cases: what to try. `holds` says whether it holds for a case; what it raises is a mistake of its own.
    occasions: each is met by some case, lest the statement hold because nothing happens.
    """

    id: str
    cases: SearchStrategy[Any] = field(repr=False)
    holds: Holds
    occasions: tuple[Holds, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """The id, and the name of the function."""
        return f"{self.id} {self.holds.__name__}"

    @property
    def says(self) -> str:
        """The living text: the function's docstring, in one line."""
        return " ".join((self.holds.__doc__ or "").split())


def states(
    id: str,  # noqa: A002 - the word for it
    cases: SearchStrategy[Any],
    *occasions: Holds,
) -> Callable[[Holds], DataProperty]:
    """Make a property of the decorated function: case -> whether the property holds for it."""
    return lambda holds: DataProperty(id, cases, holds, occasions)


@dataclass(frozen=True)
class DataDefect:
    """A variant of data code: what it does wrong, the property that it breaks, and how it is planted.

    where: the statement that is searched first, of the several that the property may have.
    """

    id: str
    says: str
    breaks: str
    plant: Plant
    where: DataProperty | None = None


def instead(owner: object, **wrong: Any) -> Plant:
    """Plant these in the place of what the owner, a module or a class, has under the same names.

    Planting raises AttributeError where it has nothing of the name.
    """
    return lambda: patch.multiple(owner, **wrong)
