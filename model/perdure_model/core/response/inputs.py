"""What a call can be told: a closed union. `attempt` is the attempt's number, `event` the event's in it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from perdure_model.core.credential.inputs import Token
from perdure_model.core.value import value

CallId: TypeAlias = Hashable
"""Names a call among all that share a credential, so that it can be the credential's caller."""


@value
class CallStarted:
    """The consumer wants the stream; this is the token in use."""

    call: CallId
    token: Token


@value
class PrefixArrived:
    """An event that proves nothing, such as a start made before the request."""

    call: CallId
    attempt: int
    event: int


@value
class LiveArrived:
    """An event that proves the stream alive."""

    call: CallId
    attempt: int
    event: int


@value
class AttemptFailed:
    """The attempt failed: `auth` says whether authentication did. Whether the error was `raised`, or emitted
    as an event, is told for the trace alone (R05)."""

    call: CallId
    attempt: int
    auth: bool
    raised: bool = False


@value
class AttemptFinished:
    """The attempt ended normally."""

    call: CallId
    attempt: int


@value
class TokenBrought:
    """The credential's answer to the report of a refused token: go on with this one."""

    call: CallId
    token: Token


@value
class TokenDenied:
    """The credential's answer to the report of a refused token: there is no other."""

    call: CallId


@value
class CallCancelled:
    """The consumer leaves."""

    call: CallId


ResponseInput: TypeAlias = (
    CallStarted
    | PrefixArrived
    | LiveArrived
    | AttemptFailed
    | AttemptFinished
    | TokenBrought
    | TokenDenied
    | CallCancelled
)
