"""Steps that were not recorded are filled in by search, and what is filled in speaks against nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure_model.conformance import Conformance

from tests.conformance.traces import Record, busy, first, judged


def without(path: Path, at: int, count: int = 1) -> Conformance:
    """The busy run without a record, and so many that come after it in its run."""
    records = busy()
    run = [one for one in range(at, len(records)) if records[one]["run"] == records[at]["run"]]
    return judged(path, [one for n, one in enumerate(records) if n not in run[:count]])


ONE_STORY = [
    "Welcomed",
    "ReconnectDue",
    "GraceElapsed",
    "Flush",
    "StreamRequested",
    "PostArrived",
    "SendRequested",
]
"""What follows leaves no other story, but for chance."""


@pytest.mark.parametrize("kind", ONE_STORY)
def test_a_step_that_was_not_recorded_is_found(kind: str, tmp_path: Path) -> None:
    at = first(busy(), kind)
    found = without(tmp_path / "trace", at)
    assert found.ok, found.summary()
    (step,) = found.filled
    assert f"record {busy()[at]['seq']}: {kind}(" in step
    assert f"not recorded, and filled in: {step}" in found.summary()
    assert found.as_json()["filled"] == [step]


def test_most_steps_are_found_and_none_is_held_against_the_run(tmp_path: Path) -> None:
    """Where nothing is found, what follows is judged by the charts alone, as it was."""
    judgements = [without(tmp_path / "trace", at) for at in range(1, len(busy()), 6)]
    assert [one.summary() for one in judgements if one.mismatch] == []
    assert sum(bool(one.filled) for one in judgements) > len(judgements) * 0.7
    assert all(one.filled or one.damages or one.ok for one in judgements)


def test_two_in_a_row_are_not_searched_for(tmp_path: Path) -> None:
    found = without(tmp_path / "trace", first(busy(), "Published"), 2)
    assert not found.complete
    assert found.filled == []


def forged_behind(records: list[Record]) -> list[Record]:
    """A record is missing, and much later another one of the run was edited."""
    run = [at for at, one in enumerate(records) if one["run"] == records[first(records, "Welcomed")]["run"]]
    edited = [at for at in run if any(effect["type"] == "Deliver" for effect in records[at]["effects"])][-1]
    deliver = next(one for one in records[edited]["effects"] if one["type"] == "Deliver")
    deliver["position"] += 5
    del records[run[3]]
    return records


def test_a_run_that_was_forged_behind_a_hole_is_not_taken_for_one_of_the_model(tmp_path: Path) -> None:
    found = judged(tmp_path / "trace", forged_behind(busy()))
    assert not found.ok
    assert found.filled == []
