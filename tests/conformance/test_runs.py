"""Runs that were recorded conform, with nothing assumed; and what each side may be told is all there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from perdure import Credential, refreshing, trace
from perdure_model.conformance import NoTrace, judge, lines, replay
from perdure_model.conformance.joins import HEARD
from perdure_model.conformance.sides import SIDES, Side

from tests.conformance.traces import busy, busy_text, first, judged, records_in, simulated, text_of, told_then


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_simulated_run_conforms(seed: int, tmp_path: Path) -> None:
    found = judged(tmp_path / "trace", simulated(seed))
    assert found.ok, found.summary()
    assert sum(found.assumed.values()) < found.records / 4  # of visitors that are not recorded
    assert not found.notes


SIDES_OF = {
    "A": {"follow"},
    "R": {"response", "credential"},
    "TAR": {"client", "server", "response", "credential"},
}


@pytest.mark.parametrize("systems", SIDES_OF)
@pytest.mark.parametrize("seed", range(1, 5))
def test_a_simulated_run_of_any_system_conforms(systems: str, seed: int, tmp_path: Path) -> None:
    found = judged(tmp_path / "trace", simulated(seed, 80, systems))
    assert found.ok, found.summary()
    assert sum(found.assumed.values()) < found.records / 4  # of visitors that are not recorded
    assert set(found.runs) >= SIDES_OF[systems]


def test_the_busy_run_conforms_and_holds_most_of_what_can_happen(tmp_path: Path) -> None:
    found = judged(tmp_path / "trace", busy_text())
    assert found.ok, found.summary()
    assert not found.assumed
    assert found.runs == {"client": 4, "server": 1, "credential": 1}
    assert found.joined > 50
    told = {record["input"]["type"] for record in busy()}
    asked = {effect["type"] for record in busy() for effect in record["effects"]}
    assert {"Suspended", "Resumed", "ReconnectDue", "RetryDue", "TakenOver", "PostReplied", "Heard"} <= told
    assert {"CloseRequested", "SuspendRequested", "StreamClosed", "GraceElapsed", "EventsDue"} <= told
    assert {"CancelGrace", "CutStream", "Renamed", "Deliver", "Settled", "Refused"} <= asked


APPLICATION = {
    "client": {
        "Started",
        "Left",
        "Suspended",
        "Resumed",
        "WatchAsked",
        "UnwatchAsked",
        "CredentialGiven",
        "SendRequested",
    },
    "server": {"ServerStarted", "Published", "Ended", "RequestRefused", "LogLost"},
    "follow": {"FollowStarted", "FollowLeft", "SubmitRequested"},
    "response": {"CallStarted", "CallCancelled"},
    "credential": {"TokenReplaced", "TokenRejected", "CallerLeft"},
}
"""What a machine may be told at any time: by the application, its store, or what shares a credential."""


@pytest.mark.parametrize("name", SIDES)
def test_all_that_a_machine_is_told_has_a_ticket_a_cause_or_an_application(name: str) -> None:
    side: Side = SIDES[name]
    told: set[type] = {rule.input for rule in side.book}
    caused = {*side.on_input, *side.followers, *HEARD}
    assert {one.__name__ for one in told - caused} == APPLICATION[name]
    assert set(side.on_input) <= told


@pytest.mark.parametrize("name", SIDES)
def test_each_kind_of_ticket_is_given_and_used(name: str) -> None:
    side = SIDES[name]
    steps: list[Any] = [
        step for steps in (side.on_input, side.on_effect) for of in steps.values() for step in of
    ]
    given = {step.kind for step in steps if step.verb == "gives"}
    assert given == {step.kind for step in steps if step.verb in ("uses", "shows")}
    assert {step.kind for step in steps if step.verb == "tears"} <= given


def test_the_recorder_and_the_reader_go_by_the_same_fields() -> None:
    assert replay.GENERATIONS == trace.GENERATION_FIELDS
    assert lines.VERSION == trace.VERSION


@pytest.mark.anyio
async def test_a_call_and_its_credential_conform_and_a_refresh_of_nobody_does_not(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []

    async def answer(token: str) -> AsyncIterator[str]:
        yield "start"
        yield "text" if token == "new" else "expired"

    credential = Credential("old", lambda: "new", trace=records.append)
    kinds: dict[str, Any] = {"start": "prefix", "text": "live", "expired": "auth_error"}
    calls = refreshing(answer, credential, classify=lambda item: kinds[item], trace=records.append)
    assert [one async for one in calls] == ["start", "text"]
    records = records_in(text_of(records))
    found = judged(tmp_path / "trace", records)
    assert found.ok, found.summary()
    assert found.runs == {"credential": 1, "response": 1}
    at = first(records, "TokenRefreshed")
    found = judged(tmp_path / "trace", told_then(records, at, **records[at]["input"]))
    assert found.mismatch is not None
    assert found.mismatch.why.startswith("there is not (a refresh)")


def test_records_are_judged_as_they_are_without_a_file(tmp_path: Path) -> None:
    records = records_in(simulated(2))
    found, filed = judge(records), judged(tmp_path / "trace", records)
    assert found.ok, found.summary()
    assert (found.records, found.runs, found.joined) == (filed.records, filed.runs, filed.joined)
    records[7]["effects"] = [{"type": "Nonsense"}]
    wrong = judge(records)
    assert wrong.mismatch is not None
    assert wrong.mismatch.line == 8
    with pytest.raises(NoTrace, match="it holds no record"):
        judge([])
