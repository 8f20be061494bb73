"""What can be seen in a followed session's decisions, as its trace tells them."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from perdure_model.core.common import classify
from perdure_model.core.follow.parts import FollowSettings

from perdure.testing.simulation.decisions import Breaks
from perdure.trace import Record

Told: TypeAlias = dict[str, Any]
CALM: Final = frozenset(
    {"Moved", "Refused", "Skip", "Submitted", "Next", "DropSubmit", "LeaveCredential", "CancelTimer"}
)
"""Effects that may come after the end: they ask for nothing, and show nothing."""
STATES: Final = frozenset({"StateArrived", "SnapshotReplied", "StateBrought"})
EARLY_S: Final = 0.01


class FollowWatch:
    """One followed session. Call it with each record."""

    def __init__(self, who: str, settings: FollowSettings, *, renews: bool, breaks: Breaks) -> None:
        self._who, self._settings, self._renews, self._breaks = who, settings, renews, breaks
        self._state = "connecting"
        self._open: set[int] = set()
        self._up: int | None = None
        """The stream that was answered, until it ends."""
        self._lost = False
        """Whether an attempt has been lost, or given up, since nothing was missing."""
        self._asked: dict[int, bool] = {}
        """The snapshots on their way; and whether they were asked for when nothing was submitted."""
        self._timers: set[str] = set()
        self._submitting = ""
        self._held: dict[int, int | None] = {}
        self._version: int | None = None
        self._finished = False
        self._failures = 0
        self._worried_s: float | None = None
        self._renewed = False

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        i, effects, now_s = record["input"], record["effects"], record["t"]
        kinds = [effect["type"] for effect in effects]
        if self._finished and (late := [kind for kind in kinds if kind not in CALM]):
            self._says("P-TERMINAL-ONCE", f"asks for {late} after its end")
        self._hears(i, kinds, now_s)
        for effect in effects:
            self._effect(effect, i)
        if "Refused" not in kinds:
            self._fails(i, effects, kinds, now_s)
        if "Finish" in kinds:
            self._ends(i, next(one["outcome"] for one in effects if one["type"] == "Finish"), now_s)
        self._looks(now_s)

    def _says(self, property: str, what: str) -> None:  # noqa: A002
        self._breaks(property, f"{self._who} {what}")

    # -- what it is told -------------------------------------------------------------------------------

    def _hears(self, i: Told, kinds: list[str], now_s: float) -> None:
        match i["type"]:
            case "FollowStarted":
                self._worried_s = now_s
            case "AgainDue" | "GiveUpDue" | "SteadyDue" | "SettleDue":
                self._timers.discard(name_of(i))
                if i["type"] == "SteadyDue" and "Refused" not in kinds:
                    self._progress()
            case "SubmitRequested" if "PostSubmit" in kinds:
                self._submitting = "submitting"
                self._asked = dict.fromkeys(self._asked, False)
            case "StreamOpened" if i["attempt"] in self._open:
                self._up = i["attempt"]
            case "SnapshotReplied":
                self._lost = self._lost or (i["attempt"] in self._asked and not taken(i))
                self._clean = self._asked.pop(i["attempt"], False)

    def _progress(self) -> None:
        self._failures, self._worried_s, self._renewed = 0, None, False

    def _effect(self, effect: Told, i: Told) -> None:
        match effect["type"]:
            case "Moved":
                self._moved(effect)
            case "OpenStream":
                self._opens(effect["attempt"])
            case "StreamClosed":
                if effect["attempt"] not in self._open:
                    self._says("P-ONE-CLOSE", f"closes stream {effect['attempt']}, which is not open")
                self._open.discard(effect["attempt"])
                self._up, self._lost = None, True
            case "AskSnapshot":
                self._asked[effect["attempt"]] = self._submitting in ("", "settling")
            case "DropSnapshot":
                self._asked.pop(effect["attempt"], None)
                self._lost = True
            case "Hold":
                self._held[effect["serial"]] = i["version"]
            case "Show":
                self._shows(i, effect)
            case _:
                self._times(effect)

    def _times(self, effect: Told) -> None:
        if effect["type"] == "StartTimer":
            self._timers.add(name_of(effect["due"]))
        elif effect["type"] == "CancelTimer":
            self._timers.discard(name_of(effect["due"]))

    def _moved(self, effect: Told) -> None:
        if effect["machine"] == "FollowSession":
            self._state = effect["target"]
        else:
            self._submitting = effect["target"] if effect["target"] in ("submitting", "settling") else ""

    def _opens(self, attempt: int) -> None:
        if self._open or any(timer.startswith("AgainDue") for timer in self._timers):
            beside = sorted(self._open) or "a wait for it"
            self._says("P-ONE-STREAM", f"asks for stream {attempt} beside {beside}")
        self._open.add(attempt)

    def _shows(self, i: Told, effect: Told) -> None:
        if i.get("serial") != effect["serial"]:  # one of those that were held, newer than what is shown
            self._version = self._held.pop(effect["serial"], None)
            self._progress()
            return
        version = i["version"]
        if i["type"] == "SnapshotReplied" and version == self._version is not None and not self._clean:
            self._says("P-NO-FLASH", f"shows state {version} again, as it was before a submission")
        if i["type"] != "StateBrought" and (version is None or version != self._version):
            self._progress()
        self._version = version

    # -- how attempts fail, and how it ends ------------------------------------------------------------

    def _fails(self, i: Told, effects: list[Told], kinds: list[str], now_s: float) -> None:
        lost = i["type"] == "FollowLost" or (i["type"] == "SnapshotReplied" and not taken(i))
        if not lost:
            return
        if "Report" not in kinds:
            self._says("P-ERRORS", f"does not tell of a {i['type']} with status {i['status']}")
        if "AskCredential" in kinds:
            if self._renewed:
                self._says("P-OUTCOME", "asks for a second credential, without any progress since the first")
            self._renewed = True
        elif i["status"] == 401 and "Finish" not in kinds:
            self._says("P-OUTCOME", "goes on after 401 with the credential that was refused")
        if self._worried_s is None:
            self._worried_s = now_s
        for effect in effects:
            if effect["type"] == "StartTimer" and effect["due"]["type"] == "AgainDue":
                self._failures += 1
                self._waits(i, effect["seconds"])

    def _waits(self, i: Told, seconds: float) -> None:
        s = self._settings
        due_s = i["chance"] * min(s.again_cap_s, s.again_first_s * 2.0 ** (self._failures - 1))
        due_s = max(due_s, i["retry_after_s"] or 0.0)
        if abs(seconds - due_s) > EARLY_S:
            says = f"waits {seconds:.3f} s after {self._failures} failures, not {due_s:.3f} s"
            self._says("P-SPACED", says)

    def _ends(self, i: Told, outcome: str, now_s: float) -> None:
        self._finished = True
        if outcome not in self._causes(i, now_s):
            self._says("P-OUTCOME", f"ends as {outcome} after {i}, with {self._failures} failures")
        if self._open:
            self._says("P-ONE-CLOSE", f"ends, and streams {sorted(self._open)} have no closing notice")
        left = [timer for timer in self._timers if not timer.startswith("SettleDue")]
        if left:  # a submission is abandoned in the next decision
            self._says("P-NO-LEAK", f"ends, and timers run: {sorted(left)}")

    def _causes(self, i: Told, now_s: float) -> set[str]:
        """The outcomes that this can bring."""
        kind, status = i["type"], i.get("status", 0)
        if kind in STATES and i["outcome"] is not None:
            return {i["outcome"]}
        since_s = now_s if self._worried_s is None else self._worried_s
        spent = self._failures >= self._settings.attempts_max or now_s - since_s > self._settings.total_s - 1
        ends = {
            "FollowLeft": {"closed"},
            "Condemned": {"expired"},
            "GiveUpDue": {"failed"} if spent else set(),
            "CredentialGiven": set() if i.get("given") else {"expired"},
        }
        if kind in ends:
            return ends[kind]
        if kind == "ErrorArrived" and not i["fatal"]:
            return set()
        if status in (401, 410):
            return {"expired"}
        return {"failed"} if spent or kind == "ErrorArrived" else set()

    def _looks(self, now_s: float) -> None:
        """What must be so after each decision."""
        if self._finished:
            return
        whole = self._up is not None and not self._asked
        self._lost = self._lost and not whole
        due = "awaiting" if whole else "reconnecting" if self._lost else "connecting"
        if self._state != due:
            self._says("P-VISIBLE", f"is shown as {self._state}, and it is {due}")
        if self._failures > self._settings.attempts_max:
            self._says("P-TERMINATES", f"goes on after {self._failures} failures without progress")
        waited_s = 0.0 if self._worried_s is None else now_s - self._worried_s
        if waited_s > self._settings.total_s + 1 and not self._open:
            self._says("P-TERMINATES", f"goes on {waited_s:.0f} s after the first failure since any progress")


def taken(i: Told) -> bool:
    """Whether the answer is good."""
    return classify(i["status"]) == "taken"


def name_of(due: Told) -> str:
    """A timer's name."""
    return f"{due['type']} {due.get('attempt', due.get('submit'))}"
