"""What must hold of system A's world: each property of the specification that this world can break.

A property is a function from a world to its statement; its docstring is the living text, its name the
stable id. Beside every `always` stands the `sometimes` that keeps it from holding for want of occasion.
"""

from __future__ import annotations

from typing import Any

from perdure_model.core.follow.inputs import AgainDue
from perdure_model.world.follow.world import Following
from perdure_model.world.model import Properties

PROPERTIES = Properties()
states = PROPERTIES.states
UP = ("streaming", "holding")
SNAPPING = ("asking", "holding")


def at_rest(w: Following) -> None:
    """Where stopping is right: the session is over, or it shows the remote's state and waits for the next.

    Every other state without a next step is a deadlock: a timer that never comes, a state never shown.
    """

    @w.system.terminal(w.state, w.channel, w.submit, w.app, w.remote, w.following)
    def rest(state: Any, channel: Any, submit: Any, app: Any, remote: Any, following: Any) -> bool:
        if state is None or following:
            return False
        if state.state == "terminal":
            return True
        up = state.state == "awaiting" and channel is not None and channel.flows and not channel.messages
        return bool(up and submit is None and app.shown == remote.version)


@states("P-TERMINATES")
def terminates(w: Following) -> None:
    """A session whose server never returns ends within its bounds: so many attempts, so much time.

    The bounds hold in every world; that the end comes shows in the world whose server never returns. The
    attempts and the time are counted from the last progress: a newer state, or a stream that stayed up.
    """
    if w.bounds.gone:

        @w.system.eventually(w.state, name="P-TERMINATES")
        def over(state: Any) -> bool:
            return state is not None and state.state == "terminal"

    else:

        @w.system.always(w.state, w.tried, w.give_up, w.cause, name="P-TERMINATES")
        def bounded(state: Any, tried: Any, timers: Any, cause: Any) -> bool:
            if state is None or state.state == "terminal":
                return True
            untimed = (w.bounds.attempts_max,) if tried.doing == "waiting" else (0, w.bounds.attempts_max)
            timed = bool(timers) or tried.failures in untimed
            afresh = cause.last != "steady" or tried.failures == 0
            return tried.failures <= w.bounds.attempts_max and timed and afresh

    @w.system.sometimes(w.tried, name="P-TERMINATES has occasion")
    def failed(tried: Any) -> bool:
        return tried is not None and tried.failures > 1


@states("P-VISIBLE")
def visible(w: Following) -> None:
    """Reconnecting is shown exactly while an attempt that was given up is not made good.

    Restated: beside a lost stream, a stream that was given up for a fresh snapshot counts, as it is not back
    either; and it is back once nothing is missing, not once it is open.
    """

    @w.system.always(w.state, w.tried, w.held, name="P-VISIBLE")
    def shown(state: Any, tried: Any, held: Any) -> bool:
        if state is None or state.state == "terminal":
            return True
        if state.state == "awaiting":
            return tried.doing == "streaming" and not held.states
        return tried.doing in ("asking", "streaming", "holding", "waiting", "renewing")

    @w.system.sometimes(w.state, w.held, name="P-VISIBLE has occasion")
    def returning(state: Any, held: Any) -> bool:
        return state is not None and state.state == "reconnecting" and bool(held.states)


@states("P-ONE-STREAM")
def one_stream(w: Following) -> None:
    """At most one attempt is made: a stream, the snapshot for it, the wait for the next, or a credential.

    Restated: a stream and the snapshot taken on it are one attempt. What is on the wires is what the session
    waits for, and nothing else is.
    """

    @w.system.always(w.tried, w.channel, w.snap, w.again, w.credential, name="P-ONE-STREAM")
    def one_of(tried: Any, channel: Any, snap: Any, again: Any, credential: Any) -> bool:
        if tried is None:
            return True
        renews = [i for i in credential.asked if hasattr(i, "attempt")]
        return (
            ([channel.attempt] if channel else []) == ([tried.attempt] if tried.doing in UP else [])
            and ([snap.attempt] if snap else []) == ([tried.attempt] if tried.doing in SNAPPING else [])
            and [due for due, _ in again] == ([AgainDue(tried.attempt)] if tried.doing == "waiting" else [])
            and [i.attempt for i in renews] == ([tried.attempt] if tried.doing == "renewing" else [])
        )

    @w.system.sometimes(w.tried, w.late, name="P-ONE-STREAM has occasion")
    def stale(tried: Any, late: Any) -> bool:
        return tried is not None and any(
            getattr(i, "attempt", tried.attempt) < tried.attempt for i in late.due
        )


