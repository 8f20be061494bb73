"""What the rules of a followed session can ask for: a closed union.

Order within a decision: `Moved` first, but for what is shown ahead of it; then what the chart's actions ask
for, in the chart's order.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Ask for a stream, from this cursor (None: from now on); its end is told as `FollowLost`, once."""

    attempt: int
    cursor: Hashable


@dataclass(frozen=True, slots=True)
class EndStream:
    """Close our end of this stream; nothing that it still brings is wanted."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The closing notice of a stream request, one for each (finding A04)."""

    attempt: int


@dataclass(frozen=True, slots=True)
class AskSnapshot:
    """Ask for a snapshot; the end of it is told as `SnapshotReplied`, once."""

    attempt: int


@dataclass(frozen=True, slots=True)
class DropSnapshot:
    """Give this snapshot request up."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Feed `due` when `seconds` have passed."""

    due: AgainDue | GiveUpDue | SteadyDue | SettleDue
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop the timer that would feed `due`; one that has just run out may still do so."""

    due: AgainDue | GiveUpDue | SteadyDue | SettleDue


@dataclass(frozen=True, slots=True)
class AskCredential:
    """Another credential is wanted than the one that was refused; feed `answer`, or its like, once."""

    answer: CredentialGiven | SubmitCredentialGiven


@dataclass(frozen=True, slots=True)
class LeaveCredential:
    """Who asked for another credential does not want it any more."""

    answer: CredentialGiven | SubmitCredentialGiven


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the fields of this state until it is shown or skipped."""

    serial: Hashable


@dataclass(frozen=True, slots=True)
class Show:
    """Merge this state into the one before, and hand it to the application."""

    serial: Hashable


@dataclass(frozen=True, slots=True)
class Skip:
    """This state is not newer than what is shown, or was held for nothing: forget it."""

    serial: Hashable


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the application of an error that ends nothing: one that the stream brought."""

    status: int


@dataclass(frozen=True, slots=True)
class PostSubmit:
    """Post what is submitted; the end of it is told as `SubmitReplied`, once."""

    submit: int


@dataclass(frozen=True, slots=True)
class DropSubmit:
    """Give this submission's request up."""

    submit: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission: taken, failed (surely not taken) or uncertain; `why` is "" if taken."""

    submit: int
    outcome: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The session's one outcome; nothing is shown or reported after it."""

    outcome: str


@dataclass(frozen=True, slots=True)
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
    | PostSubmit
    | DropSubmit
    | Submitted
    | Finish
    | Next
)
