"""A call: how it begins, what the credential answers, and how its consumer leaves."""

from __future__ import annotations

from perdure_model.core.response.book import RESPONSE, RESPONSE_TABLE
from perdure_model.core.response.desk import CallDesk
from perdure_model.core.response.effects import (
    Discard,
    EndAttempt,
    LeaveToken,
    OpenAttempt,
    SurfaceError,
)
from perdure_model.core.response.inputs import CallCancelled, CallStarted, TokenBrought, TokenDenied
from perdure_model.core.response.parts import CALL, Call
from perdure_model.core.rule import Decision

STALE = "the call waits for no token"


@RESPONSE.rule(CallStarted, CALL.one, emits=(OpenAttempt,))
def on_call_started(i: CallStarted, _call: None) -> Decision:
    """The first attempt, with the token in use."""
    call = Call(RESPONSE_TABLE.initial, i.token)
    return (call,), (OpenAttempt(i.call, call.attempt, i.token),)


@RESPONSE.rule(TokenBrought, CALL.one, emits=(OpenAttempt,))
def on_token_brought(i: TokenBrought, call: Call) -> Decision:
    """The second and last attempt; that the token is another than before is the credential's word (R06)."""
    return CallDesk(i.call, call, token=i.token).step("refreshed", stale=STALE)


@RESPONSE.rule(TokenDenied, CALL.one, emits=(SurfaceError,))
def on_token_denied(i: TokenDenied, call: Call) -> Decision:
    """There is no other token: the original error surfaces, as it came (R06)."""
    return CallDesk(i.call, call).step("refresh_failed", stale=STALE)


@RESPONSE.rule(CallCancelled, CALL.one, emits=(Discard, EndAttempt, LeaveToken))
def on_call_cancelled(i: CallCancelled, call: Call) -> Decision:
    """The attempt is ended, or the credential told that nobody waits here any more (R08)."""
    desk = CallDesk(i.call, call)
    return desk.step("cancelled", outcome="cancelled", stale="the call was over")