@states("P-SPACED")
def spaced(w: Following) -> None:
    """Between two attempts lies the backoff: doubling from the first wait, up to the cap, with full jitter.

    In the world chance is 1, so that each wait is as long as it can be.
    """

    @w.system.always(w.tried, w.again, name="P-SPACED")
    def backed_off(tried: Any, again: Any) -> bool:
        s = w.settings
        return all(
            seconds == min(s.again_cap_s, s.again_first_s * 2 ** (tried.failures - 1)) for _, seconds in again
        )

    @w.system.sometimes(w.tried, w.again, name="P-SPACED has occasion")
    def waits_again(tried: Any, again: Any) -> bool:
        return bool(again) and tried.failures > 1


@states("P-TERMINAL-ONCE")
def terminal_once(w: Following) -> None:
    """The outcome is reported once, whatever brought it, and nothing is shown after it."""

    @w.system.always(w.state, w.app, name="P-TERMINAL-ONCE")
    def once(state: Any, app: Any) -> bool:
        over = state is not None and state.state == "terminal"
        return bool(app.finished == (state.outcome if over else None) and app.wrong != "late")

    @w.system.sometimes(w.app, w.late, name="P-TERMINAL-ONCE has occasion")
    def tempted(app: Any, late: Any) -> bool:
        return app.finished is not None and bool(late.due)


@states("P-OUTCOME")
def outcome(w: Following) -> None:
    """The outcome is its cause's: the remote's own, expired for 401 and 410, failed for a spent bound.

    A 401 first asks for another credential, if there may be one: once between two progresses, and once for
    a submission.
    """

    @w.system.always(w.state, w.tried, w.cause, w.following, w.credential, name="P-OUTCOME")
    def caused(state: Any, tried: Any, cause: Any, following: Any, wallet: Any) -> bool:
        if wallet.used > 1 or wallet.submits > w.bounds.submits:
            return False
        if state is None or following:
            return True
        if state.state != "terminal":
            return cause.verdict is None and (cause.last != 401 or tried.doing == "renewing")
        if cause.verdict is not None:
            return bool(state.outcome == cause.verdict)
        if state.outcome == "expired":
            return cause.last in (401, "submit 401")
        spent = tried.failures >= w.bounds.attempts_max or cause.last == "elapsed"
        return bool(state.outcome == "failed" and spent and cause.last != 401)

    @w.system.sometimes(w.state, w.cause, name="P-OUTCOME has occasion")
    def ruled(state: Any, cause: Any) -> bool:
        return state is not None and state.state == "terminal" and cause.verdict is not None


@states("P-ONE-CLOSE")
def one_close(w: Following) -> None:
    """Each stream request yields exactly one closing notice, cancelled ones included."""

    @w.system.always(w.tried, w.requests, name="P-ONE-CLOSE")
    def closed_once(tried: Any, requests: Any) -> bool:
        return set(requests) == ({tried.attempt} if tried is not None and tried.doing in UP else set())

    @w.system.sometimes(w.requests, name="P-ONE-CLOSE has occasion")
    def second(requests: Any) -> bool:
        return any(attempt > 1 for attempt in requests)


@states("P-MONOTONIC")
def monotonic(w: Following) -> None:
    """The version of the state that the application sees never decreases."""

    @w.system.always(w.app, name="P-MONOTONIC")
    def rising(app: Any) -> bool:
        return bool(app.wrong != "back")

    @w.system.sometimes(w.app, w.snap, name="P-MONOTONIC has occasion")
    def older_on_its_way(app: Any, snap: Any) -> bool:
        replied = snap is not None and snap.reply is not None and snap.reply.serial is not None
        return replied and bool(snap.reply.serial[1] < app.shown)


