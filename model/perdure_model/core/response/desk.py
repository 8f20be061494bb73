"""A working copy of a call, for the length of one decision.

The chart names the actions; the methods of the same names here do them.
"""

from __future__ import annotations

from perdure_model.core.common import Refused, moved
from perdure_model.core.credential.inputs import Token
from perdure_model.core.response.book import RESPONSE_TABLE
from perdure_model.core.response.effects import (
    Discard,
    EndAttempt,
    FinishCall,
    HandOver,
    LeaveToken,
    OpenAttempt,
    RejectToken,
    ResponseEffect,
    SurfaceError,
)
from perdure_model.core.response.inputs import CallId
from perdure_model.core.response.parts import Call
from perdure_model.core.rule import Decision
from perdure_model.core.value import replace

ORIGINAL = 1
"""The attempt whose error surfaces where no other token, or no better one, was to be had."""


class CallDesk:
    """A call; `event` and `token` are the input's."""

    def __init__(
        self, name: CallId, call: Call, *, event: int = 0, token: Token | None = None, prefix_max: int = 0
    ) -> None:
        self.name, self.call = name, call
        self.event, self.token, self.prefix_max = event, token, prefix_max
        self.effects: list[ResponseEffect] = []

    def step(self, event: str, *, attempt: int = 0, outcome: str = "failed", stale: str = "") -> Decision:
        """Step the chart and do what it says; where nothing follows, `stale` says why."""
        facts = {
            "current": attempt == self.call.attempt,
            "room": len(self.call.held) < self.prefix_max,
            "first": self.call.attempt == 1,
        }
        state = self.call.state
        row = RESPONSE_TABLE.step(state, event, facts)
        if row is None:
            return (self.call,), (Refused(stale),)
        self.effects.append(moved(RESPONSE_TABLE, self.name, state, event, row))
        over = row.target in RESPONSE_TABLE.final
        self.call = replace(self.call, state=row.target, outcome=outcome if over else None)
        for action in row.actions:
            getattr(self, action)()
        return (self.call,), tuple(self.effects)

    def hold(self) -> None:
        self.call = replace(self.call, held=(*self.call.held, self.event))

    def discard(self) -> None:
        if self.call.held:
            self.effects.append(Discard(self.name, self.call.attempt, self.call.held))
            self.call = replace(self.call, held=())

    def release(self) -> None:
        if self.call.held:
            self.effects.append(HandOver(self.name, self.call.attempt, self.call.held))
            self.call = replace(self.call, held=())

    def forward(self) -> None:
        self.effects.append(HandOver(self.name, self.call.attempt, (self.event,)))

    def end_attempt(self) -> None:
        self.effects.append(EndAttempt(self.name, self.call.attempt))

    def ask(self) -> None:
        self.effects.append(RejectToken(self.name, self.call.token))

    def restart(self) -> None:
        assert self.token is not None
        self.call = replace(self.call, token=self.token, attempt=self.call.attempt + 1)
        self.effects.append(OpenAttempt(self.name, self.call.attempt, self.call.token))

    def surface(self) -> None:
        self.effects.append(SurfaceError(self.name, self.call.attempt))

    def surface_original(self) -> None:
        self.effects.append(SurfaceError(self.name, ORIGINAL))

    def finish(self) -> None:
        self.effects.append(FinishCall(self.name))

    def leave(self) -> None:
        self.effects.append(LeaveToken(self.name))
