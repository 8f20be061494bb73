"""The server in its world: its parts, its timers, and what it does not know yet."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from perdure_model.checker import Component
from perdure_model.core.client import inputs as ask
from perdure_model.core.common import START, Attempt
from perdure_model.core.server import effects as down
from perdure_model.core.server import inputs as told
from perdure_model.core.server import parts as theirs
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.tab import AWAY, BACK, NEW, OWN, Tab
from perdure_model.world.transport.wires import (
    NOTHING,
    Channel,
    Exchange,
    Farewell,
    Request,
    Word,
    answered,
    swapped,
)

if TYPE_CHECKING:
    from perdure_model.world.transport.world import Transport

Step = Iterator[tuple[Any, ...]]
PRINCIPAL, STRANGER = "p", "q"
UNFIT = "invalid data"
STRANGERS = "a stranger's"
"""The epoch of what a stranger brought into being."""


class Host:
    """The server. It knows clients by `cids`, its own names for their ids."""

    def __init__(self, world: Transport, cids: tuple[str, ...]) -> None:
        self.world, self.cids, self.sessions = world, cids, world.bounds.sessions
        b, part, add = world.bounds, world.part, world.system.component
        self.connections = {cid: part(theirs.CONNECTION, (cid,)) for cid in cids}
        pairs = [(session, cid) for cid in cids for session in self.sessions]
        self.watches = {pair: part(theirs.WATCH, pair) for pair in pairs}
        self.owners = {pair: part(theirs.OWNER, pair) for pair in pairs}
        self.windows = {(cid, s): part(theirs.WINDOW, (cid, s)) for s, cid in pairs}
        self.logs = {s: part(theirs.LOG, (s,)) for s in self.sessions}
        self.tombstones = part(theirs.TOMBSTONES)
        settings = theirs.ServerSettings(
            log_max=b.log_max, batch_max=b.batch_max, tombstones_max=b.tombstones_max
        )
        part(theirs.SETTINGS, (), settings)
        self.closes = {cid: add(f"server.closes[{cid}]", NOTHING) for cid in cids}
        self.grace = {cid: add(f"server.grace timer[{cid}]", NOTHING) for cid in cids}
        self.late = {cid: add(f"server.grace timer too late[{cid}]", NOTHING) for cid in cids}
        self.woken = {(s, cid): add(f"server.woken[{s},{cid}]", NOTHING) for s, cid in pairs}
        self.forgets = {s: add(f"server.forget timer[{s}]", NOTHING) for s in self.sessions}
        self.closed = {cid: add(f"app.closed[{cid}]", None) for cid in cids}
        self.detached = {pair: add(f"app.detached[{pair[0]},{pair[1]}]", "") for pair in pairs}

    def components_of(self, cid: str) -> list[Component]:
        """All that the server keeps for one id."""
        keyed = (self.watches, self.owners, self.windows, self.woken, self.detached)
        of_sessions = [one for parts in keyed for pair, one in parts.items() if cid in pair]
        singles = (self.connections, self.closes, self.grace, self.late, self.closed)
        return [*(parts[cid] for parts in singles), *of_sessions]

    def declare(self) -> None:
        """Say where effects go, and bind the rules."""
        for cid in self.cids:
            self._sinks({"cid": cid}, [cid])
        self._sinks({}, self.cids)
        for session in self.sessions:
            self._wake({"session": session}, [(session, cid) for cid in self.cids])
            self._forget_sinks({"session": session}, [session])
        self._forget_sinks({}, self.sessions)
        self.world.ignore(down.Append)
        for tab in self.world.tabs:
            self._tab_sinks(tab)
            self._tab_rules(tab)
        for cid in self.cids:
            self._connection_rules(cid)
        self._log_rules()
        if self.world.bounds.forgets:
            self._forget_rules()
        self._restart_rules()

    # -- where effects go --------------------------------------------------------------------------

    def _sinks(self, address: Mapping[str, str], cids: Iterable[str]) -> None:
        """What connections ask for; at one connection's address its own wires are enough."""
        cids = list(cids)
        self._stream_sinks(address, cids)
        self._timer_sinks(address, cids)
        self._wake(address, [(session, cid) for cid in cids for session in self.sessions])
        gone = {(s, cid): self.detached[s, cid] for cid in cids for s in self.sessions}
        tabs = [tab for tab in self.world.tabs if set(tab.ids.values()) & set(cids)]
        ghosts = [ghost for tab in tabs for ghost in (tab.away, tab.drives)]

        @self.world.sink(down.Detached, *gone.values(), *ghosts, address=address)
        def detached(e: down.Detached, _to: object, *states: Any) -> Step:
            now = dict(zip(gone, states, strict=False))
            now[e.session, e.cid] = "wrongly" if now[e.session, e.cid].startswith("unwatch") else "detached"
            after = list(states[len(gone) :])
            for n, tab in enumerate(tabs):
                if e.cid in tab.ids.values() and after[2 * n] != AWAY:
                    after[2 * n + 1] = None  # nobody drives it now; who is away still should
            yield *now.values(), *after

    def _stream_sinks(self, address: Mapping[str, str], cids: list[str]) -> None:
        sink = self.world.sink
        tabs = [tab for tab in self.world.tabs if set(tab.ids.values()) & set(cids)]
        channels = [tab.channel for tab in tabs]
        closes = [self.closes[cid] for cid in cids]

        def through(e: Any, states: tuple[Channel | None, ...]) -> int | None:
            """Whose channel the stream is, if what is written still arrives."""
            for n, (tab, channel) in enumerate(zip(tabs, states, strict=True)):
                if channel is None or not channel.flows:
                    continue
                if (channel.generation, tab.ids[channel.cid]) == (e.generation, e.cid):
                    return n
            return None

        @sink(down.CutStream, *channels, *closes, address=address)
        def cut_stream(e: down.CutStream, _to: object, *states: Any) -> Step:
            before, seen = states[: len(tabs)], list(states[len(tabs) :])
            if e.reason != "restarted":
                seen[cids.index(e.cid)] |= {e.generation}
            n = through(e, before)
            if n is None:
                yield (*before, *seen)
                return
            over = before[n]._replace(over=True)
            if e.reason == "replaced":
                over = over.written(ask.TakenOver(e.generation, NEW))
            yield (*swapped(before, n, over), *seen)

        def writing(effect: type, messages: Any) -> None:
            @sink(effect, *channels, address=address)
            def write(e: Any, _to: object, *states: Channel | None) -> Step:
                n = through(e, states)
                yield states if n is None else swapped(states, n, states[n].written(*messages(e)))  # type: ignore[union-attr]

        def events(e: down.WriteEvents) -> Iterator[Any]:
            for position in range(e.first, e.last + 1):
                yield ask.EventArrived(e.generation, e.session, e.epoch, position)

        writing(down.WriteEvents, events)
        writing(down.WriteGap, lambda e: [ask.GapArrived(e.generation, e.session, e.epoch, e.position)])
        writing(down.WriteEnd, lambda e: [ask.EndArrived(e.generation, e.session, e.outcome, e.verdicts)])

    def _timer_sinks(self, address: Mapping[str, str], cids: list[str]) -> None:
        timers = [self.grace[cid] for cid in cids]
        late, left = [self.late[cid] for cid in cids], self.world.budget["late"]

        @self.world.sink(down.StartGrace, *timers, address=address)
        def start_grace(e: down.StartGrace, _to: object, *running: Any) -> Step:
            n = cids.index(e.due.cid)
            yield swapped(running, n, running[n] | {e.due.generation})

        @self.world.sink(down.CancelGrace, left, *timers, *late, address=address)
        def cancel_grace(e: down.CancelGrace, _to: object, left: int, *states: Any) -> Step:
            running, too_late = states[: len(cids)], states[len(cids) :]
            n, due = cids.index(e.due.cid), {e.due.generation}
            stopped = swapped(running, n, running[n] - due)
            yield left, *stopped, *too_late
            if address and left and due <= running[n]:  # a server that starts again has no timers at all
                yield left - 1, *stopped, *swapped(too_late, n, too_late[n] | due)

    def _wake(self, address: Mapping[str, str], pairs: list[tuple[str, str]]) -> None:
        woken = [self.woken[pair] for pair in pairs]

        @self.world.sink(down.Wake, *woken, address=address)
        def wake(e: down.Wake, _to: object, *states: frozenset[Attempt]) -> Step:
            n = pairs.index((e.session, e.cid))
            yield swapped(states, n, states[n] | {e.generation})

    def _forget_sinks(self, address: Mapping[str, str], sessions: Iterable[str]) -> None:
        """Where nothing is forgotten, no timer runs for it."""
        if not self.world.bounds.forgets:
            self.world.ignore(down.StartForget)
            return
        sessions = list(sessions)

        @self.world.sink(down.StartForget, *(self.forgets[s] for s in sessions), address=address)
        def start_forget(e: down.StartForget, _to: object, *running: Any) -> Step:
            n = sessions.index(e.due.session)
            yield swapped(running, n, running[n] | {e.due.epoch})

        tabs = [tab for tab in self.world.tabs if tab.session in sessions]

        @self.world.sink(down.Drop, *(tab.drives for tab in tabs), address=address)
        def drop(e: down.Drop, _to: object, *drives: Any) -> Step:
            yield tuple(
                None if tab.session == e.session else one for tab, one in zip(tabs, drives, strict=True)
            )

    def _tab_sinks(self, tab: Tab) -> None:
        """How a client's request is answered."""
        here = {"tab": tab.name}

        for cid in dict.fromkeys(tab.ids.values()):
            self._attach_sink(tab, cid)

        @self.world.sink(down.Reject, tab.channel, of=told.StreamRequested, address=here)
        def reject_stream(e: down.Reject, to: Any, channel: Channel | None) -> Step:
            waits = channel is not None and to.attempt == channel.attempt and channel.generation is None
            yield (channel._replace(status=e.status) if waits and channel else channel,)

        @self.world.sink(down.Reject, tab.posts, of=told.PostArrived, address=here)
        def reject_post(e: down.Reject, to: Any, posts: Any) -> Step:
            yield (answered(posts, to, e.status, ()),)

        @self.world.sink(down.Answer, tab.posts, address=here)
        def answer(e: down.Answer, to: Any, posts: Any) -> Step:
            yield (answered(posts, to, 200, e.verdicts),)

        drives = [other.drives for other in self.world.tabs]
        me = self.world.tabs.index(tab)

        @self.world.sink(down.Handle, tab.handled, *drives, address=here)
        def handle(e: down.Handle, to: Exchange, handled: Any, *_drives: Any) -> Step:
            yield (*handled, e.key), *(to.epoch if n == me else None for n in range(len(drives)))

    def _attach_sink(self, tab: Tab, cid: str) -> None:
        address = {"tab": tab.name, "cid": cid}
        unwatched = [self.detached[s, cid] for s in self.sessions]

        ghosts = [tab.away, tab.drives, self.closed[cid], *unwatched]
        others = [other.away for other in self.world.tabs if other is not tab and cid in other.ids.values()]
        taken_from = others if self.world.bounds.suspends else []

        @self.world.sink(down.Attach, tab.channel, self.closes[cid], *ghosts, *taken_from, address=address)
        def attach(
            e: down.Attach,
            to: Request,
            channel: Channel | None,
            closes: Any,
            away: str,
            drives: Any,
            *_: Any,
        ) -> Step:
            watched = dict(to.cursors)
            back = away == BACK and channel is not None and channel.attempt == e.generation
            drives = e.epoch if back and drives is not None and cid == tab.ids[OWN] else drives
            after = (
                "" if back else away,
                drives,
                None,
                *("" if s in watched else "unwatched" for s in self.sessions),
                *("" for _ in taken_from),
            )
            heard = channel is not None and channel.generation is None and not channel.cut
            if channel is None or channel.attempt != e.generation or not heard:
                yield channel, closes | {e.generation}, *after  # nobody reads it: it will be seen closed
                return
            handle = channel.cid if tab.ids[channel.cid] == cid else cid
            welcome = channel.written(ask.Welcomed(e.generation, handle, e.epoch))
            yield welcome._replace(generation=e.generation, cid=handle), closes, *after

    def _reject_word(self, tab: Tab, kind: type, address: Mapping[str, Hashable], gone: Component) -> None:
        @self.world.sink(down.Reject, tab.words, gone, of=kind, address=address)
        def reject_word(e: down.Reject, to: Word, words: tuple[Word, ...], gone: str) -> Step:
            mine = to._replace(status=200)
            yield (
                tuple(w._replace(status=e.status) if w == mine else w for w in words),
                "" if gone == "unwatching" else gone,
            )

    # -- the rules ---------------------------------------------------------------------------------

    def bind(
        self,
        i: type,
        sources: list[Component],
        arrivals: Any,
        name: str,
        address: Mapping[str, Hashable],
        *,
        fair: bool = True,
    ) -> None:
        """Bind a rule of the server, at an address."""
        self.world.bind(self.world.server, i, sources, arrivals, name=name, fair=fair, address=address)

    def _tab_rules(self, tab: Tab) -> None:
        for handle, cid in tab.ids.items():
            self._request_rule(tab, cid)
            self._post_rules(tab, handle, cid)
            self._farewell_rules(tab, handle, cid)
            if self.world.bounds.watches:
                self._word_rules(tab, handle, cid)

    def _request_rule(self, tab: Tab, cid: str) -> None:
        made = self.world.made
        if made and cid not in made:
            return

        def requested(requests: frozenset[Request], *dead: int) -> Iterator[Arrival]:
            for request in sorted(requests, key=repr):
                named = made[request.attempt[1] % len(made)] if made else tab.ids[request.cid]
                if named == cid and self.world.passes("streams", request.token, dead):
                    i = told.StreamRequested(
                        cid, request.attempt, PRINCIPAL, request.cursors, request.fresh, made=bool(made)
                    )
                    yield i, (requests - {request}, *dead), request

        name = f"{tab.name}'s stream request as {cid}"
        self.bind(
            told.StreamRequested,
            [tab.requests, *self.world.gate],
            requested,
            name,
            {"tab": tab.name, "cid": cid},
        )

    def _post_rules(self, tab: Tab, handle: Any, cid: str) -> None:
        def input_of(e: Exchange) -> told.PostArrived:
            unfit = tuple((key, UNFIT) for key in e.keys if self.world.bounds.unfit and key[1] == 1)
            log = self.log_epoch(e.epoch, e.post)
            return told.PostArrived(cid, e.session, e.attempt, e.epoch, PRINCIPAL, e.keys, log, unfit)

        def arriving(posts: tuple[Exchange, ...], *dead: int) -> Iterator[Arrival]:
            for e in posts:
                if e.status is None and e.cid == handle and self.world.passes("posts", e.token, dead):
                    yield input_of(e), (posts, *dead), e

        def held_up(held: tuple[Exchange, ...]) -> Iterator[Arrival]:
            for n, e in enumerate(held):
                if e.cid == handle:
                    yield input_of(e), (swapped(held, n),), e

        where = {"tab": tab.name, "cid": cid, "session": tab.session}
        self.bind(
            told.PostArrived, [tab.posts, *self.world.gate], arriving, f"{tab.name}'s POST as {cid}", where
        )
        bounds = self.world.bounds
        begins = handle == OWN or cid in self.world.made
        if begins and (bounds.held or bounds.doubled or bounds.kills):
            name = f"{tab.name}'s POST as {cid}, held up"
            self.bind(told.PostArrived, [tab.held], held_up, name, where)

    def _farewell_rules(self, tab: Tab, handle: Any, cid: str) -> None:
        unwatched = [self.detached[s, cid] for s in self.sessions]

        heeded = bool(self.world.bounds.suspends)

        def said_of(
            kind: str, farewells: frozenset[Farewell]
        ) -> Iterator[tuple[Farewell, frozenset[Farewell]]]:
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
        closed, away = self.closed[cid], tab.away
        sources = [tab.farewells, closed, *unwatched]

        def rejected(e: down.Reject, to: Farewell, farewells: frozenset[Farewell]) -> frozenset[Farewell]:
            taken = to._replace(status=200)
            return taken.answered(farewells, e.status, heeded=heeded)

        @self.world.sink(down.Reject, tab.farewells, closed, of=told.CloseRequested, address=where)
        def reject_close(e: down.Reject, to: Farewell, farewells: Any, _closed: Any) -> Step:
            yield rejected(e, to, farewells), None

        @self.world.sink(down.Reject, tab.farewells, away, of=told.SuspendRequested, address=where)
        def reject_suspend(e: down.Reject, to: Farewell, farewells: Any, _away: str) -> Step:
            yield rejected(e, to, farewells), ""

        self.bind(told.CloseRequested, sources, closing, f"{tab.name}'s goodbye as {cid}", where)
        if self.world.bounds.suspends:
            name = f"{tab.name}'s going away as {cid}"
            self.bind(told.SuspendRequested, [tab.farewells, away, tab.opened], suspending, name, where)

    def _word_rules(self, tab: Tab, handle: Any, cid: str) -> None:
        for session in self.sessions:
            gone = self.detached[session, cid]
            for watch in (True, False):
                arrivals = self._words_arriving(handle, cid, session, watch=watch)
                kind = told.WatchRequested if watch else told.UnwatchRequested
                name = f"{tab.name} as {cid} {'' if watch else 'un'}watches {session}"
                where = {"tab": tab.name, "cid": cid, "session": session}
                self._reject_word(tab, kind, where, gone)
                self.bind(kind, [tab.words, gone], arrivals, name, where)

    def _words_arriving(self, handle: Any, cid: str, session: str, *, watch: bool) -> Any:
        def arrivals(words: tuple[Word, ...], gone: str) -> Iterator[Arrival]:
            for n, w in enumerate(words):
                if w.status is not None or w.cid != handle or w.session != session:
                    continue
                if (w.cursor is not None) != watch:
                    continue
                head = (cid, session, w.attempt, w.serial, PRINCIPAL)
                i = (
                    told.WatchRequested(*head, w.cursor, self.log_epoch(session, w.attempt, w.serial))
                    if w.cursor is not None
                    else told.UnwatchRequested(*head)
                )
                taken = swapped(words, n, w._replace(status=200))
                yield i, (taken, "" if watch else gone or "unwatching"), w

        return arrivals

    def _connection_rules(self, cid: str) -> None:
        b, budget = self.world.bounds, self.world.budget

        def closing(closes: frozenset[Attempt]) -> Iterator[Arrival]:
            for generation in sorted(closes):
                yield told.StreamClosed(cid, generation), (closes - {generation},), None

        def elapsing(running: frozenset[Attempt]) -> Iterator[Arrival]:
            for generation in sorted(running):
                yield told.GraceElapsed(cid, generation), (running - {generation},), None

        self.bind(
            told.StreamClosed, [self.closes[cid]], closing, f"a stream of {cid} is seen closed", {"cid": cid}
        )
        if cid not in self.world.made:  # which have no grace
            name = f"the grace timer of {cid} runs out"
            self.bind(told.GraceElapsed, [self.grace[cid]], elapsing, name, {"cid": cid})
            name = f"the grace timer of {cid}, cancelled too late"
            if b.late and any(tab.ids[OWN] == cid for tab in self.world.tabs):
                self.bind(told.GraceElapsed, [self.late[cid]], elapsing, name, {"cid": cid})
        tabs = [tab for tab in self.world.tabs if cid in tab.ids.values()]

        def stalling(left: int, closes: frozenset[Attempt], *channels: Channel | None) -> Iterator[Arrival]:
            mine = zip(tabs, channels, strict=True)
            live = {c.attempt for t, c in mine if c is not None and c.flows and t.ids[c.cid] == cid}
            for generation in sorted(closes | live) if left else ():
                yield told.StreamStalled(cid, generation), (left - 1, closes, *channels), None

        if b.stalls:
            sources = [budget["stalls"], self.closes[cid], *(tab.channel for tab in tabs)]
            name = f"nobody reads a stream of {cid}"
            self.bind(told.StreamStalled, sources, stalling, name, {"cid": cid}, fair=False)
        for session in self.sessions:
            self._due_rule(cid, session, tabs)
        if b.strangers:
            self._strangers(cid)
            self._noise(cid)

    def _due_rule(self, cid: str, session: str, tabs: list[Tab]) -> None:
        """A stream can take more once what was written to it has gone out; one that is dead takes all."""

        def due(woken: frozenset[Attempt], *channels: Channel | None) -> Iterator[Arrival]:
            full = {c.generation for c in channels if c is not None and c.flows and behind(c)}
            for generation in sorted(woken - full):
                i = told.EventsDue(cid, session, generation)
                yield i, (woken - {generation}, *channels), None

        sources = [self.woken[session, cid], *(tab.channel for tab in tabs)]
        self.bind(
            told.EventsDue,
            sources,
            due,
            f"{cid} can take more of {session}",
            {"cid": cid, "session": session},
        )

    def _log_rules(self) -> None:
        lives = self.world.lives

        def publishing(session: str) -> Any:
            def arrivals(left: int, life: int) -> Iterator[Arrival]:
                if left:
                    yield told.Published(session, self.log_epoch(life, "event", left)), (left - 1, life), None

            return arrivals

        def ending(session: str) -> Any:
            def arrivals(left: int, life: int) -> Iterator[Arrival]:
                if left:
                    outcome = "failed" if session == self.sessions[0] else "succeeded"
                    yield (
                        told.Ended(session, outcome, self.log_epoch(life, "end", left)),
                        (left - 1, life),
                        None,
                    )

            return arrivals

        for session in self.sessions:
            events, ends = self.world.events[session], self.world.budget["ends"]
            where = {"session": session}
            name = f"an event for {session}"
            self.bind(
                told.Published, [events, lives], publishing(session), name, {"session": session}, fair=False
            )
            name = f"{session} ends"
            self.bind(told.Ended, [ends, lives], ending(session), name, where, fair=False)

    def _forget_rules(self) -> None:
        """Sessions that are over run out of their time; its end may also come after all was lost."""

        def running_out(session: str) -> Any:
            def arrivals(running: frozenset[Any]) -> Iterator[Arrival]:
                for epoch in sorted(running, key=repr):
                    yield told.ForgetDue(session, epoch), (running - {epoch},), None

            return arrivals

        for session in self.sessions:
            name = f"the time of {session}, which is over, has passed"
            where = {"session": session}
            self.bind(told.ForgetDue, [self.forgets[session]], running_out(session), name, where)

    def log_epoch(self, of: Hashable, *which: Hashable) -> Hashable:
        """An epoch for a log that begins. Where sessions are forgotten, one server has several of a name."""
        return ("log", of, *which) if self.world.bounds.forgets else ("log", of)

    def _restart_rules(self) -> None:
        budget, lives = self.world.budget, self.world.lives
        unseen = [*self.closes.values(), *self.woken.values()]
        opened = [tab.opened for tab in self.world.tabs]
        kept_for = [one for tab in self.world.tabs for one in (tab.away, tab.drives)]

        def restarting(kept: bool) -> Any:
            def arrivals(left: int, life: int, *states: Any) -> Iterator[Arrival]:
                used = states[: len(opened)]
                if left and any(life for life, _ in used):
                    nobody = ("", None) * len(opened)  # an empty server keeps nothing for anybody
                    still = states[len(opened) :][: len(kept_for)] if kept else nobody
                    forgotten = (NOTHING,) * len(unseen)
                    yield told.ServerStarted(kept), (left - 1, life + 1, *used, *still, *forgotten), None

            return arrivals

        for name, kept in (("restarts", False), ("kept", True)):
            if getattr(self.world.bounds, name):
                says = (
                    "the server starts again, with what it knew" if kept else "the server starts again, empty"
                )
                sources = [budget[name], lives, *opened, *kept_for, *unseen]
                self.bind(told.ServerStarted, sources, restarting(kept), says, {}, fair=False)

    def _noise(self, cid: str) -> None:
        """Requests that are none: there is nothing that they could change."""

        def arriving(left: int) -> Iterator[Arrival]:
            if left:
                yield told.RequestRefused("/events", "bad-connection-id"), (left,), None

        sources = [self.world.budget["strangers"]]
        self.bind(told.RequestRefused, sources, arriving, f"no request, as {cid}", {}, fair=False)

    def _strangers(self, cid: str) -> None:
        """Somebody who has learnt the id, with a principal of their own."""
        where = {"stranger": "q", "cid": cid}
        session = self.sessions[0]

        @self.world.sink(down.Attach, self.closes[cid], self.closed[cid], address=where)
        def attach(e: down.Attach, _to: object, closes: Any, _closed: Any) -> Step:
            yield closes | {e.generation}, None

        for effect in (down.Reject, down.Answer, down.Handle):
            self.world.sink(effect, address={"stranger": "q"})(lambda _e, _to: [()])
        generation = (9, 9)

        def knocking(i: Callable[[Attempt], Any]) -> Any:
            def arrivals(left: int, connection: theirs.Connection | None) -> Iterator[Arrival]:
                if left:
                    yield i(connection.generation if connection else generation), (left - 1, connection), None

            return arrivals

        knocks: dict[str, Callable[[Attempt], Any]] = {
            "stream": lambda _g: told.StreamRequested(cid, generation, STRANGER, (), STRANGERS),
            "close": lambda g: told.CloseRequested(cid, g, STRANGER),
            "suspend": lambda g: told.SuspendRequested(cid, g, STRANGER),
            "watch": lambda g: told.WatchRequested(cid, session, g, 99, STRANGER, START, STRANGERS),
            "unwatch": lambda g: told.UnwatchRequested(cid, session, g, 99, STRANGER),
            "send": lambda g: told.PostArrived(cid, session, g, g, STRANGER, ((9, 9),), STRANGERS),
        }
        for kind, i in knocks.items():
            sources = [self.world.budget["strangers"], self.connections[cid]]
            name = f"a stranger's {kind} as {cid}"
            where_now = where | ({"session": session} if kind in ("watch", "unwatch", "send") else {})
            self.bind(type(i(generation)), sources, knocking(i), name, where_now, fair=False)


def behind(channel: Channel) -> bool:
    """Whether events that were written have not been read."""
    return any(isinstance(message, ask.EventArrived) for message in channel.messages)