@states("P-NO-FLASH")
def no_flash(w: Following) -> None:
    """After a submission the state from before it comes back only by a newer one, or by its failure.

    Restated: or by the server's word, asked for after it took the submission, that nothing has changed. Else
    a submission that changes nothing would be shown as under way for ever (N21).
    """

    @w.system.always(w.app, w.submit, w.following, name="P-NO-FLASH")
    def hidden(app: Any, submit: Any, following: Any) -> bool:
        covered = app.base is None or submit is not None or following or app.finished
        return app.wrong != "flash" and bool(covered)

    @w.system.sometimes(w.app, w.snap, name="P-NO-FLASH has occasion")
    def poll_on_its_way(app: Any, snap: Any) -> bool:
        replied = snap is not None and snap.reply is not None and snap.reply.serial is not None
        return replied and app.base is not None and snap.reply.serial[1] == app.base and snap.early


@states("P-NO-STUCK")
def no_stuck(w: Following) -> None:
    """A submission is not shown as under way for ever."""

    if w.bounds.submits:
        w.system.leads_to(w.submit, when=some, then=none, name="P-NO-STUCK")
    else:
        w.system.always(w.submit, name="P-NO-STUCK")(none)

    @w.system.sometimes(w.submit, name="P-NO-STUCK has occasion")
    def settling(submit: Any) -> bool:
        return submit is not None and submit.state == "settling"


def none(part: Any) -> bool:
    """Whether there is nothing."""
    return part is None


def some(part: Any) -> bool:
    """Whether there is something."""
    return part is not None


@states("P-NO-LOSS")
def no_loss(w: Following) -> None:
    """With the stream up, and all that it brought read, the application sees the remote's state."""

    @w.system.always(w.state, w.channel, w.app, w.remote, w.following, name="P-NO-LOSS")
    def whole(state: Any, channel: Any, app: Any, remote: Any, following: Any) -> bool:
        up = state is not None and state.state == "awaiting" and channel is not None and channel.flows
        return not up or bool(channel.messages or following) or app.shown == remote.version

    @w.system.sometimes(w.state, w.tried, w.app, name="P-NO-LOSS has occasion")
    def returned(state: Any, tried: Any, app: Any) -> bool:
        return state is not None and state.state == "awaiting" and tried.attempt > 1 and app.shown > 1


@states("P-NO-LEAK")
def no_leak(w: Following) -> None:
    """After the end nothing is left: no stream, request, timer or wait for a credential; nothing held.

    At any other time a timer runs only for what it was started for.
    """
    timers = (w.again, w.give_up, w.steady, w.settle)

    @w.system.always(
        w.state, w.tried, w.submit, w.following, w.channel, w.snap, w.post, w.credential, w.held, *timers,
        name="P-NO-LEAK",
    )  # fmt: skip
    def nothing_left(state: Any, tried: Any, submit: Any, following: Any, *rest: Any) -> bool:
        channel, snap, post, credential, held, _again, give_up, steady, settle = rest
        if following or state is None:
            return True
        if state.state == "terminal":
            left = (channel, snap, post, submit, credential.asked, held.states, *rest[5:])
            return not any(left)
        return (
            {due.attempt for due, _ in give_up} == ({tried.since} - {None})
            and {due.attempt for due, _ in steady} == ({tried.attempt} if tried.steady else set())
            and bool(settle) == (submit is not None and submit.state == "settling")
            and (post is not None) == (submit is not None and submit.state == "submitting")
        )

    @w.system.sometimes(w.state, w.late, name="P-NO-LEAK has occasion")
    def called_off(state: Any, late: Any) -> bool:
        return state is not None and state.state == "terminal" and bool(late.due)


@states("P-ERRORS")
def errors(w: Following) -> None:
    """Every failure is told once, with its HTTP status or 0."""

    @w.system.always(w.owed, name="P-ERRORS")
    def told(owed: Any) -> bool:
        return owed is None

    @w.system.sometimes(w.tried, name="P-ERRORS has occasion")
    def failed(tried: Any) -> bool:
        return tried is not None and tried.failures > 0
