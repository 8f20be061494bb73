"""A working copy of the client's state, link and identity for the length of one decision.

The ClientSession chart names the actions; the methods of the same names here do them. Nothing of a desk
outlives its decision.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from perdure_model.core.client.book import SESSION_TABLE
from perdure_model.core.client.effects import (
    AskCredential,
    CancelTimer,
    ClientEffect,
    EndStream,
    Next,
    OpenStream,
    Renamed,
    SayGoodbye,
    SaySuspended,
    SessionOver,
    StartTimer,
)
from perdure_model.core.client.inputs import Abandon, Flush, ReconnectDue
from perdure_model.core.client.parts import Access, ClientSettings, ClientState, Link, Me, Outbox, Watching
from perdure_model.core.common import Cursor, Refused, SendKey, backoff_s, moved
from perdure_model.core.rule import Decision, Key
from perdure_model.core.value import replace

NO_SETTINGS = ClientSettings()
Verdicts: TypeAlias = tuple[tuple[SendKey, str], ...]


@dataclass
class Desk:
    """What the ClientSession chart decides on. A rule gives what its own transitions need."""

    state: ClientState
    link: Link
    settings: ClientSettings = NO_SETTINGS
    me: Me = field(default_factory=lambda: Me(None))
    access: Access = field(default_factory=Access)
    watching: Watching = field(default_factory=Watching)
    cursors: Mapping[Key, Cursor] = field(default_factory=dict)
    outboxes: Mapping[Key, Outbox] = field(default_factory=dict)
    chance: float = 1.0
    asked_s: float | None = None
    fresh: Hashable = None
    over: tuple[str, str, Verdicts] = ("", "", ())
    effects: list[ClientEffect] = field(default_factory=list)

    def step(self, event: str, *, outcome: str = "failed", stale: str = "", **facts: bool) -> bool:
        """Step the chart and do what it says; where nothing follows, `stale` says why, and it is False."""
        facts = {"spent": self.link.failures >= self.settings.attempts_max, **facts}
        row = SESSION_TABLE.step(self.state.state, event, facts)
        if row is None:
            self.effects.append(Refused(stale))
            return False
        self.effects.append(moved(SESSION_TABLE, "", self.state.state, event, row))
        over = row.target in SESSION_TABLE.final
        self.state = ClientState(row.target, outcome if over else None)
        for action in row.actions:
            getattr(self, action)()
        if over:  # with the client, whatever it watches
            self.effects += [SessionOver(session, outcome) for session in self.watching.sessions]
        return True

    def decided(self, *parts: object) -> Decision:
        """These parts, and the effects."""
        return parts, tuple(self.effects)

    def open_stream(self) -> None:
        incarnation, count = self.link.attempt
        token = self.access.token
        self.link = replace(self.link, attempt=(incarnation, count + 1), phase="open", token=token)
        self.watching = Watching(self.watching.sessions, self.watching.sessions)
        cursors = tuple((session, self.cursors[(session,)]) for session in self.watching.sessions)
        self.effects.append(OpenStream(self.link.attempt, self.me.cid, token, cursors))

    def end_stream(self) -> None:
        if self.link.phase == "open":
            self.effects.append(EndStream(self.link.attempt))
        elif self.link.phase == "timer":
            self.effects.append(CancelTimer(ReconnectDue(self.link.attempt)))
        self.link = replace(self.link, phase="over")

    def schedule(self) -> None:
        s = self.settings
        self.link = replace(self.link, phase="timer", failures=self.link.failures + 1)
        seconds = backoff_s(
            self.link.failures, s.reconnect_first_s, s.reconnect_cap_s, self.chance, self.asked_s
        )
        self.effects.append(StartTimer(ReconnectDue(self.link.attempt), seconds))

    def say_goodbye(self) -> None:
        self.effects.append(SayGoodbye(self.link.attempt, self.me.cid))

    def say_suspended(self) -> None:
        self.effects.append(SaySuspended(self.link.attempt, self.me.cid))

    def rest(self) -> None:
        self.link = replace(self.link, phase="resume")

    def ask_credential(self) -> None:
        self.link = replace(self.link, phase="credential")
        self.access = asking(self.access, self.effects)

    def renew(self) -> None:
        self.me = Me(self.fresh)
        self.effects.append(Renamed(self.fresh, "taken over"))

    def drop_session(self) -> None:
        session, outcome, verdicts = self.over
        self.watching = replace(
            self.watching,
            sessions=tuple(one for one in self.watching.sessions if one != session),
            told=tuple(one for one in self.watching.told if one != session),
        )
        self.effects.append(SessionOver(session, outcome))
        if (session,) in self.outboxes:
            self.effects.append(Next(Abandon(session, verdicts)))

    def flush(self) -> None:
        self.effects += [Next(Flush(str(session))) for (session,) in self.outboxes]

    def abandon(self) -> None:
        self.link = replace(self.link, phase="over")
        ended, _, verdicts = self.over
        self.effects += [
            Next(Abandon(str(session), verdicts if session == ended else ())) for (session,) in self.outboxes
        ]


def asking(access: Access, effects: list[ClientEffect]) -> Access:
    """Ask for another credential, unless somebody has: one refresh serves all who wait (finding R07)."""
    if not access.asked:
        effects.append(AskCredential(access.token))
    return replace(access, asked=True)


def renewable(access: Access, token: Hashable, settings: ClientSettings) -> dict[str, bool]:
    """What there is to do about a credential that was refused: use the present one, or ask for another.

    One that came for a refused one and was refused as well is not asked for again (findings T15, A11).
    """
    return {
        "replaced": token != access.token,
        "renewable": access.asked or (settings.refreshes and not access.unproven),
    }


def proven(access: Access, token: Hashable) -> Access:
    """The server has taken something under this credential; it may not be the one in use by now."""
    return replace(access, unproven=False) if access.unproven and token == access.token else access
