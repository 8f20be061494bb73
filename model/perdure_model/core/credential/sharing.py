"""Refused, refreshed, replaced, left: what becomes of a token that many share, and of those who wait."""

from __future__ import annotations

from perdure_model.core.credential.book import CREDENTIAL, CREDENTIAL_TABLE
from perdure_model.core.credential.desk import CredentialDesk, Waiters
from perdure_model.core.credential.effects import CancelRefresh, GiveUpToken, RefreshToken, UseToken
from perdure_model.core.credential.inputs import (
    CallerLeft,
    RefreshFailed,
    TokenRefreshed,
    TokenRejected,
    TokenReplaced,
)
from perdure_model.core.credential.parts import TOKEN, WAITER, SharedToken
from perdure_model.core.rule import Decision

WHOLE = (TOKEN.one, WAITER.every())


@CREDENTIAL.rule(TokenReplaced, *WHOLE, emits=(CancelRefresh, UseToken))
def on_token_replaced(i: TokenReplaced, shared: SharedToken | None, waiters: Waiters) -> Decision:
    """The application's token is used at once, by those too who wait for a refresh (N10).

    A token that was refused, given again, is no help: it would be refreshed a second time (N11, N12).
    """
    if shared is None:
        return (SharedToken(CREDENTIAL_TABLE.initial, i.token), waiters), ()
    desk = CredentialDesk(shared, waiters, token=i.token)
    return desk.step("replaced", stale="the token that was refused, once more")


@CREDENTIAL.rule(TokenRejected, *WHOLE, emits=(RefreshToken, UseToken, GiveUpToken))
def on_token_rejected(i: TokenRejected, shared: SharedToken, waiters: Waiters) -> Decision:
    """The first refusal of the token in use starts the one refresh, others join it (R07).

    A token replaced meanwhile needs none (R10); after a refresh in vain there is nothing to wait for.
    """
    return CredentialDesk(shared, waiters, caller=i.caller, token=i.token).step("rejected")


@CREDENTIAL.rule(TokenRefreshed, *WHOLE, emits=(UseToken, GiveUpToken))
def on_token_refreshed(i: TokenRefreshed, shared: SharedToken, waiters: Waiters) -> Decision:
    """A new token is everybody's who waits; one that was refused is as good as none (R06, N12)."""
    desk = CredentialDesk(shared, waiters, token=i.token)
    return desk.step("refreshed", current=i.refresh == shared.refresh, stale="a refresh that was cancelled")


@CREDENTIAL.rule(RefreshFailed, *WHOLE, emits=(GiveUpToken,))
def on_refresh_failed(i: RefreshFailed, shared: SharedToken, waiters: Waiters) -> Decision:
    """All who wait are told; the token is not refreshed again (R06)."""
    desk = CredentialDesk(shared, waiters)
    return desk.step("failed", current=i.refresh == shared.refresh, stale="a refresh that was cancelled")


@CREDENTIAL.rule(CallerLeft, *WHOLE, emits=(CancelRefresh,))
def on_caller_left(i: CallerLeft, shared: SharedToken, waiters: Waiters) -> Decision:
    """The refresh goes on for those who still wait, and ends with the last of them (R08)."""
    return CredentialDesk(shared, waiters, caller=i.caller).step("left", stale="who leaves does not wait")
