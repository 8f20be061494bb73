"""The response stream: a held prefix, two attempts at most, the original error, and nothing of the past."""

from __future__ import annotations

from typing import Any

import pytest
from perdure_model.core.common import Moved, Refused
from perdure_model.core.response import RESPONSE
from perdure_model.core.response.effects import (
    Discard,
    EndAttempt,
    FinishCall,
    HandOver,
    LeaveToken,
    OpenAttempt,
    RejectToken,
    SurfaceError,
)
from perdure_model.core.response.inputs import (
    AttemptFailed,
    AttemptFinished,
    CallCancelled,
    CallStarted,
    LiveArrived,
    PrefixArrived,
    TokenBrought,
    TokenDenied,
)
from perdure_model.core.response.parts import Call, ResponseSettings

FRESH = Call("holding", token=1)
HELD = Call("holding", token=1, held=(1,))
WAITING = Call("refreshing", token=1)
SECOND = Call("holding", token=2, attempt=2, held=(2,))
LIVE = Call("streaming", token=1)
OVER = Call("ended", token=1, outcome="completed")


def decide(i: Any, call: Call | None, prefix_max: int = 1) -> tuple[Call, list[Any]]:
    """The call, and the effects without `Moved`."""
    read = (ResponseSettings(prefix_max),) if isinstance(i, PrefixArrived) else ()
    (after,), effects = RESPONSE[type(i)].decide(i, call, *read)
    return after, [effect for effect in effects if not isinstance(effect, Moved)]


def ended(call: Call, outcome: str) -> Call:
    return Call("ended", call.token, call.attempt, (), outcome)


def test_a_call_begins_with_an_attempt() -> None:
    assert decide(CallStarted("c", 1), None) == (FRESH, [OpenAttempt("c", 1, 1)])


# -- events --------------------------------------------------------------------------------------------


def test_what_proves_nothing_is_held() -> None:
    assert decide(PrefixArrived("c", 1, 1), FRESH) == (HELD, [])


def test_one_more_than_the_bound_counts_as_live() -> None:
    assert decide(PrefixArrived("c", 1, 2), HELD) == (LIVE, [HandOver("c", 1, (1,)), HandOver("c", 1, (2,))])
    assert decide(PrefixArrived("c", 1, 1), FRESH, 0) == (LIVE, [HandOver("c", 1, (1,))])
    assert decide(PrefixArrived("c", 1, 2), HELD, 2) == (Call("holding", 1, held=(1, 2)), [])


def test_the_first_live_event_comes_behind_what_was_held() -> None:
    assert decide(LiveArrived("c", 1, 2), HELD) == (LIVE, [HandOver("c", 1, (1,)), HandOver("c", 1, (2,))])
    assert decide(LiveArrived("c", 1, 1), FRESH) == (LIVE, [HandOver("c", 1, (1,))])


@pytest.mark.parametrize("i", [PrefixArrived("c", 1, 7), LiveArrived("c", 1, 7)])
def test_once_alive_everything_passes(i: Any) -> None:
    assert decide(i, LIVE) == (LIVE, [HandOver("c", 1, (7,))])


# -- authentication errors -----------------------------------------------------------------------------


@pytest.mark.parametrize("raised", [True, False])
def test_a_first_refusal_ends_the_attempt_forgets_what_was_held_and_asks_for_a_token(raised: bool) -> None:
    after, effects = decide(AttemptFailed("c", 1, auth=True, raised=raised), HELD)
    assert after == WAITING
    assert effects == [Discard("c", 1, (1,)), EndAttempt("c", 1), RejectToken("c", 1)]
    assert decide(AttemptFailed("c", 1, auth=True, raised=raised), FRESH)[1] == effects[1:]


def test_another_token_makes_the_second_attempt() -> None:
    assert decide(TokenBrought("c", 2), WAITING) == (Call("holding", 2, 2), [OpenAttempt("c", 2, 2)])


def test_no_other_token_surfaces_the_error() -> None:
    assert decide(TokenDenied("c"), WAITING) == (ended(WAITING, "failed"), [SurfaceError("c", 1)])


def test_a_second_refusal_surfaces_the_first_attempts_error_and_no_start() -> None:
    after, effects = decide(AttemptFailed("c", 2, auth=True), SECOND)
    assert after == ended(SECOND, "failed")
    assert effects == [Discard("c", 2, (2,)), EndAttempt("c", 2), SurfaceError("c", 1)]


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("auth", [True, False])
def test_after_live_events_every_error_passes_through(attempt: int, auth: bool) -> None:
    live = Call("streaming", token=1, attempt=attempt)
    after, effects = decide(AttemptFailed("c", attempt, auth=auth), live)
    assert after == ended(live, "failed")
    assert effects == [EndAttempt("c", attempt), SurfaceError("c", attempt)]


# -- other ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [HELD, SECOND])
def test_any_other_error_passes_through_behind_what_was_held(call: Call) -> None:
    n = call.attempt
    after, effects = decide(AttemptFailed("c", n, auth=False), call)
    assert after == ended(call, "failed")
    assert effects == [HandOver("c", n, call.held), EndAttempt("c", n), SurfaceError("c", n)]


@pytest.mark.parametrize(
    ("call", "first"),
    [(HELD, [HandOver("c", 1, (1,))]), (FRESH, []), (LIVE, [])],
    ids=["held", "none", "live"],
)
def test_a_normal_end_comes_behind_what_was_held(call: Call, first: list[Any]) -> None:
    assert decide(AttemptFinished("c", 1), call) == (ended(call, "completed"), [*first, FinishCall("c")])


@pytest.mark.parametrize(
    ("call", "effects"),
    [
        (FRESH, [EndAttempt("c", 1)]),
        (HELD, [Discard("c", 1, (1,)), EndAttempt("c", 1)]),
        (LIVE, [EndAttempt("c", 1)]),
        (WAITING, [LeaveToken("c")]),
    ],
    ids=["fresh", "held", "live", "waiting"],
)
def test_who_leaves_ends_the_attempt_or_waits_no_longer(call: Call, effects: list[Any]) -> None:
    assert decide(CallCancelled("c"), call) == (ended(call, "cancelled"), effects)


# -- what changes nothing ------------------------------------------------------------------------------

OF_THE_FIRST = [
    PrefixArrived("c", 1, 9),
    LiveArrived("c", 1, 9),
    AttemptFailed("c", 1, auth=True),
    AttemptFailed("c", 1, auth=False),
    AttemptFinished("c", 1),
]
ANSWERS = [TokenBrought("c", 3), TokenDenied("c")]


@pytest.mark.parametrize(
    ("call", "i"),
    [
        *((call, i) for call in (WAITING, SECOND, OVER) for i in OF_THE_FIRST),
        *((call, i) for call in (FRESH, LIVE, OVER) for i in ANSWERS),
        (OVER, CallCancelled("c")),
    ],
    ids=lambda one: one.state if isinstance(one, Call) else type(one).__name__,
)
def test_what_is_of_the_past_changes_nothing(call: Call, i: Any) -> None:
    after, (only,) = decide(i, call)
    assert after == call
    assert isinstance(only, Refused)
    assert only.why
