"""What the state of a followed session consists of."""

from __future__ import annotations

from collections.abc import Hashable

from perdure_model.core.rule import Family
from perdure_model.core.value import value

STATE = Family("follow")
ATTEMPT = Family("attempt")
VIEW = Family("view")
HELD = Family("held")
SUBMIT = Family("submit")
SETTINGS = Family("follow settings")


@value
class FollowState:
    """Where the FollowSession chart stands, and the outcome once it is terminal."""

    state: str
    outcome: str | None = None


@value
class Tried:
    """The latest attempt, and what came before it.

    `doing` is the one thing that the session waits for beside the application: `asking` (a snapshot ahead of
    its stream), `streaming` (the stream, asked for or up), `holding` (a snapshot, with the stream up),
    `waiting` (the timer), `renewing` (the credential), or nothing. `failures` counts the attempts lost since
    the last progress. `since` is the attempt for which the timer of the total time was started, while it
    runs. `steady`: the timer runs that makes a stream that stays up count as progress. `resumed`: the
    stream goes on from a cursor. `renewed`: another credential was asked for since the last progress.
    `early`: the snapshot on its way was asked for before a submission was answered.
    """

    attempt: int
    doing: str = ""
    failures: int = 0
    since: int | None = None
    steady: bool = False
    resumed: bool = False
    renewed: bool = False
    early: bool = False


@value
class View:
    """What the application was shown last: the state's version, where states have one, and the cursor."""

    version: int | None = None
    cursor: Hashable = None
    shown: bool = False


@value
class Held:
    """States that the stream brought before the snapshot was in: serial, version and cursor of each."""

    states: tuple[tuple[Hashable, int | None, Hashable], ...] = ()


@value
class Submit:
    """The one submission: its number, where the Submission chart stands, whether a newer state was shown
    while its request was on its way, and whether another credential was asked for on its behalf."""

    submit: int
    state: str
    moved: bool = False
    renewed: bool = False


@value
class FollowSettings:
    """The bounds of a followed session; durations in seconds.

    attempts_max: attempts that may fail since the last progress. `total_s`: the time that may pass since
    the first of them. Progress is a newer state, or a stream that has been up for `steady_s`; it should be
    longer than `again_cap_s`.
    again_first_s, again_cap_s: the longest wait before the first reconnect, and before any.
    settle_s: how long the state that a submission makes may take to arrive before it is asked for.
    resumes: the server sends what lies behind the cursor that the stream is asked for with.
    renews: there may be another credential where one is refused.
    numbers: attempts are numbered 1 to this, and round again; of which two at most are ever about.
    """

    attempts_max: int = 10
    total_s: float = 120.0
    again_first_s: float = 1.0
    again_cap_s: float = 15.0
    steady_s: float = 30.0
    settle_s: float = 2.0
    resumes: bool = False
    renews: bool = False
    numbers: int = 1 << 53
