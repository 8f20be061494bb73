"""A followed session: its attempts, what they bring, and how it ends."""

from __future__ import annotations

from perdure_model.core.common import classify, refuse
from perdure_model.core.follow.book import FOLLOW, FOLLOW_TABLE
from perdure_model.core.follow.desk import FollowDesk
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
)
from perdure_model.core.follow.parts import (
    ATTEMPT,
    HELD,
    SETTINGS,
    STATE,
    SUBMIT,
    VIEW,
    FollowSettings,
    FollowState,
    Held,
    Submit,
    Tried,
    View,
)
from perdure_model.core.rule import Decision
from perdure_model.core.value import replace

SESSION = (STATE.one, ATTEMPT.one, VIEW.one, HELD.one)
AROUND = (SETTINGS.one, SUBMIT.one)
STARTING = (OpenStream, AskSnapshot)
SHOWING = (Show, Skip, CancelTimer, Next, Recovered)
STOPPING = (EndStream, StreamClosed, DropSnapshot, CancelTimer, LeaveCredential, Skip, Next, Finish)
FAILING = (*STOPPING, Report, Blame, StartTimer, AskCredential)
Whole = tuple[FollowState, Tried, View, Held, FollowSettings, Submit | None]


@FOLLOW.rule(FollowStarted, *SESSION, reads=AROUND, emits=(*STARTING, StartTimer))
def on_follow_started(
    _i: FollowStarted,
    _state: None,
    _tried: None,
    _view: None,
    _held: None,
    settings: FollowSettings,
    submit: None,
) -> Decision:
    """The first attempt is made, and its time is counted as if one had been lost."""
    desk = FollowDesk(FollowState(FOLLOW_TABLE.initial), Tried(1), View(), Held(), settings, submit)
    desk.worry()
    desk.begin()
    return desk.done()


@FOLLOW.rule(StreamOpened, *SESSION, reads=AROUND, emits=(AskSnapshot, Recovered, StartTimer))
def on_stream_opened(i: StreamOpened, *whole: *Whole) -> Decision:
    """With a stream that goes on from a cursor nothing is missing; any other needs a snapshot (A10, A15)."""
    desk = FollowDesk(*whole)
    current = desk.does("streaming", i.attempt)
    return desk.step("opened", current=current, stale="a stream that is no longer ours, or open already")


@FOLLOW.rule(StateArrived, *SESSION, reads=AROUND, emits=(Hold, *SHOWING, *STOPPING))
def on_state_arrived(i: StateArrived, *whole: *Whole) -> Decision:
    """A state is shown if it is newer; held until the snapshot is in; and the last one ends the session."""
    desk = FollowDesk(*whole)
    if not desk.streams(i.attempt):
        return refuse("a state of a stream that is no longer ours", *whole[:4])
    if i.outcome is not None:
        desk.offer(i.serial, i.version, i.cursor)
        return desk.conclude(i.outcome)
    if desk.state.state == "awaiting":
        desk.offer(i.serial, i.version, i.cursor)
    else:
        desk.hold(i.serial, i.version, i.cursor)
    return desk.done()


@FOLLOW.rule(ErrorArrived, *SESSION, reads=AROUND, emits=FAILING)
def on_error_arrived(i: ErrorArrived, *whole: *Whole) -> Decision:
    """An error on the stream is told; a fatal one ends the session, a non-fatal one nothing (A06)."""
    desk = FollowDesk(*whole, chance=i.chance)
    if not desk.streams(i.attempt):
        return refuse("an error of a stream that is no longer ours", *whole[:4])
    if i.fatal:
        return desk.fail(i.status, otherwise="ended")
    desk.effects.append(Report(i.status))
    return desk.done()


@FOLLOW.rule(FollowLost, *SESSION, reads=AROUND, emits=FAILING)
def on_follow_lost(i: FollowLost, *whole: *Whole) -> Decision:
    """A lost stream is asked for again, backed off, as often and as long as the bounds allow (A03)."""
    desk = FollowDesk(*whole, chance=i.chance, asked_s=i.retry_after_s)
    if not desk.streams(i.attempt):
        return refuse("the end of a stream that is no longer ours", *whole[:4])
    desk.stream_over()
    return desk.fail(i.status)


