"""System T's world: clients and a server, the wires between them, and what can go wrong on the way.

One client (`CID`) and one session. The wires: stream requests on their way up, the client's latest
stream, closes that the server has not noticed, POSTs in flight, POSTs held up somewhere, goodbyes. Timers
may fire at any moment once started; one that is cancelled may, within a budget, have just run out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from perdure_model.checker import Component
from perdure_model.core.client import effects as up
from perdure_model.core.client import inputs as ask
from perdure_model.core.client import parts as mine
from perdure_model.core.common import Attempt, Epoch, SendKey
from perdure_model.core.server import effects as down
from perdure_model.core.server import inputs as told
from perdure_model.core.server import parts as theirs
from perdure_model.world.bind import Arrival, World
from perdure_model.world.defect import Books

CID, SESSION, PRINCIPAL, STRANGER = "c", "s", "p", "q"
Step = Iterator[tuple[Any, ...]]


@dataclass(frozen=True)
class Bounds:
    """How much can happen: application first, then faults. Every fault is budgeted."""

    sends: int = 2
    events: int = 1
    ends: int = 0
    leaves: int = 0
    cuts: int = 2
    lost: int = 1
    """Requests or responses of POSTs lost, or goodbyes."""
    held: int = 0
    """POSTs that their client gives up on, and that arrive later all the same."""
    statuses: tuple[int, ...] = ()
    """What one POST or stream request may be answered with on the way."""
    restarts: int = 0
    late: int = 1
    """Timers cancelled when they had just run out, and streams ended when something had just been read."""
    garbled: int = 0
    """Messages of a stream repeated or skipped."""
    strangers: int = 0
    attempts_max: int = 5
    retries_max: int = 1
    queue_max: int = 2
    log_max: int = 9
    batch_max: int = 2


class Channel(NamedTuple):
    """The client's latest stream. `generation` is set once the server has attached it; `status` is what a
    request that was not attached is answered with; `over` after the server's last byte; `cut` by a fault."""

    attempt: Attempt
    generation: Attempt | None = None
    messages: tuple[Any, ...] = ()
    status: int | None = None
    over: bool = False
    cut: bool = False

    @property
    def flows(self) -> bool:
        """Whether what the server writes still reaches the wire."""
        return self.generation is not None and not self.over and not self.cut


class Exchange(NamedTuple):
    """A POST in flight: on its way up while `status` is None, then on its way back."""

    post: int
    epoch: Epoch
    keys: tuple[SendKey, ...]
    status: int | None = None
    verdicts: tuple[tuple[SendKey, str], ...] = ()


class Late(NamedTuple):
    """What was called off too late: how often that may yet happen, and the inputs that come all the same."""

    left: int
    due: frozenset[Any] = frozenset()


NOTHING: frozenset[Any] = frozenset()


