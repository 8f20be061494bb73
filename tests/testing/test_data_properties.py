"""The properties of data hold of what production runs, and have occasion to."""

from __future__ import annotations

import pytest
from hypothesis import find
from perdure.testing.catalogue import DEFECTS
from perdure.testing.data import DATA_PROPERTIES, DataProperty, falsify
from perdure.testing.data.search import repeatable

EXAMPLES = 1000
RUNS = {"P-ERRORS", "P-ID-FORM", "P-IDENTITY"}
"""Properties whose every case runs a client, a hub or a file: they try fewer."""

every_property = pytest.mark.parametrize("stated", DATA_PROPERTIES, ids=lambda stated: stated.name)


@every_property
def test_a_property_holds(stated: DataProperty) -> None:
    search = falsify(stated, EXAMPLES // 2 if stated.id in RUNS else EXAMPLES)
    assert search.counterexample is None


@every_property
def test_a_property_has_its_occasions(stated: DataProperty) -> None:
    for occasion in stated.occasions:
        find(stated.cases, occasion, settings=repeatable(EXAMPLES))


def test_every_property_says_what_it_states_and_has_a_name_of_its_own() -> None:
    assert all(stated.says for stated in DATA_PROPERTIES)
    assert len({stated.name for stated in DATA_PROPERTIES}) == len(DATA_PROPERTIES)
    assert all(stated.occasions for stated in DATA_PROPERTIES)


def test_every_property_is_broken_by_a_defect() -> None:
    """Be it one of the model's."""
    assert {stated.id for stated in DATA_PROPERTIES} <= {one.breaks for one in DEFECTS.values()}
