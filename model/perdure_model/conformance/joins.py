"""What clients and servers hear from each other: that it was sent by the other one, before.

Connections lose, delay and repeat requests, and cut streams anywhere; but nothing arrives that was not sent,
and what a stream brings comes in the order in which it was written. A session's events that the client does
not know of are passed over. Statuses prove nothing, as proxies answer, too; receipts do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from perdure_model.core.client import effects as ce
from perdure_model.core.client import inputs as ci
from perdure_model.core.server import effects as se
from perdure_model.core.server import inputs as si

OFFERS_MAX: Final = 40
Fact: TypeAlias = tuple[Hashable, ...]
"""Something that was sent: its kind, the client's id, then what tells it from others."""


class Written:
    """What a server has written on one stream and the client has not been seen to read."""

    def __init__(self) -> None:
        self._items: deque[tuple[str, Fact, int, int]] = deque()

    def write(self, kind: str, what: Fact, first: int = 0, last: int = 0) -> None:
        """Something with a place in a log, or a run of it."""
        self._items.append((kind, what, first, last))

    def read(self, kind: str, what: Fact, place: int = 0) -> bool:
        """Whether this stands there; what was written before it, and it itself, has been read then."""
        items = self._items
        for at, (kind_, what_, first, last) in enumerate(items):
            if kind_ == kind and what_ == what and first <= place <= last:
                for _ in range(at + 1):
                    items.popleft()
                if place < last:
                    items.appendleft((kind, what, place + 1, last))
                return True
        return False

    def holds(self, kind: str, what: Fact, places: Sequence[int]) -> bool:
        """Whether the first of this stands there."""
        return any((kind, what) == one[:2] and one[2] <= places[0] <= one[3] for one in self._items)

    def events(self) -> Iterator[dict[str, Any]]:
        """The events that may be read next, one at a time."""
        for kind, what, first, _last in self._items:
            if kind == "events":
                yield {"session": what[0], "epoch": what[1], "position": first}

    def shown(self) -> list[str]:
        """What may be read next."""
        return [
            f"{kind} {' '.join(map(str, what))} {first}..{last}"
            if last
            else f"{kind} {' '.join(map(str, what))}"
            for kind, what, first, last in list(self._items)[:3]
        ]


