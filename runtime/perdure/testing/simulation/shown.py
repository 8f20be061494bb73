"""What applications are shown, held to what was decided: all of it, once, in order, and in that very moment.

The decisions are a trace's records. Each is performed before the next one comes, and whatever follows from
it at once (`Next`, a credential that is there already) is shown together with it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

import anyio

from perdure import FollowStatus, Status
from perdure.testing.simulation.decisions import Breaks, Told
from perdure.trace import Record

Fields: TypeAlias = tuple[Any, ...]
"""A status, by the fields that decisions tell of; of its error the HTTP status, None where there is none."""
NEW: Final[Fields] = ("new", "new")
"""In place of the last status: the callback was registered after the latest decision."""
LATE_S: Final = 0.001
NOW: Final = frozenset({"CredentialGiven", "CredentialRefused", "SubmitCredentialGiven"})
"""What asking for a credential may be answered with at once: then it is decided before anything is shown."""
CALLS: Final = {"error": "P-ERRORS", "returned": "P-SETTLE", "state": "P-NO-LOSS", "close": "P-ONE-CLOSE"}
"""What a callback is told of, beside a status; and the property that is broken where it is not."""
BREAKS: Final = {
    "outcome": "P-OUTCOME",
    "state": "P-VISIBLE",
    "running": "P-RUNNING",
    "delayed": "P-NOTICE",
    "submitting": "P-NO-STUCK",
    "pending": "P-SETTLE",
    "connection_id": "P-IDENTITY",
    "identity": "P-IDENTITY",
    "next_try_s": "P-SPACED",
    "error": "P-ERRORS",
}
"""Where this field is not as decided; of any other field it is P-VISIBLE."""


class Shown:
    """What the application of one client or followed session is shown. Call it with each record."""

    fields: ClassVar[tuple[str, ...]]
    """Of a status: the outcome first, then the state, the error last. Of `failures` no decision tells."""

    def __init__(self, who: str, breaks: Breaks) -> None:
        self._who, self._breaks = who, breaks
        self._state = "connecting"
        self._error: int | None = None
        self._next_try_s: float | None = None
        self._last: dict[str, Fields | None] = {}
        """The last status that was shown of each session; and as it was shown, with all its fields."""
        self._latest: dict[str, Any] = {}
        self._calls: deque[Fields] = deque()
        self._answers: dict[Any, tuple[str, float]] = {}
        """What was decided of sends and submissions whose callers have not been told, and when."""
        self._following = 0
        self._asked = self._deaf = self._over = False
        self._t = 0.0

    def __call__(self, record: Record) -> None:
        """Look at one decision: all that went before has been shown by now."""
        i, effects = record["input"], record["effects"]
        if self._calls:
            self._misses_calls()
        if self._following:
            self._following -= 1
        elif not (self._asked and i["type"] in NOW):
            self._look()
            self._asked = False
        self._t = record["t"]
        self._hears(i, effects)
        for effect in effects:
            kind = effect["type"]
            if kind == "Next":
                self._following += 1
            elif kind == "AskCredential":
                self._asked = True
            else:
                self._effect(kind, effect, i)

    def _hears(self, i: Told, effects: list[Told], /) -> None:
        raise NotImplementedError

    def _effect(self, kind: str, effect: Told, i: Told) -> None:
        raise NotImplementedError

    def _due(self, name: str, /) -> Fields:
        """The status of a session, as the decisions have it."""
        raise NotImplementedError

    def _says(self, property: str, what: str) -> None:  # noqa: A002
        if not self._deaf:
            self._breaks(property, f"{self._who} {what}")

    # -- what the application is shown -----------------------------------------------------------------

    def on_status(self, name: str = "") -> Callable[[Status | FollowStatus], None]:
        """A callback to register now, in place of any before: it is shown each status from now on."""
        self._last[name], self._latest[name] = NEW, None
        return lambda status: self._shows(name, status)

    def _shows(self, name: str, status: Any) -> None:
        error = None if status.error is None else status.error.status
        got = (*[getattr(status, field) for field in self.fields[:-1]], error)
        last, due = self._last[name], self._due(name)
        latest, self._latest[name] = self._latest[name], status
        self._last[name] = got
        if self._over or (last and last[1] == "terminal"):
            self._says("P-TERMINAL-ONCE", f"is shown {self._named(name, got)} after its end")
        elif status == latest:
            self._says("P-VISIBLE", f"is shown {self._named(name, got)} twice")
        elif got != due:
            self._differs(name, got, due)
        elif self._late:
            self._says(self._property(got, last), f"is shown {self._named(name, got)} late")

    def told(self, *what: Any) -> None:
        """A callback is told this: its kind, one of `CALLS`, and what there is to it."""
        due = self._calls.popleft() if self._calls else None
        if self._over or due is None:
            self._says(CALLS[what[0]], f"is told of {what}, and nothing of that kind was decided")
        elif due != what:
            wrong = due if what in self._calls else what
            self._says(CALLS[wrong[0]], f"is told of {what}, where it is to be told of {due}")
        elif self._late:
            self._says(CALLS[due[0]], f"is told of {what} late")

    def answered(self, key: Any, outcome: str) -> None:
        """Who sent or submitted is told the outcome."""
        due, t = self._answers.pop(key, ("", 0.0))
        if due != outcome:
            self._says("P-UNCERTAIN" if due else "P-SETTLE", f"answers {key} as {outcome}, not {due}")
        elif anyio.current_time() - t > LATE_S:
            self._says("P-SETTLE", f"answers {key} late")

    @property
    def _late(self) -> bool:
        return not self._deaf and anyio.current_time() - self._t > LATE_S

    # -- what it is not shown --------------------------------------------------------------------------

    def _look(self) -> None:
        for name, last in self._last.items():
            if last is NEW:
                self._last[name] = None
            elif last != (due := self._due(name)):
                says = f"is not shown {self._named(name, due)}"
                self._says(self._property(due, last), f"{says} after {self._named(name, last or ())}")

    def _misses_calls(self) -> None:
        for due in self._calls:
            self._says(CALLS[due[0]], f"is not told of {due}")
        self._calls.clear()

    def over(self) -> None:
        """The application has left; it is shown nothing more."""
        self._misses_calls()
        self._look()
        if self._answers:
            self._says("P-SETTLE", f"never answers {sorted(self._answers)}")
        self._over = True

    def kill(self) -> None:
        """Nobody is there any more to be shown anything."""
        self._deaf = True

    # -- in words --------------------------------------------------------------------------------------

    def _differs(self, name: str, got: Fields, due: Fields) -> None:
        says = f"is shown {self._named(name, got)}, and it is {self._named(name, due)}"
        self._says(self._property(got, due), says)

    def _property(self, one: Fields, other: Fields | None) -> str:
        """What is broken where one is shown for the other: by the first field that differs."""
        pairs = zip(self.fields, one, other or (None,) * len(one), strict=True)
        return next((BREAKS.get(name, "P-VISIBLE") for name, a, b in pairs if a != b), "P-VISIBLE")

    def _named(self, name: str, status: Fields) -> str:
        said = ", ".join(f"{field} {value!r}" for field, value in zip(self.fields, status, strict=False))
        return f"{name} as {said or 'nothing'}".strip()


@dataclass
class Standing:
    """How one session of a client stands."""

    outcome: str | None = None
    running: bool = False
    delayed: bool = False
    pending: int = 0


class ClientShown(Shown):
    """What one life of a client is shown: a status of each session that it watches, what becomes of its
    sends, and those of lives before."""

    fields = (
        "outcome",
        "state",
        "running",
        "delayed",
        "pending",
        "connection_id",
        "identity",
        "next_try_s",
        "attempt",
        "error",
    )

    def __init__(self, who: str, breaks: Breaks) -> None:
        super().__init__(who, breaks)
        self._sessions: defaultdict[str, Standing] = defaultdict(Standing)
        self._left: set[str] = set()
        self._cid, self._identity = "", "kept"
        self._attempt = 0

    def _due(self, name: str, /) -> Fields:
        one = self._sessions[name]
        return (
            one.outcome,
            self._state,
            one.running,
            one.delayed,
            one.pending,
            self._cid,
            self._identity,
            self._next_try_s,
            self._attempt,
            self._error,
        )

    def _hears(self, i: Told, _effects: list[Told], /) -> None:
        match i["type"]:
            case "Started":
                self._last = dict.fromkeys(self._last, NEW)  # nobody could listen before
                for session, key, *_ in i["unsent"]:
                    self._sessions[session].pending += 1
                    self._left.add(text(key))
            case "SendRequested":
                self._sessions[i["session"]].pending += 1
            case "WatchAsked":
                self._last.pop(i["session"], None)
                self._sessions[i["session"]].outcome = None
            case "StreamLost":
                self._error = i["status"]
            case "Welcomed":
                self._error = None

    def _effect(self, kind: str, effect: Told, _i: Told) -> None:
        match kind:
            case "Moved" if effect["machine"] == "ClientSession":
                self._state = effect["target"]
            case "Shown":
                one = self._sessions[effect["session"]]
                one.running, one.delayed = effect["running"], effect["delayed"]
            case "Settled":
                self._settles(effect)
            case "SessionOver" | "NotWatched":
                self._ends(effect["session"], effect.get("outcome", "failed"))
            case "NotTaken":
                self._calls.append(("error", effect["word"], effect["status"]))
            case _:
                self._link(kind, effect)

    def _link(self, kind: str, effect: Told) -> None:
        """The stream, and the id that it is asked for under."""
        match kind:
            case "OpenStream":
                self._cid, self._attempt, self._next_try_s = effect["cid"], effect["attempt"][1], None
            case "StartTimer" if effect["due"]["type"] == "ReconnectDue":
                self._next_try_s = effect["seconds"]
            case "CancelTimer" if effect["due"]["type"] == "ReconnectDue":
                self._next_try_s = None
            case "Renamed":
                self._cid = effect["cid"]
                self._identity = "server" if effect["why"] == "server" else "renewed"

    def _settles(self, effect: Told) -> None:
        session, key, outcome = effect["session"], text(effect["key"]), effect["outcome"]
        self._sessions[session].pending -= 1
        if key in self._left:
            self._left.remove(key)
            self._calls.append(("returned", session, key, outcome, effect["why"]))
        else:
            self._answers[key] = outcome, self._t

    def _ends(self, session: str, outcome: str) -> None:
        one = self._sessions[session]
        one.outcome = one.outcome or outcome


def text(key: list[int]) -> str:
    """A send's key, as its application is told it."""
    return f"{key[0]}.{key[1]}"


