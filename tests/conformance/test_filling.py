"""Steps that were not recorded are filled in by search, and what is filled in speaks against nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure_model.conformance import Conformance, filling
from perdure_model.conformance.filling import MISSING_MAX

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


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", ["PostArrived", "SuspendRequested", "StreamLost"])
def test_a_few_in_a_row_are_found(kind: str, count: int, tmp_path: Path) -> None:
    """Not always as it was, and not always in that order: but the numbers are those that were missing."""
    at = first(busy(), kind)
    found = without(tmp_path / "trace", at, count)
    assert found.mismatch is None, found.summary()
    if found.filled:
        assert found.ok, found.summary()
        numbers = [int(step.partition(", record ")[2].partition(":")[0]) for step in found.filled]
        assert numbers == [busy()[at]["seq"] + n for n in range(count)]
    assert found.filled or (count == 3 and "given up" in found.summary())


def reason(found: Conformance) -> str:
    """Why what is missing was not filled in."""
    assert found.mismatch is None, found.summary()
    assert not found.complete
    assert found.filled == []
    return next(damage.hint for damage in found.damages if "missing" in damage.what)


def test_more_than_a_few_in_a_row_are_not_searched_for(tmp_path: Path) -> None:
    at = first(busy(), "Published")
    found = without(tmp_path / "trace", at, MISSING_MAX + 1)
    assert reason(found).startswith(
        "more than 3 in a row are not searched for, so what follows was judged by"
    )
    seq = busy()[at]["seq"]
    assert f"records {seq} to {seq + 3} are missing" in found.summary()


def test_a_search_that_takes_too_long_is_given_up_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "TRIED_MAX", 4)
    found = without(tmp_path / "trace", first(busy(), "PostArrived"), 2)
    assert reason(found).startswith(
        "the search for steps with which what follows fits was given up: there are"
    )


def test_a_search_that_finds_nothing_tells_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling.Search, "_likely", lambda _search, _run: ())
    monkeypatch.setattr(filling.Search, "_any", lambda _search, _run: ())
    found = without(tmp_path / "trace", first(busy(), "PostArrived"))
    assert reason(found).startswith("no steps were found with which what follows fits, so what follows was")


def forged_behind(records: list[Record], missing: int) -> list[Record]:
    """Records are missing, and much later another one of the run was edited."""
    run = [at for at, one in enumerate(records) if one["run"] == records[first(records, "Welcomed")]["run"]]
    edited = [at for at in run if any(effect["type"] == "Deliver" for effect in records[at]["effects"])][-1]
    deliver = next(one for one in records[edited]["effects"] if one["type"] == "Deliver")
    deliver["position"] += 5
    return [one for at, one in enumerate(records) if at not in run[3 : 3 + missing]]


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_run_that_was_forged_behind_a_hole_is_not_taken_for_one_of_the_model(
    missing: int, tmp_path: Path
) -> None:
    found = judged(tmp_path / "trace", forged_behind(busy(), missing))
    assert not found.ok
    assert found.filled == []
