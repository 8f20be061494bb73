"""The scenarios in `tests/scenarios`: each gives its golden transcript, in the running code and in the core.

Change them only if you understand what caused it: `python tests/testing/simulation/write_scenarios.py`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import pytest
from perdure.testing.simulation import Run, parse, replay, step
from perdure.testing.simulation.planted import DEFECTS, NO_PLACE, books
from perdure.testing.simulation.scenario import Scenario
from perdure.testing.simulation.transcript import Core, comments, file_text, golden, transcript, unshown
from perdure_model.conformance import conform
from perdure_model.core.server import SERVER

from tests.testing.simulation.write_scenarios import FOLDER

SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.txt"))
OF_DEFECTS = {
    name: DEFECTS[id]
    for name in SCENARIOS
    if (id := name.partition("_")[0]) in DEFECTS and id not in NO_PLACE  # noqa: A001
}
"""Those that have the name of a defect: with it, they are another story."""
OTHER_CASES: Final = {
    "A08_a_terminal_state_stops_the_stream": "the stream brings the end; the defect needs a snapshot",
    "N03_the_hub_restarts_while_sends_are_queued": "one life; the defect needs what one before it left",
    "N42_a_name_that_is_used_again_begins_another_log": "nobody hears of the end; the defect needs it",
    "R09_a_stream_that_failed_after_live_events_is_not_restarted": "another error; the defect needs a 401",
    "T05_expiry_detaches_what_nobody_took_over": "nobody takes over; the defect needs one who does",
    "T13_reconnect_and_retry_timer_meet": "the send waits; the defect needs one that is in flight",
    "T15_too_many_requests_waits_as_long_as_asked": "the status may pass; the defect needs a permanent one",
    "T22_events_of_an_absence_are_replayed_in_order": "each comes once; the defect needs a repetition",
    "T23_restart_makes_what_is_in_doubt_uncertain": "nothing is repeated; the defect needs a send that is",
    "T35_a_request_for_a_stream_that_fails_is_tried_again": "a stream fails; the defect needs a watch",
}
"""Scenarios of a finding beside the defect of its name, which changes nothing in them: why."""


@cache
def text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@cache
def run(name: str) -> Run:
    return replay(parse(text(name)))


def test_there_are_enough_and_each_says_what_it_is_for_and_shows_it() -> None:
    assert len(SCENARIOS) >= 30
    for name in SCENARIOS:
        said = comments(text(name))
        assert any(one.startswith("shows: ") for one in said), name
        assert not said[0].startswith("shows: "), name


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_running_code_gives_the_golden_transcript(name: str) -> None:
    assert transcript(run(name)) == golden(text(name))
    assert run(name).broken is None
    assert unshown(text(name)) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_core_alone_gives_the_golden_transcript(name: str) -> None:
    assert transcript(run(name), Core()) == golden(text(name))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_run_conforms_to_the_model(name: str, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    run(name).write(file)
    found = conform(file)
    if any(step.verb == "stranger" for step in parse(text(name)).steps):  # of whom there is no record
        assert "a server heard what no client sent" in found.summary()
        return
    assert found.ok, found.summary()


@pytest.mark.parametrize("name", OF_DEFECTS)
def test_the_defect_of_its_name_shows_in_it(name: str) -> None:
    """What breaks is said in a transcript's last line, so that it is another one, too."""
    planted = replay(parse(text(name)), **books(OF_DEFECTS[name]))
    assert (transcript(planted) != golden(text(name))) == (name not in OTHER_CASES)


def test_another_decision_shows_in_the_running_code_and_not_in_the_core() -> None:
    """A stale close that starts a grace timer: only who decides so differs from the golden transcript."""
    name = "field_01_late_close_of_the_old_stream_after_the_reconnect"
    planted = DEFECTS["T03"].plant({"server": SERVER})
    wrong = replay(parse(text(name)), server=planted["server"])
    assert "StartGrace" in transcript(wrong)
    assert "StartGrace" not in golden(text(name))
    assert transcript(wrong, Core()) != transcript(wrong)


def test_what_a_file_no_longer_shows_is_named() -> None:
    told = file_text(replay(Scenario(1, (step("connect a"),))), "why", "shows: OpenStream 1.1", "shows: 1.9")
    assert comments(told) == ["why", "shows: OpenStream 1.1", "shows: 1.9"]
    assert unshown(told) == ["1.9"]
    assert parse(told) == Scenario(1, (step("connect a"),))
