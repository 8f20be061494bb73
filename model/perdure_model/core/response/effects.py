"""What a call's rules can ask for: a closed union.

Order within a decision: `Moved` first; what is held is handed over before anything else; an attempt is ended
before its error is handed over, and before the token is reported as refused.
"""

from __future__ import annotations

from typing import TypeAlias

from perdure_model.core.common import Moved, Refused
from perdure_model.core.credential.inputs import Token
from perdure_model.core.response.inputs import CallId
from perdure_model.core.value import value


@value
class OpenAttempt:
    """Open the stream with this token; feed what it brings, under this attempt's number."""

    call: CallId
    attempt: int
    token: Token


@value
class EndAttempt:
    """Close this attempt's stream, if it is not over by itself; what it still brings is not wanted."""

    call: CallId
    attempt: int


@value
class HandOver:
    """Hand these events of the attempt to the consumer, in this order."""

    call: CallId
    attempt: int
    events: tuple[int, ...]


@value
class Discard:
    """Forget these events of the attempt: the consumer will never see them."""

    call: CallId
    attempt: int
    events: tuple[int, ...]


@value
class SurfaceError:
    """Hand this attempt's error to the consumer as it is, and nothing after it."""

    call: CallId
    attempt: int


@value
class FinishCall:
    """End the consumer's stream."""

    call: CallId


@value
class RejectToken:
    """Report the token to the credential as refused; feed its answer."""

    call: CallId
    token: Token


@value
class LeaveToken:
    """Tell the credential that this call waits for no token any more."""

    call: CallId


ResponseEffect: TypeAlias = (
    Moved
    | Refused
    | OpenAttempt
    | EndAttempt
    | HandOver
    | Discard
    | SurfaceError
    | FinishCall
    | RejectToken
    | LeaveToken
)
