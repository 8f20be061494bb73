"""A followed session: attempts, what they bring, and the one outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.common import Moved, Refused
from perdure_model.core.follow import FOLLOW
from perdure_model.core.follow.effects import (
    AskCredential,
    AskSnapshot,
    Blame,
    CancelTimer,
    DropSnapshot,
    EndStream,
    Finish,
    Hold,
    LeaveCredential,
    Next,
    OpenStream,
    Recovered,
    Report,
    Show,
    Skip,
    StartTimer,
    StreamClosed,
)
from perdure_model.core.follow.inputs import (
    AgainDue,
    Condemned,
    CredentialGiven,
    ErrorArrived,
    FollowLeft,
    FollowLost,
    FollowStarted,
    GiveUpDue,
    ResyncWanted,
    SnapshotReplied,
    StateArrived,
    StateBrought,
    SteadyDue,
    StreamOpened,
    SubmitAbandoned,
    SubmitAnswered,
)
from perdure_model.core.follow.parts import FollowSettings, FollowState, Held, Submit, Tried, View

SETTINGS = FollowSettings(attempts_max=3)
CONNECTING, AWAITING, RECONNECTING = (FollowState(s) for s in ("connecting", "awaiting", "reconnecting"))
OVER = FollowState("terminal", "closed")
ASKED = Tried(4, doing="streaming")
HOLDING = Tried(4, doing="holding")
UP = Tried(4, doing="streaming")
WAITING = Tried(4, doing="waiting", failures=1, since=3)
NOTHING, SEEN = View(), View(5, None, shown=True)
EMPTY = Held()


def decide(i: Any, *parts: Any, submit: Any = None, settings: Any = SETTINGS) -> tuple[Any, list[Any]]:
    """The parts, and the effects without the move, which stands first."""
    after, effects = FOLLOW[type(i)].decide(i, *parts, settings, submit)
    return after, [effect for effect in effects if not isinstance(effect, Moved)]


def refused(i: Any, *parts: Any) -> str:
    """The reason for which the input changes nothing."""
    after, effects = FOLLOW[type(i)].decide(i, *parts, SETTINGS, None)
    assert after == parts
    (only,) = effects
    assert isinstance(only, Refused)
    return only.why


# -- attempts ------------------------------------------------------------------------------------------


def test_the_first_attempt_subscribes_first() -> None:
    parts, effects = decide(FollowStarted(), None, None, None, None)
    assert parts == (CONNECTING, Tried(1, doing="streaming", since=1), NOTHING, EMPTY)
    assert effects == [StartTimer(GiveUpDue(1), 120.0), OpenStream(1, None)]


def test_a_server_that_resumes_is_asked_for_a_snapshot_first_and_for_the_stream_from_its_cursor() -> None:
    resumes = replace(SETTINGS, resumes=True)
    (state, tried, *rest), effects = decide(FollowStarted(), None, None, None, None, settings=resumes)
    assert effects[1:] == [AskSnapshot(1)]
    i = SnapshotReplied(1, 200, "s", cursor="17")
    (state, tried, view, _), effects = decide(i, state, tried, *rest, settings=resumes)
    assert (state, tried.doing, view.cursor) == (CONNECTING, "streaming", "17")
    assert effects == [Show("s"), CancelTimer(GiveUpDue(1)), OpenStream(1, "17")]
    (state, tried, _, _), effects = decide(StreamOpened(1), state, tried, view, EMPTY, settings=resumes)
    assert (state, effects) == (AWAITING, [Recovered()])


@pytest.mark.parametrize("state", [CONNECTING, RECONNECTING])
def test_an_open_stream_without_a_cursor_takes_a_snapshot_and_holds_what_comes(state: FollowState) -> None:
    (after, tried, _, _), effects = decide(StreamOpened(4), state, ASKED, SEEN, EMPTY)
    assert (after, tried.doing) == (state, "holding")
    assert effects == [AskSnapshot(4)]
    parts, effects = decide(StateArrived(4, "e", 6), state, HOLDING, SEEN, EMPTY)
    assert parts[3] == Held((("e", 6, None),))
    assert effects == [Hold("e")]


def test_what_was_held_follows_the_snapshot_in_order_where_it_is_newer() -> None:
    held = Held((("a", 6, None), ("b", 7, None), ("c", 8, None)))
    (state, tried, view, after), effects = decide(
        SnapshotReplied(4, 200, "s", 6), RECONNECTING, HOLDING, SEEN, held
    )
    assert (state, tried.doing, view.version, after) == (AWAITING, "streaming", 8, EMPTY)
    assert effects == [Show("s"), Recovered(), Skip("a"), Show("b"), Show("c")]


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1.0), (1, 2.0), (2, 4.0)])
def test_a_lost_stream_is_asked_for_again_under_the_next_number(failures: int, seconds: float) -> None:
    lost = replace(UP, failures=failures, since=None if failures == 0 else 2)
    (state, tried, _, _), effects = decide(FollowLost(4, 0), AWAITING, lost, SEEN, EMPTY)
    assert state == RECONNECTING
    assert (tried.attempt, tried.doing, tried.failures) == (5, "waiting", failures + 1)
    started = [StartTimer(GiveUpDue(5), 120.0)] if failures == 0 else []
    assert effects == [StreamClosed(4), Blame(), Report(0), *started, StartTimer(AgainDue(5), seconds)]


def test_numbers_go_round() -> None:
    (_, tried, _, _), _ = decide(
        FollowLost(4, 0), AWAITING, UP, SEEN, EMPTY, settings=replace(SETTINGS, numbers=4)
    )
    assert tried.attempt == 1


def test_the_lost_stream_s_snapshot_is_given_up_and_what_was_held_forgotten() -> None:
    held = Held((("a", 6, None),))
    (_, _, _, after), effects = decide(FollowLost(4, 500), RECONNECTING, HOLDING, SEEN, held)
    assert after == EMPTY
    assert effects[:5] == [StreamClosed(4), Blame(), Report(500), DropSnapshot(4), Skip("a")]


def test_a_snapshot_that_fails_ends_its_stream() -> None:
    (state, tried, _, _), effects = decide(SnapshotReplied(4, 404), RECONNECTING, HOLDING, SEEN, EMPTY)
    assert (state, tried.doing) == (RECONNECTING, "waiting")
    assert effects[:4] == [Blame(), Report(404), EndStream(4), StreamClosed(4)]


def test_the_wait_is_over_and_the_next_attempt_made() -> None:
    (_, tried, _, _), effects = decide(AgainDue(4), RECONNECTING, WAITING, SEEN, EMPTY)
    assert tried.doing == "streaming"
    assert effects == [OpenStream(4, None)]


# -- bounds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [CONNECTING, AWAITING, RECONNECTING])
def test_the_attempts_are_bounded(state: FollowState) -> None:
    spent = replace(UP, failures=3, since=1)
    (after, tried, _, _), effects = decide(FollowLost(4, 503), state, spent, SEEN, EMPTY)
    assert after == FollowState("terminal", "failed")
    assert tried.doing == ""
    assert effects == [StreamClosed(4), Blame(), Report(503), CancelTimer(GiveUpDue(1)), Finish("failed")]


def test_the_time_is_bounded_and_a_stream_that_is_up_is_not_ended_by_it() -> None:
    (after, _, _, _), effects = decide(GiveUpDue(3), RECONNECTING, WAITING, SEEN, EMPTY)
    assert after.outcome == "failed"
    assert effects == [CancelTimer(AgainDue(4)), Finish("failed")]
    up = replace(UP, failures=1, since=3, steady=True)
    (after, tried, _, _), effects = decide(GiveUpDue(3), AWAITING, up, SEEN, EMPTY)
    assert (after, tried.failures, tried.since, effects) == (AWAITING, 3, None, [])


def test_a_newer_state_is_progress_and_a_known_one_is_not() -> None:
    up = replace(UP, failures=2, since=2, steady=True, renewed=True)
    (_, tried, view, _), effects = decide(StateArrived(4, "e", 6), AWAITING, up, SEEN, EMPTY)
    assert (tried, view.version) == (UP, 6)
    assert effects == [Show("e"), CancelTimer(GiveUpDue(2)), CancelTimer(SteadyDue(4))]
    (_, tried, view, _), effects = decide(StateArrived(4, "e", 5), AWAITING, up, SEEN, EMPTY)
    assert (tried, view, effects) == (up, SEEN, [Skip("e")])


def test_a_stream_that_stays_up_is_progress_a_bare_open_is_none() -> None:
    back = replace(HOLDING, failures=2, since=2)
    (state, tried, _, _), effects = decide(SnapshotReplied(4, 200, "s", 5), RECONNECTING, back, SEEN, EMPTY)
    assert (state, tried.failures, tried.steady) == (AWAITING, 2, True)
    assert effects == [Show("s"), Recovered(), StartTimer(SteadyDue(4), 30.0)]
    (_, tried, _, _), effects = decide(SteadyDue(4), state, tried, SEEN, EMPTY)
    assert (tried, effects) == (UP, [CancelTimer(GiveUpDue(2))])


# -- states --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "early", "shown"), [(4, False, False), (5, False, True), (5, True, False), (6, True, True)]
)
def test_an_older_snapshot_is_not_shown_nor_one_of_equal_version_from_before_a_submission(
    version: int, early: bool, shown: bool
) -> None:
    tried = replace(HOLDING, early=early)
    (state, _, view, _), effects = decide(
        SnapshotReplied(4, 200, "s", version), RECONNECTING, tried, SEEN, EMPTY
    )
    assert state == AWAITING
    assert effects == [Show("s") if shown else Skip("s"), Recovered()]
    assert view.version == max(5, version)


def test_without_versions_states_come_in_order_and_a_cursor_twice_is_known() -> None:
    view = View(None, "7", shown=True)
    (_, _, after, _), effects = decide(StateArrived(4, "e", None, "8"), AWAITING, UP, view, EMPTY)
    assert (after.cursor, effects) == ("8", [Show("e")])
    (_, _, after, _), effects = decide(StateArrived(4, "e", None, "7"), AWAITING, UP, view, EMPTY)
    assert (after, effects) == (view, [Skip("e")])
    (_, _, after, _), effects = decide(StateArrived(4, "e"), AWAITING, UP, view, EMPTY)
    assert (after.cursor, effects) == ("7", [Show("e")])


def test_a_snapshot_asked_for_while_something_is_submitted_is_early() -> None:
    for state, early in (("submitting", True), ("renewing", True), ("settling", False)):
        (_, tried, _, _), _ = decide(
            StreamOpened(4), RECONNECTING, ASKED, SEEN, EMPTY, submit=Submit(1, state)
        )
        assert tried.early is early


def test_what_is_submitted_hears_of_a_state_that_is_shown() -> None:
    _, effects = decide(StateArrived(4, "e", 6), AWAITING, UP, SEEN, EMPTY, submit=Submit(1, "settling"))
    assert effects == [Show("e"), Next(SubmitAnswered())]


def test_the_state_that_a_submission_brought_is_shown_at_an_equal_version_too() -> None:
    (_, _, view, _), effects = decide(StateBrought("b", 5, None), AWAITING, UP, SEEN, EMPTY)
    assert (view, effects) == (SEEN, [Show("b")])
    (state, _, _, _), effects = decide(StateBrought("b", 6, "succeeded"), RECONNECTING, WAITING, SEEN, EMPTY)
    assert state.outcome == "succeeded"
    assert effects[0] == Show("b")
    assert effects[-1] == Finish("succeeded")


def test_what_a_submission_brought_without_a_version_has_no_place_unless_it_is_the_last() -> None:
    parts, effects = decide(StateBrought("b", None, None), AWAITING, UP, SEEN, EMPTY)
    assert (parts, effects) == ((AWAITING, UP, SEEN, EMPTY), [Skip("b")])
    (state, _, _, _), effects = decide(StateBrought("b", None, "failed"), AWAITING, UP, SEEN, EMPTY)
    assert (state.outcome, effects[0]) == ("failed", Show("b"))


# -- the end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [CONNECTING, AWAITING, RECONNECTING])
def test_the_last_state_is_shown_and_ends_all(state: FollowState) -> None:
    tried = UP if state == AWAITING else HOLDING
    (after, ended, _, _), effects = decide(
        StateArrived(4, "e", 6, None, "succeeded"), state, tried, SEEN, EMPTY, submit=Submit(1, "settling")
    )
    assert after == FollowState("terminal", "succeeded")
    assert ended.doing == ""
    dropped = [] if state == AWAITING else [DropSnapshot(4)]
    assert effects == [
        Show("e"),
        Next(SubmitAnswered()),
        Recovered(),
        EndStream(4),
        StreamClosed(4),
        *dropped,
        Next(SubmitAbandoned()),
        Finish("succeeded"),
    ]


@pytest.mark.parametrize("i", [FollowLost(4, 410), ErrorArrived(4, 410, fatal=True), SnapshotReplied(4, 410)])
def test_410_ends_in_expired(i: Any) -> None:
    (state, _, _, _), effects = decide(i, RECONNECTING, HOLDING, SEEN, EMPTY)
    assert state.outcome == "expired"
    assert Report(410) in effects
    assert effects[-1] == Finish("expired")


@pytest.mark.parametrize("i", [FollowLost(4, 401), ErrorArrived(4, 401, fatal=True), SnapshotReplied(4, 401)])
def test_401_asks_for_another_credential_once(i: Any) -> None:
    renews = replace(SETTINGS, renews=True)
    (state, tried, _, _), effects = decide(i, RECONNECTING, HOLDING, SEEN, EMPTY, settings=renews)
    assert (state, tried.attempt, tried.doing, tried.renewed) == (RECONNECTING, 5, "renewing", True)
    assert effects[-1] == AskCredential(CredentialGiven(5, given=True))
    again = replace(HOLDING, renewed=True)
    (state, _, _, _), _ = decide(i, RECONNECTING, again, SEEN, EMPTY, settings=renews)
    assert state.outcome == "expired"
    (state, _, _, _), _ = decide(i, RECONNECTING, HOLDING, SEEN, EMPTY)
    assert state.outcome == "expired"


def test_another_credential_makes_the_next_attempt_at_once_and_none_ends_the_session() -> None:
    renewing = Tried(4, doing="renewing", renewed=True, since=4)
    (state, tried, _, _), effects = decide(
        CredentialGiven(4, given=True), RECONNECTING, renewing, SEEN, EMPTY
    )
    assert (state, tried.doing, effects) == (RECONNECTING, "streaming", [OpenStream(4, None)])
    (state, _, _, _), effects = decide(CredentialGiven(4, given=False), RECONNECTING, renewing, SEEN, EMPTY)
    assert state.outcome == "expired"
    assert effects == [CancelTimer(GiveUpDue(4)), Finish("expired")]


def test_an_error_that_is_not_fatal_ends_nothing_and_a_fatal_one_ends_in_failed() -> None:
    parts, effects = decide(ErrorArrived(4, 0, fatal=False), AWAITING, UP, SEEN, EMPTY)
    assert (parts, effects) == ((AWAITING, UP, SEEN, EMPTY), [Report(0)])
    (state, _, _, _), effects = decide(ErrorArrived(4, 0, fatal=True), AWAITING, UP, SEEN, EMPTY)
    assert state.outcome == "failed"
    assert effects == [Blame(), Report(0), EndStream(4), StreamClosed(4), Finish("failed")]


@pytest.mark.parametrize(
    ("state", "tried", "effects"),
    [
        (CONNECTING, Tried(1, doing="asking", since=1), [DropSnapshot(1), CancelTimer(GiveUpDue(1))]),
        (AWAITING, replace(UP, steady=True), [CancelTimer(SteadyDue(4)), EndStream(4), StreamClosed(4)]),
        (RECONNECTING, WAITING, [CancelTimer(AgainDue(4)), CancelTimer(GiveUpDue(3))]),
        (RECONNECTING, Tried(4, doing="renewing"), [LeaveCredential(CredentialGiven(4, given=True))]),
    ],
)
def test_leaving_gives_up_whatever_is_under_way(state: Any, tried: Tried, effects: list[Any]) -> None:
    (after, ended, _, _), done = decide(FollowLeft(), state, tried, SEEN, EMPTY)
    assert (after, ended.doing, ended.since, ended.steady) == (OVER, "", None, False)
    assert done == [*effects, Finish("closed")]


def test_a_submission_can_end_the_session_or_ask_for_the_state() -> None:
    (state, _, _, _), effects = decide(Condemned(), AWAITING, UP, SEEN, EMPTY)
    assert state.outcome == "expired"
    assert effects[-1] == Finish("expired")
    (state, tried, view, _), effects = decide(
        ResyncWanted(), AWAITING, UP, View(None, "7"), EMPTY, settings=replace(SETTINGS, resumes=True)
    )
    assert (state, tried.attempt, tried.doing, view.cursor) == (RECONNECTING, 5, "asking", None)
    assert effects == [EndStream(4), StreamClosed(4), AskSnapshot(5)]


# -- what is of an earlier attempt ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "i",
    [
        StreamOpened(3),
        StateArrived(3, "e", 9),
        StateArrived(3, "e", 9, None, "succeeded"),
        ErrorArrived(3, 410, fatal=True),
        FollowLost(3, 0),
        SnapshotReplied(3, 200, "s", 9, None, "succeeded"),
        SnapshotReplied(4, 200, "s", 9),
        AgainDue(3),
        AgainDue(4),
        GiveUpDue(3),
        SteadyDue(3),
        SteadyDue(4),
        CredentialGiven(4, given=False),
    ],
)
def test_what_nobody_waits_for_changes_nothing(i: Any) -> None:
    assert refused(i, AWAITING, UP, SEEN, EMPTY)
    ended = replace(UP, doing="")
    assert refused(i, OVER, ended, SEEN, EMPTY)


def test_a_session_is_left_once() -> None:
    assert "over" in refused(FollowLeft(), OVER, replace(UP, doing=""), SEEN, EMPTY)
