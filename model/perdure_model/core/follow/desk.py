"""A working copy of a followed session's parts for the length of one decision.

The charts name the actions; the methods of the same names here do them. Nothing of a desk outlives its
decision.
"""

from __future__ import annotations

from collections.abc import Hashable

from perdure_model.core.common import Refused, backoff_s, moved
from perdure_model.core.follow.book import FOLLOW_TABLE, SUBMISSION_TABLE
from perdure_model.core.follow.effects import (
    AskCredential,
    AskSnapshot,
    Blame,
    CancelTimer,
    DropSnapshot,
    DropSubmit,
    EndStream,
    Finish,
    FollowEffect,
    Hold,
    LeaveCredential,
    Next,
    OpenStream,
    PostSubmit,
    Recovered,
    Report,
    Show,
    Skip,
    StartTimer,
    StreamClosed,
    Submitted,
)
from perdure_model.core.follow.inputs import (
    AgainDue,
    Condemned,
    CredentialGiven,
    GiveUpDue,
    ResyncWanted,
    SettleDue,
    SteadyDue,
    SubmitAbandoned,
    SubmitAnswered,
    SubmitCredentialGiven,
)
from perdure_model.core.follow.parts import FollowSettings, FollowState, Held, Submit, Tried, View
from perdure_model.core.rule import Decision
from perdure_model.core.value import replace

UP = ("streaming", "holding")
SNAPPING = ("asking", "holding")
EXPIRING = {401: "denied", 410: "ended"}
"""What a status does that is not one loss among others (findings A11, A15)."""


def answer(attempt: int) -> CredentialGiven:
    """What an attempt that asks for another credential is answered with, if there is one."""
    return CredentialGiven(attempt, given=True)


