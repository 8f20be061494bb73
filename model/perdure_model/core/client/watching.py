"""Which sessions the client watches, and what the server has been told of it."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.effects import ClientEffect, Next, NotWatched, SessionOver, Tell
from perdure_model.core.client.inputs import Desynced, UnwatchAsked, WatchAsked, WatchReplied
from perdure_model.core.client.parts import CURSOR, LINK, ME, STATE, WATCHING, ClientState, Link, Me, Watching
from perdure_model.core.common import START, Cursor, classify, refuse
from perdure_model.core.rule import Decision, Key
from perdure_model.core.value import replace

DONE = "the client is done with all its sessions"
LOOKED_AT = (STATE.one, LINK.one, ME.one)


def tell(
    watching: Watching, link: Link, me: Me, session: str, cursor: Cursor | None, effects: list[ClientEffect]
) -> Watching:
    """Tell the server of one session; what is told later has the higher number."""
    serial = watching.serial + 1
    effects.append(Tell(link.attempt, me.cid, serial, session, cursor))
    others = tuple(one for one in watching.told if one != session)
    told = others if cursor is None else (*others, session)
    words = (*((one, n) for one, n in watching.words if one != session), (session, serial))
    return Watching(watching.sessions, told, serial, words)


def tell_all(
    watching: Watching, link: Link, me: Me, cursors: Mapping[Key, Cursor], effects: list[ClientEffect]
) -> Watching:
    """Tell the server of every session that it does not know the truth of."""
    changed = [
        s for s in (*watching.sessions, *watching.told) if (s in watching.told) != (s in watching.sessions)
    ]
    for session in changed:
        cursor = cursors[(session,)] if session in watching.sessions else None
        watching = tell(watching, link, me, session, cursor, effects)
    return watching


@CLIENT.rule(WatchAsked, WATCHING.one, CURSOR.one, reads=LOOKED_AT, emits=(Tell,))
def on_watch_asked(
    i: WatchAsked, watching: Watching, cursor: Cursor | None, state: ClientState, link: Link, me: Me
) -> Decision:
    """One more session is watched, from where we left it; told at once if a stream is up, else with the
    next, so that no reconnect forgets it (finding T31)."""
    if state.state == "terminal":
        return refuse(DONE, watching, cursor)
    if i.session in watching.sessions:
        return refuse("it is watched already", watching, cursor)
    cursor = cursor or START
    watching = replace(watching, sessions=(*watching.sessions, i.session))
    effects: list[ClientEffect] = []
    if state.state == "awaiting":
        watching = tell(watching, link, me, i.session, cursor, effects)
    return (watching, cursor), tuple(effects)


@CLIENT.rule(UnwatchAsked, WATCHING.one, reads=LOOKED_AT, emits=(SessionOver, Tell))
def on_unwatch_asked(i: UnwatchAsked, watching: Watching, state: ClientState, link: Link, me: Me) -> Decision:
    """A session is watched no longer; our place in it is kept, in case we come back to it."""
    if state.state == "terminal":
        return refuse(DONE, watching)
    if i.session not in watching.sessions:
        return refuse("it is not watched", watching)
    watching = replace(watching, sessions=tuple(one for one in watching.sessions if one != i.session))
    effects: list[ClientEffect] = [SessionOver(i.session, "unwatched")]
    if state.state == "awaiting":
        watching = tell(watching, link, me, i.session, None, effects)
    return (watching,), tuple(effects)


@CLIENT.rule(WatchReplied, WATCHING.one, reads=(LINK.one,), emits=(Next, NotWatched))
def on_watch_replied(i: WatchReplied, watching: Watching, link: Link) -> Decision:
    """What was not taken is not swallowed (finding T35): a final no is the application's to know, and after
    any other failure the next stream says all that we watch."""
    stale = (i.session, i.serial) not in watching.words
    if not link.open or i.attempt != link.attempt or stale:
        return refuse(
            "the reply to what an earlier stream was told, or to a word that is overtaken", watching
        )
    kind = classify(i.status)
    if kind == "taken":
        return (watching,), ()
    if kind != "final" or i.session not in watching.sessions:
        return (watching,), (Next(Desynced(i.attempt, i.chance)),)
    kept = tuple(one for one in watching.sessions if one != i.session)
    return (replace(watching, sessions=kept),), (NotWatched(i.session, i.status),)
