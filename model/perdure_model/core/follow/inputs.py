"""What a followed session can be told: a closed union.

A state that arrives has a `serial`, under which the runtime keeps its fields; its version and cursor (None
where it has none); and the outcome that it stands for, if it is the last one.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from perdure_model.core.value import value


@value
class FollowStarted:
    """The application opens the session."""


@value
class FollowLeft:
    """The application leaves."""


@value
class StreamOpened:
    """The stream of this attempt was answered with an event stream."""

    attempt: int


@value
class StateArrived:
    """The stream brought a state."""

    attempt: int
    serial: Hashable
    version: int | None = None
    cursor: Hashable = None
    outcome: str | None = None


@value
class ErrorArrived:
    """The stream brought an error, or something that should have been a state and cannot be read.

    `fatal` is False where the stream goes on. `status` is 0 where the error names none.
    """

    attempt: int
    status: int
    fatal: bool
    chance: float = 1.0


@value
class FollowLost:
    """A stream request came to its end, whatever ended it; `status` is 0 where there was no answer.

    `chance` is in [0, 1).
    """

    attempt: int
    status: int
    retry_after_s: float | None = None
    chance: float = 1.0


@value
class SnapshotReplied:
    """A snapshot request came to its end: the status (0: no answer) and, if it is 2xx, a state."""

    attempt: int
    status: int
    serial: Hashable = None
    version: int | None = None
    cursor: Hashable = None
    outcome: str | None = None
    retry_after_s: float | None = None
    chance: float = 1.0


@value
class AgainDue:
    """The wait before this attempt is over."""

    attempt: int


@value
class GiveUpDue:
    """The total time, counted from this attempt on, is over."""

    attempt: int


@value
class SteadyDue:
    """The stream of this attempt has been up for so long that it counts as progress."""

    attempt: int


@value
class SubmitRequested:
    """The application submits; the payload stays with the runtime, under the number."""

    submit: int


@value
class SubmitReplied:
    """A submission's request came to its end: the status (0: no answer), and the state that it brought.

    `serial` is None where it brought none. `sent` is False where the request surely never left.
    """

    submit: int
    status: int
    sent: bool = True
    serial: Hashable = None
    version: int | None = None
    outcome: str | None = None


@value
class SettleDue:
    """The state that this submission makes has taken long enough to arrive."""

    submit: int


@value
class CredentialGiven:
    """The answer for an attempt that asked for another credential: whether there is one."""

    attempt: int
    given: bool


@value
class SubmitCredentialGiven:
    """The answer for a submission that asked for another credential: whether there is one."""

    submit: int
    given: bool


@value
class StateBrought:
    """Follows a submission's answer: the state that came with it."""

    serial: Hashable
    version: int | None
    outcome: str | None


@value
class Condemned:
    """Follows a submission's answer that ends the session."""


@value
class ResyncWanted:
    """Follows a submission whose state does not arrive."""


@value
class SubmitAnswered:
    """Follows a state that was shown: whatever is submitted has become of it."""


@value
class SubmitAbandoned:
    """Follows the end of the session."""


FollowInput: TypeAlias = (
    FollowStarted
    | FollowLeft
    | StreamOpened
    | StateArrived
    | ErrorArrived
    | FollowLost
    | SnapshotReplied
    | AgainDue
    | GiveUpDue
    | SteadyDue
    | SubmitRequested
    | SubmitReplied
    | SettleDue
    | CredentialGiven
    | SubmitCredentialGiven
    | StateBrought
    | Condemned
    | ResyncWanted
    | SubmitAnswered
    | SubmitAbandoned
)