class FollowDesk:
    """A followed session: what the FollowSession chart says."""

    def __init__(
        self,
        state: FollowState,
        tried: Tried,
        view: View,
        held: Held,
        settings: FollowSettings,
        submit: Submit | None,
        *,
        chance: float = 1.0,
        asked_s: float | None = None,
    ) -> None:
        self.state, self.tried, self.view, self.held = state, tried, view, held
        self.settings, self.submit = settings, submit
        self.chance, self.asked_s = chance, asked_s
        self.outcome = "failed"
        self.effects: list[FollowEffect] = []

    # -- what the latest attempt waits for -------------------------------------------------------------

    def streams(self, attempt: int) -> bool:
        """Whether the stream of this attempt is asked for or up."""
        return self.tried.attempt == attempt and self.tried.doing in UP

    def snaps(self, attempt: int) -> bool:
        """Whether the snapshot of this attempt is on its way."""
        return self.tried.attempt == attempt and self.tried.doing in SNAPPING

    def does(self, doing: str, attempt: int) -> bool:
        """Whether this attempt is the latest, and waits for this."""
        return self.tried.attempt == attempt and self.tried.doing == doing

    def stream_over(self) -> None:
        """The stream has ended; a snapshot may still be on its way."""
        self.tried = replace(self.tried, doing="asking" if self.tried.doing == "holding" else "")
        self.effects.append(StreamClosed(self.tried.attempt))

    def snapshot_over(self) -> None:
        """The snapshot request has ended; the stream may be up."""
        self.tried = replace(self.tried, doing="streaming" if self.tried.doing == "holding" else "")

    # -- decisions -------------------------------------------------------------------------------------

    def step(self, event: str, *, current: bool = True, outcome: str = "failed", stale: str = "") -> Decision:
        """Step the chart and do what it says; where nothing follows, `stale` says why."""
        facts = {
            "current": current,
            "ahead": self.tried.doing == "",
            "resumed": self.tried.resumed,
            "spent": self.tried.failures >= self.settings.attempts_max,
            "renewable": self.settings.renews and not self.tried.renewed,
        }
        row = FOLLOW_TABLE.step(self.state.state, event, facts)
        if row is None:
            self.effects = [Refused(stale)]
            return self.done()
        self.effects.insert(0, moved(FOLLOW_TABLE, "", self.state.state, event, row))
        over = row.target in FOLLOW_TABLE.final
        self.state, self.outcome = FollowState(row.target, outcome if over else None), outcome
        for action in row.actions:
            getattr(self, action)()
        return self.done()

    def fail(self, status: int, *, otherwise: str = "lost") -> Decision:
        """A failure is told, and ends the session or the attempt, as its status says."""
        self.effects += [Blame(), Report(status)]
        outcome = "expired" if status in EXPIRING else "failed"
        return self.step(EXPIRING.get(status, otherwise), outcome=outcome)

    def conclude(self, outcome: str) -> Decision:
        """A state ends the session: no failure does."""
        self.effects.append(Recovered())
        return self.step("ended", outcome=outcome)

    def done(self) -> Decision:
        """The parts, and the effects."""
        return (self.state, self.tried, self.view, self.held), tuple(self.effects)

    # -- states ----------------------------------------------------------------------------------------

    def supersedes(self, version: int | None, cursor: Hashable, *, again: bool) -> bool:
        """Whether a state is newer than what is shown; with `again`, one of the same version counts, too.

        States without versions come in the order of their stream (findings A09, A10).
        """
        if version is None or self.view.version is None:
            return cursor is None or cursor != self.view.cursor
        return version >= self.view.version if again else version > self.view.version

    def offer(
        self,
        serial: Hashable,
        version: int | None,
        cursor: Hashable,
        *,
        again: bool = False,
        counts: bool = True,
    ) -> None:
        """Show a state if it is newer: progress (finding A12), if it `counts` as the stream's."""
        if not self.supersedes(version, cursor, again=again):
            self.view = replace(self.view, cursor=self.view.cursor if cursor is None else cursor)
            self.effects.append(Skip(serial))
            return
        newer = version is None or version != self.view.version
        self.view = View(version, self.view.cursor if cursor is None else cursor, shown=True)
        self.effects.append(Show(serial))
        if newer and counts:
            self.progress()
        if self.submit is not None:
            self.effects.append(Next(SubmitAnswered()))

    def hold(self, serial: Hashable, version: int | None, cursor: Hashable) -> None:
        """Keep a state until the snapshot is in (finding A10)."""
        self.held = Held((*self.held.states, (serial, version, cursor)))
        self.effects.append(Hold(serial))

    def progress(self) -> None:
        """What was lost before is made good: losses are counted afresh, and the credential is good."""
        if self.tried.since is not None:
            self.effects.append(CancelTimer(GiveUpDue(self.tried.since)))
        self.unsteady()
        self.tried = replace(self.tried, failures=0, since=None, renewed=False)

    def unsteady(self) -> None:
        """Stop the timer that makes a stream that stays up count as progress, if it runs."""
        if self.tried.steady:
            self.tried = replace(self.tried, steady=False)
            self.effects.append(CancelTimer(SteadyDue(self.tried.attempt)))

    # -- actions ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        if self.settings.resumes and self.view.cursor is None:
            self.ask("asking")
        else:
            self.open_stream()

    def open_stream(self) -> None:
        cursor = self.view.cursor if self.settings.resumes else None
        self.tried = replace(self.tried, doing="streaming", resumed=cursor is not None)
        self.effects.append(OpenStream(self.tried.attempt, cursor))

    def ask_snapshot(self) -> None:
        self.ask("holding")

    def ask(self, doing: str) -> None:
        """Ask for a snapshot, and know whether it may be from before a submission."""
        early = self.submit is not None and self.submit.state != "settling"
        self.tried = replace(self.tried, doing=doing, early=early)
        self.effects.append(AskSnapshot(self.tried.attempt))

    def recover(self) -> None:
        self.effects.append(Recovered())

    def release(self) -> None:
        self.tried = replace(self.tried, doing="streaming")
        held, self.held = self.held, Held()
        for serial, version, cursor in held.states:
            self.offer(serial, version, cursor)

    def steady(self) -> None:
        if self.tried.failures or self.tried.renewed:
            self.tried = replace(self.tried, steady=True)
            self.effects.append(StartTimer(SteadyDue(self.tried.attempt), self.settings.steady_s))

    def drop(self) -> None:
        attempt, doing = self.tried.attempt, self.tried.doing
        self.unsteady()
        if doing in UP:
            self.effects += [EndStream(attempt), StreamClosed(attempt)]
        if doing in SNAPPING:
            self.effects.append(DropSnapshot(attempt))
        if doing == "waiting":
            self.effects.append(CancelTimer(AgainDue(attempt)))
        if doing == "renewing":
            self.effects.append(LeaveCredential(answer(attempt)))
        self.effects += [Skip(serial) for serial, _, _ in self.held.states]
        self.tried, self.held = replace(self.tried, doing=""), Held()

    def worry(self) -> None:
        """The total time is counted from the first loss."""
        if self.tried.since is None:
            self.tried = replace(self.tried, since=self.tried.attempt)
            self.effects.append(StartTimer(GiveUpDue(self.tried.attempt), self.settings.total_s))

    def number(self) -> None:
        """What follows is of the next attempt."""
        self.tried = replace(self.tried, attempt=self.tried.attempt % self.settings.numbers + 1)

    def schedule(self) -> None:
        s = self.settings
        self.number()
        self.worry()
        self.tried = replace(self.tried, doing="waiting", failures=self.tried.failures + 1)
        seconds = backoff_s(self.tried.failures, s.again_first_s, s.again_cap_s, self.chance, self.asked_s)
        self.effects.append(StartTimer(AgainDue(self.tried.attempt), seconds))

    def renew(self) -> None:
        self.number()
        self.worry()
        self.tried = replace(self.tried, doing="renewing", renewed=True)
        self.effects.append(AskCredential(answer(self.tried.attempt)))

    def exhaust(self) -> None:
        self.tried = replace(self.tried, since=None, failures=self.settings.attempts_max)

    def advance(self) -> None:
        self.number()
        self.view = replace(self.view, cursor=None)

    def stop(self) -> None:
        self.drop()
        if self.tried.since is not None:
            self.effects.append(CancelTimer(GiveUpDue(self.tried.since)))
        self.tried = replace(self.tried, since=None)
        if self.submit is not None:
            self.effects.append(Next(SubmitAbandoned()))
        self.effects.append(Finish(self.outcome))


