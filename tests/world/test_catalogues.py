"""Catalogues that are kept in several files: one order, and no id twice."""

from __future__ import annotations

from typing import Any

import pytest
from perdure_model.world.defect import Catalogue
from perdure_model.world.model import Properties


def defects(*ids: str) -> Catalogue:
    made = Catalogue()
    for one in ids:
        made.enter(one, f"{one} does wrong", "P-TTL")
    return made


def properties(*names: str) -> Properties:
    made = Properties()
    for name in names:
        made.states(name)(nothing)
    return made


def nothing(_world: Any) -> None: ...


@pytest.mark.parametrize("kept", [defects, properties])
def test_those_that_are_named_come_first_and_the_others_file_by_file(kept: Any) -> None:
    joined = type(kept()).joined
    assert list(joined([kept("A1", "B2"), kept("C3", "D4")])) == ["A1", "B2", "C3", "D4"]
    assert list(joined([kept("A1", "B2"), kept("C3", "D4")], ["D4", "B2"])) == ["D4", "B2", "A1", "C3"]


@pytest.mark.parametrize(
    ("kept", "told"),
    [(defects, "there is a defect B2 already: B2 does wrong"), (properties, "B2 is stated already")],
)
def test_an_id_in_two_files_is_refused(kept: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        type(kept()).joined([kept("A1", "B2"), kept("B2")])


@pytest.mark.parametrize("kept", [defects, properties])
def test_one_that_is_named_and_in_no_file_is_refused(kept: Any) -> None:
    with pytest.raises(KeyError, match="X9"):
        type(kept()).joined([kept("A1")], ["X9"])
