"""What must hold of system T's world: each property of the specification that this world can break.

A property is a function from a world to its statement; its docstring is the living text, its name the
stable id. Beside every `always` stands the `sometimes` that keeps it from holding for want of occasion.
"""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


def at_rest(w: Transport) -> None:
    """Where stopping is right: the client is done and the server has forgotten it, or both agree on all.

    Every other state without a next step is a deadlock: a retry that never comes, an event never sent.
    """

    @w.system.terminal(
        w.opened, w.state, w.link, w.channel, w.connection, w.cursor, w.log, *w.items.values(), w.posts
    )
    def rest(
        opened: bool, state: Any, link: Any, channel: Any, connection: Any, cursor: Any, log: Any, *more: Any
    ) -> bool:
        *items, posts = more
        if any(items) or posts or not opened:
            return False
        if state.state == "terminal":
            return connection is None
        attached = channel is not None and channel.flows and connection is not None
        caught_up = log is None or log.head == cursor.position
        return state.state == "awaiting" and attached and caught_up and connection.generation == link.attempt


def live(timer: Any, generation: Any) -> bool:
    """Whether this timer runs for exactly this generation."""
    return [due.generation for due in timer] == [generation]


@states("P-STALE-CLOSE")
def stale_close(w: Transport) -> None:
    """Closing an old stream changes nothing while a later one is attached."""

    @w.system.always(w.channel, w.connection, w.watch, name="P-STALE-CLOSE")
    def attached_means_active(channel: Any, connection: Any, watch: Any) -> bool:
        if channel is None or not channel.flows:
            return True
        active = connection is not None and connection.state == "active"
        return active and connection.generation == channel.generation and watch.sent is not None

    @w.system.sometimes(w.channel, w.closes, name="P-STALE-CLOSE has occasion")
    def old_close_pending(channel: Any, closes: Any) -> bool:
        return channel is not None and channel.flows and any(g < channel.generation for g in closes)


@states("P-TTL")
def ttl(w: Transport) -> None:
    """Active: no grace timer. Inactive: exactly one, of the latest disconnect. Expired: none is left over."""

    @w.system.always(w.connection, w.grace, name="P-TTL")
    def one_timer(connection: Any, grace: Any) -> bool:
        if connection is None or connection.state == "active":
            return not grace
        return live(grace, connection.generation)

    @w.system.sometimes(w.connection, w.late, name="P-TTL has occasion")
    def waits_again(connection: Any, late: Any) -> bool:
        waits = connection is not None and connection.state == "inactive"
        return waits and any(getattr(due, "generation", None) for due in late.due)


@states("P-OWNER")
def owner(w: Transport) -> None:
    """A client that returns within its grace time drives the same session as before."""

    def welcomed(state: Any, link: Any, connection: Any) -> bool:
        known = connection is not None and connection.epoch == link.epoch if link else False
        return known and state.state == "awaiting"

    @w.system.always(w.state, w.link, w.connection, w.window, w.owner, name="P-OWNER")
    def still_owner(state: Any, link: Any, connection: Any, window: Any, owns: Any) -> bool:
        if not welcomed(state, link, connection) or window is None:
            return True
        return bool(owns) or all(said != "accepted" for _, said in window.verdicts)

    @w.system.sometimes(w.state, w.link, w.connection, w.owner, name="P-OWNER has occasion")
    def returned(state: Any, link: Any, connection: Any, owns: Any) -> bool:
        return welcomed(state, link, connection) and bool(owns) and connection.epoch != link.attempt


@states("P-NO-HIJACK")
def no_hijack(w: Transport) -> None:
    """A connection id answers only to the principal that it was bound to."""

    @w.system.always(w.connection, name="P-NO-HIJACK")
    def bound(connection: Any) -> bool:
        return connection is None or connection.principal == "p"


@states("P-ONE-STREAM")
def one_stream(w: Transport) -> None:
    """At most one of open stream and reconnect timer; a lost stream has its timer, of the latest attempt."""

    @w.system.always(w.state, w.link, w.reconnect, w.channel, name="P-ONE-STREAM")
    def one_of(state: Any, link: Any, timers: Any, channel: Any) -> bool:
        if state is None or state.state == "terminal" or link.open:
            return not timers
        return channel is None and [due.attempt for due in timers] == [link.attempt]

    @w.system.sometimes(w.reconnect, name="P-ONE-STREAM has occasion")
    def waiting(timers: Any) -> bool:
        return bool(timers)


@states("P-FIFO")
def fifo(w: Transport) -> None:
    """Sends are taken in the order in which they were made; a gap only after a reported drop."""

    @w.system.always(w.handled, *w.outcomes.values(), name="P-FIFO")
    def in_order(handled: Any, *outcomes: Any) -> bool:
        if list(handled) != sorted(handled):
            return False
        reported = dict(zip(w.keys, outcomes, strict=True))
        skipped = [key for key in w.keys if handled and key < handled[-1] and key not in handled]
        return all(reported[key] in ("failed", "uncertain") for key in skipped)

    @w.system.sometimes(w.handled, name="P-FIFO has occasion")
    def several(handled: Any) -> bool:
        return len(handled) >= min(2, len(w.keys))


@states("P-SINGLE-FLIGHT")
def single_flight(w: Transport) -> None:
    """At most one attempt per send is in flight."""

    @w.system.always(w.posts, name="P-SINGLE-FLIGHT")
    def one_attempt(posts: Any) -> bool:
        flying = [key for post in posts for key in post.keys]
        return len(flying) == len(set(flying))

    @w.system.sometimes(w.posts, name="P-SINGLE-FLIGHT has occasion")
    def flying(posts: Any) -> bool:
        return any(posts)


