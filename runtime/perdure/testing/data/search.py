"""Searches the cases of a property for one that breaks it; the same search each time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import Phase, find, settings
from hypothesis.errors import NoSuchExample

from perdure.testing.data.property import DataDefect, DataProperty

EXAMPLES_MAX = 2000


@dataclass(frozen=True)
class Counterexample:
    """A case that breaks a statement, shrunk to a smallest one."""

    statement: DataProperty
    case: Any

    @property
    def length(self) -> int:
        """How large the case is, at least 1: characters, bytes and values, those of collections counted."""
        return max(1, size(self.case))


@dataclass(frozen=True)
class Search:
    """What came of a search: a counterexample or none, and how many cases were tried until then."""

    counterexample: Counterexample | None
    states: int


@dataclass(frozen=True)
class DataFinding:
    """What became of the search for a defect of data code."""

    defect: DataDefect
    counterexample: Counterexample | None
    states: int
    seconds: float

    @property
    def found(self) -> bool:
        """By its own property."""
        return self.counterexample is not None

    @property
    def length(self) -> int | None:
        """The size of the shrunk counterexample."""
        return self.counterexample.length if self.counterexample else None


def find_defect(
    defect: DataDefect, properties: Iterable[DataProperty], examples_max: int = EXAMPLES_MAX
) -> DataFinding:
    """Plant the defect, and search the statements of the property that it breaks until one is broken.

    Raises KeyError where nothing is stated under that id.
    """
    stated = [one for one in properties if one.id == defect.breaks]
    if not stated:
        raise KeyError(f"no property of data has the id {defect.breaks}, which {defect.id} should break")
    started, states = time.perf_counter(), 0
    with defect.plant():
        for one in sorted(stated, key=lambda one: one is not defect.where):
            search = falsify(one, examples_max)
            states += search.states
            if search.counterexample:
                return DataFinding(defect, search.counterexample, states, time.perf_counter() - started)
    return DataFinding(defect, None, states, time.perf_counter() - started)


def falsify(statement: DataProperty, examples_max: int = EXAMPLES_MAX) -> Search:
    """Search for a case that breaks the statement; the cases tried do not depend on chance."""
    states, broken = 0, False

    def breaks(case: Any) -> bool:
        nonlocal states, broken
        states += not broken  # what comes after is shrinking
        right = statement.holds(case)
        broken |= not right
        return not right

    try:
        case = find(statement.cases, breaks, settings=repeatable(examples_max))
    except NoSuchExample:
        return Search(None, states)
    return Search(Counterexample(statement, case), states)


def repeatable(examples_max: int) -> settings:
    """Settings under which Hypothesis tries the same cases each time, and keeps nothing."""
    return settings(
        max_examples=examples_max,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
    )


def size(case: Any) -> int:
    """How large a case is: the length of text and bytes, the sum over a collection, 1 for all else."""
    if isinstance(case, str | bytes):
        return len(case)
    if isinstance(case, Mapping):
        return sum(size(name) + size(value) for name, value in case.items())
    if isinstance(case, Iterable):
        return sum(map(size, case))
    return 1
