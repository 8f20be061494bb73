"""What the rules of a followed session can ask for: a closed union.

Order within a decision: `Moved` first, but for what is shown ahead of it; then what the chart's actions ask
for, in the chart's order.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from perdure_model.core.common import Moved, Refused
from perdure_model.core.follow.inputs import (
    AgainDue,
    Condemned,
    CredentialGiven,
    GiveUpDue,
    ResyncWanted,
    SettleDue,
    StateBrought,
    SteadyDue,
    SubmitAbandoned,
    SubmitAnswered,
    SubmitCredentialGiven,
)
from perdure_model.core.value import value


@value
class OpenStream:
    """Ask for a stream, from this cursor (None: from now on); its end is told as `FollowLost`, once."""

    attempt: int
    cursor: Hashable


@value
class EndStream:
    """Close our end of this stream; nothing that it still brings is wanted."""

    attempt: int


@value
class StreamClosed:
    """The closing notice of a stream request, one for each (finding A04)."""

    attempt: int


@value
class AskSnapshot:
    """Ask for a snapshot; the end of it is told as `SnapshotReplied`, once."""

    attempt: int


@value
class DropSnapshot:
    """Give this snapshot request up."""

    attempt: int


@value
class StartTimer:
    """Feed `due` when `seconds` have passed."""

    due: AgainDue | GiveUpDue | SteadyDue | SettleDue
    seconds: float


@value
class CancelTimer:
    """Stop the timer that would feed `due`; one that has just run out may still do so."""

    due: AgainDue | GiveUpDue | SteadyDue | SettleDue


@value
class AskCredential:
    """Another credential is wanted than the one that was refused; feed `answer`, or its like, once."""

    answer: CredentialGiven | SubmitCredentialGiven


@value
class LeaveCredential:
    """Who asked for another credential does not want it any more."""

    answer: CredentialGiven | SubmitCredentialGiven


@value
class Hold:
    """Keep the fields of this state until it is shown or skipped."""

    serial: Hashable


@value
class Show:
    """Merge this state into the one before, and hand it to the application; no failure before it counts."""

    serial: Hashable


@value
class Skip:
    """This state is not newer than what is shown, or was held for nothing: forget it."""

    serial: Hashable


@value
class Report:
    """Tell the application of an error, whether or not anything follows from it."""

    status: int


@value
class Blame:
    """The failure at hand is why the session is not in order, or over; `why` is "" but for a submission's.

    `status` and the error at the end name it, until `Recovered`.
    """

    why: str = ""


@value
class Recovered:
    """Nothing is missing any more, or a state ends the session: no failure before it is to be blamed."""


@value
class PostSubmit:
    """Post what is submitted; the end of it is told as `SubmitReplied`, once."""

    submit: int


@value
class DropSubmit:
    """Give this submission's request up."""

    submit: int


@value
class Submitted:
    """What became of a submission: taken, failed (surely not taken) or uncertain; `why` is "" if taken."""

    submit: int
    outcome: str
    why: str = ""


@value
class Finish:
    """The session's one outcome; nothing is shown or reported after it."""

    outcome: str


@value
class Next:
    """Feed this input before any other: a decision of one part that follows from another's."""

    input: StateBrought | Condemned | ResyncWanted | SubmitAnswered | SubmitAbandoned


FollowEffect: TypeAlias = (
    Moved
    | Refused
    | OpenStream
    | EndStream
    | StreamClosed
    | AskSnapshot
    | DropSnapshot
    | StartTimer
    | CancelTimer
    | AskCredential
    | LeaveCredential
    | Hold
    | Show
    | Skip
    | Report
    | Blame
    | Recovered
    | PostSubmit
    | DropSubmit
    | Submitted
    | Finish
    | Next
)
