"""What the attempts bring: prefix and live events, errors, and the end."""

from __future__ import annotations

from perdure_model.core.response.book import RESPONSE
from perdure_model.core.response.desk import CallDesk
from perdure_model.core.response.effects import (
    Discard,
    EndAttempt,
    FinishCall,
    HandOver,
    RejectToken,
    SurfaceError,
)
from perdure_model.core.response.inputs import (
    AttemptFailed,
    AttemptFinished,
    LiveArrived,
    PrefixArrived,
)
from perdure_model.core.response.parts import CALL, SETTINGS, Call, ResponseSettings
from perdure_model.core.rule import Decision

STALE = "of an attempt that is over"


@RESPONSE.rule(PrefixArrived, CALL.one, reads=(SETTINGS.one,), emits=(HandOver,))
def on_prefix_arrived(i: PrefixArrived, call: Call, settings: ResponseSettings) -> Decision:
    """It proves nothing, so it is held back (R01, R02); one more than the bound counts as live (R03)."""
    desk = CallDesk(i.call, call, event=i.event, prefix_max=settings.prefix_max)
    return desk.step("prefix", attempt=i.attempt, stale=STALE)


@RESPONSE.rule(LiveArrived, CALL.one, emits=(HandOver,))
def on_live_arrived(i: LiveArrived, call: Call) -> Decision:
    """The stream is alive: what was held goes first, and from here on nothing is started again (R03, R09)."""
    return CallDesk(i.call, call, event=i.event).step("live", attempt=i.attempt, stale=STALE)


@RESPONSE.rule(AttemptFailed, CALL.one, emits=(HandOver, Discard, EndAttempt, SurfaceError, RejectToken))
def on_attempt_failed(i: AttemptFailed, call: Call) -> Decision:
    """Authentication that fails at first, before any live event, asks for another token (R04-R06, R09).

    Any other error passes through, behind what was held (R03).
    """
    return CallDesk(i.call, call).step("auth_error" if i.auth else "error", attempt=i.attempt, stale=STALE)


@RESPONSE.rule(AttemptFinished, CALL.one, emits=(HandOver, FinishCall))
def on_attempt_finished(i: AttemptFinished, call: Call) -> Decision:
    """The consumer's stream ends, behind what was held (R03)."""
    return CallDesk(i.call, call).step("finished", attempt=i.attempt, outcome="completed", stale=STALE)
