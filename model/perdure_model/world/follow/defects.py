"""The defects of system A: small variants of rules, each of which breaks a property.

A letter behind a number tells variants of one finding apart. Where a defect takes a fence away, it does so
by making the input look as if it were of the attempt that the session is at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.common import refuse
from perdure_model.core.follow import session, submission
from perdure_model.core.follow.desk import UP
from perdure_model.core.follow.effects import Finish, Report, Show, StreamClosed
from perdure_model.core.follow.parts import FollowState
from perdure_model.core.rule import Decision
from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
defect = DEFECTS.enter


# -- bounds --------------------------------------------------------------------------------------------


def _uncounted_loss(i: Any, state: Any, tried: Any, *more: Any) -> Decision:
    return session.on_follow_lost(i, state, replace(tried, failures=0), *more)


def _uncounted_snapshot(i: Any, state: Any, tried: Any, *more: Any) -> Decision:
    return session.on_snapshot_replied(i, state, replace(tried, failures=0), *more)


def _time_is_no_bound(_i: Any, *whole: Any) -> Decision:
    return refuse("there is time", *whole[:4])


def _open_is_progress(i: Any, *whole: Any) -> Decision:
    (state, tried, *rest), effects = session.on_stream_opened(i, *whole)
    return (state, replace(tried, failures=0, since=None, renewed=False), *rest), effects


def _flat_backoff(
    i: Any, state: Any, tried: Any, view: Any, held: Any, settings: Any, *more: Any
) -> Decision:
    flat = replace(settings, again_cap_s=settings.again_first_s)
    return session.on_follow_lost(i, state, tried, view, held, flat, *more)


def _steady_is_nothing(i: Any, state: Any, tried: Any, *more: Any) -> Decision:
    (state, after, *rest), effects = session.on_steady_due(i, state, tried, *more)
    return (state, replace(after, failures=tried.failures), *rest), effects


def _opened_is_whole(i: Any, *whole: Any) -> Decision:
    (state, *rest), effects = session.on_stream_opened(i, *whole)
    up = rest[0].doing == "holding" and state.state == "reconnecting"
    return (FollowState("awaiting") if up else state, *rest), effects


defect(
    "A03",
    "neither attempts nor time bound the reconnecting",
    "P-TERMINATES",
    where="A endless",
    on_follow_lost=_uncounted_loss,
    on_snapshot_replied=_uncounted_snapshot,
    on_give_up_due=_time_is_no_bound,
)
defect(
    "A03b",
    "the session is shown as up while its snapshot is still on its way",
    "P-VISIBLE",
    on_stream_opened=_opened_is_whole,
)
defect(
    "A12",
    "a bare open counts as progress: who accepts and closes is asked for ever",
    "P-TERMINATES",
    where="A endless",
    on_stream_opened=_open_is_progress,
)
defect("A14", "the backoff does not grow", "P-SPACED", on_follow_lost=_flat_backoff)
defect(
    "N20",
    "only a newer state is progress: where the remote is quiet, the n-th loss ends the session",
    "P-TERMINATES",
    on_steady_due=_steady_is_nothing,
)


# -- what is told --------------------------------------------------------------------------------------


def _silent_failure(i: Any, *whole: Any) -> Decision:
    parts, effects = session.on_snapshot_replied(i, *whole)
    return parts, tuple(effect for effect in effects if not isinstance(effect, Report))


def _silent_close(i: Any, *whole: Any) -> Decision:
    parts, effects = session.on_follow_left(i, *whole)
    return parts, tuple(effect for effect in effects if not isinstance(effect, StreamClosed))


def _every_error_is_fatal(i: Any, *whole: Any) -> Decision:
    return session.on_error_arrived(replace(i, fatal=True), *whole)


def _reports_and_goes_on(i: Any, *whole: Any) -> Decision:
    parts, effects = session.on_snapshot_replied(i, *whole)
    if i.outcome is None or not any(isinstance(effect, Finish) for effect in effects):
        return parts, effects
    after, shown = session.on_snapshot_replied(replace(i, outcome=None), *whole)
    return after, (*shown, Finish(i.outcome))


def _denied_afresh(i: Any, state: Any, tried: Any, *more: Any) -> Decision:
    return session.on_follow_lost(i, state, replace(tried, renewed=False), *more)


def _denied_snapshot_afresh(i: Any, state: Any, tried: Any, *more: Any) -> Decision:
    return session.on_snapshot_replied(i, state, replace(tried, renewed=False), *more)


def _denial_is_a_loss(i: Any, *whole: Any) -> Decision:
    return session.on_follow_lost(replace(i, status=500) if i.status == 401 else i, *whole)


defect(
    "A02b",
    "a snapshot's failure is swallowed",
    "P-ERRORS",
    where="A answers",
    on_snapshot_replied=_silent_failure,
)
defect(
    "A04",
    "a stream that is cancelled yields no closing notice",
    "P-ONE-CLOSE",
    where="A errors",
    on_follow_left=_silent_close,
)
defect(
    "A06b",
    "a state that cannot be read ends the session",
    "P-OUTCOME",
    where="A errors",
    on_error_arrived=_every_error_is_fatal,
)
defect(
    "A08",
    "the outcome that a snapshot brings is reported, and the stream followed all the same",
    "P-TERMINAL-ONCE",
    where="A ends",
    on_snapshot_replied=_reports_and_goes_on,
)
defect(
    "A11b",
    "every 401 asks for another credential, however many were refused before",
    "P-OUTCOME",
    where="A renewal",
    on_follow_lost=_denied_afresh,
    on_snapshot_replied=_denied_snapshot_afresh,
)
defect(
    "A11",
    "a 401 is one loss among others",
    "P-OUTCOME",
    where="A answers",
    on_follow_lost=_denial_is_a_loss,
)


# -- states --------------------------------------------------------------------------------------------


def _any_snapshot(i: Any, state: Any, tried: Any, view: Any, *more: Any) -> Decision:
    return session.on_snapshot_replied(i, state, tried, replace(view, version=None), *more)


def _poll_stays_fresh(i: Any, submit: Any, tried: Any, *more: Any) -> Decision:
    (after, _), effects = submission.on_submit_requested(i, submit, tried, *more)
    return (after, tried), effects


def _drops_what_comes_early(i: Any, state: Any, *more: Any) -> Decision:
    if i.outcome is None and state.state in ("connecting", "reconnecting"):
        return refuse("no snapshot yet", state, *more[:3])
    return session.on_state_arrived(i, state, *more)


def _goes_on_from_nowhere(i: Any, state: Any, tried: Any, *more: Any) -> Decision:
    again = state.state == "reconnecting"
    return session.on_stream_opened(i, state, replace(tried, resumed=True) if again else tried, *more)


def _snapshot_first(
    i: Any, state: Any, tried: Any, view: Any, held: Any, settings: Any, *more: Any
) -> Decision:
    return session.on_again_due(i, state, tried, view, held, replace(settings, resumes=True), *more)


defect(
    "A09",
    "an older snapshot overwrites a newer state",
    "P-MONOTONIC",
    where="A brings",
    on_snapshot_replied=_any_snapshot,
)
defect(
    "A09b",
    "a snapshot asked for before a submission brings the old state back, at an equal version",
    "P-NO-FLASH",
    where="A submits",
    on_submit_requested=_poll_stays_fresh,
)
defect(
    "A10",
    "what the stream brings before the snapshot is in is dropped",
    "P-NO-LOSS",
    on_state_arrived=_drops_what_comes_early,
)
defect(
    "A15",
    "a reconnect without a cursor takes no snapshot",
    "P-NO-LOSS",
    on_stream_opened=_goes_on_from_nowhere,
)
defect(
    "N22",
    "a reconnect takes its snapshot first and subscribes then: what happens in between is missed",
    "P-NO-LOSS",
    on_again_due=_snapshot_first,
    on_stream_opened=_goes_on_from_nowhere,
)


# -- fences --------------------------------------------------------------------------------------------


def _any_streams_end(i: Any, state: Any, tried: Any, *more: Any) -> Decision:
    unfenced = replace(tried, doing=tried.doing if tried.doing in UP else "streaming")
    return session.on_follow_lost(replace(i, attempt=tried.attempt), state, unfenced, *more)


def _shown_after_the_end(i: Any, state: Any, *more: Any) -> Decision:
    if state.state != "terminal":
        return session.on_state_arrived(i, state, *more)
    return (state, *more[:3]), (Show(i.serial),)


defect(
    "A16",
    "the end of a stream that was given up starts a second wait, or drops the stream after it",
    "P-ONE-STREAM",
    where="A calls",
    on_follow_lost=_any_streams_end,
)
defect(
    "A17",
    "what a stream that was left still brings is shown",
    "P-TERMINAL-ONCE",
    where="A errors",
    on_state_arrived=_shown_after_the_end,
)


# -- submissions ---------------------------------------------------------------------------------------


def _stays_submitting(i: Any, submit: Any, *more: Any) -> Decision:
    (after,), effects = submission.on_submit_replied(i, submit, *more)
    return (submit if after is None else after,), effects


def _waits_for_a_newer_state(_i: Any, submit: Any, *_more: Any) -> Decision:
    return refuse("the newer state will come", submit)


def _shows_what_has_no_place(i: Any, state: Any, tried: Any, view: Any, *more: Any) -> Decision:
    parts, effects = session.on_state_brought(i, state, tried, view, *more)
    if i.version is None and i.outcome is None:
        return (state, tried, replace(view, shown=True), *parts[3:]), (Show(i.serial),)
    return parts, effects


def _answers_are_progress(i: Any, *whole: Any) -> Decision:
    (state, tried, *rest), effects = session.on_state_brought(i, *whole)
    newer = i.version is not None and i.version != whole[2].version
    return (state, replace(tried, failures=0, since=None) if newer else tried, *rest), effects


def _forgets_who_submitted(_i: Any, submit: Any, *_more: Any) -> Decision:
    return refuse("the session is over", submit)


defect(
    "A13",
    "a submission that fails is shown as under way for ever",
    "P-NO-STUCK",
    where="A refused",
    on_submit_replied=_stays_submitting,
)
defect(
    "N21",
    "a submission that changes nothing is shown as under way until a newer state comes",
    "P-NO-STUCK",
    where="A submits",
    on_settle_due=_waits_for_a_newer_state,
)
defect(
    "N24",
    "a state that a submission's answer brings is shown though it cannot be placed among the stream's",
    "P-MONOTONIC",
    where="A unplaced",
    on_state_brought=_shows_what_has_no_place,
)
defect(
    "N25",
    "a submission's answer counts as progress of the stream, which is then asked for without an end",
    "P-TERMINATES",
    where="A both",
    on_state_brought=_answers_are_progress,
)
defect(
    "N23",
    "a submission that the end of the session meets on its way is never settled",
    "P-NO-STUCK",
    where="A brings",
    on_submit_abandoned=_forgets_who_submitted,
)
