"""A client in its world: its parts, its wires and timers, and the application that uses it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from perdure_model.checker import Component
from perdure_model.core.client import effects as up
from perdure_model.core.client import inputs as ask
from perdure_model.core.client import parts as mine
from perdure_model.core.common import NEVER, START, Attempt, Epoch, SendKey
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.wires import (
    NOTHING,
    Channel,
    Exchange,
    Farewell,
    Request,
    Step,
    Word,
    swapped,
)

if TYPE_CHECKING:
    from perdure_model.world.transport.world import Transport

LIVE, AWAY, DEAD = "live", "away", "dead"
BACK = "back"
"""A client that was away, by the server's word, and has come back; the server does not know yet."""
OWN, NEW = "own", "new"
"""Handles of ids, as the client holds them: the one that it begins with, and the one that nobody has."""


CAUSES: dict[type, Callable[[Any], str]] = {
    ask.StreamLost: lambda i: {401: "expired", 410: "expired", 409: "taken over"}.get(i.status, "failed"),
    ask.EndArrived: lambda i: str(i.outcome),
    ask.TakenOver: lambda _i: "taken over",
    ask.Left: lambda _i: "closed",
    ask.CredentialRefused: lambda _i: "expired",
    ask.Desynced: lambda _i: "failed",
}
"""What each input that can end a session would have to be told as."""


class Note(NamedTuple):
    """What a client has written down of a send that is not settled: where it may have been taken."""

    epoch: Epoch | None = None


MANY = 8
"""More POSTs of a send than any bound allows: beyond it they are not counted."""


class Answers(NamedTuple):
    """What became of a send's POSTs, told by the wires alone: how often it was posted, how often its
    credential was refused, the latest answer and under which epoch, whether any has failed otherwise than by
    its credential, whether one may have been taken, and whether the server asked for a wait that still runs.

    `told`: whether the session's end brought the receipt of one that was taken. `wrong` says what a POST of
    it did that none may: go out too early, or under another id than welcomed.
    """

    latest: int | None = None
    failed: bool = False
    posted: int = 0
    denied: int = 0
    doubt: bool = False
    epoch: Epoch | None = None
    asked: bool = False
    told: bool = False
    wrong: str = ""

    def then(self, status: int, epoch: Epoch, *, left: bool = True) -> Answers:
        """With one more answer."""
        return self._replace(
            latest=status,
            failed=self.failed or status not in (200, 401),
            denied=self.denied + (status == 401),
            doubt=self.doubt or (status == 0 and left) or status in (408, 409) or status >= 500,
            epoch=epoch,
            asked=self.asked or status == 429,
        )

    def again(self, *, welcomed: bool) -> Answers:
        """Posted once more."""
        wrong = "hasty" if self.asked else self.wrong if welcomed else "stray"
        return self._replace(posted=min(self.posted + 1, MANY), wrong=wrong)


class Parting(NamedTuple):
    """What a client said last of leaving, as the wires tell it: whether that was not taken, and whether its
    application knows."""

    word: str = ""
    attempt: Attempt = NEVER
    said_no: bool = False
    told: bool = False


class Refresh(NamedTuple):
    """What a client asked for in place of its credential: of which one it asks now, how often it did; the
    credentials that the server had taken, as the wires tell it; and whether it asked in place of another."""

    of: Any = None
    times: int = 0
    taken: frozenset[Any] = frozenset({0})
    vain: bool = False


