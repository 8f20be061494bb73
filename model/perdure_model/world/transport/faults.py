"""What goes wrong on the way: each fault within its budget, but for what never gets through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from perdure_model.checker import Component
from perdure_model.core.client import inputs as ask
from perdure_model.world.transport.tab import AWAY, DEAD, LIVE, Answers, Parting, Refresh, Tab
from perdure_model.world.transport.wires import (
    NOTHING,
    UNDER_WAY,
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

Fault = TypeVar("Fault", bound=Callable[..., object])


class Faults:
    """The faults of a world."""

    def __init__(self, world: Transport) -> None:
        self.world, self.bounds, self.budget = world, world.bounds, world.budget

    def declare(self) -> None:
        """Declare those that the bounds have."""
        b = self.bounds
        for tab in self.world.tabs:
            for wanted, fault in (
                (b.cuts, self._cut),
                (b.lost, self._lose),
                (b.lost and b.watches, self._lose_words),
                (b.lost and (b.leaves or b.suspends), self._lose_farewells),
                (b.held, self._hold),
                (b.doubled, self._double),
                (b.statuses, self._answer),
                (b.garbled, self._garble),
                (b.kills, self._kill),
                (b.tokens, self._deny),
                ("posts" in b.never, self._never_posts),
                ("streams" in b.never, self._never_streams),
                ("ids" in b.never, self._never_ids),
                ("staying" in b.never, self._never_stays),
            ):
                if wanted:
                    fault(tab)
        if b.tokens:
            self._die()

    def _action(
        self, tab: Tab, *components: Component, name: str, fair: bool = False
    ) -> Callable[[Fault], Fault]:
        return self.world.system.action(*components, name=f"{tab.name}: {name}", fair=fair)

    def _cut(self, tab: Tab) -> None:
        cids = tuple(dict.fromkeys(tab.ids.values()))
        closes = [self.world.host.closes[cid] for cid in cids if cid in self.world.host.closes]

        @self._action(tab, tab.channel, self.budget["cuts"], *closes, name="the stream is cut")
        def cut(channel: Channel | None, left: int, *seen: Any) -> Step:
            if channel is None or channel.cut or not left:
                return
            noticed = tab.noticed(channel, seen) if channel.generation else seen
            for messages in dict.fromkeys((channel.messages, ())):
                yield channel._replace(cut=True, messages=messages), left - 1, *noticed

    def _lose(self, tab: Tab) -> None:
        @self._action(tab, tab.posts, self.budget["lost"], name="a POST or its answer is lost")
        def lose(posts: tuple[Exchange, ...], left: int) -> Step:
            for n, e in enumerate(posts):
                if left and e.status in (None, 200):
                    yield swapped(posts, n, e._replace(status=0, verdicts=())), left - 1
                if left and e.status is None and self.bounds.statuses:
                    yield swapped(posts, n, e._replace(status=0, left=False)), left - 1

    def _lose_words(self, tab: Tab) -> None:
        @self._action(tab, tab.words, self.budget["lost"], name="a word about what is watched is lost")
        def lose(words: tuple[Word, ...], left: int) -> Step:
            for n, w in enumerate(words):
                if left and w.status in (None, 200):
                    yield swapped(words, n, w._replace(status=0)), left - 1

    def _lose_farewells(self, tab: Tab) -> None:
        @self._action(tab, tab.farewells, self.budget["lost"], name="a farewell is lost")
        def lose(farewells: frozenset[Farewell], left: int) -> Step:
            for said in sorted(farewells):
                if left and said.status in (UNDER_WAY, 200):
                    yield said.answered(farewells, 0, heeded=bool(self.bounds.suspends)), left - 1

    def _hold(self, tab: Tab) -> None:
        @self._action(
            tab, tab.posts, tab.held, self.budget["held"], name="a POST is held up, and given up on"
        )
        def hold(posts: tuple[Exchange, ...], held: tuple[Exchange, ...], left: int) -> Step:
            for n, e in enumerate(posts):
                if left and e.status is None:
                    yield swapped(posts, n, e._replace(status=0)), (*held, e), left - 1

    def _double(self, tab: Tab) -> None:
        """What was given up on by nobody, and yet arrives once more."""
        left = self.budget["doubled"]

        @self._action(tab, tab.posts, tab.held, left, name="a POST is repeated on the way")
        def double_post(posts: tuple[Exchange, ...], held: tuple[Exchange, ...], left: int) -> Step:
            for e in posts:
                if left and e.status is None:
                    yield posts, (*held, e._replace(copy=True)), left - 1

        cids = tuple(dict.fromkeys(tab.ids.values()))
        closes = [self.world.host.closes[cid] for cid in cids]
        sources = [tab.requests, tab.channel, left, *closes]

        @self._action(tab, *sources, name="a stream request is repeated on the way")
        def double_request(
            requests: frozenset[Request], channel: Channel | None, left: int, *seen: Any
        ) -> Step:
            if not left or channel is None or channel.status is not None or channel.cut:
                return
            again = Request(channel.attempt, channel.cid, channel.token, channel.cursors, copy=True)
            if again not in requests:
                yield requests | {again}, channel, left - 1, *seen  # its answer reaches nobody
            if channel.unread:
                unheard = channel._replace(generation=None, messages=())
                yield requests | {again}, unheard, left - 1, *tab.noticed(channel, seen)

    def _answer(self, tab: Tab) -> None:
        statuses = self.bounds.statuses

        @self._action(tab, tab.posts, self.budget["statuses"], name="a POST is answered on the way")
        def answer_post(posts: tuple[Exchange, ...], left: int) -> Step:
            for n, e in enumerate(posts):
                for status in statuses if left else ():
                    if e.status is None or (e.status == 200 and status >= 500):  # taken, and yet
                        yield swapped(posts, n, e._replace(status=status, verdicts=())), left - 1
                if left and e.status == 200 and e.verdicts:
                    yield swapped(posts, n, e._replace(verdicts=())), left - 1  # an answer that says nothing

        @self._action(
            tab,
            tab.requests,
            tab.channel,
            self.budget["statuses"],
            name="a stream request is answered on the way",
        )
        def answer_stream(requests: frozenset[Request], channel: Channel | None, left: int) -> Step:
            for request in sorted(requests, key=repr):
                for status in statuses if left else ():
                    yield requests - {request}, refused(channel, request, status), left - 1

        if self.bounds.watches:

            @self._action(tab, tab.words, self.budget["statuses"], name="a word is answered on the way")
            def answer_word(words: tuple[Word, ...], left: int) -> Step:
                for n, w in enumerate(words):
                    for status in statuses if left and w.status is None else ():
                        yield swapped(words, n, w._replace(status=status)), left - 1

    def _garble(self, tab: Tab) -> None:
        @self._action(tab, tab.channel, self.budget["garbled"], name="a message is repeated or skipped")
        def garble(channel: Channel | None, left: int) -> Step:
            if channel is None or not left or not channel.messages:
                return
            head, rest = channel.messages[0], channel.messages[1:]
            if isinstance(head, (ask.EventArrived, ask.Welcomed)):
                yield channel._replace(messages=(head, head, *rest)), left - 1
            if isinstance(head, ask.EventArrived) and any(isinstance(m, ask.EventArrived) for m in rest):
                yield channel._replace(messages=rest), left - 1  # shows with the next one only

    def _kill(self, tab: Tab) -> None:
        """A client that is killed: what it had asked for may still arrive, what it waited for does not."""
        cids = tuple(dict.fromkeys(tab.ids.values()))
        closes = [self.world.host.closes[cid] for cid in cids]
        wires = [tab.channel, tab.posts, tab.held, tab.words, tab.farewells]
        memory = [tab.following, tab.reconnect, tab.retry, tab.late, tab.credential, tab.shown, tab.asked]
        memory += [tab.wants, tab.told_no, tab.parting, tab.welcome, tab.lost_id]
        fresh: tuple[Any, ...] = (
            (),
            NOTHING,
            NOTHING,
            NOTHING,
            Refresh(),
            (False, False),
            0,
            (tab.session,),
            NOTHING,
            Parting(),
            None,
            False,
        )
        memory += tab.answers.values()
        fresh += (Answers(),) * len(tab.answers)
        seen = list(tab.seen.values())

        @self._action(
            tab, tab.opened, self.budget["kills"], *wires, *memory, *seen, *closes, name="it is killed"
        )
        def kill(opened: tuple[int, str], left: int, *rest: Any) -> Step:
            life, how = opened
            if how not in (LIVE, AWAY) or not left:
                return
            channel, posts, held, _words, farewells = rest[: len(wires)]
            farewells = frozenset(said for said in farewells if said.under_way)
            noticed = rest[len(rest) - len(closes) :]
            if channel is not None and channel.generation:
                noticed = tab.noticed(channel, noticed)
            under_way = (*held, *(e for e in posts if e.status is None))
            for late in dict.fromkeys((under_way, held)):
                after = (None, (), late, (), farewells)
                yield (life, DEAD), left - 1, *after, *fresh, *((),) * len(seen), *noticed

    def _die(self) -> None:
        @self.world.system.action(self.world.dead, name="the credential in use dies", fair=False)
        def die(dead: int) -> Iterator[int]:
            if dead < self.bounds.tokens:
                yield dead + 1

    def _deny(self, tab: Tab) -> None:
        dead = self.world.dead

        @self._action(tab, tab.posts, dead, name="a POST's credential is refused", fair=True)
        def deny_post(posts: tuple[Exchange, ...], dead: int) -> Step:
            for n, e in enumerate(posts):
                if e.status is None and int(str(e.token)) < dead:
                    yield swapped(posts, n, e._replace(status=401)), dead

        @self._action(
            tab, tab.requests, tab.channel, dead, name="a stream request's credential is refused", fair=True
        )
        def deny_stream(requests: frozenset[Request], channel: Channel | None, dead: int) -> Step:
            for request in sorted(requests, key=repr):
                if int(str(request.token)) < dead:
                    yield requests - {request}, refused(channel, request, 401), dead

    def _never_posts(self, tab: Tab) -> None:
        @self._action(tab, tab.posts, name="no POST gets through", fair=True)
        def never(posts: tuple[Exchange, ...]) -> Iterator[Any]:
            for n, e in enumerate(posts):
                if e.status is None:
                    yield swapped(posts, n, e._replace(status=503))

    def _never_streams(self, tab: Tab) -> None:
        @self._action(tab, tab.requests, tab.channel, name="no stream request gets through", fair=True)
        def never(requests: frozenset[Request], channel: Channel | None) -> Step:
            for request in sorted(requests, key=repr):
                yield requests - {request}, refused(channel, request, 503)

    def _never_ids(self, tab: Tab) -> None:
        @self._action(tab, tab.requests, tab.channel, name="every id is another's", fair=True)
        def never(requests: frozenset[Request], channel: Channel | None) -> Step:
            for request in sorted(requests, key=repr):
                yield requests - {request}, refused(channel, request, 409)

    def _never_stays(self, tab: Tab) -> None:
        cids = tuple(dict.fromkeys(tab.ids.values()))
        closes = [self.world.host.closes[cid] for cid in cids]

        @self._action(tab, tab.channel, *closes, name="no stream stays up", fair=True)
        def never(channel: Channel | None, *seen: Any) -> Step:
            if channel is not None and channel.flows and not channel.messages:
                yield channel._replace(cut=True), *tab.noticed(channel, seen)


def refused(channel: Channel | None, request: Request, status: int) -> Channel | None:
    """What a stream request's client hears, if it still waits."""
    if channel is None or channel.attempt != request.attempt or channel.cut:
        return channel
    return channel._replace(status=status)
