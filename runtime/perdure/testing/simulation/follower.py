"""A follower: a real followed session in a simulated world, and the next one, on a flow of its own each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import anyio
from perdure_model.core.follow.parts import FollowSettings

from perdure import Credential, Followed, Limits, SessionError, SubmitFailed, SubmitUncertain, follow
from perdure.testing.simulation.accounts import Verdict
from perdure.testing.simulation.flow import FLOW, Flow, Flows, State
from perdure.testing.simulation.follow_watch import FollowWatch
from perdure.testing.simulation.network import Books, Link
from perdure.testing.simulation.shown import FollowShown
from perdure.testing.simulation.stepper import Tasks
from perdure.trace import Record

URL: Final = f"http://{FLOW}"
SETTINGS: Final = FollowSettings(
    attempts_max=5, total_s=60.0, again_first_s=1.0, again_cap_s=8.0, steady_s=10.0, settle_s=2.0
)
LIMITS: Final = Limits(inbox_max=4, post_s=10.0)
SILENCE_S: Final = 15.0
WAYS: Final[dict[str, dict[str, Any]]] = {
    "f": {"version": "version"},
    "g": {"version": "version", "cursor": lambda state: str(state["n"])},
    "h": {"version": None},
}
"""How each follows: by snapshots; from where it was; a flow whose states have no versions."""
VERSIONED: Final = frozenset({"f", "g"})
"""Of the others, what the stream brings is shown after a snapshot that may be newer: nobody can tell."""
Told = Callable[[str, Record], None]


class Follower:
    """One follower over all its sessions, at most one at a time."""

    def __init__(
        self, name: str, link: Link, verdict: Verdict, told: Told, books: Books, credential: Credential
    ) -> None:
        self.name, self.link = name, link
        self._verdict, self._told, self._book, self._credential = verdict, told, books["follow"], credential
        self.session: Followed | None = None
        self.flow: Flow
        self.live = False
        self.shown = self.read = self._placed = 0
        """The numbers of the states that it was shown and that it read last, and that no snapshot brought."""
        self._heard = ""
        self.states = self.submitted = 0
        self.open: dict[int, str] = {}
        """Submissions that are not settled."""
        self.outcomes: list[str] = []
        self._lives = 0
        self._told_of: FollowShown

    def __str__(self) -> str:
        return f"follower {self.name}, session {self._lives}"

    async def begin(self, flows: Flows, tasks: Tasks) -> None:
        """Follow a new flow."""
        self._lives += 1
        self.flow = flows.begin(f"{self.name}-{self._lives}")
        self.live, self.shown, self.read, self._placed = True, 0, 0, 0
        tasks.start_soon(self._live, str(self))
        await anyio.lowlevel.checkpoint()

    async def _live(self, me: str) -> None:
        watch = FollowWatch(me, SETTINGS, renews=True, breaks=self._verdict.breaks)
        told_of = self._told_of = FollowShown(me, self._verdict.breaks)

        def told(record: Record) -> None:
            self._told(self.name, record)
            self._heard = record["input"]["type"]
            watch(record)
            told_of(record)

        at = f"{URL}/{self.flow.name}"
        async with anyio.create_task_group() as self._tasks:
            async with follow(
                snapshot=f"{at}/state",
                events=f"{at}/events",
                outcome=lambda state: state["outcome"],
                submit=self._post,
                volatile=("note",),
                credential=self._credential,
                settings=SETTINGS,
                limits=LIMITS,
                silence_s=SILENCE_S,
                on_state=lambda state: self._show(me, state),
                on_status=told_of.on_status(),
                on_error=lambda error: told_of.told("error", error.status),
                on_close=lambda closed: told_of.told("close", closed.attempt),
                trace=told,
                http=self.link.http,
                book=self._book,
                **WAYS[self.name],
            ) as session:
                self.session = session
                await self._read(me, session)
            self.live = False
        told_of.over()

    async def _read(self, me: str, session: Followed) -> None:
        try:
            async for state in session:
                self._told_of.read(state)
                self.states += 1
                self.read = state["n"]
        except SessionError as error:
            if session.outcome not in ("failed", "expired"):
                self._verdict.breaks("P-OUTCOME", f"{me} is {session.outcome}, and raised {error!r}")
        self.outcomes.append(str(session.outcome))

    def _show(self, me: str, state: State) -> None:
        n, placed = state["n"], self._heard != "SnapshotReplied"
        before = self.shown if self.name in VERSIONED else self._placed if placed else 0
        if n < before:
            self._verdict.breaks("P-MONOTONIC", f"{me} is shown state {n} after {before}")
        self._placed = n if placed else self._placed
        note = {"note": n} if n % 2 else {}
        whole = {"version": n, "n": n, "outcome": state["outcome"], "origin": self.flow.name, **note}
        last = "origin" not in state and state["outcome"] is not None  # which may come before a snapshot
        if state != whole and not last:
            self._verdict.breaks("P-MERGE", f"{me} is shown {state}")
        self._told_of.state(n if WAYS[self.name]["version"] else None, state)
        self.shown = n

    # -- what its user does ----------------------------------------------------------------------------

    def leave(self) -> None:
        """Be done."""
        if self.session is not None:
            self.session.leave()

    def submit(self, effect: str) -> None:
        """Submit once."""
        self._tasks.start_soon(self._submit, effect)

    async def _submit(self, effect: str) -> None:
        assert self.session is not None
        self.submitted += 1
        number, flow, told_of = self.submitted, self.flow, self._told_of
        self.open[number] = str(self)
        mine = told_of.submits()
        try:
            await self.session.submit({"number": number, "effect": effect})
            told_of.answered(mine, "taken")
        except SubmitFailed as error:
            told_of.answered(mine, "failed")
            if number in flow.taken and "submit" not in self.link.echoed:  # else no client can know
                says = f"submission {number} of {self} was taken, and is reported as failed: {error!r}"
                self._verdict.breaks("P-UNCERTAIN", says)
        except SubmitUncertain:
            told_of.answered(mine, "uncertain")  # nobody can tell, and it says so
        del self.open[number]

    async def _post(self, data: Any, token: str | None) -> State | None:
        headers = {"authorization": f"Bearer {token}"}
        url = f"{URL}/{self.flow.name}/submit"
        answer = await self.link.http.post(url, content=json.dumps(data), headers=headers, timeout=None)
        brought: State | None = answer.raise_for_status().json()
        return brought
