"""What is submitted: one at a time, and shown as under way until something has become of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.common import Moved, Refused
from perdure_model.core.follow import FOLLOW
from perdure_model.core.follow.effects import (
    AskCredential,
    Blame,
    CancelTimer,
    DropSubmit,
    Hold,
    LeaveCredential,
    Next,
    PostSubmit,
    StartTimer,
    Submitted,
)
from perdure_model.core.follow.inputs import (
    Condemned,
    ResyncWanted,
    SettleDue,
    StateBrought,
    SubmitAbandoned,
    SubmitAnswered,
    SubmitCredentialGiven,
    SubmitReplied,
    SubmitRequested,
)
from perdure_model.core.follow.parts import FollowSettings, FollowState, Submit, Tried

UP, AWAY, OVER = FollowState("awaiting"), FollowState("reconnecting"), FollowState("terminal", "closed")
SETTINGS = FollowSettings()
SENT, RENEWING, SETTLING = Submit(2, "submitting"), Submit(2, "renewing", renewed=True), Submit(2, "settling")


def decide(i: Any, submit: Submit | None, state: Any = UP, settings: Any = SETTINGS) -> tuple[Any, list[Any]]:
    """The submission's part, and the effects without the move."""
    (after,), effects = FOLLOW[type(i)].decide(i, submit, state, settings)
    return after, [effect for effect in effects if not isinstance(effect, Moved)]


def request(submit: Submit | None, state: FollowState = UP) -> tuple[Any, Any, list[Any]]:
    i = SubmitRequested(2)
    (after, tried), effects = FOLLOW[SubmitRequested].decide(i, submit, Tried(4), state)
    return after, tried, list(effects)


def test_it_goes_out_and_a_snapshot_on_its_way_is_from_before_it() -> None:
    after, tried, effects = request(None)
    assert (after, tried.early, effects) == (SENT, True, [PostSubmit(2)])


def test_one_at_a_time_and_none_after_the_end() -> None:
    after, tried, effects = request(Submit(1, "settling"))
    assert (after, tried) == (Submit(1, "settling"), Tried(4))
    assert effects == [Submitted(2, "failed", "another submission is under way")]
    after, _, effects = request(None, OVER)
    assert (after, effects) == (None, [Submitted(2, "failed", "the session is over")])


def test_what_was_taken_settles_with_the_next_state() -> None:
    after, effects = decide(SubmitReplied(2, 200), SENT)
    assert after == SETTLING
    assert effects == [Submitted(2, "taken"), StartTimer(SettleDue(2), 2.0)]
    assert decide(SubmitAnswered(), SETTLING) == (None, [CancelTimer(SettleDue(2))])


def test_a_state_that_was_shown_meanwhile_settles_it_at_once() -> None:
    after, effects = decide(SubmitAnswered(), SENT)
    assert (after, effects) == (replace(SENT, moved=True), [])
    assert decide(SubmitReplied(2, 204), after) == (None, [Submitted(2, "taken")])


def test_the_state_that_the_answer_brought_follows() -> None:
    _, effects = decide(SubmitReplied(2, 200, True, "b", 6, "succeeded"), SENT)
    assert effects[-2:] == [Hold("b"), Next(StateBrought("b", 6, "succeeded"))]


@pytest.mark.parametrize(
    ("status", "sent", "outcome", "why"),
    [
        (0, True, "uncertain", "no answer"),
        (0, False, "failed", "no answer"),
        (500, True, "uncertain", "status 500"),
        (429, True, "failed", "status 429"),
        (422, True, "failed", "status 422"),
    ],
)
def test_a_failure_is_told_and_leaves_the_session_where_it_is(
    status: int, sent: bool, outcome: str, why: str
) -> None:
    assert decide(SubmitReplied(2, status, sent), SENT) == (None, [Submitted(2, outcome, why)])


def test_401_asks_for_another_credential_once_and_then_ends_the_session() -> None:
    renews = replace(SETTINGS, renews=True)
    answer = SubmitCredentialGiven(2, given=True)
    assert decide(SubmitReplied(2, 401), SENT, UP, renews) == (RENEWING, [AskCredential(answer)])
    after, effects = decide(answer, RENEWING, UP, renews)
    assert (after.state, after.renewed, effects) == ("submitting", True, [PostSubmit(2)])
    ended = [Submitted(2, "failed", "status 401"), Blame("status 401"), Next(Condemned())]
    assert decide(SubmitReplied(2, 401), after, UP, renews) == (None, ended)
    assert decide(SubmitReplied(2, 401), SENT) == (None, ended)
    none = SubmitCredentialGiven(2, given=False)
    why = "there is no other credential"
    told = [Submitted(2, "failed", why), Blame(why), Next(Condemned())]
    assert decide(none, RENEWING) == (None, told)


def test_410_ends_the_session() -> None:
    assert decide(SubmitReplied(2, 410), SENT) == (
        None,
        [Submitted(2, "failed", "status 410"), Blame("status 410"), Next(Condemned())],
    )


def test_a_state_that_does_not_come_is_asked_for_while_the_stream_is_up() -> None:
    again = StartTimer(SettleDue(2), 2.0)
    assert decide(SettleDue(2), SETTLING) == (SETTLING, [again, Next(ResyncWanted())])
    assert decide(SettleDue(2), SETTLING, AWAY) == (SETTLING, [again])


@pytest.mark.parametrize(
    ("submit", "effects"),
    [
        (SENT, [DropSubmit(2), Submitted(2, "uncertain", "the session is over")]),
        (
            RENEWING,
            [
                LeaveCredential(SubmitCredentialGiven(2, given=True)),
                Submitted(2, "failed", "the session is over"),
            ],
        ),
        (SETTLING, [CancelTimer(SettleDue(2))]),
    ],
)
def test_the_end_of_the_session_settles_it(submit: Submit, effects: list[Any]) -> None:
    assert decide(SubmitAbandoned(), submit, OVER) == (None, effects)


@pytest.mark.parametrize(
    ("i", "submit"),
    [
        (SubmitReplied(1, 200), SENT),
        (SubmitReplied(2, 200), SETTLING),
        (SubmitReplied(2, 200), None),
        (SubmitCredentialGiven(2, given=True), SENT),
        (SubmitCredentialGiven(2, given=True), None),
        (SettleDue(1), SETTLING),
        (SettleDue(2), SENT),
        (SettleDue(2), None),
        (SubmitAnswered(), None),
        (SubmitAbandoned(), None),
    ],
)
def test_what_nobody_waits_for_changes_nothing(i: Any, submit: Submit | None) -> None:
    after, (only,) = decide(i, submit)
    assert after == submit
    assert isinstance(only, Refused)