class Tab:
    """One client. `home` is the server's name for the id that it begins with."""

    def __init__(self, world: Transport, name: str, home: str, lives: tuple[int, ...]) -> None:
        self.world, self.name, self.lives = world, name, lives
        self.ids: dict[Hashable, str] = {OWN: home}
        if world.bounds.copied or world.bounds.spare:
            self.ids |= {NEW: f"{name}2"}
        self.ids |= {cid: cid for cid in world.made}
        self.session = world.bounds.sessions[0]
        self.keys: tuple[SendKey, ...] = tuple(
            (life, n + 1) for life in lives for n in range(world.bounds.sends)
        )
        self.of: dict[tuple[str, str], Component] = {}
        self._parts()
        self._wires()
        self._app()

    @property
    def components(self) -> list[Component]:
        """All that this client consists of, in the order of declaration."""
        mine = f"{self.name}."
        return [one for one in self.world.system.components if one.name.startswith(mine)]

    def declare(self) -> None:
        """Say where effects go, and bind the rules."""
        self._stream_sinks()
        self._farewell_sinks()
        self._send_sinks()
        self._app_sinks()
        self._timers()
        self._stream_rules()
        self._send_rules()
        self._app_rules()

    # -- components --------------------------------------------------------------------------------

    def _parts(self) -> None:
        b, part = self.world.bounds, self.world.part
        scope = self.name
        self.state = part(mine.STATE, scope=scope)
        self.me = part(mine.ME, scope=scope)
        self.access = part(mine.ACCESS, scope=scope)
        self.link = part(mine.LINK, scope=scope)
        self.watching = part(mine.WATCHING, scope=scope)
        self.cursors = {s: part(mine.CURSOR, (s,), scope=scope) for s in b.sessions}
        self.outbox = part(mine.OUTBOX, (self.session,), scope=scope)
        self.items = {key: part(mine.ITEM, (self.session, key), scope=scope) for key in self.keys}
        settings = mine.ClientSettings(
            attempts_max=b.attempts_max,
            retries_max=b.retries_max,
            queue_max=b.queue_max,
            batch_max=b.batch_max,
            renews=b.renews,
            refreshes=b.tokens > 0,
        )
        part(mine.SETTINGS, (), settings, scope=scope)

    def _add(self, name: str, initial: Any) -> Component:
        return self.world.system.component(f"{self.name}.{name}", initial)

    def _wires(self) -> None:
        self.requests = self._add("requests", NOTHING)
        self.channel = self._add("stream", None)
        self.posts = self._add("posts", ())
        self.held = self._add("posts held up", ())
        self.words = self._add("words", ())
        self.farewells = self._add("farewells", NOTHING)
        self.following = self._add("next", ())
        self.reconnect = self._add("reconnect timer", NOTHING)
        self.retry = self._add("retry timer", NOTHING)
        self.late = self._add("came too late", NOTHING)

    def _app(self) -> None:
        b = self.world.bounds
        self.opened = self._add("app", (0, ""))
        self.asked = self._add("app.asked", 0)
        self.outcomes = {key: self._add(f"app.outcome{key}", None) for key in self.keys}
        self.answers = {key: self._add(f"app.answer{key}", Answers()) for key in self.keys}
        self.noted = {key: self._add(f"app.noted{key}", None) for key in self.keys} if b.kills else {}
        self.seen = {s: self._add(f"app.seen[{s}]", ()) for s in b.sessions}
        self.handled = self._add("app.handled", ())
        self.drives = self._add("app.drives", None)
        self.shown = self._add("app.shown", (False, False))
        self.known_as = self._add("app.known as", (OWN, ""))
        self.lost_id = self._add("app.lost its id", False)
        self.welcome = self._add("app.welcome", None)
        self.cause = self._add("app.cause", "")
        self.away = self._add("app.away", "")
        self.parting = self._add("app.parting", Parting())
        self.wants = self._add("app.wants", (self.session,))
        self.told_no = self._add("app.told no", NOTHING)
        self.credential = self._add("app.credential", Refresh())

    # -- where effects go --------------------------------------------------------------------------

    def _sink(self, effect: type, *components: Component) -> Callable[[Any], Any]:
        return self.world.sink(effect, *components, address={"tab": self.name})

    def _stream_sinks(self) -> None:
        closes = self.world.host.closes

        @self._sink(up.OpenStream, self.requests, self.channel)
        def open_stream(e: up.OpenStream, _to: object, requests: Any, _old: object) -> Step:
            request = Request(e.attempt, e.cid, e.token, e.cursors)
            yield requests | {request}, Channel(e.attempt, e.cid, e.token, cursors=e.cursors)

        seen_closed = [closes[cid] for cid in dict.fromkeys(self.ids.values())]

        @self._sink(up.EndStream, self.channel, self.late, self.world.budget["late"], *seen_closed)
        def end_stream(
            e: up.EndStream, _to: object, channel: Channel | None, late: Any, left: int, *seen: Any
        ) -> Step:
            if channel is None or channel.attempt != e.attempt:
                yield channel, late, left, *seen
                return
            noticed = self.noticed(channel, seen)
            if left:
                for i in (ask.StreamLost(e.attempt, 0, fresh=NEW), *channel.read_already):
                    yield None, late | {i}, left - 1, *noticed
            yield None, late, left, *noticed

        @self._sink(up.Tell, self.words)
        def tell(e: up.Tell, _to: object, words: tuple[Word, ...]) -> Step:
            yield ((*words, Word(e.attempt, e.cid, e.serial, e.session, e.cursor)),)

    def _farewell_sinks(self) -> None:
        def saying(word: str) -> Any:
            def say(e: Any, _to: object, farewells: Any, _before: Parting) -> Step:
                yield farewells | {Farewell(word, e.attempt, e.cid)}, Parting(word, e.attempt)

            return say

        self._sink(up.SayGoodbye, self.farewells, self.parting)(saying("close"))
        self._sink(up.SaySuspended, self.farewells, self.parting)(saying("suspend"))

        @self._sink(up.NotTaken, self.parting)
        def not_taken(e: up.NotTaken, _to: object, parting: Parting) -> Step:
            yield (parting._replace(told=e.word == parting.word),)

    def noticed(self, channel: Channel, seen: tuple[Any, ...]) -> tuple[Any, ...]:
        """What the server will see closed, by the ids of this client."""
        cids = dict.fromkeys(self.ids.values())
        if not channel.flows:
            return seen
        mine = self.ids[channel.cid]
        return tuple(
            s | {channel.generation} if cid == mine else s for cid, s in zip(cids, seen, strict=True)
        )

    def _send_sinks(self) -> None:
        noted = tuple(self.noted.values())

        answers = tuple(self.answers.values())

        @self._sink(up.Post, self.posts, self.state, self.welcome, *answers, *noted)
        def post(e: up.Post, _to: object, posts: Any, state: mine.ClientState, *rest: Any) -> Step:
            welcome, had, notes = rest[0], rest[1 : 1 + len(answers)], rest[1 + len(answers) :]
            welcomed = welcome == (e.cid, e.epoch)
            counted = tuple(
                one.again(welcomed=welcomed) if key in e.keys else one
                for key, one in zip(self.answers, had, strict=True)
            )
            down = state.state != "awaiting"
            exchange = Exchange(e.session, e.post, e.attempt, e.cid, e.token, e.epoch, e.keys, down)
            now = {
                key: Note(e.epoch) if key in e.keys else note
                for key, note in zip(self.noted, notes, strict=True)
            }
            yield ((*posts, exchange), state, welcome, *counted, *now.values())

        @self._sink(up.Settled, self.posts, self.link, *self.outcomes.values(), *answers, *noted)
        def settled(e: up.Settled, _to: object, posts: Any, link: mine.Link, *states: Any) -> Step:
            told = dict(zip(self.keys, states, strict=False))
            had = dict(zip(self.keys, states[len(self.keys) :], strict=False))
            notes = dict(zip(self.noted, states[2 * len(self.keys) :], strict=True))
            doubt = had[e.key].doubt or any(e.key in post.keys for post in posts)
            note = notes.get(e.key)
            doubt = doubt or (note is not None and note.epoch is not None)
            outcome = self.judged(e, had[e.key], link, doubt=doubt)
            told[e.key] = outcome if told[e.key] is None else "twice"
            had[e.key] = Answers(had[e.key].latest, wrong=had[e.key].wrong)
            left = (None if key == e.key else one for key, one in notes.items())
            yield posts, link, *told.values(), *had.values(), *left

        @self._sink(up.Shown, self.shown)
        def shown(e: up.Shown, _to: object, _before: object) -> Step:
            yield ((e.running, e.delayed),)

    def judged(self, e: up.Settled, had: Answers, link: mine.Link, *, doubt: bool) -> str:
        """The outcome that the application is told, or what is wrong with it."""
        if e.outcome == "uncertain" and (had.told or not doubt):
            return "groundless"
        passing = e.why.startswith(("status 5", "status 429", "no answer"))
        spent = had.posted - had.denied > self.world.bounds.retries_max
        return "early" if passing and not spent and had.epoch == link.epoch else e.outcome

    def _app_sinks(self) -> None:
        seen = tuple(self.seen.values())

        def handed(kind: str) -> Any:
            def put(e: Any, _to: object, state: mine.ClientState, *had: tuple[Any, ...]) -> Step:
                when = "" if state.state == "awaiting" else "late "
                now = dict(zip(self.seen, had, strict=True))
                now[e.session] += tuple((when + kind, e.epoch, position) for position in places(e))
                yield (state, *now.values())

            return put

        def places(e: up.Deliver | up.DeliverGap) -> range:
            return range(e.position, e.position + (e.count if isinstance(e, up.Deliver) else 1))

        self._sink(up.Deliver, self.state, *seen)(handed("event"))
        self._sink(up.DeliverGap, self.state, *seen)(handed("gap"))

        @self._sink(up.Next, self.following)
        def follow(e: up.Next, _to: object, following: tuple[Any, ...]) -> Step:
            yield ((*following, e.input),)

        @self._sink(up.Renamed, self.known_as)
        def renamed(e: up.Renamed, _to: object, _before: object) -> Step:
            yield ((e.cid, e.why),)

        @self._sink(up.AskCredential, self.credential)
        def ask_credential(e: up.AskCredential, _to: object, before: Refresh) -> Step:
            vain = before.vain or e.token not in before.taken
            yield (before._replace(of=e.token, times=before.times + 1, vain=vain),)

        @self._sink(up.NotWatched, self.told_no, self.wants)
        def not_watched(e: up.NotWatched, _to: object, told: Any, wants: tuple[str, ...]) -> Step:
            yield told | {e.session}, without(wants, e.session)

        @self._sink(up.SessionOver, self.told_no, self.wants)
        def session_over(e: up.SessionOver, _to: object, told: Any, wants: tuple[str, ...]) -> Step:
            yield told | {e.session}, without(wants, e.session)

    def _timers(self) -> None:
        late, left = self.late, self.world.budget["late"]

        def which(due: object) -> int:
            return 1 if isinstance(due, ask.RetryDue) else 0

        @self._sink(up.StartTimer, self.reconnect, self.retry)
        def start_timer(e: up.StartTimer, _to: object, *running: Any) -> Step:
            n = which(e.due)
            yield swapped(running, n, running[n] | {e.due})

        @self._sink(up.CancelTimer, late, left, self.reconnect, self.retry)
        def cancel_timer(e: up.CancelTimer, _to: object, late: Any, left: int, *running: Any) -> Step:
            n = which(e.due)
            stopped = swapped(running, n, running[n] - {e.due})
            yield late, left, *stopped
            if left and e.due in running[n]:
                yield late | {e.due}, left - 1, *stopped

    # -- the rules ---------------------------------------------------------------------------------

    def bind(
        self, i: type, sources: list[Component], arrivals: Any, name: str = "", *, fair: bool = True
    ) -> None:
        """What follows from a client's decision comes before all else, as in the runtime."""
        world = self.world
        rule = world.client[i]
        name = f"{self.name}: {name or rule.name}"
        address = {"tab": self.name}

        def at_leisure(following: tuple[Any, ...], *states: Any) -> Iterator[Arrival]:
            for arrived, left, to in () if following else arrivals(*states):
                yield arrived, (following, *left), to

        if i in CAUSES:
            sources, arrivals = [self.cause, self.state, *sources], self._causing(arrivals)
        if self.following not in sources:
            sources, arrivals_now = [self.following, *sources], at_leisure
        else:
            arrivals_now = arrivals
        world.bind(
            world.client, i, sources, arrivals_now, name=name, fair=fair, address=address, scope=self.name
        )

    def _causing(self, arrivals: Any) -> Any:
        """Note what arrived last before the end: the outcome has to be this one's."""

        def noting(cause: str, state: Any, *states: Any) -> Iterator[Arrival]:
            for i, left, to in arrivals(*states):
                over = state is not None and state.state == "terminal"
                yield i, (cause if over else CAUSES[type(i)](i), state, *left), to

        return noting

    def _stream_rules(self) -> None:
        def arriving(kind: type) -> Any:
            def arrivals(channel: Channel | None) -> Iterator[Arrival]:
                if channel is not None and channel.messages and isinstance(channel.messages[0], kind):
                    yield channel.messages[0], (channel._replace(messages=channel.messages[1:]),), None

            return arrivals

        def events(channel: Channel | None) -> Iterator[Arrival]:
            """One alone, or two that came together."""
            yield from arriving(ask.EventArrived)(channel)
            if channel is not None and together(channel.messages):
                e = channel.messages[0]
                both = ask.EventArrived(e.attempt, e.session, e.epoch, e.position, count=2)
                yield both, (channel._replace(messages=channel.messages[2:]),), None

        def too_late(kind: type) -> Any:
            def arrivals(late: frozenset[Any]) -> Iterator[Arrival]:
                for i in sorted(late, key=repr):
                    if isinstance(i, kind):
                        yield i, (late - {i},), None

            return arrivals

        def heard(channel: Channel | None) -> Iterator[Arrival]:
            stays = "staying" not in self.world.bounds.never
            if channel is not None and channel.flows and not channel.messages and stays:
                yield ask.Heard(channel.attempt), (channel,), None

        def losing(channel: Channel | None) -> Iterator[Arrival]:
            if channel is None:
                return
            lost = ask.StreamLost(channel.attempt, channel.status or 0, channel.token, NEW)
            if channel.cut or (channel.over and not channel.messages) or channel.status is not None:
                yield lost, (None,), None

        def taken_over(channel: Channel | None, _lost: bool) -> Iterator[Arrival]:
            for i, left, to in arriving(ask.TakenOver)(channel):
                yield i, (*left, True), to

        brought = (ask.Welcomed, ask.EventArrived, ask.GapArrived, ask.EndArrived, ask.TakenOver)

        def welcomed(channel: Channel | None, _welcome: Any, *taken: Refresh) -> Iterator[Arrival]:
            for i, left, to in arriving(ask.Welcomed)(channel):
                yield i, (*left, (i.cid, i.epoch), *taking(taken, left[0].token)), to

        self.bind(ask.Welcomed, [self.channel, self.welcome, *self._proofs], welcomed)
        self.bind(ask.EventArrived, [self.channel], events)
        self.bind(ask.GapArrived, [self.channel], arriving(ask.GapArrived))

        def ended(channel: Channel | None, *answers: Answers) -> Iterator[Arrival]:
            for i, left, to in arriving(ask.EndArrived)(channel):
                taken = {key for key, said in i.verdicts if said == "accepted" and i.session == self.session}
                now = (
                    one._replace(told=True) if key in taken else one
                    for key, one in zip(self.keys, answers, strict=True)
                )
                yield i, (*left, *now), to

        self.bind(ask.EndArrived, [self.channel, *self.answers.values()], ended)
        self.bind(ask.TakenOver, [self.channel, self.lost_id], taken_over)
        self.bind(ask.Heard, [self.channel], heard)
        self.bind(ask.StreamLost, [self.channel], losing)
        if self.world.bounds.late:
            for kind in (*brought, ask.Heard, ask.StreamLost):
                name = f"{kind.__name__} of a stream that was ended"
                self.bind(kind, [self.late], too_late(kind), name)
            for due in (ask.ReconnectDue, ask.RetryDue):
                self.bind(due, [self.late], too_late(due), f"{due.__name__}, cancelled too late")

    def _send_rules(self) -> None:
        def running_out(running: frozenset[Any]) -> Iterator[Arrival]:
            for i in sorted(running, key=repr):
                yield i, (running - {i},), None

        def replied(posts: tuple[Exchange, ...], *states: Any) -> Iterator[Arrival]:
            answers, taken = states[: len(self.keys)], states[len(self.keys) :]
            for n, e in enumerate(posts):
                if e.status is None:
                    continue
                asked_s = 9.0 if e.status == 429 else None
                reply = ask.PostReplied(e.session, e.post, e.status, e.token, e.verdicts, e.left, asked_s)
                now = dict(zip(self.keys, answers, strict=True))
                now |= {key: now[key].then(e.answer_to(key) or 0, e.epoch, left=e.left) for key in e.keys}
                proofs = taking(taken, e.token) if e.status == 200 else taken
                yield reply, (swapped(posts, n), *now.values(), *proofs), None

        def worded(words: tuple[Word, ...]) -> Iterator[Arrival]:
            for n, w in enumerate(words):
                if w.status is not None:
                    yield (
                        ask.WatchReplied(w.attempt, w.serial, w.session, w.status),
                        (swapped(words, n),),
                        None,
                    )

        def following(kind: type) -> Any:
            def arrivals(waiting: tuple[Any, ...]) -> Iterator[Arrival]:
                if waiting and isinstance(waiting[0], kind):
                    yield waiting[0], (waiting[1:],), None

            return arrivals

        self.bind(ask.ReconnectDue, [self.reconnect], running_out)
        self.bind(ask.PostReplied, [self.posts, *self.answers.values(), *self._proofs], replied)

        def waited(running: frozenset[Any], *answers: Answers) -> Iterator[Arrival]:
            over = [one._replace(asked=False) for one in answers]
            for i in sorted(running, key=repr):
                yield i, (running - {i}, *over), None

        self.bind(ask.RetryDue, [self.retry, *self.answers.values()], waited)
        self.bind(ask.WatchReplied, [self.words], worded)
        for follower in (ask.Desynced, ask.Flush, ask.Bar, ask.Abandon):
            self.bind(follower, [self.following], following(follower))

    def _app_rules(self) -> None:
        b, budget = self.world.bounds, self.world.budget
        started = [self.opened, *self.noted.values()]

        def opening(opened: tuple[int, str], *kept: Any) -> Iterator[Arrival]:
            life, how = opened
            if how in (LIVE, AWAY) or life == len(self.lives):
                return
            known = OWN if life or b.copied else None
            cursors = ((self.session, START),)
            noted = zip(self.noted, kept, strict=True)
            unsent = tuple(
                ask.Unsent(self.session, key, note.epoch) for key, note in noted if note is not None
            )
            i = ask.Started(known, OWN if known is None else NEW, (self.lives[life], 1), cursors, 0, unsent)
            yield i, ((life + 1, LIVE), *kept), None

        def sending(opened: tuple[int, str], asked: int, *kept: Any) -> Iterator[Arrival]:
            life, how = opened
            if how in (LIVE, AWAY) and asked < b.sends:
                key = (self.lives[life - 1], asked + 1)
                now = {
                    known: Note() if known == key else note
                    for known, note in zip(self.noted, kept, strict=True)
                }
                yield ask.SendRequested(self.session, key), (opened, asked + 1, *now.values()), None

        def leaving(opened: tuple[int, str], left: int) -> Iterator[Arrival]:
            if opened[1] in (LIVE, AWAY) and left:
                yield ask.Left(), (opened, left - 1), None

        self.bind(ask.Started, started, opening, fair=False)
        self.bind(ask.SendRequested, [self.opened, self.asked, *self.noted.values()], sending, fair=False)
        self.bind(ask.Left, [self.opened, budget["leaves"]], leaving, fair=False)
        self._away_rules()
        self._watch_rules()
        self._credential_rules()

    def _away_rules(self) -> None:
        def suspending(opened: tuple[int, str], left: int) -> Iterator[Arrival]:
            if opened[1] in (LIVE, AWAY) and left:
                yield ask.Suspended(), ((opened[0], AWAY), left - 1), None

        def resuming(opened: tuple[int, str], away: str, _said: Parting) -> Iterator[Arrival]:
            if opened[1] == AWAY:
                yield ask.Resumed(), ((opened[0], LIVE), BACK if away else "", Parting()), None

        def replied(farewells: frozenset[Farewell], parting: Parting) -> Iterator[Arrival]:
            for said in sorted(farewells):
                if said.under_way:
                    continue
                latest = (said.kind, said.attempt) == (parting.word, parting.attempt)
                after = parting._replace(said_no=True) if latest and said.status != 200 else parting
                i = ask.FarewellReplied(said.kind, said.attempt, said.status)  # type: ignore[arg-type]
                yield i, (farewells - {said}, after), None

        if self.world.bounds.suspends:
            self.bind(ask.Suspended, [self.opened, self.world.budget["suspends"]], suspending, fair=False)
            self.bind(ask.Resumed, [self.opened, self.away, self.parting], resuming, fair=False)
            self.bind(ask.FarewellReplied, [self.farewells, self.parting], replied)

    def _watch_rules(self) -> None:
        sessions = self.world.bounds.sessions

        def changing(kind: type, wanted: bool) -> Any:
            def arrivals(
                opened: tuple[int, str], wants: tuple[str, ...], told_no: Any, left: int
            ) -> Iterator[Arrival]:
                for session in sessions if left and opened[1] == LIVE else ():
                    after = {*wants, session} if wanted else {*wants} - {session}
                    yield kind(session), (opened, tuple(sorted(after)), told_no - {session}, left - 1), None

            return arrivals

        if self.world.bounds.watches:
            sources = [self.opened, self.wants, self.told_no, self.world.budget["watches"]]
            self.bind(ask.WatchAsked, sources, changing(ask.WatchAsked, wanted=True), fair=False)
            self.bind(ask.UnwatchAsked, sources, changing(ask.UnwatchAsked, wanted=False), fair=False)

    @property
    def _proofs(self) -> list[Component]:
        """Where it is noted that the server took a credential, in worlds where one can die."""
        return [self.credential] if self.world.bounds.tokens else []

    def _credential_rules(self) -> None:
        """The credential's own rules are checked in system R's worlds; here it answers as it may."""
        last = self.world.bounds.tokens

        def given(asked: Refresh) -> Iterator[Arrival]:
            if asked.of is not None and asked.of < last:
                yield ask.CredentialGiven(asked.of + 1), (asked._replace(of=None),), None
            if asked.of is not None:
                yield ask.CredentialGiven(asked.of), (asked,), None

        def refused(asked: Refresh) -> Iterator[Arrival]:
            if asked.of is not None:
                yield ask.CredentialRefused(asked.of), (asked._replace(of=None),), None
                yield ask.CredentialRefused(asked.of - 1), (asked,), None

        if last:
            self.bind(ask.CredentialGiven, [self.credential], given)
            self.bind(ask.CredentialRefused, [self.credential], refused)


def taking(refresh: tuple[Refresh, ...], token: Any) -> tuple[Refresh, ...]:
    """With this credential among those that the server has taken."""
    return tuple(one._replace(taken=one.taken | {token}) for one in refresh)


def without(sessions: tuple[str, ...], session: str) -> tuple[str, ...]:
    """All but this one."""
    return tuple(one for one in sessions if one != session)


def together(messages: tuple[Any, ...]) -> bool:
    """Whether the next two are events of one log, one after the other."""
    match messages[:2]:
        case [ask.EventArrived() as e, ask.EventArrived() as then]:
            return (then.session, then.epoch, then.position) == (e.session, e.epoch, e.position + 1)
    return False
