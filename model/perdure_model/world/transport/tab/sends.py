"""The sends of a client: what it posts, and what it hears of that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.client import effects as up
from perdure_model.core.client import inputs as ask
from perdure_model.core.client import parts as mine
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.tab.noted import Answers, Note, taking
from perdure_model.world.transport.wires import Exchange, Step, Word, swapped

if TYPE_CHECKING:
    from perdure_model.world.transport.tab.tab import Tab


def send_sinks(tab: Tab) -> None:
    """Say where POSTs go, and what becomes of sends."""
    noted = tuple(tab.noted.values())

    answers = tuple(tab.answers.values())

    @tab.sink(up.Post, tab.posts, tab.state, tab.welcome, *answers, *noted)
    def post(e: up.Post, _to: object, posts: Any, state: mine.ClientState, *rest: Any) -> Step:
        welcome, had, notes = rest[0], rest[1 : 1 + len(answers)], rest[1 + len(answers) :]
        welcomed = welcome == (e.cid, e.epoch)
        counted = tuple(
            one.again(welcomed=welcomed) if key in e.keys else one
            for key, one in zip(tab.answers, had, strict=True)
        )
        down = state.state != "awaiting"
        exchange = Exchange(e.session, e.post, e.attempt, e.cid, e.token, e.epoch, e.keys, down)
        now = {
            key: Note(e.epoch) if key in e.keys else note for key, note in zip(tab.noted, notes, strict=True)
        }
        yield ((*posts, exchange), state, welcome, *counted, *now.values())

    @tab.sink(up.Settled, tab.posts, tab.link, *tab.outcomes.values(), *answers, *noted)
    def settled(e: up.Settled, _to: object, posts: Any, link: mine.Link, *states: Any) -> Step:
        told = dict(zip(tab.keys, states, strict=False))
        had = dict(zip(tab.keys, states[len(tab.keys) :], strict=False))
        notes = dict(zip(tab.noted, states[2 * len(tab.keys) :], strict=True))
        doubt = had[e.key].doubt or any(e.key in post.keys for post in posts)
        note = notes.get(e.key)
        doubt = doubt or (note is not None and note.epoch is not None)
        outcome = _judged(tab, e, had[e.key], link, doubt=doubt)
        told[e.key] = outcome if told[e.key] is None else "twice"
        had[e.key] = Answers(had[e.key].latest, wrong=had[e.key].wrong)
        left = (None if key == e.key else one for key, one in notes.items())
        yield posts, link, *told.values(), *had.values(), *left

    @tab.sink(up.Shown, tab.shown)
    def shown(e: up.Shown, _to: object, _before: object) -> Step:
        yield ((e.running, e.delayed),)


def _judged(tab: Tab, e: up.Settled, had: Answers, link: mine.Link, *, doubt: bool) -> str:
    """The outcome that the application is told, or what is wrong with it."""
    if e.outcome == "uncertain" and (had.told or not doubt):
        return "groundless"
    passing = e.why.startswith(("status 5", "status 429", "no answer"))
    spent = had.posted - had.denied > tab.world.bounds.retries_max
    return "early" if passing and not spent and had.epoch == link.epoch else e.outcome


def send_rules(tab: Tab) -> None:
    """Bind what comes of POSTs, words and timers, and what follows from a decision."""

    def running_out(running: frozenset[Any]) -> Iterator[Arrival]:
        for i in sorted(running, key=repr):
            yield i, (running - {i},), None

    def replied(posts: tuple[Exchange, ...], *states: Any) -> Iterator[Arrival]:
        answers, taken = states[: len(tab.keys)], states[len(tab.keys) :]
        for n, e in enumerate(posts):
            if e.status is None:
                continue
            asked_s = 9.0 if e.status == 429 else None
            reply = ask.PostReplied(e.session, e.post, e.status, e.token, e.verdicts, e.left, asked_s)
            now = dict(zip(tab.keys, answers, strict=True))
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

    tab.bind(ask.ReconnectDue, [tab.reconnect], running_out)
    tab.bind(ask.PostReplied, [tab.posts, *tab.answers.values(), *tab.proofs], replied)

    def waited(running: frozenset[Any], *answers: Answers) -> Iterator[Arrival]:
        over = [one._replace(asked=False) for one in answers]
        for i in sorted(running, key=repr):
            yield i, (running - {i}, *over), None

    tab.bind(ask.RetryDue, [tab.retry, *tab.answers.values()], waited)
    tab.bind(ask.WatchReplied, [tab.words], worded)
    for follower in (ask.Desynced, ask.Flush, ask.Bar, ask.Abandon):
        tab.bind(follower, [tab.following], following(follower))
