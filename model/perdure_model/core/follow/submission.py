"""What the application submits: one at a time, until the state that the server made of it is shown."""

from __future__ import annotations

from perdure_model.core.common import classify, refuse, unsure
from perdure_model.core.follow.book import FOLLOW, SUBMISSION_TABLE
from perdure_model.core.follow.desk import SubmitDesk
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
    SettleDue,
    StateBrought,
    SubmitAbandoned,
    SubmitAnswered,
    SubmitCredentialGiven,
    SubmitReplied,
    SubmitRequested,
)
from perdure_model.core.follow.parts import (
    ATTEMPT,
    SETTINGS,
    STATE,
    SUBMIT,
    FollowSettings,
    FollowState,
    Submit,
    Tried,
)
from perdure_model.core.rule import Decision
from perdure_model.core.value import replace

PARTS = (SUBMIT.one,)
AROUND = (STATE.one, SETTINGS.one)
ASKING = (AskCredential, LeaveCredential)
WORKING = (PostSubmit, DropSubmit, Submitted, StartTimer, CancelTimer, *ASKING, Blame, Next)


@FOLLOW.rule(SubmitRequested, SUBMIT.one, ATTEMPT.one, reads=(STATE.one,), emits=(PostSubmit, Submitted))
def on_submit_requested(
    i: SubmitRequested, submit: Submit | None, tried: Tried, state: FollowState
) -> Decision:
    """It goes out, one at a time; a snapshot on its way is from before it (finding A09)."""
    if state.state == "terminal":
        return (submit, tried), (Submitted(i.submit, "failed", "the session is over"),)
    if submit is not None:
        return (submit, tried), (Submitted(i.submit, "failed", "another submission is under way"),)
    parts = (Submit(i.submit, SUBMISSION_TABLE.initial), replace(tried, early=True))
    return parts, (PostSubmit(i.submit),)


@FOLLOW.rule(SubmitReplied, *PARTS, reads=AROUND, emits=(*WORKING, Hold))
def on_submit_replied(
    i: SubmitReplied, submit: Submit | None, _state: FollowState, settings: FollowSettings
) -> Decision:
    """Its failure leaves the session where it is (A13), but for a status that says that it is over (A08)."""
    if submit is None or (submit.submit, submit.state) != (i.submit, "submitting"):
        return refuse("the end of a submission that is settled", submit)
    kind = classify(i.status)
    outcome = "uncertain" if kind == "passing" and unsure(i.status, i.sent) else "failed"
    desk = SubmitDesk(
        submit, settings, outcome=outcome, why=f"status {i.status}" if i.status else "no answer"
    )
    event = "taken" if kind == "taken" else EVENTS.get(i.status, "refused")
    after, effects = desk.step(event)
    if kind == "taken" and i.serial is not None:
        effects = (*effects, Hold(i.serial), Next(StateBrought(i.serial, i.version, i.outcome)))
    return (after,), effects


EVENTS = {401: "denied", 410: "gone"}


@FOLLOW.rule(SubmitCredentialGiven, *PARTS, reads=AROUND, emits=WORKING)
def on_submit_credential_given(
    i: SubmitCredentialGiven, submit: Submit | None, _state: FollowState, settings: FollowSettings
) -> Decision:
    """With another credential it goes out again: what was answered with 401 was not taken."""
    if submit is None or (submit.submit, submit.state) != (i.submit, "renewing"):
        return refuse("a credential that nobody waits for", submit)
    desk = SubmitDesk(submit, settings, why="there is no other credential")
    after, effects = desk.step("renewed" if i.given else "gone")
    return (after,), effects


@FOLLOW.rule(SubmitAnswered, *PARTS, reads=AROUND, emits=WORKING)
def on_submit_answered(
    _i: SubmitAnswered, submit: Submit | None, _state: FollowState, settings: FollowSettings
) -> Decision:
    """A newer state is shown: what was taken has become of it, or may have."""
    if submit is None:
        return refuse("a submission that an earlier state has settled", submit)
    after, effects = SubmitDesk(submit, settings).step("answered")
    return (after,), effects


@FOLLOW.rule(SettleDue, *PARTS, reads=AROUND, emits=WORKING)
def on_settle_due(
    i: SettleDue, submit: Submit | None, state: FollowState, settings: FollowSettings
) -> Decision:
    """A submission that changes nothing makes no newer state: the state is asked for (N21)."""
    if submit is None or (submit.submit, submit.state) != (i.submit, "settling"):
        return refuse("a timer of a submission that is settled", submit)
    after, effects = SubmitDesk(submit, settings).step("due", up=state.state == "awaiting")
    return (after,), effects


@FOLLOW.rule(SubmitAbandoned, *PARTS, reads=AROUND, emits=WORKING)
def on_submit_abandoned(
    _i: SubmitAbandoned, submit: Submit | None, _state: FollowState, settings: FollowSettings
) -> Decision:
    """The session is over: nothing of it is left; a request on its way may have been taken."""
    if submit is None:
        return refuse("a submission that the last state has settled", submit)
    outcome = "uncertain" if submit.state == "submitting" else "failed"
    after, effects = SubmitDesk(submit, settings, outcome=outcome, why="the session is over").step("abandon")
    return (after,), effects
