"""The application that uses a client: what it is told, and what it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.client import effects as up
from perdure_model.core.client import inputs as ask
from perdure_model.core.client import parts as mine
from perdure_model.core.common import START
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.tab.farewells import away_rules
from perdure_model.world.transport.tab.noted import AWAY, LIVE, NEW, OWN, Note, Refresh
from perdure_model.world.transport.wires import Step

if TYPE_CHECKING:
    from perdure_model.world.transport.tab.tab import Tab


def app_sinks(tab: Tab) -> None:
    """Say what the application is handed and told."""
    seen = tuple(tab.seen.values())

    def handed(kind: str) -> Any:
        def put(e: Any, _to: object, state: mine.ClientState, *had: tuple[Any, ...]) -> Step:
            when = "" if state.state == "awaiting" else "late "
            now = dict(zip(tab.seen, had, strict=True))
            now[e.session] += tuple((when + kind, e.epoch, position) for position in places(e))
            yield (state, *now.values())

        return put

    def places(e: up.Deliver | up.DeliverGap) -> range:
        return range(e.position, e.position + (e.count if isinstance(e, up.Deliver) else 1))

    tab.sink(up.Deliver, tab.state, *seen)(handed("event"))
    tab.sink(up.DeliverGap, tab.state, *seen)(handed("gap"))

    @tab.sink(up.Next, tab.following)
    def follow(e: up.Next, _to: object, following: tuple[Any, ...]) -> Step:
        yield ((*following, e.input),)

    @tab.sink(up.Renamed, tab.known_as)
    def renamed(e: up.Renamed, _to: object, _before: object) -> Step:
        yield ((e.cid, e.why),)

    @tab.sink(up.AskCredential, tab.credential)
    def ask_credential(e: up.AskCredential, _to: object, before: Refresh) -> Step:
        vain = before.vain or e.token not in before.taken
        yield (before._replace(of=e.token, times=before.times + 1, vain=vain),)

    @tab.sink(up.NotWatched, tab.told_no, tab.wants)
    def not_watched(e: up.NotWatched, _to: object, told: Any, wants: tuple[str, ...]) -> Step:
        yield told | {e.session}, without(wants, e.session)

    @tab.sink(up.SessionOver, tab.state, tab.told_no, tab.wants)
    def session_over(
        e: up.SessionOver, _to: object, state: mine.ClientState, told: Any, wants: tuple[str, ...]
    ) -> Step:
        if state.state == "terminal" or e.outcome == "unwatched":  # with the client, or as the application
            yield state, told, wants  # has asked: what it wants, it has said itself
        else:
            yield state, told | {e.session}, without(wants, e.session)


def app_rules(tab: Tab) -> None:
    """Bind what the application asks for."""
    b, budget = tab.world.bounds, tab.world.budget
    started = [tab.opened, *tab.noted.values()]

    def opening(opened: tuple[int, str], *kept: Any) -> Iterator[Arrival]:
        life, how = opened
        if how in (LIVE, AWAY) or life == len(tab.lives):
            return
        known = OWN if life or b.copied else None
        cursors = ((tab.session, START),)
        noted = zip(tab.noted, kept, strict=True)
        unsent = tuple(ask.Unsent(tab.session, key, note.epoch) for key, note in noted if note is not None)
        i = ask.Started(known, OWN if known is None else NEW, (tab.lives[life], 1), cursors, 0, unsent)
        yield i, ((life + 1, LIVE), *kept), None

    def sending(opened: tuple[int, str], asked: int, *kept: Any) -> Iterator[Arrival]:
        life, how = opened
        if how in (LIVE, AWAY) and asked < b.sends:
            key = (tab.lives[life - 1], asked + 1)
            now = {
                known: Note() if known == key else note for known, note in zip(tab.noted, kept, strict=True)
            }
            yield ask.SendRequested(tab.session, key), (opened, asked + 1, *now.values()), None

    def leaving(opened: tuple[int, str], left: int) -> Iterator[Arrival]:
        if opened[1] in (LIVE, AWAY) and left:
            yield ask.Left(), (opened, left - 1), None

    tab.bind(ask.Started, started, opening, fair=False)
    tab.bind(ask.SendRequested, [tab.opened, tab.asked, *tab.noted.values()], sending, fair=False)
    tab.bind(ask.Left, [tab.opened, budget["leaves"]], leaving, fair=False)
    away_rules(tab)
    _watch_rules(tab)
    _credential_rules(tab)


def _watch_rules(tab: Tab) -> None:
    sessions = tab.world.bounds.sessions

    def changing(kind: type, wanted: bool) -> Any:
        def arrivals(
            opened: tuple[int, str], wants: tuple[str, ...], told_no: Any, left: int
        ) -> Iterator[Arrival]:
            for session in sessions if left and opened[1] == LIVE else ():
                after = {*wants, session} if wanted else {*wants} - {session}
                yield kind(session), (opened, tuple(sorted(after)), told_no - {session}, left - 1), None

        return arrivals

    if tab.world.bounds.watches:
        sources = [tab.opened, tab.wants, tab.told_no, tab.world.budget["watches"]]
        tab.bind(ask.WatchAsked, sources, changing(ask.WatchAsked, wanted=True), fair=False)
        tab.bind(ask.UnwatchAsked, sources, changing(ask.UnwatchAsked, wanted=False), fair=False)


def _credential_rules(tab: Tab) -> None:
    """The credential's own rules are checked in system R's worlds; here it answers as it may."""
    last = tab.world.bounds.tokens

    def given(asked: Refresh) -> Iterator[Arrival]:
        if asked.of is not None and asked.of < last:
            yield ask.CredentialGiven(asked.of + 1), (asked._replace(of=None),), None
        if asked.of is not None:
            yield ask.CredentialGiven(asked.of), (asked,), None

    def refused(asked: Refresh) -> Iterator[Arrival]:
        if asked.of is not None:
            yield ask.CredentialRefused(asked.of), (asked._replace(of=None, none=True),), None
            yield ask.CredentialRefused(asked.of - 1), (asked,), None

    if last:
        tab.bind(ask.CredentialGiven, [tab.credential], given)
        tab.bind(ask.CredentialRefused, [tab.credential], refused)


def without(sessions: tuple[str, ...], session: str) -> tuple[str, ...]:
    """All but this one."""
    return tuple(one for one in sessions if one != session)
