"""System R's world: calls that share a credential, what their attempts bring, and what can go wrong.

The wires: what each open attempt may bring next, what each call tells the credential and hears from it, and
the refresh under way. Any token may turn out to be refused, at any moment of an attempt. What was ended too
late may, within a budget, bring one thing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from perdure_model.checker import Component
from perdure_model.core.credential import effects as tells
from perdure_model.core.credential import inputs as hears
from perdure_model.core.credential import parts as theirs
from perdure_model.core.response import effects as asks
from perdure_model.core.response import inputs as told
from perdure_model.core.response import parts as mine
from perdure_model.world.bind import Arrival, Arrivals, World
from perdure_model.world.defect import Books

Step = Iterator[tuple[Any, ...]]
FIRST_TOKEN = 1
LAST = 9
"""The number of an event that comes after all others."""


@dataclass(frozen=True)
class Bounds:
    """How much can happen: what attempts bring, what the application does, then what goes wrong."""

    calls: int = 2
    prefix: int = 1
    """Prefix events of an attempt, at most."""
    live: int = 1
    """Live events of an attempt, at most."""
    errors: bool = True
    """Whether attempts can fail otherwise than by their token."""
    endless: int = 0
    """How many of the calls, the first ones, have streams that may stay open for ever."""
    replaced: int = 0
    """Tokens that the application gives beside the first one."""
    cancels: int = 0
    older: int = 0
    """Refreshes that bring an older token than the one refused; the application may give it, too."""
    late: int = 0
    """Attempts and refreshes that were ended when they had just brought something."""
    prefix_max: int = 1


class Try(NamedTuple):
    """What an attempt was made with and has brought, and how it ended by itself: auth, error or finished."""

    token: int
    prefix: int = 0
    live: int = 0
    end: str = ""

    @property
    def events(self) -> tuple[int, ...]:
        """All events that it has brought, in order."""
        return tuple(range(1, self.prefix + self.live + 1))


class Late(NamedTuple):
    """What was ended too late: how often that may yet happen, and what may bring one thing more, as the
    effects that ended it."""

    left: int
    due: frozenset[Any] = frozenset()

    def add(self, e: Any) -> Late:
        """One more."""
        return Late(self.left - 1, self.due | {e})


class Tokens(NamedTuple):
    """How many tokens there have been, and the latest that the application gave."""

    made: int = 0
    given: int = 0

    @property
    def next(self) -> int:
        """A token that nobody had before."""
        return self.made + 1


NOTHING: frozenset[Any] = frozenset()


class Response(World):
    """The world of some calls and their credential; the books may have a defect."""

    def __init__(self, bounds: Bounds, name: str, books: Books) -> None:
        super().__init__(name)
        self.bounds, self.response, self.credential = bounds, books["response"], books["credential"]
        self.names = tuple(f"c{n + 1}" for n in range(bounds.calls))
        self._parts()
        self._wires()
        for call in self.names:
            self._consumer_sinks(call)
            self._upstream_sinks(call)
        self._refresh_sinks()
        self._answer_sinks()
        for n, call in enumerate(self.names):
            self._call_rules(call)
            self._upstream_rules(call, fair=n >= bounds.endless)
        self._caller_rules()
        self._refresh_rules()
        self._cancelled_refresh_rules()
        self._application_rules()

    # -- components --------------------------------------------------------------------------------

    def _parts(self) -> None:
        self.calls = {call: self.part(mine.CALL, (call,)) for call in self.names}
        self.shared = self.part(theirs.TOKEN)
        self.waiters = {call: self.part(theirs.WAITER, (call,)) for call in self.names}
        self.part(mine.SETTINGS, (), mine.ResponseSettings(prefix_max=self.bounds.prefix_max))

    def _wires(self) -> None:
        add, b = self.system.component, self.bounds

        def for_each(name: str, initial: Any) -> dict[str, Component]:
            return {call: add(f"{name}[{call}]", initial) for call in self.names}

        self.open = for_each("wire.open", NOTHING)
        self.tries = for_each("wire.tries", ())
        self.up = for_each("wire.to credential", ())
        self.down = for_each("wire.from credential", ())
        self.answers = for_each("app.answer", None)
        self.seen = for_each("app.seen", ())
        self.running = add("wire.refreshes", NOTHING)
        self.begun = add("app.refreshed", ())
        self.refused = add("app.refused", NOTHING)
        self.tokens = add("app.tokens", Tokens())
        self.late = add("wire.late", Late(b.late))
        self.replacements = add("budget.replaced", b.replaced)
        self.cancels = add("budget.cancels", b.cancels)
        self.older = add("budget.older", b.older)

    # -- where effects go --------------------------------------------------------------------------

    def _consumer_sinks(self, call: str) -> None:
        """What the consumer is handed: events as (attempt, event), errors and the end by their names."""
        seen, here = self.seen[call], {"call": call}

        @self.sink(asks.HandOver, seen, address=here)
        def hand_over(e: asks.HandOver, _to: object, seen: tuple[Any, ...]) -> Step:
            yield ((*seen, *((e.attempt, event) for event in e.events)),)

        @self.sink(asks.SurfaceError, seen, address=here)
        def surface(e: asks.SurfaceError, _to: object, seen: tuple[Any, ...]) -> Step:
            yield ((*seen, (e.attempt, "error")),)

        @self.sink(asks.FinishCall, seen, address=here)
        def finish(_e: asks.FinishCall, _to: object, seen: tuple[Any, ...]) -> Step:
            yield ((*seen, (0, "finished")),)

        self.ignore(asks.Discard)

    def _upstream_sinks(self, call: str) -> None:
        tries, is_open, up = self.tries[call], self.open[call], self.up[call]

        @self.sink(asks.OpenAttempt, tries, is_open, address={"call": call})
        def open_attempt(
            e: asks.OpenAttempt, _to: object, tries: tuple[Try, ...], is_open: frozenset[int]
        ) -> Step:
            yield (*tries, Try(e.token)), is_open | {e.attempt}

        @self.sink(asks.EndAttempt, tries, is_open, self.late, address={"call": call})
        def end_attempt(
            e: asks.EndAttempt, _to: object, tries: tuple[Try, ...], is_open: frozenset[int], late: Late
        ) -> Step:
            for now in (late, late.add(e)) if late.left else (late,):
                yield tries, is_open - {e.attempt}, now

        @self.sink(asks.RejectToken, up, self.answers[call], address={"call": call})
        def reject(e: asks.RejectToken, _to: object, up: tuple[Any, ...], _answer: object) -> Step:
            yield (*up, hears.TokenRejected(call, e.token)), "asked"

        @self.sink(asks.LeaveToken, up, address={"call": call})
        def leave(_e: asks.LeaveToken, _to: object, up: tuple[Any, ...]) -> Step:
            yield ((*up, hears.CallerLeft(call)),)

    def _refresh_sinks(self) -> None:
        @self.sink(tells.RefreshToken, self.running, self.begun)
        def refresh(e: tells.RefreshToken, _to: object, running: frozenset[Any], begun: Any) -> Step:
            yield running | {e}, (*begun, e.token)

        @self.sink(tells.CancelRefresh, self.running, self.begun, self.late)
        def cancel_refresh(
            e: tells.CancelRefresh, _to: object, running: frozenset[Any], begun: Any, late: Late
        ) -> Step:
            stopped = frozenset(one for one in running if one.refresh != e.refresh)
            for now in (late, late.add(e)) if late.left else (late,):
                yield stopped, begun[:-1], now  # it counts for nothing: nobody has heard of it

    def _answer_sinks(self) -> None:
        def told_to(caller: Any, wires: tuple[Any, ...], i: Any, answer: Any) -> tuple[Any, ...]:
            """The wires to all calls, then their answers, with this call's told."""
            n, calls = self.names.index(caller), len(self.names)
            down, answers = list(wires[:calls]), list(wires[calls:])
            down[n], answers[n] = (*down[n], i), answer
            return (*down, *answers)

        wires = (*self.down.values(), *self.answers.values())

        @self.sink(tells.UseToken, *wires)
        def use_token(e: tells.UseToken, _to: object, *wires: Any) -> Step:
            yield told_to(e.caller, wires, told.TokenBrought(e.caller, e.token), e.token)

        @self.sink(tells.GiveUpToken, self.refused, self.tokens, *wires)
        def give_up(e: tells.GiveUpToken, _to: object, refused: Any, tokens: Tokens, *wires: Any) -> Step:
            answer = "denied" if tokens.given in refused else "denied too soon"
            yield refused, tokens, *told_to(e.caller, wires, told.TokenDenied(e.caller), answer)

    # -- the rules ---------------------------------------------------------------------------------

    def _call_bind(
        self,
        call: str,
        i: type,
        sources: list[Component],
        arrivals: Arrivals,
        name: str = "",
        *,
        fair: bool = True,
    ) -> None:
        name = name or f"{call}: {self.response[i].name}"
        self.bind(self.response, i, sources, arrivals, name=name, fair=fair, address={"call": call})

    def _call_rules(self, call: str) -> None:
        def starting(state: Any, shared: Any) -> Iterator[Arrival]:
            if state is None and shared is not None:
                yield told.CallStarted(call, shared.token), (state, shared), None

        def cancelling(state: Any, left: int) -> Iterator[Arrival]:
            if state is not None and left:
                yield told.CallCancelled(call), (state, left - 1), None

        mine = self.calls[call]
        self._call_bind(call, told.CallStarted, [mine, self.shared], starting)
        self._call_bind(call, told.CallCancelled, [mine, self.cancels], cancelling, fair=False)
        for answer in (told.TokenBrought, told.TokenDenied):
            self._call_bind(call, answer, [self.down[call]], first_of(answer))

    def _upstream_rules(self, call: str, *, fair: bool) -> None:
        wire, b = [self.tries[call], self.open[call]], self.bounds
        for kind, most in ((told.PrefixArrived, b.prefix), (told.LiveArrived, b.live)):
            if most:
                self._call_bind(call, kind, wire, bringing(call, kind, b), fair=fair)
        self._call_bind(call, told.AttemptFailed, [*wire, self.refused], failing(call, b), fair=fair)
        self._call_bind(call, told.AttemptFinished, wire, finishing(call), fair=fair)
        for late in READ_ALREADY if b.late else ():
            name = f"{call}: {late.__name__} of an attempt that was ended"
            self._call_bind(call, late, [self.late], read_already(call, late), name)

    def _caller_rules(self) -> None:
        for call in self.names:
            for kind in (hears.TokenRejected, hears.CallerLeft):
                name = f"{call}: {self.credential[kind].name}"
                self.bind(self.credential, kind, [self.up[call]], first_of(kind), name=name)

    def _refresh_rules(self) -> None:
        def refreshed(running: frozenset[Any], tokens: Tokens, begun: Any, older: int) -> Iterator[Arrival]:
            for e in sorted(running, key=repr):
                left, new, old = running - {e}, tokens.next, FIRST_TOKEN
                now = tokens._replace(made=new)
                yield hears.TokenRefreshed(e.refresh, new), (left, now, begun, older), None
                yield hears.TokenRefreshed(e.refresh, e.token), (left, tokens, begun, older), None
                if older and e.token != old:
                    afresh = tuple(token for token in begun if token != old)
                    yield hears.TokenRefreshed(e.refresh, old), (left, tokens, afresh, older - 1), None

        def failed(running: frozenset[Any]) -> Iterator[Arrival]:
            for e in sorted(running, key=repr):
                yield hears.RefreshFailed(e.refresh), (running - {e},), None

        wire = [self.running, self.tokens, self.begun, self.older]
        self.bind(self.credential, hears.TokenRefreshed, wire, refreshed)
        self.bind(self.credential, hears.RefreshFailed, [self.running], failed)

    def _cancelled_refresh_rules(self) -> None:
        def ended(late: Late) -> Iterator[tuple[int, Late]]:
            for e in sorted(late.due, key=repr):
                if isinstance(e, tells.CancelRefresh):
                    yield e.refresh, late._replace(due=late.due - {e})

        def brought(late: Late, tokens: Tokens) -> Iterator[Arrival]:
            for refresh, left in ended(late):
                now = tokens._replace(made=tokens.next)
                yield hears.TokenRefreshed(refresh, tokens.next), (left, now), None

        def failed(late: Late) -> Iterator[Arrival]:
            for refresh, left in ended(late):
                yield hears.RefreshFailed(refresh), (left,), None

        if not self.bounds.late:
            return
        name = "TokenRefreshed of a refresh that was cancelled"
        self.bind(self.credential, hears.TokenRefreshed, [self.late, self.tokens], brought, name=name)
        name = "RefreshFailed of a refresh that was cancelled"
        self.bind(self.credential, hears.RefreshFailed, [self.late], failed, name=name)

    def _application_rules(self) -> None:
        def first(shared: Any, _tokens: Tokens) -> Iterator[Arrival]:
            if shared is None:
                yield hears.TokenReplaced(FIRST_TOKEN), (shared, Tokens(FIRST_TOKEN, FIRST_TOKEN)), None

        def another(shared: Any, tokens: Tokens, begun: Any, left: int) -> Iterator[Arrival]:
            if shared is None or not left:
                return
            new, same, old = tokens.next, shared.token, FIRST_TOKEN
            yield hears.TokenReplaced(new), (shared, Tokens(new, new), begun, left - 1), None
            yield hears.TokenReplaced(same), (shared, tokens._replace(given=same), begun, left - 1), None
            if self.bounds.older and same != old:
                now = tokens._replace(given=old), tuple(token for token in begun if token != old)
                yield hears.TokenReplaced(old), (shared, *now, left - 1), None

        given = [self.shared, self.tokens]
        bind, book = self.bind, self.credential
        bind(book, hears.TokenReplaced, given, first, name="the application gives the first token")
        name = "the application gives a token"
        bind(
            book, hears.TokenReplaced, [*given, self.begun, self.replacements], another, name=name, fair=False
        )