@states("P-QUEUE-BOUND")
def queue_bound(w: Transport) -> None:
    """The queue never holds more than its bound; a send leaves it only with an outcome."""

    @w.system.always(w.asked, *w.items.values(), *w.outcomes.values(), name="P-QUEUE-BOUND")
    def bounded(asked: int, *rest: Any) -> bool:
        items, outcomes = rest[: len(w.keys)], rest[len(w.keys) :]
        kept = all((items[n] is None) == (outcomes[n] is not None) for n in range(asked))
        return kept and sum(item is not None for item in items) <= w.bounds.queue_max


@states("P-RETRY-BUDGET")
def retry_budget(w: Transport) -> None:
    """A send is posted at most 1 + `retries_max` times."""

    @w.system.always(*w.items.values(), name="P-RETRY-BUDGET")
    def within(*items: Any) -> bool:
        return all(item is None or item.tries <= 1 + w.bounds.retries_max for item in items)


@states("P-SPACED")
def spaced(w: Transport) -> None:
    """A send that waits for its retry has its timer, of its latest POST; no other send has one."""

    @w.system.always(w.retry, *w.items.values(), name="P-SPACED")
    def timed(timers: Any, *items: Any) -> bool:
        waiting = {item.post for item in items if item is not None and item.state == "retrying"}
        return {due.post for due in timers} == waiting


@states("P-EFFECT-ONCE")
def effect_once(w: Transport) -> None:
    """A send takes effect at most once, however often it was posted, also across a restart."""

    @w.system.always(w.handled, name="P-EFFECT-ONCE")
    def once(handled: Any) -> bool:
        return len(handled) == len(set(handled))

    @w.system.sometimes(w.handled, *w.items.values(), name="P-EFFECT-ONCE has occasion")
    def repeated(handled: Any, *items: Any) -> bool:
        again = dict(zip(w.keys, items, strict=True))
        return any(again[key] is not None and again[key].tries > 1 for key in handled)


@states("P-UNCERTAIN")
def uncertain(w: Transport) -> None:
    """A dropped send is reported failed only if no attempt can have been taken; delivered only if one was."""

    @w.system.always(w.handled, *w.outcomes.values(), name="P-UNCERTAIN")
    def honest(handled: Any, *outcomes: Any) -> bool:
        reported = dict(zip(w.keys, outcomes, strict=True))
        return not any(
            (outcome == "failed" and key in handled) or (outcome == "delivered" and key not in handled)
            for key, outcome in reported.items()
        )


@states("P-SETTLE")
def settle(w: Transport) -> None:
    """Every send is reported once. That it is reported at all: `at_rest` lets nothing stop before."""

    @w.system.always(*w.outcomes.values(), name="P-SETTLE")
    def reported_once(*outcomes: Any) -> bool:
        return "twice" not in outcomes


@states("P-NO-DUP")
def no_dup(w: Transport) -> None:
    """The application is handed each event at most once, in order."""

    @w.system.always(w.seen, name="P-NO-DUP")
    def rising(seen: Any) -> bool:
        return all(a[1] != b[1] or a[2] < b[2] for n, a in enumerate(seen) for b in seen[n + 1 :])


@states("P-NO-LOSS")
def no_loss(w: Transport) -> None:
    """The cursor passes no event that was not handed over, unless the application was told of the gap."""

    @w.system.always(w.cursor, w.seen, name="P-NO-LOSS")
    def whole(cursor: Any, seen: Any) -> bool:
        if cursor is None or cursor.position == 0:
            return True
        had = [told for told in seen if told[1] == cursor.epoch]
        snapshots = [position for kind, _, position in had if kind == "gap"]
        start = max(snapshots, default=0)
        events = {position for kind, _, position in had if kind == "event"}
        return events >= set(range(start + 1, cursor.position + 1))

    @w.system.sometimes(w.link, w.seen, name="P-NO-LOSS has occasion")
    def after_return(link: Any, seen: Any) -> bool:
        return link is not None and link.attempt > (1, 1) and bool(seen)


@states("P-TERMINAL-ONCE")
def terminal_once(w: Transport) -> None:
    """After the outcome no timer and no stream is left, and nothing is settled or handed over any more."""

    @w.system.always(
        w.state,
        w.link,
        w.channel,
        w.reconnect,
        w.retry,
        w.following,
        w.seen,
        *w.items.values(),
        name="P-TERMINAL-ONCE",
    )
    def nothing_left(state: Any, link: Any, channel: Any, reconnect: Any, *rest: Any) -> bool:
        retry, following, seen, *items = rest
        if any(kind.startswith("late") for kind, _, _ in seen):
            return False
        if state is None or state.state != "terminal" or following:
            return True
        return not (link.open or channel or reconnect or retry or any(items))


@states("P-CLOSE")
def close(w: Transport) -> None:
    """An accepted close frees the connection in that step, and everything that it held."""

    @w.system.always(w.connection, w.watch, w.owner, w.window, name="P-CLOSE")
    def freed(connection: Any, watch: Any, owns: Any, window: Any) -> bool:
        return connection is not None or not (watch or owns or window)


@states("P-NO-LEAK")
def no_leak(w: Transport) -> None:
    """Only the attached stream is written to: a connection without one observes nothing."""

    @w.system.always(w.connection, w.watch, name="P-NO-LEAK")
    def observers_live(connection: Any, watch: Any) -> bool:
        if watch is None or watch.sent is None:
            return True
        return bool(connection.state == "active" and watch.generation == connection.generation)


@states("P-VISIBLE")
def visible(w: Transport) -> None:
    """Reconnecting is shown exactly while a lost stream is not back: awaiting means an open stream."""

    @w.system.always(w.state, w.link, name="P-VISIBLE")
    def shown(state: Any, link: Any) -> bool:
        return state is None or state.state != "awaiting" or bool(link.open)