class SubmitDesk:
    """A submission: what the Submission chart says."""

    def __init__(
        self, submit: Submit, settings: FollowSettings, *, outcome: str = "failed", why: str = ""
    ) -> None:
        self.submit, self.settings = submit, settings
        self.outcome, self.why = outcome, why
        self.effects: list[FollowEffect] = []

    def step(self, event: str, *, up: bool = False) -> tuple[Submit | None, tuple[FollowEffect, ...]]:
        """Step the chart and do what it says; a submission that is over leaves no part."""
        facts = {
            "moved": self.submit.moved,
            "renewable": self.settings.renews and not self.submit.renewed,
            "up": up,
        }
        before = self.submit.state
        row = SUBMISSION_TABLE.step(before, event, facts)
        assert row is not None, f"a submission that is {before} cannot be {event}"
        self.effects.append(moved(SUBMISSION_TABLE, self.submit.submit, before, event, row))
        self.submit = replace(self.submit, state=row.target)
        for action in row.actions:
            getattr(self, action)(before)
        over = row.target in SUBMISSION_TABLE.final
        return None if over else self.submit, tuple(self.effects)

    def post(self, _before: str) -> None:
        self.effects.append(PostSubmit(self.submit.submit))

    def report_taken(self, _before: str) -> None:
        self.effects.append(Submitted(self.submit.submit, "taken"))

    def report_failed(self, _before: str) -> None:
        self.effects.append(Submitted(self.submit.submit, self.outcome, self.why))

    def note(self, _before: str) -> None:
        self.submit = replace(self.submit, moved=True)

    def renew(self, _before: str) -> None:
        self.submit = replace(self.submit, renewed=True)
        self.effects.append(AskCredential(SubmitCredentialGiven(self.submit.submit, given=True)))

    def condemn(self, _before: str) -> None:
        self.effects += [Blame(self.why), Next(Condemned())]

    def wait(self, _before: str) -> None:
        self.effects.append(StartTimer(SettleDue(self.submit.submit), self.settings.settle_s))

    def cancel(self, before: str) -> None:
        submit = self.submit.submit
        ways: dict[str, FollowEffect] = {
            "submitting": DropSubmit(submit),
            "renewing": LeaveCredential(SubmitCredentialGiven(submit, given=True)),
            "settling": CancelTimer(SettleDue(submit)),
        }
        self.effects.append(ways[before])

    def ask_state(self, _before: str) -> None:
        self.effects.append(Next(ResyncWanted()))