class Joins:
    """Everything that was sent so far."""

    def __init__(self) -> None:
        self._facts: dict[Fact, None] = {}
        self._streams: dict[Fact, Written] = {}
        self._attached: dict[tuple[str, Hashable, Hashable], Fact] = {}
        self._reading: dict[tuple[str, Hashable], Fact] = {}
        self._posts: dict[tuple[str, Hashable, Hashable], ce.Post] = {}
        self.found = 0

    # -- what is heard ---------------------------------------------------------------------------------

    def lacks(self, run: str, i: Any) -> Fact | None:
        """What has not been sent yet, and must have been for this to be heard; None: nothing."""
        ask = HEARD.get(type(i))
        if ask is None:
            return None
        cause = ask(self, run, i)
        if cause is None:
            return None
        found = cause in self._facts
        self.found += found
        return None if found else cause

    def could(self, run: str, i: Any) -> bool:
        """Whether what must have been sent for this has been; nothing is taken of it."""
        if isinstance(i, ci.Welcomed):
            return ("stream", i.cid, i.attempt, i.epoch) in self._streams
        if HEARD.get(type(i)) is Joins.arrived:
            stream = self._reading.get((run, i.attempt))
            return stream is None or self._streams[stream].holds(*read_of(i))
        cause = HEARD[type(i)](self, run, i) if type(i) in HEARD else None
        return cause is None or cause in self._facts

    def offers(self, run: str, kind: type) -> Iterator[dict[str, Any]]:
        """What inputs of this type could tell of by now: some of their fields, the latest first."""
        if kind is ci.EventArrived:
            reading = [(attempt, stream) for (name, attempt), stream in self._reading.items() if name == run]
            for attempt, stream in reading:
                yield from ({"attempt": attempt, **event} for event in self._streams[stream].events())
        elif kind is ci.Welcomed:
            begun = islice(reversed(self._streams), OFFERS_MAX)
            yield from (dict(zip(("cid", "attempt", "epoch"), one[1:], strict=True)) for one in begun)
        elif kind is ci.PostReplied:
            answers = list(
                islice((fact for fact in reversed(self._facts) if fact[0] == "answer"), OFFERS_MAX)
            )
            for (name, session, post), posted in self._posts.items():
                verdicts = [
                    one[-1] for one in answers if name == run and one[1:-1] == posted_fact(posted)[1:]
                ]
                yield from ({"session": session, "post": post, "verdicts": one} for one in verdicts)
        elif kind in ASKED:
            word, names = ASKED[kind]
            said = islice((fact for fact in reversed(self._facts) if fact[0] == word), OFFERS_MAX)
            yield from (dict(zip(names, fact[1:], strict=True)) for fact in said)

    def welcomed(self, run: str, i: ci.Welcomed) -> Fact | None:
        """A stream is attached."""
        stream = ("stream", i.cid, i.attempt, i.epoch)
        if stream not in self._streams:
            return stream
        self._reading[run, i.attempt] = stream
        self.found += 1
        return None

    def arrived(self, run: str, i: Any) -> Fact | None:
        """A stream brings what was written on it."""
        stream = self._reading.get((run, i.attempt))
        if stream is None:  # its welcome was not looked at
            return None
        kind, what, places = read_of(i)
        found = all(self._streams[stream].read(kind, what, place) for place in places)
        self.found += found
        return None if found else stream

    def replied(self, run: str, i: ci.PostReplied) -> Fact | None:
        """Receipts come from the server."""
        post = self._posts.get((run, i.session, i.post))
        if post is None or not i.verdicts:
            return None
        return ("answer", post.cid, post.session, post.attempt, post.epoch, post.keys, i.verdicts)

    # -- what is sent ----------------------------------------------------------------------------------

    def tell(self, run: str, i: Any, effects: tuple[Any, ...]) -> list[Fact]:
        """Keep what was sent by a decision, and name it."""
        sent = []
        for effect in effects:
            keep = SENT.get(type(effect))
            if keep is not None:
                fact = keep(self, run, i, effect)
                if fact is not None:
                    sent.append(fact)
        return sent

    def said(self, fact: Fact) -> Fact:
        """A request went out, or an answer."""
        self._facts[fact] = None
        return fact

    def posted(self, run: str, post: ce.Post) -> Fact:
        """A POST went out."""
        self._posts[run, post.session, post.post] = post
        return self.said(posted_fact(post))

    def attached(self, run: str, attach: se.Attach) -> Fact:
        """A stream begins, with its welcome."""
        stream: Fact = ("stream", attach.cid, attach.generation, attach.epoch)
        self._streams[stream] = Written()
        self._attached[run, attach.cid, attach.generation] = stream
        return stream

    def wrote(self, run: str, effect: Any) -> Fact | None:
        """Something stands on a stream."""
        stream = self._attached.get((run, effect.cid, effect.generation))
        if stream is not None:  # of one attached before the records began nothing can be heard, either
            self._streams[stream].write(*written_of(effect))
        return stream

    def cut(self, run: str, effect: se.CutStream) -> Fact | None:
        """The end of a stream, which tells of itself only where another one replaces it."""
        return self.wrote(run, effect) if effect.reason == "replaced" else None

    def posts(self) -> Iterator[tuple[str, ce.Post]]:
        """The POSTs that went out, and the runs that sent them."""
        return ((run, post) for (run, _session, _post), post in self._posts.items())

    def instead(self, fact: Fact) -> list[str]:
        """What was sent of the same kind to or by the same client: the latest that there is, for people."""
        if fact in self._streams:
            return self._streams[fact].shown()
        kinds = {*self._facts, *self._streams}
        return sorted(repr(one) for one in kinds if one[:2] == fact[:2])[-3:]


def read_of(i: Any) -> tuple[str, Fact, Sequence[int]]:
    """What a client reads of a stream: kind, of what, its places."""
    match i:
        case ci.EventArrived():
            return "events", (i.session, i.epoch), range(i.position, i.position + i.count)
        case ci.GapArrived():
            return "gap", (i.session, i.epoch), [i.position]
        case ci.EndArrived():
            return "end", (i.session, i.outcome, i.verdicts), [0]
    return "taken over", (), [0]