class Transport(World):
    """The world of one client and one session; the books may have a defect."""

    def __init__(self, bounds: Bounds, name: str, books: Books) -> None:
        super().__init__(name)
        self.bounds, self.client, self.server = bounds, books["client"], books["server"]
        self.here = {"cid": CID, "session": SESSION}
        self._parts()
        self._wires()
        self._client_sinks()
        self._server_sinks()
        self._client_rules()
        self._server_rules()
        self._faults()

    # -- components --------------------------------------------------------------------------------

    def _parts(self) -> None:
        b = self.bounds
        self.keys: tuple[SendKey, ...] = tuple((1, n + 1) for n in range(b.sends))
        settings = mine.ClientSettings(
            attempts_max=b.attempts_max,
            retries_max=b.retries_max,
            queue_max=b.queue_max,
            batch_max=b.batch_max,
        )
        server_settings = theirs.ServerSettings(log_max=b.log_max, batch_max=b.batch_max)
        self.state = self.part(mine.STATE)
        self.link = self.part(mine.LINK)
        self.cursor = self.part(mine.CURSOR, (SESSION,))
        self.outbox = self.part(mine.OUTBOX, (SESSION,))
        self.items = {key: self.part(mine.ITEM, (SESSION, key)) for key in self.keys}
        self.connection = self.part(theirs.CONNECTION, (CID,))
        self.watch = self.part(theirs.WATCH, (SESSION, CID))
        self.owner = self.part(theirs.OWNER, (SESSION, CID))
        self.window = self.part(theirs.WINDOW, (CID, SESSION))
        self.log = self.part(theirs.LOG, (SESSION,))
        self.part(mine.SETTINGS, (), settings)
        self.part(theirs.SETTINGS, (), server_settings)

    def _wires(self) -> None:
        add, b = self.system.component, self.bounds
        self.requests = add("wire.requests", NOTHING)
        self.channel = add("wire.stream", None)
        self.closes = add("wire.closes", NOTHING)
        self.posts = add("wire.posts", ())
        self.held = add("wire.held", ())
        self.goodbyes = add("wire.goodbyes", NOTHING)
        self.woken = add("wire.woken", NOTHING)
        self.following = add("client.next", ())
        self.reconnect = add("timer.reconnect", NOTHING)
        self.retry = add("timer.retry", NOTHING)
        self.grace = add("timer.grace", NOTHING)
        self.late = add("timer.late", Late(b.late))
        self.opened = add("app.opened", False)
        self.asked = add("app.asked", 0)
        self.outcomes = {key: add(f"app.outcome{key}", None) for key in self.keys}
        self.seen = add("app.seen", ())
        self.handled = add("app.handled", ())
        self.budget = {
            name: add(f"budget.{name}", left)
            for name, left in {
                "events": b.events,
                "ends": b.ends,
                "leaves": b.leaves,
                "cuts": b.cuts,
                "lost": b.lost,
                "held": b.held,
                "statuses": 1 if b.statuses else 0,
                "restarts": b.restarts,
                "garbled": b.garbled,
                "strangers": b.strangers,
            }.items()
        }

    # -- where effects go --------------------------------------------------------------------------

    def _client_sinks(self) -> None:
        def noticed(channel: Channel) -> frozenset[Any]:
            return frozenset({channel.generation}) if channel.flows else NOTHING

        def read_already(channel: Channel) -> tuple[Any, ...]:
            """What our end may have taken off the wire when we closed it."""
            return channel.messages[:1] or ((ask.Heard(channel.attempt),) if channel.flows else ())

        @self.sink(up.OpenStream, self.requests, self.channel)
        def open_stream(e: up.OpenStream, _to: object, requests: frozenset[Any], _old: object) -> Step:
            yield requests | {(e.attempt, e.cursors)}, Channel(e.attempt)

        @self.sink(up.EndStream, self.channel, self.closes, self.late)
        def end_stream(
            e: up.EndStream, _to: object, channel: Channel | None, closes: Any, late: Late
        ) -> Step:
            if channel is None or channel.attempt != e.attempt:
                yield channel, closes, late
                return
            for i in (ask.StreamLost(e.attempt, 0), *read_already(channel)) if late.left else ():
                yield None, closes | noticed(channel), Late(late.left - 1, late.due | {i})
            yield None, closes | noticed(channel), late

        @self.sink(up.Post, self.posts)
        def post(e: up.Post, _to: object, posts: tuple[Exchange, ...]) -> Step:
            yield ((*posts, Exchange(e.post, e.epoch, e.keys)),)

        @self.sink(up.SayGoodbye, self.goodbyes)
        def say_goodbye(e: up.SayGoodbye, _to: object, goodbyes: frozenset[Attempt]) -> Step:
            yield (goodbyes | {e.attempt},)

        @self.sink(up.Settled, *self.outcomes.values())
        def settled(e: up.Settled, _to: object, *outcomes: str | None) -> Step:
            told = dict(zip(self.keys, outcomes, strict=True))
            told[e.key] = e.outcome if told[e.key] is None else "twice"
            yield tuple(told.values())

        def handed(kind: str, e: Any, seen: tuple[Any, ...], state: mine.ClientState) -> Step:
            when = "" if state.state == "awaiting" else "late "
            yield (*seen, (when + kind, e.epoch, e.position)), state

        @self.sink(up.Deliver, self.seen, self.state)
        def deliver(e: up.Deliver, _to: object, seen: tuple[Any, ...], state: mine.ClientState) -> Step:
            yield from handed("event", e, seen, state)

        @self.sink(up.DeliverGap, self.seen, self.state)
        def deliver_gap(
            e: up.DeliverGap, _to: object, seen: tuple[Any, ...], state: mine.ClientState
        ) -> Step:
            yield from handed("gap", e, seen, state)

        @self.sink(up.Next, self.following)
        def follow(e: up.Next, _to: object, following: tuple[Any, ...]) -> Step:
            yield ((*following, e.input),)

        self._timer(up.StartTimer, up.CancelTimer, self.reconnect, self.retry)

    def _timer(self, start: type, cancel: type, *timers: Component) -> None:
        def which(due: object) -> int:
            return 1 if isinstance(due, ask.RetryDue) else 0

        @self.sink(start, *timers)
        def start_timer(e: Any, _to: object, *running: frozenset[Any]) -> Step:
            n = which(e.due)
            yield (*running[:n], running[n] | {e.due}, *running[n + 1 :])

        @self.sink(cancel, self.late, *timers)
        def cancel_timer(e: Any, _to: object, late: Late, *running: frozenset[Any]) -> Step:
            n = which(e.due)
            stopped = (*running[:n], running[n] - {e.due}, *running[n + 1 :])
            yield late, *stopped
            if late.left and e.due in running[n]:
                yield Late(late.left - 1, late.due | {e.due}), *stopped

    def _server_sinks(self) -> None:
        @self.sink(down.Attach, self.channel, self.closes)
        def attach(e: down.Attach, _to: object, channel: Channel | None, closes: Any) -> Step:
            if channel is None or channel.attempt != e.generation or channel.cut:
                yield channel, closes | {e.generation}  # nobody reads it any more: it will be seen closed
                return
            welcome = (*channel.messages, ask.Welcomed(e.generation, e.epoch))
            yield channel._replace(generation=e.generation, messages=welcome), closes

        @self.sink(down.CutStream, self.channel, self.closes)
        def cut_stream(e: down.CutStream, _to: object, channel: Channel | None, closes: Any) -> Step:
            noticed = closes if e.reason == "restarted" else closes | {e.generation}
            if channel is None or channel.generation != e.generation or not channel.flows:
                yield channel, noticed
                return
            over = channel._replace(over=True)
            if e.reason == "replaced":
                over = over._replace(messages=(*over.messages, ask.EndArrived(e.generation, "taken over")))
            yield over, noticed

        @self.sink(down.Reject, self.channel, of=told.StreamRequested)
        def reject_stream(e: down.Reject, to: Any, channel: Channel | None) -> Step:
            if channel is not None and to == ("stream", channel.attempt):
                channel = channel._replace(status=e.status)
            yield (channel,)

        @self.sink(down.Reject, self.posts, of=told.PostArrived)
        def reject_post(e: down.Reject, to: Any, posts: Any) -> Step:
            yield (_replied(posts, to, e.status, ()),)

        @self.sink(down.Reject, of=told.CloseRequested)
        def reject_close(_e: down.Reject, _to: object) -> Step:
            yield ()

        @self.sink(down.Answer, self.posts)
        def answer(e: down.Answer, to: Any, posts: Any) -> Step:
            yield (_replied(posts, to, 200, e.verdicts),)

        @self.sink(down.Handle, self.handled)
        def handle(e: down.Handle, _to: object, handled: tuple[SendKey, ...]) -> Step:
            yield ((*handled, e.key),)

        @self.sink(down.Wake, self.woken)
        def wake(e: down.Wake, _to: object, woken: frozenset[Attempt]) -> Step:
            yield (woken | {e.generation},)

        @self.sink(down.WriteEvents, self.channel)
        def write_events(e: down.WriteEvents, _to: object, channel: Channel | None) -> Step:
            positions = range(e.first, e.last + 1)
            yield (
                _written(
                    channel, e, *(ask.EventArrived(e.generation, SESSION, e.epoch, p) for p in positions)
                ),
            )

        @self.sink(down.WriteGap, self.channel)
        def write_gap(e: down.WriteGap, _to: object, channel: Channel | None) -> Step:
            yield (_written(channel, e, ask.GapArrived(e.generation, SESSION, e.epoch, e.position)),)

        @self.sink(down.WriteEnd, self.channel)
        def write_end(e: down.WriteEnd, _to: object, channel: Channel | None) -> Step:
            yield (_written(channel, e, ask.EndArrived(e.generation, e.outcome)),)

        self._timer(down.StartGrace, down.CancelGrace, self.grace)
        self.ignore(down.Append, down.Released)

    # -- the rules ---------------------------------------------------------------------------------

    def _client_rules(self) -> None:
        def arriving(kind: type) -> Any:
            def arrivals(channel: Channel | None) -> Iterator[Arrival]:
                if channel is not None and channel.messages and isinstance(channel.messages[0], kind):
                    yield channel.messages[0], (channel._replace(messages=channel.messages[1:]),), None

            return arrivals

        for message in (ask.Welcomed, ask.EventArrived, ask.GapArrived, ask.EndArrived):
            self._client_bind(message, [self.channel], arriving(message))

        def following(kind: type) -> Any:
            def arrivals(waiting: tuple[Any, ...]) -> Iterator[Arrival]:
                if waiting and isinstance(waiting[0], kind):
                    yield waiting[0], (waiting[1:],), None

            return arrivals

        def opening(opened: bool) -> Iterator[Arrival]:
            if not opened:
                yield ask.Started((1, 1), (SESSION,)), (True,), None

        def leaving(opened: bool, left: int) -> Iterator[Arrival]:
            if opened and left:
                yield ask.Left(), (opened, left - 1), None

        def heard(channel: Channel | None) -> Iterator[Arrival]:
            if channel is not None and channel.flows and not channel.messages:
                yield ask.Heard(channel.attempt), (channel,), None

        def losing(channel: Channel | None) -> Iterator[Arrival]:
            if channel is None:
                return
            if channel.cut or (channel.over and not channel.messages):
                yield ask.StreamLost(channel.attempt, 0), (None,), None
            elif channel.status is not None:
                yield ask.StreamLost(channel.attempt, channel.status), (None,), None

        def sending(opened: bool, asked: int) -> Iterator[Arrival]:
            if opened and asked < len(self.keys):
                yield ask.SendRequested(SESSION, self.keys[asked]), (opened, asked + 1), None

        def replied(posts: tuple[Exchange, ...]) -> Iterator[Arrival]:
            for n, e in enumerate(posts):
                if e.status is not None:
                    reply = ask.PostReplied(
                        SESSION, e.post, e.status, e.verdicts, retry_after_s=9.0 if e.status == 429 else None
                    )
                    yield reply, (posts[:n] + posts[n + 1 :],), None

        self._client_bind(ask.Started, [self.opened], opening)
        self._client_bind(ask.Left, [self.opened, self.budget["leaves"]], leaving, fair=False)
        self._client_bind(ask.Heard, [self.channel], heard)

        self._client_bind(ask.StreamLost, [self.channel], losing)

        def too_late(kind: type) -> Any:
            def arrivals(late: Late) -> Iterator[Arrival]:
                for i in sorted(late.due, key=repr):
                    if isinstance(i, kind):
                        yield i, (late._replace(due=late.due - {i}),), None

            return arrivals

        brought = (ask.StreamLost, ask.Heard, ask.Welcomed, ask.EventArrived, ask.GapArrived, ask.EndArrived)
        for kind in brought:
            name = f"{kind.__name__}: of a stream that we had ended"
            self._client_bind(kind, [self.late], too_late(kind), name=name)
        self._client_bind(ask.SendRequested, [self.opened, self.asked], sending)
        self._client_bind(ask.PostReplied, [self.posts], replied)
        for follower in (ask.Desynced, ask.Flush, ask.Abandon):
            self._client_bind(follower, [self.following], following(follower))
        self._timer_rule(self._client_bind, ask.ReconnectDue, self.reconnect)
        self._timer_rule(self._client_bind, ask.RetryDue, self.retry)

    def _server_bind(self, i: type, sources: list[Component], arrivals: Any, **how: Any) -> None:
        self.bind(self.server, i, sources, arrivals, address=self.here, **how)

    def _client_bind(self, i: type, sources: list[Component], arrivals: Any, **how: Any) -> None:
        """What follows from a client's decision comes before all else, as in the runtime."""
        if self.following in sources:
            self.bind(self.client, i, sources, arrivals, address=self.here, **how)
            return

        def at_leisure(following: tuple[Any, ...], *states: Any) -> Iterator[Arrival]:
            for i, left, to in () if following else arrivals(*states):
                yield i, (following, *left), to

        self.bind(self.client, i, [self.following, *sources], at_leisure, address=self.here, **how)

    def _timer_rule(self, bind: Any, due: type, timer: Component) -> None:
        def running_out(running: frozenset[Any]) -> Iterator[Arrival]:
            for i in sorted(running, key=repr):
                yield i, (running - {i},), None

        def too_late(late: Late) -> Iterator[Arrival]:
            for i in sorted(late.due, key=repr):
                if isinstance(i, due):
                    yield i, (late._replace(due=late.due - {i}),), None

        bind(due, [timer], running_out, name=f"{due.__name__}: the timer runs out")
        bind(due, [self.late], too_late, name=f"{due.__name__}: the timer was cancelled too late")

    def _server_rules(self) -> None:
        def requested(requests: frozenset[Any]) -> Iterator[Arrival]:
            for attempt, cursors in sorted(requests, key=repr):
                i = told.StreamRequested(CID, attempt, PRINCIPAL, cursors, attempt)
                yield i, (requests - {(attempt, cursors)},), ("stream", attempt)

        def closing(closes: frozenset[Attempt]) -> Iterator[Arrival]:
            for generation in sorted(closes):
                yield told.StreamClosed(CID, generation), (closes - {generation},), None

        def goodbye(goodbyes: frozenset[Attempt]) -> Iterator[Arrival]:
            for attempt in sorted(goodbyes):
                yield told.CloseRequested(CID, attempt, PRINCIPAL), (goodbyes - {attempt},), None

        def arriving(posts: tuple[Exchange, ...]) -> Iterator[Arrival]:
            for e in posts:
                if e.status is None:
                    yield _arrived(e), (posts,), ("post", e.post)

        def held_up(held: tuple[Exchange, ...]) -> Iterator[Arrival]:
            for n, e in enumerate(held):
                yield _arrived(e), (held[:n] + held[n + 1 :],), None

        def publishing(left: int, restarts: int) -> Iterator[Arrival]:
            if left:
                yield told.Published(SESSION, ("log", restarts)), (left - 1, restarts), None

        def ending(left: int, restarts: int) -> Iterator[Arrival]:
            if left:
                yield told.Ended(SESSION, "succeeded", ("log", restarts)), (left - 1, restarts), None

        def due(woken: frozenset[Attempt]) -> Iterator[Arrival]:
            for generation in sorted(woken):
                yield told.EventsDue(CID, SESSION, generation), (woken - {generation},), None

        def restarting(left: int, _closes: object, _woken: object, opened: bool) -> Iterator[Arrival]:
            if left and opened:
                yield told.ServerStarted(), (left - 1, NOTHING, NOTHING, opened), None

        restarts = self.budget["restarts"]
        self._server_bind(told.StreamRequested, [self.requests], requested)
        self._server_bind(told.StreamClosed, [self.closes], closing)
        self._timer_rule(self._server_bind, told.GraceElapsed, self.grace)
        self._server_bind(told.CloseRequested, [self.goodbyes], goodbye)
        self._server_bind(told.PostArrived, [self.posts], arriving)
        self._server_bind(
            told.PostArrived,
            [self.held],
            held_up,
            name="on_post_arrived (held up)",
        )
        self._server_bind(
            told.Published,
            [self.budget["events"], restarts],
            publishing,
            fair=False,
        )
        self._server_bind(told.Ended, [self.budget["ends"], restarts], ending, fair=False)
        self._server_bind(told.EventsDue, [self.woken], due)
        crash = [restarts, self.closes, self.woken, self.opened]
        self._server_bind(told.ServerStarted, crash, restarting, fair=False)
        self._strangers()

    def _strangers(self) -> None:
        """Somebody who has learnt the id, with a principal of their own, while its owner is attached."""

        def knocking(kind: str) -> Any:
            def arrivals(left: int, channel: Channel | None) -> Iterator[Arrival]:
                if left and channel is not None and channel.flows:
                    attempt = (9, 9)
                    tries = {
                        "stream": told.StreamRequested(CID, attempt, STRANGER, (), "fresh"),
                        "close": told.CloseRequested(CID, channel.attempt, STRANGER),
                        "send": told.PostArrived(CID, SESSION, (1, 1), STRANGER, ((1, 1),), "fresh"),
                    }
                    yield tries[kind], (left - 1, channel), None

            return arrivals

        for kind, i in (
            ("stream", told.StreamRequested),
            ("close", told.CloseRequested),
            ("send", told.PostArrived),
        ):
            self._server_bind(
                i,
                [self.budget["strangers"], self.channel],
                knocking(kind),
                name=f"a stranger's {kind}",
                fair=False,
            )

    # -- what goes wrong ---------------------------------------------------------------------------

    def _faults(self) -> None:
        action, budget = self.system.action, self.budget

        @action(self.channel, self.closes, budget["cuts"], name="the stream is cut")
        def cut(channel: Channel | None, closes: frozenset[Attempt], left: int) -> Step:
            if channel is None or channel.cut or not left:
                return
            seen = closes | ({channel.generation} if channel.generation else NOTHING)
            for messages in {channel.messages, ()}:
                yield channel._replace(cut=True, messages=messages), seen, left - 1

        @action(self.posts, budget["lost"], name="a request or response is lost")
        def lose(posts: tuple[Exchange, ...], left: int) -> Step:
            for n, e in enumerate(posts):
                if left and e.status in (None, 200):
                    yield _swap(posts, n, e._replace(status=0, verdicts=())), left - 1

        @action(self.posts, self.held, budget["held"], name="a request is held up, and given up on")
        def hold(posts: tuple[Exchange, ...], held: tuple[Exchange, ...], left: int) -> Step:
            for n, e in enumerate(posts):
                if left and e.status is None:
                    yield _swap(posts, n, e._replace(status=0)), (*held, e), left - 1

        @action(self.goodbyes, budget["lost"], name="a goodbye is lost")
        def lose_goodbye(goodbyes: frozenset[Attempt], left: int) -> Step:
            for attempt in sorted(goodbyes):
                if left:
                    yield goodbyes - {attempt}, left - 1

        @action(self.posts, budget["statuses"], name="a POST is answered on the way")
        def answer_post(posts: tuple[Exchange, ...], left: int) -> Step:
            for n, e in enumerate(posts):
                for status in self.bounds.statuses if left and e.status is None else ():
                    yield _swap(posts, n, e._replace(status=status)), left - 1

        @action(
            self.requests, self.channel, budget["statuses"], name="a stream request is answered on the way"
        )
        def answer_stream(requests: frozenset[Any], channel: Channel | None, left: int) -> Step:
            for request in sorted(requests, key=repr):
                for status in self.bounds.statuses if left else ():
                    mine = channel is not None and channel.attempt == request[0] and not channel.cut
                    answered = channel._replace(status=status) if mine and channel else channel
                    yield requests - {request}, answered, left - 1

        @action(self.channel, budget["garbled"], name="a message is repeated or skipped")
        def garble(channel: Channel | None, left: int) -> Step:
            if channel is not None and left and channel.messages:
                head, rest = channel.messages[0], channel.messages[1:]
                if isinstance(head, ask.EventArrived):
                    yield channel._replace(messages=(head, head, *rest)), left - 1
                    if any(isinstance(message, ask.EventArrived) for message in rest):
                        yield channel._replace(messages=rest), left - 1  # shows with the next one only


def _arrived(e: Exchange) -> told.PostArrived:
    return told.PostArrived(CID, SESSION, e.epoch, PRINCIPAL, e.keys, e.epoch)


def _swap(posts: tuple[Exchange, ...], n: int, e: Exchange) -> tuple[Exchange, ...]:
    return (*posts[:n], e, *posts[n + 1 :])


def _replied(
    posts: tuple[Exchange, ...], to: Any, status: int, verdicts: tuple[tuple[SendKey, str], ...]
) -> tuple[Exchange, ...]:
    """The POST that is answered, with its answer on the way back; all others as they were."""
    return tuple(
        e._replace(status=status, verdicts=verdicts) if e.status is None and to == ("post", e.post) else e
        for e in posts
    )


def _written(channel: Channel | None, e: Any, *messages: Any) -> Channel | None:
    if channel is None or channel.generation != e.generation or not channel.flows:
        return channel
    return channel._replace(messages=(*channel.messages, *messages))
