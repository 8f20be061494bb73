"""A working copy of a credential and its waiters, for the length of one decision.

The chart names the actions; the methods of the same names here do them.
"""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.common import Refused, moved
from perdure_model.core.credential.book import CREDENTIAL_TABLE
from perdure_model.core.credential.effects import (
    CancelRefresh,
    CredentialEffect,
    GiveUpToken,
    RefreshToken,
    UseToken,
)
from perdure_model.core.credential.inputs import Caller, Token
from perdure_model.core.credential.parts import SharedToken, Waiter
from perdure_model.core.rule import Decision, Key
from perdure_model.core.value import replace

Waiters = Mapping[Key, Waiter]


class CredentialDesk:
    """The token that is shared, and who waits for another; `caller` and `token` are the input's."""

    def __init__(
        self, shared: SharedToken, waiters: Waiters, *, caller: Caller = None, token: Token | None = None
    ) -> None:
        self.shared, self.waiters = shared, dict(waiters)
        self.caller, self.token = caller, token
        self.effects: list[CredentialEffect] = []

    def step(self, event: str, *, current: bool = True, stale: str = "") -> Decision:
        """Step the chart and do what it says; where nothing follows, `stale` says why."""
        waits = (self.caller,) in self.waiters
        refused = {waiter.token for waiter in self.waiters.values()} | {self.shared.token}
        facts = {
            "in_use": self.token == self.shared.token,
            "fresh": self.token not in refused,
            "current": current,
            "waits": waits,
            "last": waits and len(self.waiters) == 1,
        }
        state = self.shared.state
        row = CREDENTIAL_TABLE.step(state, event, facts)
        if row is None:
            return (self.shared, self.waiters), (Refused(stale),)
        self.effects.append(moved(CREDENTIAL_TABLE, "", state, event, row))
        self.shared = replace(self.shared, state=row.target)
        for action in row.actions:
            getattr(self, action)()
        return (self.shared, self.waiters), tuple(self.effects)

    def join(self) -> None:
        assert self.token is not None
        self.waiters[(self.caller,)] = Waiter(self.token)

    def refresh(self) -> None:
        self.shared = replace(self.shared, refresh=self.shared.refresh + 1)
        self.effects.append(RefreshToken(self.shared.refresh, self.shared.token))

    def cancel_refresh(self) -> None:
        self.effects.append(CancelRefresh(self.shared.refresh))

    def adopt(self) -> None:
        assert self.token is not None
        self.shared = replace(self.shared, token=self.token)

    def use_current(self) -> None:
        self.effects.append(UseToken(self.caller, self.shared.token))

    def give_up(self) -> None:
        self.effects.append(GiveUpToken(self.caller))

    def tell_all(self) -> None:
        self.effects += [UseToken(caller, self.shared.token) for (caller,) in self.waiters]
        self.waiters = {}

    def give_up_all(self) -> None:
        self.effects += [GiveUpToken(caller) for (caller,) in self.waiters]
        self.waiters = {}

    def forget(self) -> None:
        del self.waiters[(self.caller,)]
