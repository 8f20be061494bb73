"""Each defect of data code is found by its property, shrunk; what is no defect is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import strategies as st
from perdure import sse
from perdure.testing.data import (
    DATA_DEFECTS,
    DATA_PROPERTIES,
    DataDefect,
    DataProperty,
    falsify,
    find_data_defects,
    find_defect,
    instead,
    states,
)
from perdure.testing.data.catalogue import by_id
from perdure.testing.data.search import size


@pytest.mark.parametrize("name", DATA_DEFECTS)
def test_a_defect_is_found_by_its_property(name: str) -> None:
    assert_found(DATA_DEFECTS[name])


def assert_found(defect: DataDefect) -> None:
    finding = find_defect(defect, DATA_PROPERTIES)
    assert finding.counterexample is not None
    assert finding.counterexample.statement.id == defect.breaks
    assert finding.states > 0
    assert finding.length == finding.counterexample.length
    with defect.plant():
        assert not finding.counterexample.statement.holds(finding.counterexample.case)
    assert finding.counterexample.statement.holds(finding.counterexample.case), "it breaks without the defect"


# -- the search itself ---------------------------------------------------------------------------------


@states("P-FRAMING", st.lists(st.integers(0, 9)))
def few(case: list[int]) -> bool:
    """There are fewer than three, and
    none is large."""
    return len(case) < 3


@states("P-FRAMING", st.lists(st.integers(0, 9)))
def mistaken(case: list[int]) -> bool:
    """Its own code is wrong."""
    raise LookupError("a mistake")


def nothing(says: str = "nothing is wrong") -> DataDefect:
    return DataDefect("none", says, "P-FRAMING", instead(sse, Parser=sse.Parser))


def test_a_defect_that_is_none_is_not_found() -> None:
    """Without this a search that finds everything would pass."""
    finding = find_defect(nothing(), DATA_PROPERTIES, 200)
    assert (finding.found, finding.counterexample, finding.length) == (False, None, None)
    assert finding.states >= 200


def test_a_counterexample_is_shrunk_and_the_cases_until_then_are_counted() -> None:
    search = falsify(few)
    assert search.counterexample is not None
    assert (search.counterexample.case, search.counterexample.length) == ([0, 0, 0], 3)
    assert 1 < search.states < 100


def test_a_search_repeats_exactly() -> None:
    first, second = (list(find_data_defects(["A05"])) for _ in range(2))
    assert [(one.counterexample, one.states) for one in first] == [
        (one.counterexample, one.states) for one in second
    ]


def test_a_mistake_in_a_property_is_no_finding() -> None:
    with pytest.raises(LookupError, match="a mistake"):
        find_defect(nothing(), [mistaken])


def test_a_defect_must_break_what_is_stated() -> None:
    with pytest.raises(KeyError, match="no property of data has the id P-FRAMING"):
        find_defect(nothing(), [])


def test_a_defect_is_planted_only_while_it_is_searched_for() -> None:
    planted: list[str] = []

    @contextmanager
    def plant() -> Iterator[None]:
        planted.append("in")
        yield
        planted.append("out")

    @states("P-FRAMING", st.just(0))
    def watches(case: int) -> bool:
        """It is planted."""
        return planted == ["in"]

    assert not find_defect(DataDefect("none", "", "P-FRAMING", plant), [watches]).found
    assert planted == ["in", "out"]


def test_a_plant_leaves_production_as_it_was() -> None:
    before = sse.Parser
    for defect in DATA_DEFECTS.values():
        with defect.plant():
            pass
    assert sse.Parser is before


def test_a_plant_that_replaces_nothing_says_so() -> None:
    with pytest.raises(AttributeError, match="Purser"), instead(sse, Purser=sse.Parser)():
        pass


def test_an_id_stands_once_in_the_catalogue() -> None:
    with pytest.raises(ValueError, match="a defect none already: first"):
        by_id([nothing("first"), nothing("second")])


@pytest.mark.parametrize(
    ("case", "length"),
    [("abc", 3), (b"ab", 2), (7, 1), (None, 1), ([b"ab", ("c", 1)], 4), ({"k": [1, 2]}, 3)],
)
def test_the_size_of_a_case(case: Any, length: int) -> None:
    assert size(case) == length


def test_a_property_is_told_in_one_line() -> None:
    assert few.name == "P-FRAMING few"
    assert few.says == "There are fewer than three, and none is large."
    assert isinstance(few, DataProperty)