def written_of(effect: Any) -> tuple[str, Fact, int, int]:
    """The same as the server writes it: kind, of what, first and last place."""
    match effect:
        case se.WriteEvents():
            return "events", (effect.session, effect.epoch), effect.first, effect.last
        case se.WriteGap():
            return "gap", (effect.session, effect.epoch), effect.position, effect.position
        case se.WriteEnd():
            return "end", (effect.session, effect.outcome, effect.verdicts), 0, 0
    return "taken over", (), 0, 0


def posted_fact(said: ce.Post | si.PostArrived) -> Fact:
    """A POST, as both sides see it."""
    return ("POST", said.cid, said.session, said.attempt, said.epoch, said.keys)


def answer_fact(i: si.PostArrived, effect: se.Answer) -> Fact:
    """The receipts for a POST."""
    return ("answer", i.cid, i.session, i.attempt, i.epoch, i.keys, effect.verdicts)


def word_fact(said: ce.Tell | si.WatchRequested | si.UnwatchRequested) -> Fact:
    """A word about what is watched; without a cursor it is watched no longer."""
    cursor = getattr(said, "cursor", None)
    return ("word", said.cid, said.attempt, said.serial, said.session, cursor)


ASKED: dict[type, tuple[str, tuple[str, ...]]] = {
    si.StreamRequested: ("GET", ("cid", "attempt", "cursors")),
    si.PostArrived: ("POST", ("cid", "session", "attempt", "epoch", "keys")),
    si.CloseRequested: ("close", ("cid", "attempt")),
    si.SuspendRequested: ("suspend", ("cid", "attempt")),
}
"""The requests of clients: what they are among the facts, and the fields that these tell."""

Heard: TypeAlias = Callable[[Joins, str, Any], Fact | None]
HEARD: dict[type, Heard] = {
    ci.Welcomed: Joins.welcomed,
    ci.EventArrived: Joins.arrived,
    ci.GapArrived: Joins.arrived,
    ci.EndArrived: Joins.arrived,
    ci.TakenOver: Joins.arrived,
    ci.PostReplied: Joins.replied,
    si.StreamRequested: lambda _joins, _run, i: None if i.made else ("GET", i.cid, i.attempt, i.cursors),
    si.PostArrived: lambda _joins, _run, i: posted_fact(i),
    si.CloseRequested: lambda _joins, _run, i: ("close", i.cid, i.attempt),
    si.SuspendRequested: lambda _joins, _run, i: ("suspend", i.cid, i.attempt),
    si.WatchRequested: lambda _joins, _run, i: word_fact(i),
    si.UnwatchRequested: lambda _joins, _run, i: word_fact(i),
}
"""What each side hears from the other, and what must have been sent for it."""

SENT: dict[type, Callable[[Joins, str, Any, Any], Fact | None]] = {
    ce.OpenStream: lambda joins, _run, _i, e: joins.said(("GET", e.cid, e.attempt, e.cursors)),
    ce.Post: lambda joins, run, _i, e: joins.posted(run, e),
    ce.SayGoodbye: lambda joins, _run, _i, e: joins.said(("close", e.cid, e.attempt)),
    ce.SaySuspended: lambda joins, _run, _i, e: joins.said(("suspend", e.cid, e.attempt)),
    ce.Tell: lambda joins, _run, _i, e: joins.said(word_fact(e)),
    se.Attach: lambda joins, run, _i, e: joins.attached(run, e),
    se.WriteEvents: lambda joins, run, _i, e: joins.wrote(run, e),
    se.WriteGap: lambda joins, run, _i, e: joins.wrote(run, e),
    se.WriteEnd: lambda joins, run, _i, e: joins.wrote(run, e),
    se.CutStream: lambda joins, run, _i, e: joins.cut(run, e),
    se.Answer: lambda joins, _run, i, e: joins.said(answer_fact(i, e)),
}
"""What each side sends."""

SENT_NAMES: Final = frozenset(kind.__name__ for kind in SENT)
ANSWER_NAMES: Final = frozenset({se.Answer.__name__})
"""Those of which the input says to what they are sent."""