# -- what arrives --------------------------------------------------------------------------------------


def first_of(kind: type) -> Arrivals:
    """What stands first on a wire, if it is of this type."""

    def arrivals(wire: tuple[Any, ...]) -> Iterator[Arrival]:
        if wire and isinstance(wire[0], kind):
            yield wire[0], (wire[1:],), None

    return arrivals


READ_ALREADY: dict[type, Callable[[str, int], tuple[Any, ...]]] = {
    told.PrefixArrived: lambda call, n: (told.PrefixArrived(call, n, LAST),),
    told.LiveArrived: lambda call, n: (told.LiveArrived(call, n, LAST),),
    told.AttemptFailed: lambda call, n: tuple(told.AttemptFailed(call, n, auth) for auth in (True, False)),
    told.AttemptFinished: lambda call, n: (told.AttemptFinished(call, n),),
}
"""What may have come off the wire of an attempt when our end closed it."""


def read_already(call: str, kind: type) -> Arrivals:
    """One thing more of an attempt that was ended."""

    def arrivals(late: Late) -> Iterator[Arrival]:
        for e in sorted(late.due, key=repr):
            if isinstance(e, asks.EndAttempt) and e.call == call:
                for i in READ_ALREADY[kind](call, e.attempt):
                    yield i, (late._replace(due=late.due - {e}),), None

    return arrivals


