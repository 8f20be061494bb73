"""Each defect is found by its property: that is how we know that the properties can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure.testing.data import DATA_DEFECTS
from perdure_model.core.server import connection
from perdure_model.documents.counterexamples import drawings
from perdure_model.documents.record import load
from perdure_model.world import DEFECTS, MODELS, Defect, Finding, check_worlds
from perdure_model.world.bind import property_id
from perdure_model.world.models import model_of
from perdure_model.world.run import find, find_defects
from perdure_model.world.show import steps

DRAWINGS = Path(__file__).parents[2] / "diagrams"
FENCES = {
    "T02": ("on_stream_closed", "P-STALE-CLOSE"),
    "T04": ("on_grace_elapsed", "P-TTL"),
    "T26": ("on_stream_requested", "P-STALE-CLOSE"),
    "T34": ("on_retry_due", "P-SPACED"),
    "A16": ("on_follow_lost", "P-ONE-STREAM"),
}
"""Where a generation check is taken away, and what then breaks."""


@pytest.mark.parametrize("name", [name for name in DEFECTS if name not in FENCES])
def test_a_defect_is_found_by_its_property(name: str) -> None:
    assert_found(DEFECTS[name])


@pytest.mark.parametrize("name", FENCES)
def test_a_generation_check_that_is_taken_away_is_missed(name: str) -> None:
    rule, breaks = FENCES[name]
    assert (set(DEFECTS[name].rules), DEFECTS[name].breaks) == ({rule}, breaks)
    assert_found(DEFECTS[name])


def assert_found(defect: Defect) -> None:
    finding = find(defect, progress=False)
    assert finding.found
    assert finding.violation is not None
    assert property_id(finding.violation.property) == defect.breaks
    assert (finding.violation.kind, finding.violation.loop is None) in (
        ("always", True),
        ("eventually", False),
        ("leads_to", False),
    )
    assert finding.violation.trace[0].action is None
    assert len(list(steps(finding.violation))) >= len(finding.violation.trace) - 1
    assert_drawn(finding)


def assert_drawn(finding: Finding) -> None:
    """The committed drawings are of this very counterexample: the search for it need not be made twice."""
    drawn = drawings(finding)
    assert len(drawn) == 2
    for path, text in drawn.items():
        assert (DRAWINGS / path).read_text(encoding="utf-8") == text, "run `perdure diagrams`"
    assert load(DRAWINGS).found[finding.defect.id] == (finding.world, finding.length)


@pytest.mark.parametrize("name", ["T02", "T03"])
def test_a_defect_breaks_its_property_in_the_small_worlds_already(name: str) -> None:
    checked = check_worlds("small", defect=DEFECTS[name], progress=False)
    assert not checked.ok
    assert checked.verdict(DEFECTS[name].breaks) == "violated"


def test_a_defect_that_is_none_is_not_found() -> None:
    """Without this a search that finds everything would pass."""
    harmless = Defect("none", "nothing is wrong", "P-TTL", {"on_stream_closed": connection.on_stream_closed})
    finding = find(harmless, "small", progress=False)
    assert not finding.found
    assert finding.states > 10_000


def test_a_search_is_for_the_defects_that_are_asked_for() -> None:
    assert [finding.defect.id for finding in find_defects(["T07", "T20"], progress=False)] == ["T07", "T20"]


def test_a_defect_leaves_the_books_of_production_alone() -> None:
    for defect in DEFECTS.values():
        right = {book.side: book for book in model_of(defect).books}
        wrong = defect.plant(right)
        changed = {
            rule.name
            for side, book in right.items()
            for rule in book
            if wrong[side][rule.input].decide is not rule.decide
        }
        assert changed == set(defect.rules), defect.id


FINDINGS = [f"{kind}{n:02}" for kind, last in (("T", 39), ("A", 19), ("R", 11)) for n in range(1, last + 1)]
"""The ids of what the three source systems taught."""


def test_every_finding_is_a_defect_of_the_rules_or_of_data_code() -> None:
    assert [name for name in FINDINGS if name not in DEFECTS and name not in DATA_DEFECTS] == []


def test_every_property_is_broken_by_a_defect() -> None:
    broken = {(model_of(defect).name, defect.breaks) for defect in DEFECTS.values()}
    data = {defect.breaks for defect in DATA_DEFECTS.values()}
    stated = [(model.name, name) for model in MODELS for name in model.properties]
    elsewhere = {name for _, name in broken} | data
    assert [name for _, name in stated if name not in elsewhere] == []


def test_several_findings_are_our_own() -> None:
    assert len([name for name in DEFECTS if name.startswith("N")]) >= 5
