"""The table of planted defects that is kept: whole, and what it says of the quickest is so."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure.testing.simulation import drawn, replay
from perdure.testing.simulation.planted import DEFECTS, NO_PLACE, Found, books, find, row, system_of, table
from perdure.testing.simulation.runs import RUN_STEPS

ROWS = (Path(__file__).parents[3] / "docs" / "simulated_defects.md").read_text(encoding="utf-8").splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


FOUND = {cells(line)[0]: line for line in ROWS if line.startswith("| ") and cells(line)[0] in DEFECTS}


def test_the_table_has_every_defect_as_the_catalogue_says_it() -> None:
    assert list(FOUND) == list(DEFECTS), "run tests/testing/simulation/planted_table.py: it adds what is new"
    for id, line in FOUND.items():  # noqa: A001
        assert cells(line)[1:3] == [DEFECTS[id].says, DEFECTS[id].breaks]


def test_every_defect_that_has_a_place_is_found() -> None:
    missed = {id for id, line in FOUND.items() if cells(line)[3].startswith("not in")}  # noqa: A001
    assert not missed
    placeless = [id for id, line in FOUND.items() if cells(line)[3].startswith("no place")]  # noqa: A001
    assert sorted(placeless) == sorted(NO_PLACE)


@pytest.mark.parametrize("defect", NO_PLACE)
def test_a_defect_that_has_no_place_changes_nothing(defect: str) -> None:
    """What it needs never comes about: with it every run is the same as without."""
    for seed in range(1, 4):
        scenario = drawn(seed, RUN_STEPS, system_of(DEFECTS[defect]))
        assert replay(scenario, **books(DEFECTS[defect])).digest == replay(scenario).digest


@pytest.mark.parametrize("defect", ["T16", "A14", "R02"])
def test_a_row_is_found_again(defect: str) -> None:
    assert row(find(DEFECTS[defect])) == FOUND[defect]


def test_a_defect_that_is_missed_is_in_the_table_as_missed() -> None:
    missed = find(DEFECTS["T20"], runs_max=1)
    assert missed == Found(DEFECTS["T20"], 1, None)
    assert table([missed]).splitlines()[2] == (
        "| T20 | an id answers to another principal | P-NO-HIJACK | not in 1 | | |"
    )
