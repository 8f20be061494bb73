"""The tables of planted defects that are kept: whole, and what they say of the quickest is so."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure.testing.simulation import drawn, parse, replay
from perdure.testing.simulation.planted import (
    DEFECTS,
    EXAMPLES_MAX,
    NO_PLACE,
    Found,
    books,
    find,
    row,
    search,
    system_of,
    table,
)
from perdure.testing.simulation.runs import RUN_STEPS

DOCS = Path(__file__).parents[3] / "docs"
TABLES = ("simulated_defects.md", "stateful_defects.md")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def kept(name: str) -> dict[str, str]:
    lines = (DOCS / name).read_text(encoding="utf-8").splitlines()
    return {cells(line)[0]: line for line in lines if line.startswith("| ") and cells(line)[0] in DEFECTS}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_every_defect_as_the_catalogue_says_it(name: str) -> None:
    found = kept(name)
    assert list(found) == list(DEFECTS), "run tests/testing/simulation/planted_table.py: it adds what is new"
    for id, line in found.items():  # noqa: A001
        assert cells(line)[1:3] == [DEFECTS[id].says, DEFECTS[id].breaks]


@pytest.mark.parametrize("name", TABLES)
def test_every_defect_that_has_a_place_is_found(name: str) -> None:
    found = kept(name)
    missed = {id for id, line in found.items() if cells(line)[3].startswith("not in")}  # noqa: A001
    assert not missed
    placeless = [id for id, line in found.items() if cells(line)[3].startswith("no place")]  # noqa: A001
    assert sorted(placeless) == sorted(NO_PLACE)


@pytest.mark.parametrize("defect", NO_PLACE)
def test_a_defect_that_has_no_place_changes_nothing(defect: str) -> None:
    """What it needs never comes about: with it every run is the same as without."""
    for seed in range(1, 4):
        scenario = drawn(seed, RUN_STEPS, system_of(DEFECTS[defect]))
        assert replay(scenario, **books(DEFECTS[defect])).digest == replay(scenario).digest


@pytest.mark.parametrize("defect", ["T16", "A14", "R02"])
def test_a_row_is_found_again(defect: str) -> None:
    assert row(find(DEFECTS[defect])) == kept("simulated_defects.md")[defect]


@pytest.mark.parametrize("defect", ["T03", "T23b", "A02b", "R02"])
def test_hypothesis_finds_it_again_and_its_text_is_a_scenario(defect: str) -> None:
    """Another version of Hypothesis takes other examples: how many is not asked, but the budget is kept."""
    found = search(DEFECTS[defect])
    assert found.shortest is not None
    assert found.runs <= EXAMPLES_MAX
    again = replay(parse(found.shortest.scenario.text()), **books(DEFECTS[defect]))
    assert again.digest == found.shortest.digest
    assert again.broken is not None
    assert len(again.scenario.steps) < 15


def test_a_defect_that_is_missed_is_in_the_table_as_missed() -> None:
    missed = find(DEFECTS["T20"], runs_max=1)
    assert missed == Found(DEFECTS["T20"], 1, None)
    assert table([missed]).splitlines()[2] == (
        "| T20 | an id answers to another principal | P-NO-HIJACK | not in 1 | | |"
    )
    assert search(DEFECTS["T20"], examples_max=1) == missed