class FollowShown(Shown):
    """What one followed session's application is shown: statuses, states, errors, and the end of streams."""

    fields = ("outcome", "state", "submitting", "next_try_s", "error")

    def __init__(self, who: str, breaks: Breaks) -> None:
        super().__init__(who, breaks)
        self._outcome: str | None = None
        self._submitting = False
        self._versions: dict[int, int | None] = {}
        self._unread: deque[Any] = deque()
        self._submits = 0

    def _due(self, _name: str, /) -> Fields:
        error = None if self._state == "awaiting" else self._error
        return self._outcome, self._state, self._submitting, self._next_try_s, error

    def state(self, version: int | None, state: Any) -> None:
        """The callback is told this state, which is this version of what is followed."""
        self.told("state", version)
        self._unread.append(state)

    def read(self, state: Any) -> None:
        """The application takes this state."""
        if not self._unread or self._unread.popleft() != state:
            self._says("P-NO-LOSS", f"takes {state}, which is not what its callback was told next")

    def submits(self) -> int:
        """The application submits now: the number of it."""
        self._submits += 1
        return self._submits

    def over(self) -> None:
        """The application has left; it is shown nothing more."""
        super().over()
        if self._unread:
            self._says("P-NO-LOSS", f"was never given {self._unread[0]} to take")

    def _hears(self, i: Told, effects: list[Told], /) -> None:
        kind = i["type"]
        if i.get("serial") is not None and kind != "SubmitReplied":
            self._versions[i["serial"]] = i["version"]
        if kind == "AgainDue" and (not effects or effects[0]["type"] != "Refused"):
            self._next_try_s = None

    def _effect(self, kind: str, effect: Told, i: Told) -> None:
        match kind:
            case "Moved" if effect["machine"] == "FollowSession":
                self._state = effect["target"]
            case "StartTimer" | "CancelTimer" if effect["due"]["type"] == "AgainDue":
                self._next_try_s = effect.get("seconds")
            case "Moved" | "PostSubmit" | "Submitted":
                self._submission(kind, effect)
            case "Blame" | "Recovered":
                self._error = i.get("status", 0) if kind == "Blame" else None
            case "Show":
                self._error = None
                self._calls.append(("state", self._versions.pop(effect["serial"], None)))
            case "Skip":
                self._versions.pop(effect["serial"], None)
            case "Report":
                self._calls.append(("error", effect["status"]))
            case "StreamClosed":
                self._calls.append(("close", effect["attempt"]))
            case "Finish":
                self._outcome = effect["outcome"]

    def _submission(self, kind: str, effect: Told) -> None:
        if kind != "Submitted":
            self._submitting = effect.get("target") not in ("settled", "failed")
            return
        self._answers[effect["submit"]] = effect["outcome"], self._t
