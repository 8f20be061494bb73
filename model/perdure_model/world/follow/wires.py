"""What lies on the wires of system A's world, what its application sees, and the bounds of it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from perdure_model.core.follow import inputs as told

Step = Iterator[tuple[Any, ...]]
"""What may become of the components that an action or a sink names."""
NOTHING: frozenset[Any] = frozenset()


@dataclass(frozen=True)
class Bounds:
    """How much can happen: application and remote first, then faults. Every fault is budgeted."""

    changes: int = 1
    outcomes: tuple[str, ...] = ()
    """What the remote may end with, once; none: it does not end."""
    submits: int = 0
    idle_submits: bool = False
    """Whether the remote may take a submission that changes nothing."""
    brings: bool = False
    """Whether the answer to a submission brings the state that it made."""
    leaves: int = 0
    cuts: int = 0
    ends: int = 0
    """Streams that the server ends by itself."""
    statuses: tuple[int, ...] = ()
    """What a request may be answered with on the way (0: it is lost)."""
    answers: int = 1
    """How many requests may be answered so."""
    errors: int = 0
    """Error frames, fatal or not."""
    late: int = 0
    """What was called off too late and comes all the same."""
    gone: bool = False
    """The server never returns: each request fails, or opens a stream that is over already."""
    resumes: bool = False
    ordered: bool = True
    """Whether states have versions; a server that resumes can do without."""
    renews: bool = False
    attempts_max: int = 9
    numbers: int = 9


class Channel(NamedTuple):
    """The latest stream: asked for, then open, then over; and what the server has written to it."""

    attempt: int
    cursor: Any = None
    open: bool = False
    messages: tuple[Any, ...] = ()
    over: bool = False
    status: int = 0

    @property
    def flows(self) -> bool:
        """Whether what the server writes still reaches the wire."""
        return self.open and not self.over


class Snap(NamedTuple):
    """A snapshot on its way: up while `reply` is None, then back. `early`: asked for before a submission
    was answered."""

    attempt: int
    early: bool
    reply: told.SnapshotReplied | None = None


class Post(NamedTuple):
    """A submission's request: on its way up while `reply` is None, then back."""

    submit: int
    reply: told.SubmitReplied | None = None


class Remote(NamedTuple):
    """What is followed."""

    version: int = 1
    outcome: str | None = None


class App(NamedTuple):
    """What the application sees: the version shown, what was wrong with it, the session's outcome, the
    version shown when it submitted (None: nothing is under way) and whether the server took that."""

    shown: int = 0
    wrong: str = ""
    finished: str | None = None
    base: int | None = None
    taken: bool = False


class Cause(NamedTuple):
    """What the session has been told that ends it, and the latest thing that may."""

    verdict: str | None = None
    last: Any = None


class Wallet(NamedTuple):
    """Who waits for another credential, how many the stream has asked for since the last progress, and how
    many were asked for on behalf of submissions."""

    asked: frozenset[Any] = NOTHING
    used: int = 0
    submits: int = 0


class Late(NamedTuple):
    """What was called off too late: how often that may yet happen, and the inputs that come all the same."""

    left: int
    due: frozenset[Any] = NOTHING


def refused(i: Any) -> Any:
    """The answer that there is no other credential."""
    if isinstance(i, told.CredentialGiven):
        return told.CredentialGiven(i.attempt, given=False)
    return told.SubmitCredentialGiven(i.submit, given=False)


def aged(snap: Snap) -> Snap:
    """A snapshot whose answer is from before a submission."""
    i = snap.reply
    if i is None or i.serial is None:
        return snap._replace(early=True)
    serial: Any = i.serial
    kind, version, _ = serial
    old = told.SnapshotReplied(i.attempt, i.status, (kind, version, True), i.version, i.cursor, i.outcome)
    return Snap(snap.attempt, True, old)


def seen(app: App, serial: Any) -> App:
    """The application, shown a state: what it truly is, and what is wrong with showing it now."""
    kind, version, early = serial
    new = app.base is None or version > app.base or (not early and kind != "event")
    wrong = "late" if app.finished else "back" if version < app.shown else "" if new else "flash"
    base = None if new else app.base
    return App(version, app.wrong or wrong, app.finished, base, app.taken and base is not None)


def ruled(cause: Cause, verdict: str) -> Cause:
    """The first verdict stands."""
    return cause if cause.verdict else Cause(verdict, cause.last)


def judged(cause: Cause, i: Any) -> Cause:
    """What the session is told with this input: that it is over, that its credential is, or neither."""
    status = getattr(i, "status", 200)
    if status == 410:
        return ruled(cause, "expired")
    if status == 401:
        return cause._replace(last="submit 401" if isinstance(i, told.SubmitReplied) else 401)
    if isinstance(i, told.ErrorArrived):
        return ruled(cause, "failed") if i.fatal else cause
    if isinstance(i, told.FollowLost) or (isinstance(i, told.SnapshotReplied) and status != 200):
        return cause._replace(last="lost")
    outcome = getattr(i, "outcome", None)
    return cause if outcome is None else ruled(cause, outcome)
