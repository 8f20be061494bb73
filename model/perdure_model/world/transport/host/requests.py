"""The rules for what a client asks for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from perdure_model.checker import Component
from perdure_model.core.server import effects as down
from perdure_model.core.server import inputs as told
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.tab import AWAY, OWN, Tab
from perdure_model.world.transport.wires import Exchange, Farewell, Request, Step, Word, swapped

if TYPE_CHECKING:
    from perdure_model.world.transport.host.host import Host

PRINCIPAL = "p"
UNFIT = "invalid data"


def requests_of(host: Host, tab: Tab) -> None:
    """Bind what one client asks for, under each id that it may go by."""
    for handle, cid in tab.ids.items():
        _request_rule(host, tab, cid)
        _post_rules(host, tab, handle, cid)
        _farewell_rules(host, tab, handle, cid)
        if host.world.bounds.watches:
            _word_rules(host, tab, handle, cid)


def _request_rule(host: Host, tab: Tab, cid: str) -> None:
    made = host.world.made
    if made and cid not in made:
        return

    def requested(requests: frozenset[Request], *dead: int) -> Iterator[Arrival]:
        for request in sorted(requests, key=repr):
            named = made[request.attempt[1] % len(made)] if made else tab.ids[request.cid]
            if named == cid and host.world.passes("streams", request.token, dead):
                i = told.StreamRequested(
                    cid, request.attempt, PRINCIPAL, request.cursors, request.fresh, made=bool(made)
                )
                yield i, (requests - {request}, *dead), request

    name = f"{tab.name}'s stream request as {cid}"
    host.bind(
        told.StreamRequested,
        [tab.requests, *host.world.gate],
        requested,
        name,
        {"tab": tab.name, "cid": cid},
    )


def _post_rules(host: Host, tab: Tab, handle: Any, cid: str) -> None:
    def input_of(e: Exchange) -> told.PostArrived:
        unfit = tuple((key, UNFIT) for key in e.keys if host.world.bounds.unfit and key[1] == 1)
        log = host.log_epoch(e.epoch, e.post)
        return told.PostArrived(cid, e.session, e.attempt, e.epoch, PRINCIPAL, e.keys, log, unfit)

    def arriving(posts: tuple[Exchange, ...], *dead: int) -> Iterator[Arrival]:
        for e in posts:
            if e.status is None and e.cid == handle and host.world.passes("posts", e.token, dead):
                yield input_of(e), (posts, *dead), e

    def held_up(held: tuple[Exchange, ...]) -> Iterator[Arrival]:
        for n, e in enumerate(held):
            if e.cid == handle:
                yield input_of(e), (swapped(held, n),), e

    where = {"tab": tab.name, "cid": cid, "session": tab.session}
    host.bind(told.PostArrived, [tab.posts, *host.world.gate], arriving, f"{tab.name}'s POST as {cid}", where)
    bounds = host.world.bounds
    begins = handle == OWN or cid in host.world.made
    if begins and (bounds.held or bounds.doubled or bounds.kills):
        name = f"{tab.name}'s POST as {cid}, held up"
        host.bind(told.PostArrived, [tab.held], held_up, name, where)


def _farewell_rules(host: Host, tab: Tab, handle: Any, cid: str) -> None:
    unwatched = [host.detached[s, cid] for s in host.sessions]

    heeded = bool(host.world.bounds.suspends)

    def said_of(kind: str, farewells: frozenset[Farewell]) -> Iterator[tuple[Farewell, frozenset[Farewell]]]:
        for said in sorted(farewells):
            if (said.kind, said.cid) == (kind, handle) and said.under_way:
                yield said, said.answered(farewells, 200, heeded=heeded)

    def closing(farewells: frozenset[Farewell], _closed: Any, *_gone: str) -> Iterator[Arrival]:
        for said, left in said_of("close", farewells):
            i = told.CloseRequested(cid, said.attempt, PRINCIPAL)
            yield i, (left, said.attempt, *_gone), said

    def suspending(farewells: frozenset[Farewell], away: str, opened: Any) -> Iterator[Arrival]:
        for said, left in said_of("suspend", farewells):
            i = told.SuspendRequested(cid, said.attempt, PRINCIPAL)
            yield i, (left, AWAY if opened[1] == AWAY else away, opened), said

    where = {"tab": tab.name, "cid": cid}
    closed, away = host.closed[cid], tab.away
    sources = [tab.farewells, closed, *unwatched]

    def rejected(e: down.Reject, to: Farewell, farewells: frozenset[Farewell]) -> frozenset[Farewell]:
        taken = to._replace(status=200)
        return taken.answered(farewells, e.status, heeded=heeded)

    @host.world.sink(down.Reject, tab.farewells, closed, of=told.CloseRequested, address=where)
    def reject_close(e: down.Reject, to: Farewell, farewells: Any, _closed: Any) -> Step:
        yield rejected(e, to, farewells), None

    @host.world.sink(down.Reject, tab.farewells, away, of=told.SuspendRequested, address=where)
    def reject_suspend(e: down.Reject, to: Farewell, farewells: Any, _away: str) -> Step:
        yield rejected(e, to, farewells), ""

    host.bind(told.CloseRequested, sources, closing, f"{tab.name}'s goodbye as {cid}", where)
    if host.world.bounds.suspends:
        name = f"{tab.name}'s going away as {cid}"
        host.bind(told.SuspendRequested, [tab.farewells, away, tab.opened], suspending, name, where)


def _word_rules(host: Host, tab: Tab, handle: Any, cid: str) -> None:
    for session in host.sessions:
        gone = host.detached[session, cid]
        for watch in (True, False):
            arrivals = _words_arriving(host, handle, cid, session, watch=watch)
            kind = told.WatchRequested if watch else told.UnwatchRequested
            name = f"{tab.name} as {cid} {'' if watch else 'un'}watches {session}"
            where = {"tab": tab.name, "cid": cid, "session": session}
            _reject_word(host, tab, kind, where, gone)
            host.bind(kind, [tab.words, gone], arrivals, name, where)


def _words_arriving(host: Host, handle: Any, cid: str, session: str, *, watch: bool) -> Any:
    def arrivals(words: tuple[Word, ...], gone: str) -> Iterator[Arrival]:
        for n, w in enumerate(words):
            if w.status is not None or w.cid != handle or w.session != session:
                continue
            if (w.cursor is not None) != watch:
                continue
            head = (cid, session, w.attempt, w.serial, PRINCIPAL)
            i = (
                told.WatchRequested(*head, w.cursor, host.log_epoch(session, w.attempt, w.serial))
                if w.cursor is not None
                else told.UnwatchRequested(*head)
            )
            taken = swapped(words, n, w._replace(status=200))
            yield i, (taken, "" if watch else gone or "unwatching"), w

    return arrivals


def _reject_word(host: Host, tab: Tab, kind: type, address: Mapping[str, Hashable], gone: Component) -> None:
    @host.world.sink(down.Reject, tab.words, gone, of=kind, address=address)
    def reject_word(e: down.Reject, to: Word, words: tuple[Word, ...], gone: str) -> Step:
        mine = to._replace(status=200)
        yield (
            tuple(w._replace(status=e.status) if w == mine else w for w in words),
            "" if gone == "unwatching" else gone,
        )