@FOLLOW.rule(SnapshotReplied, *SESSION, reads=AROUND, emits=(*STARTING, *SHOWING, *FAILING))
def on_snapshot_replied(i: SnapshotReplied, *whole: *Whole) -> Decision:
    """With the snapshot the state is whole; what was held and is newer follows. Failing is a loss (A15)."""
    desk = FollowDesk(*whole, chance=i.chance, asked_s=i.retry_after_s)
    if not desk.snaps(i.attempt):
        return refuse("a snapshot that nobody waits for", *whole[:4])
    desk.snapshot_over()
    if classify(i.status) != "taken":
        return desk.fail(i.status)
    desk.offer(i.serial, i.version, i.cursor, again=not desk.tried.early)
    if i.outcome is not None:
        return desk.conclude(i.outcome)
    return desk.step("synced")


@FOLLOW.rule(StateBrought, *SESSION, reads=AROUND, emits=(*SHOWING, *STOPPING))
def on_state_brought(i: StateBrought, *whole: *Whole) -> Decision:
    """A submission's answer may bring a state: the server's word from after it.

    Without a version it cannot be placed among the stream's, and is not shown, unless it is the last (N24).
    That the server answers submissions says nothing of the stream, and is no progress (N25).
    """
    desk = FollowDesk(*whole)
    if i.version is None and i.outcome is None:
        desk.effects.append(Skip(i.serial))
        return desk.done()
    desk.offer(i.serial, i.version, None, again=True, counts=False)
    return desk.done() if i.outcome is None else desk.conclude(i.outcome)


@FOLLOW.rule(AgainDue, *SESSION, reads=AROUND, emits=STARTING)
def on_again_due(i: AgainDue, *whole: *Whole) -> Decision:
    """The next attempt is made."""
    desk = FollowDesk(*whole)
    return desk.step("due", current=desk.does("waiting", i.attempt), stale="a timer of an earlier attempt")


@FOLLOW.rule(GiveUpDue, *SESSION, reads=AROUND, emits=STOPPING)
def on_give_up_due(i: GiveUpDue, *whole: *Whole) -> Decision:
    """Without a stream the session ends; with one, its next loss will end it (A03, A12)."""
    desk = FollowDesk(*whole)
    if desk.tried.since != i.attempt:
        return refuse("a timer from before the last progress", *whole[:4])
    desk.tried = replace(desk.tried, since=None)
    return desk.step("elapsed")


@FOLLOW.rule(SteadyDue, *SESSION, reads=AROUND, emits=(CancelTimer,))
def on_steady_due(i: SteadyDue, *whole: *Whole) -> Decision:
    """A stream that stays up is progress, though nothing changes at its far end (N20)."""
    desk = FollowDesk(*whole)
    if not (desk.tried.steady and desk.tried.attempt == i.attempt):
        return refuse("a timer of a stream that was lost", *whole[:4])
    desk.tried = replace(desk.tried, steady=False)
    desk.progress()
    return desk.done()


@FOLLOW.rule(CredentialGiven, *SESSION, reads=AROUND, emits=(*STARTING, *STOPPING))
def on_credential_given(i: CredentialGiven, *whole: *Whole) -> Decision:
    """With another credential the next attempt is made at once; without one the session has expired (A11)."""
    desk = FollowDesk(*whole)
    if not desk.does("renewing", i.attempt):
        return refuse("a credential that nobody waits for", *whole[:4])
    desk.tried = replace(desk.tried, doing="")
    return desk.step("renewed" if i.given else "ended", outcome="expired")


@FOLLOW.rule(ResyncWanted, *SESSION, reads=AROUND, emits=(*STARTING, EndStream, StreamClosed, CancelTimer))
def on_resync_wanted(_i: ResyncWanted, *whole: *Whole) -> Decision:
    """The state is asked for anew: by a new attempt, so that nothing is missed in between."""
    return FollowDesk(*whole).step("resync")


@FOLLOW.rule(Condemned, *SESSION, reads=AROUND, emits=STOPPING)
def on_condemned(_i: Condemned, *whole: *Whole) -> Decision:
    """A submission was answered with the session's end (A08)."""
    return FollowDesk(*whole).step("ended", outcome="expired")


@FOLLOW.rule(FollowLeft, *SESSION, reads=AROUND, emits=STOPPING)
def on_follow_left(_i: FollowLeft, *whole: *Whole) -> Decision:
    """The application is done: what is open is given up, and what still comes is ignored (A17)."""
    return FollowDesk(*whole).step("closed", outcome="closed", stale="left a session that was over")