def runs(tries: tuple[Try, ...], is_open: frozenset[int]) -> bool:
    """Whether the latest attempt can bring anything more."""
    return len(tries) in is_open and not tries[-1].end


def bringing(call: str, kind: Any, bounds: Bounds) -> Arrivals:
    """An event of the attempt that is open: prefix events first, then live ones."""

    def more(tried: Try) -> Try | None:
        if kind is told.PrefixArrived:
            room = not tried.live and tried.prefix < bounds.prefix
            return tried._replace(prefix=tried.prefix + 1) if room else None
        return tried._replace(live=tried.live + 1) if tried.live < bounds.live else None

    def arrivals(tries: tuple[Try, ...], is_open: frozenset[int]) -> Iterator[Arrival]:
        tried = more(tries[-1]) if runs(tries, is_open) else None
        if tried is not None:
            yield kind(call, len(tries), len(tried.events)), ((*tries[:-1], tried), is_open), None

    return arrivals


def failing(call: str, bounds: Bounds) -> Arrivals:
    """The attempt that is open fails. A stream that emits its errors as events stays open after one."""

    def arrivals(
        tries: tuple[Try, ...], is_open: frozenset[int], refused: frozenset[int]
    ) -> Iterator[Arrival]:
        if not runs(tries, is_open):
            return
        attempt, tried = len(tries), tries[-1]
        for auth in (True, False) if bounds.errors else (True,):
            failed = (*tries[:-1], tried._replace(end="auth" if auth else "error"))
            now = refused | {tried.token} if auth else refused
            yield told.AttemptFailed(call, attempt, auth), (failed, is_open, now), None
            yield (
                told.AttemptFailed(call, attempt, auth, raised=True),
                (failed, is_open - {attempt}, now),
                None,
            )

    return arrivals


def finishing(call: str) -> Arrivals:
    """The attempt that is open ends normally."""

    def arrivals(tries: tuple[Try, ...], is_open: frozenset[int]) -> Iterator[Arrival]:
        if runs(tries, is_open):
            finished = (*tries[:-1], tries[-1]._replace(end="finished"))
            yield told.AttemptFinished(call, len(tries)), (finished, is_open - {len(tries)}), None

    return arrivals
