"""The shared credential: one refresh for each refusal, fenced, and an answer for each who waits."""

from __future__ import annotations

from typing import Any

import pytest
from perdure_model.core.common import Moved, Refused
from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.credential.effects import CancelRefresh, GiveUpToken, RefreshToken, UseToken
from perdure_model.core.credential.inputs import (
    CallerLeft,
    RefreshFailed,
    TokenRefreshed,
    TokenRejected,
    TokenReplaced,
)
from perdure_model.core.credential.parts import SharedToken, Waiter

USABLE = SharedToken("usable", 1)
REFRESHING = SharedToken("refreshing", 1, refresh=1)
REFUSED = SharedToken("refused", 1, refresh=1)


def waiting(**tokens: int) -> dict[Any, Waiter]:
    return {(caller,): Waiter(token) for caller, token in tokens.items()}


def decide(i: Any, shared: SharedToken | None, waiters: dict[Any, Waiter]) -> tuple[Any, Any, list[Any]]:
    """The credential, who waits, and the effects without `Moved`."""
    (after, left), effects = CREDENTIAL[type(i)].decide(i, shared, waiters)
    return after, left, [effect for effect in effects if not isinstance(effect, Moved)]


def refused(i: Any, shared: SharedToken, waiters: dict[Any, Waiter]) -> str:
    """The input changes nothing; the reason."""
    after, left, (only,) = decide(i, shared, waiters)
    assert (after, left) == (shared, waiters)
    assert isinstance(only, Refused)
    return only.why


def test_the_first_token_is_usable() -> None:
    assert decide(TokenReplaced(1), None, {}) == (USABLE, {}, [])


# -- a refusal -----------------------------------------------------------------------------------------


def test_the_first_refusal_starts_the_one_refresh() -> None:
    after = decide(TokenRejected("a", 1), USABLE, {})
    assert after == (REFRESHING, waiting(a=1), [RefreshToken(1, 1)])


@pytest.mark.parametrize("token", [1, 0])
def test_who_is_refused_while_it_runs_joins_it(token: int) -> None:
    after = decide(TokenRejected("b", token), REFRESHING, waiting(a=1))
    assert after == (REFRESHING, waiting(a=1, b=token), [])


def test_who_was_refused_with_a_token_replaced_meanwhile_goes_on_with_the_new_one() -> None:
    shared = SharedToken("usable", 2)
    assert decide(TokenRejected("a", 1), shared, {}) == (shared, {}, [UseToken("a", 2)])


@pytest.mark.parametrize("token", [1, 0])
def test_after_a_refresh_in_vain_there_is_nothing_to_wait_for(token: int) -> None:
    assert decide(TokenRejected("a", token), REFUSED, {}) == (REFUSED, {}, [GiveUpToken("a")])


# -- what the refresh brings ---------------------------------------------------------------------------


def test_a_new_token_is_everybodys_in_the_order_in_which_they_came() -> None:
    after = decide(TokenRefreshed(1, 2), REFRESHING, waiting(b=1, a=1))
    assert after == (SharedToken("usable", 2, 1), {}, [UseToken("b", 2), UseToken("a", 2)])


@pytest.mark.parametrize("token", [1, 0], ids=["in use", "another caller's"])
def test_a_token_that_was_refused_is_as_good_as_none(token: int) -> None:
    after = decide(TokenRefreshed(1, token), REFRESHING, waiting(a=1, b=0))
    assert after == (REFUSED, {}, [GiveUpToken("a"), GiveUpToken("b")])


def test_a_refresh_that_fails_is_told_to_all() -> None:
    after = decide(RefreshFailed(1), REFRESHING, waiting(a=1, b=1))
    assert after == (REFUSED, {}, [GiveUpToken("a"), GiveUpToken("b")])


@pytest.mark.parametrize("shared", [USABLE, REFRESHING, REFUSED])
@pytest.mark.parametrize("i", [TokenRefreshed(0, 2), RefreshFailed(0)])
def test_a_cancelled_refresh_brings_nothing(shared: SharedToken, i: Any) -> None:
    assert refused(i, shared, waiting(a=1)) == "a refresh that was cancelled"


# -- the application's token ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["usable", "refused"])
def test_a_token_of_the_applications_own_is_used(state: str) -> None:
    after = decide(TokenReplaced(2), SharedToken(state, 1), {})
    assert after == (SharedToken("usable", 2), {}, [])


def test_given_while_a_refresh_runs_it_ends_the_refresh_and_is_everybodys() -> None:
    after = decide(TokenReplaced(2), REFRESHING, waiting(a=1))
    assert after == (SharedToken("usable", 2, 1), {}, [CancelRefresh(1), UseToken("a", 2)])


@pytest.mark.parametrize(("shared", "token"), [(REFRESHING, 1), (REFRESHING, 0), (REFUSED, 1)])
def test_a_token_that_was_refused_is_no_help_again(shared: SharedToken, token: int) -> None:
    waiters = waiting(a=0) if shared is REFRESHING else {}
    assert refused(TokenReplaced(token), shared, waiters) == "the token that was refused, once more"


# -- leaving -------------------------------------------------------------------------------------------


def test_the_refresh_goes_on_for_those_who_stay() -> None:
    assert decide(CallerLeft("a"), REFRESHING, waiting(a=1, b=1)) == (REFRESHING, waiting(b=1), [])


def test_the_refresh_ends_with_the_last_who_waits() -> None:
    after = decide(CallerLeft("a"), REFRESHING, waiting(a=1))
    assert after == (SharedToken("usable", 1, 1), {}, [CancelRefresh(1)])


def test_after_that_the_next_refusal_starts_another() -> None:
    shared, waiters, _ = decide(CallerLeft("a"), REFRESHING, waiting(a=1))
    _, _, effects = decide(TokenRejected("b", 1), shared, waiters)
    assert effects == [RefreshToken(2, 1)]


@pytest.mark.parametrize("shared", [USABLE, REFRESHING, REFUSED])
def test_who_does_not_wait_leaves_nothing(shared: SharedToken) -> None:
    waiters = waiting(b=1) if shared is REFRESHING else {}
    assert refused(CallerLeft("a"), shared, waiters) == "who leaves does not wait"
