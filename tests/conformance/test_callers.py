"""What a call and the credential that it shares hear from each other was said by the other one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from perdure_model.conformance import check
from perdure_model.conformance.lines import size_of
from perdure_model.conformance.shares import Share, heard_by
from perdure_model.conformance.survey import heads, survey

from tests.conformance.traces import (
    Record,
    first,
    judged,
    records_in,
    simulated,
    text_of,
    told,
    told_then,
)

SEEDS = range(4)
Forge = Callable[[list[Record]], tuple[int, list[Record]]]


def shared(seed: int = 3, systems: str = "R") -> list[Record]:
    return records_in(simulated(seed, 150, systems))


def refused(records: list[Record]) -> int:
    """Where the credential hears a call that goes on later, and not a client or the follower of a state."""
    until = {one["input"]["call"]: one["t"] for one in records if one["side"] == "response"}
    return first(records, "TokenRejected", lambda one: until.get(one["caller"], 0.0) > one["t"])


def another_token_brought(records: list[Record]) -> tuple[int, list[Record]]:
    at = first(records, "TokenBrought")
    return at, told(records, at, token=records[at]["input"]["token"] + 100)


def denied_instead(records: list[Record]) -> tuple[int, list[Record]]:
    at = first(records, "TokenBrought")
    del records[at]["input"]["token"]
    return at, told(records, at, type="TokenDenied")


def brought_instead(records: list[Record]) -> tuple[int, list[Record]]:
    at = first(records, "TokenDenied")
    return at, told(records, at, type="TokenBrought", token=77)


def another_token_refused(records: list[Record]) -> tuple[int, list[Record]]:
    at = refused(records)
    return at, told(records, at, token=records[at]["input"]["token"] + 100)


def a_caller_left_that_did_not(records: list[Record]) -> tuple[int, list[Record]]:
    at = refused(records)
    return at + 1, told_then(records, at, type="CallerLeft", caller=records[at]["input"]["caller"])


def refused_twice(records: list[Record]) -> tuple[int, list[Record]]:
    at = refused(records)
    return at + 1, told_then(records, at, **records[at]["input"])


FORGED: list[Forge] = [
    another_token_brought,
    denied_instead,
    brought_instead,
    another_token_refused,
    a_caller_left_that_did_not,
    refused_twice,
]


def forged(forge: Forge, systems: str = "R") -> tuple[int, list[Record]]:
    """The first of some runs that can be forged so; the one that is forged is recorded up to there."""
    for seed in SEEDS:
        try:
            at, records = forge(shared(seed, systems))
        except StopIteration:
            continue
        run = records[at]["run"]
        return at, records[: at + 1] + [one for one in records[at + 1 :] if one["run"] != run]
    raise AssertionError(f"no run to forge for {forge.__name__}")


@pytest.mark.parametrize("systems", ["R", "TAR"])
@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_what_the_other_one_did_not_say_is_found(forge: Forge, systems: str, tmp_path: Path) -> None:
    at, records = forged(forge, systems)
    found = judged(tmp_path / "trace", records).mismatch
    assert found is not None
    assert (found.line, found.run) == (at + 1, records[at]["run"])


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_it_is_found_in_the_share_that_heard_it(forge: Forge, tmp_path: Path) -> None:
    at, records = forged(forge)
    path = tmp_path / "trace"
    path.write_text(text_of(records))
    surveyed = survey(heads(path, size_of(path)))
    own = frozenset({records[at]["run"]})
    share = Share(own, heard_by(set(own), surveyed))
    assert not check.judged_share(path, size_of(path), surveyed, share).ok


@pytest.mark.parametrize("side", ["response", "credential"])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_side_alone_is_judged_as_far_as_it_goes(side: str, seed: int, tmp_path: Path) -> None:
    found = judged(tmp_path / "trace", [one for one in shared(seed) if one["side"] == side])
    assert found.ok, found.summary()


def test_calls_of_a_credential_that_is_not_recorded_may_have_the_names_of_others(tmp_path: Path) -> None:
    kept, other = shared(3), shared(2)
    calls = [{**one, "t": one["t"] + 1e4} for one in other if one["side"] == "response"]
    found = judged(tmp_path / "trace", kept + calls)
    assert found.ok, found.summary()


@pytest.mark.parametrize("ahead", [False, True])
def test_the_lines_of_calls_and_credentials_may_be_mixed_in_any_way(ahead: bool, tmp_path: Path) -> None:
    records = sorted(shared(), key=lambda one: (one["side"] == "credential") is ahead)
    found = judged(tmp_path / "trace", records)
    assert found.ok, found.summary()


def test_a_recording_that_ends_earlier_is_believed(tmp_path: Path) -> None:
    records = shared()
    at = first(records, "TokenBrought")
    said = max(nth for nth in range(at) if records[nth]["side"] == "credential")
    found = judged(
        tmp_path / "trace",
        records[:said] + [one for one in records[said:] if one["side"] == "response"],
    )
    assert found.ok, found.summary()
