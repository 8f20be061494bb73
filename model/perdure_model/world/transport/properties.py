"""What must hold of system T's worlds: each property of the specification that these worlds can break.

A property is a function from a world to its statement; its docstring is the living text, its name the
stable id. Beside every `always` stands the `sometimes` that keeps it from holding for want of occasion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perdure_model.checker import Component
from perdure_model.core.client.inputs import EndArrived
from perdure_model.core.common import NEVER
from perdure_model.world.model import Properties
from perdure_model.world.transport.host import PRINCIPAL, STRANGERS
from perdure_model.world.transport.tab import AWAY, DEAD, LIVE, NEW, OWN, Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states
Statement = Callable[..., bool]


def sometimes(w: Transport, name: str, *components: Component) -> Callable[[Statement], Statement]:
    """The occasion of a property."""
    if not components:
        return lambda statement: statement
    return w.system.sometimes(*components, name=f"{name} has occasion")


def living(opened: tuple[int, str]) -> bool:
    """Whether this client has been started, and was not killed."""
    return opened[1] in (LIVE, AWAY)


def home(w: Transport, tab: Tab) -> str:
    """The server's name for the id that a client begins with, or is given first."""
    return w.made[1] if w.made else tab.ids[OWN]


def at_rest(w: Transport) -> None:
    """Where stopping is right: each client is done and the server has forgotten it, or both agree on all.

    Every other state without a next step is a deadlock: a retry that never comes, an event never sent.
    """
    looks = [*w.host.logs.values(), *(one for tab in w.tabs for one in resting_parts(w, tab))]
    looks = list(dict.fromkeys(looks))

    @w.system.terminal(*looks)
    def rest(*states: Any) -> bool:
        at = dict(zip(looks, states, strict=True))
        return all(at_peace(w, tab, at) for tab in w.tabs)


def cids_of(tab: Tab) -> list[str]:
    """The server's names for the ids that a client may go by."""
    return list(dict.fromkeys(tab.ids.values()))


def resting_parts(w: Transport, tab: Tab) -> list[Component]:
    """What tells whether a client may stop."""
    held = [w.host.connections[cid] for cid in cids_of(tab)]
    watches = [w.host.watches[s, cid] for cid in cids_of(tab) for s in w.host.sessions]
    wires = [tab.opened, tab.state, tab.link, tab.me, tab.wants, tab.watching, tab.channel, tab.posts]
    return [*wires, *held, *watches, *tab.cursors.values(), *tab.items.values()]


def at_peace(w: Transport, tab: Tab, at: Mapping[Component, Any]) -> bool:
    """Whether a client and the server agree: on the stream, on what is watched, on where it stands."""
    opened, state, link = at[tab.opened], at[tab.state], at[tab.link]
    if opened[0] == 0 or (at[tab.posts] and living(opened)):
        return False
    cid = tab.ids[at[tab.me].cid]
    connection = at[w.host.connections[cid]]
    open_sends = any(at[item] is not None for item in tab.items.values())
    if not living(opened) or state.state == "terminal" or link.phase == "resume":
        shared = any(cid in other.ids.values() for other in w.tabs if other is not tab)
        return (connection is None or shared) and not (open_sends and state.state == "terminal")
    channel = at[tab.channel]
    attached = connection is not None and channel is not None and channel.flows
    if not attached or connection.generation != link.attempt or state.state != "awaiting" or open_sends:
        return False
    wants = set(at[tab.wants])
    watched = {s for s in w.host.sessions if at[w.host.watches[s, cid]] is not None}
    logs = {s: at[w.host.logs[s]] for s in wants}
    heads = {s: log.head if log is not None else 0 for s, log in logs.items()}
    reached = all(at[tab.cursors[s]].position == head for s, head in heads.items()) and all(
        log is None or not log.head or at[tab.cursors[s]].epoch == log.epoch for s, log in logs.items()
    )
    return wants == set(at[tab.watching].sessions) and wants <= watched and reached


@states("P-STALE-CLOSE")
def stale_close(w: Transport) -> None:
    """Closing or suspending an old stream changes nothing while a later one is attached.

    A client whose stream flows is connected: active, under that generation, observing, and not taken to be
    away, unless a later copy of it has said so.
    """
    for tab in w.tabs:
        for cid in cids_of(tab):
            stale_close_of(w, tab, cid)
    tab = w.tabs[0]

    @sometimes(w, "P-STALE-CLOSE", tab.channel, w.host.closes[home(w, tab)])
    def old_close_pending(channel: Any, closes: Any) -> bool:
        return channel is not None and channel.flows and any(g < channel.generation for g in closes)


def stale_close_of(w: Transport, tab: Tab, cid: str) -> None:
    """The statement for one client and one of its ids."""

    @w.always(tab.channel, w.host.connections[cid], name="P-STALE-CLOSE")
    def attached_means_active(channel: Any, connection: Any) -> bool:
        if channel is None or not channel.flows or tab.ids[channel.cid] != cid:
            return True
        active = connection is not None and connection.state == "active"
        taken_away = active and connection.away and connection.said_away[0] == channel.generation[0]
        return active and connection.generation == channel.generation and not taken_away


@states("P-TTL")
def ttl(w: Transport) -> None:
    """Active: no grace timer. Inactive: exactly one, of the latest disconnect. Expired: none is left over.

    So a connection that expires has waited the whole grace time since its latest disconnect.
    """
    for cid in w.host.cids:

        @w.always(w.host.connections[cid], w.host.grace[cid], name="P-TTL")
        def one_timer(connection: Any, grace: Any) -> bool:
            if connection is None or connection.state == "active":
                return not grace
            return list(grace) == [connection.generation]

    cid = home(w, w.tabs[0])

    @sometimes(w, "P-TTL", w.host.connections[cid], w.host.late[cid])
    def waits_again(connection: Any, late: Any) -> bool:
        return connection is not None and connection.state == "inactive" and bool(late)


@states("P-OWNER")
def owner(w: Transport) -> None:
    """A client that returns with its id inside the grace time, or after a suspend, drives the same session as
    before, whatever its old transport looks like.

    The one whose send was handled last goes by the same id, and that id owns the session, as long as the
    server knows it; only a client whose id another one holds goes by another.
    """
    for tab in w.tabs:
        owner_of(w, tab)
    tab = w.tabs[0]

    @sometimes(w, "P-OWNER", tab.state, tab.link, tab.drives)
    def returned(state: Any, link: Any, drives: Any) -> bool:
        return drives is not None and state is not None and state.state == "awaiting" and link.attempt[1] > 1


def owner_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""
    if w.made:
        return
    cid = tab.ids[OWN]
    others = [other for other in w.tabs if other is not tab and cid in other.ids.values()]
    looks = [tab.opened, tab.state, tab.me, tab.drives, w.host.connections[cid]]

    @w.always(*looks, w.host.owners[tab.session, cid], *(o.me for o in others), name="P-OWNER")
    def still_owner(
        opened: Any, state: Any, me: Any, drives: Any, connection: Any, owns: Any, *others_: Any
    ) -> bool:
        if not living(opened) or connection is None or state.state != "awaiting":
            return True
        if drives is None or drives != connection.epoch:
            return True
        if any(other is not None and other.cid == OWN for other in others_):
            return True
        return me.cid == OWN and owns is not None


@states("P-TAKEOVER")
def takeover(w: Transport) -> None:
    """Expiry or close of a connection never detaches a session that another connection owns.

    Whoever's send was handled last owns the session as long as its connection lives.
    """
    for tab in w.tabs:
        takeover_of(w, tab)
    if len(w.tabs) > 1:
        first, second = w.tabs[:2]

        @sometimes(w, "P-TAKEOVER", first.handled, second.drives, w.host.connections[first.ids[OWN]])
        def taken(handled: Any, drives: Any, connection: Any) -> bool:
            return bool(handled) and drives is not None and connection is None


def takeover_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""
    cids = cids_of(tab)
    held = [w.host.connections[cid] for cid in cids]
    owned = [w.host.owners[tab.session, cid] for cid in cids]

    @w.always(tab.drives, *held, *owned, name="P-TAKEOVER")
    def still_its(drives: Any, *states: Any) -> bool:
        connections, owners = states[: len(cids)], states[len(cids) :]
        its = [owner for one, owner in zip(connections, owners, strict=True) if one and one.epoch == drives]
        return drives is None or all(its)


@states("P-EXPIRE-SCOPE")
def expire_scope(w: Transport) -> None:
    """Expiry detaches exactly the sessions that the connection watches and owns then, and that are not
    suspended.

    A client that is away finds the session that it drove; none is told to be detached that it had unwatched.
    """
    for tab in w.tabs:
        owners = [w.host.owners[tab.session, cid] for cid in cids_of(tab)]

        @w.always(tab.away, tab.drives, *owners, name="P-EXPIRE-SCOPE")
        def kept(away: str, drives: Any, *owns: Any) -> bool:
            return away != AWAY or drives is None or any(owns)

    for pair, detached in w.host.detached.items():

        @w.always(detached, name="P-EXPIRE-SCOPE")
        def watched(detached: str) -> bool:
            return detached != "wrongly"

        if pair == (w.tabs[0].session, home(w, w.tabs[0])):

            @sometimes(w, "P-EXPIRE-SCOPE", detached, w.tabs[0].away)
            def has_expired(detached: str, away: str) -> bool:
                return detached == "detached" or away == AWAY


@states("P-CLOSE")
def close(w: Transport) -> None:
    """An accepted close frees the connection in that step, and everything that it held."""
    for cid in w.host.cids:
        close_of(w, cid)
    cid = home(w, w.tabs[0])

    @sometimes(w, "P-CLOSE", w.host.closed[cid])
    def accepted(closed: Any) -> bool:
        return closed is not None


def close_of(w: Transport, cid: str) -> None:
    """The statement for one id."""
    owned = [w.host.owners[s, cid] for s in w.host.sessions]
    held = [w.host.watches[s, cid] for s in w.host.sessions] + [
        w.host.windows[cid, s] for s in w.host.sessions
    ]

    @w.always(w.host.closed[cid], w.host.connections[cid], *owned, name="P-CLOSE")
    def freed(closed: Any, connection: Any, *owners: Any) -> bool:
        return closed is None or (connection is None and not any(owners))

    @w.always(w.host.connections[cid], *held, name="P-CLOSE")
    def nothing_held(connection: Any, *held: Any) -> bool:
        return connection is not None or not any(held)


@states("P-WATCH")
def watch(w: Transport) -> None:
    """The current stream is sent the events of its watch set, of all of it and of nothing else; a reconnect
    leaves the set unchanged.

    What the client watches is what its application wants; while nothing about it is under way, the server
    knows the same. A session whose end is on its way needs no more of the server.
    """
    for tab in w.tabs:
        watch_of(w, tab)
    tab = w.tabs[0]

    @sometimes(w, "P-WATCH", tab.channel, tab.link)
    def returned(channel: Any, link: Any) -> bool:
        return channel is not None and channel.flows and link.attempt[1] > 1


def watch_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""
    looks = [tab.opened, tab.state, tab.wants, tab.watching]

    @w.always(*looks, name="P-WATCH")
    def as_wanted(opened: Any, state: Any, wants: Any, watching: Any) -> bool:
        known = living(opened) and state is not None and state.state != "terminal"
        return not known or set(wants) == set(watching.sessions)

    for cid in cids_of(tab):
        watched_under(w, tab, cid, looks)


def watched_under(w: Transport, tab: Tab, cid: str, looks: list[Component]) -> None:
    """The statement for one client and one of its ids."""
    watches = [w.host.watches[s, cid] for s in w.host.sessions]

    @w.always(*looks, tab.channel, tab.words, tab.following, tab.told_no, *watches, name="P-WATCH")
    def in_force(opened: Any, state: Any, wants: Any, _watching: Any, channel: Any, *rest: Any) -> bool:
        words, following, over, *watches = rest
        if not living(opened) or words or following or state.state != "awaiting":
            return True
        if channel is None or not channel.flows or tab.ids[channel.cid] != cid:
            return True
        served = {s for s, one in zip(w.host.sessions, watches, strict=True) if one is not None and one.sent}
        ended = {m.session for m in channel.messages if isinstance(m, EndArrived)}
        return bool(set(wants) - ended <= served <= set(wants) | over)


@states("P-NO-HIJACK")
def no_hijack(w: Transport) -> None:
    """A connection id answers only to the principal that it was bound to, and so does what it owns."""
    for cid in w.host.cids:
        owned = [w.host.owners[s, cid] for s in w.host.sessions]

        @w.always(w.host.connections[cid], *owned, name="P-NO-HIJACK")
        def bound(connection: Any, *owners: Any) -> bool:
            principals = {one.principal for one in (connection, *owners) if one is not None}
            strangers = connection is not None and connection.epoch == STRANGERS
            return len(principals) < 2 and (not principals or strangers == (principals != {PRINCIPAL}))

    for tab in w.tabs:
        cid = home(w, tab)

        @w.always(tab.away, tab.drives, w.host.owners[tab.session, cid], name="P-NO-HIJACK")
        def still_theirs(away: str, drives: Any, owns: Any) -> bool:
            return away != AWAY or drives is None or owns is None or owns.principal == PRINCIPAL

    @sometimes(w, "P-NO-HIJACK", w.host.connections[w.host.cids[0]], w.budget["strangers"])
    def knocked(connection: Any, left: int) -> bool:
        return connection is not None and left < w.bounds.strangers


@states("P-ONE-STREAM")
def one_stream(w: Transport) -> None:
    """At most one of open stream, reconnect timer and wait; a timer is of the latest attempt."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.link, tab.reconnect, tab.channel, name="P-ONE-STREAM")
        def one_of(opened: Any, link: Any, timers: Any, channel: Any) -> bool:
            if not living(opened):
                return not timers
            waits = [due.attempt for due in timers] == [link.attempt] if link.phase == "timer" else not timers
            return waits and (link.phase == "open" or channel is None)

    @sometimes(w, "P-ONE-STREAM", w.tabs[0].reconnect)
    def waiting(timers: Any) -> bool:
        return bool(timers)


@states("P-ONE-HOLDER")
def one_holder(w: Transport) -> None:
    """Once the loser has been told, two live clients never use one id: the loser goes by another, for good,
    and its application knows."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.state, tab.me, tab.lost_id, name="P-ONE-HOLDER")
        def never_again(opened: Any, state: Any, me: Any, lost: bool) -> bool:
            return not lost or not living(opened) or state.state == "terminal" or me.cid == NEW

    if w.bounds.copied:
        one_holder_among(w, *w.tabs[:2])


def one_holder_among(w: Transport, first: Tab, second: Tab) -> None:
    """Two copies: at rest, or once told, they go by different ids."""
    looks = [first.state, first.me, first.channel, second.state, second.me, second.channel]

    @w.always(*looks, name="P-ONE-HOLDER")
    def told_means_gone(s1: Any, me1: Any, c1: Any, s2: Any, me2: Any, c2: Any) -> bool:
        both = s1 is not None and s2 is not None and s1.state == s2.state == "awaiting"
        flows = c1 is not None and c1.flows and c2 is not None and c2.flows
        return not (both and flows) or me1.cid != me2.cid

    @sometimes(w, "P-ONE-HOLDER", first.known_as, second.known_as)
    def lost(one: Any, other: Any) -> bool:
        return "taken over" in (one[1], other[1])


@states("P-IDENTITY")
def identity(w: Transport) -> None:
    """One id per client for its whole life; a replacement (copied tab, old server) is announced, and a
    server-made id has no grace. No POST before the welcome, and each carries the id that was welcomed."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.me, tab.known_as, name="P-IDENTITY")
        def announced(opened: Any, me: Any, known_as: Any) -> bool:
            return not living(opened) or me.cid == known_as[0]

        for answers in tab.answers.values():

            @w.always(answers, name="P-IDENTITY")
            def as_welcomed(answers: Any) -> bool:
                return bool(answers.wrong != "stray")

    for cid in w.made:

        @w.always(w.host.connections[cid], w.host.grace[cid], name="P-IDENTITY")
        def no_grace(connection: Any, grace: Any) -> bool:
            return not grace and (connection is None or connection.state == "active")

    tab = w.tabs[0]

    @sometimes(w, "P-IDENTITY", tab.known_as, tab.handled)
    def by_another(known_as: Any, handled: Any) -> bool:
        return known_as[1] == "server" and bool(handled)


@states("P-FIFO")
def fifo(w: Transport) -> None:
    """The server takes the sends of one session in the order in which the client made them; a gap only after
    a reported drop, after a life of the client that wrote nothing down, or for data that is not taken.

    Where the server makes the ids, each stream has a connection of its own: what was reported as uncertain
    may still arrive on the one before, behind what came later. Under an id of the client's it cannot: that
    has one connection, and its epoch has changed by then.
    """
    for tab in w.tabs:

        @w.always(tab.opened, tab.handled, *tab.outcomes.values(), name="P-FIFO")
        def in_order(opened: Any, handled: Any, *outcomes: Any, tab: Tab = tab) -> bool:
            life = tab.lives[max(0, opened[0] - 1)]
            reported = dict(zip(tab.keys, outcomes, strict=True))
            late = {key for key, outcome in reported.items() if w.made and outcome == "uncertain"}
            mine = [key for key in handled if key[0] == life and key not in late]
            if mine != sorted(mine):
                return False
            skipped = [k for k in tab.keys if mine and k[0] == life and k < mine[-1] and k not in mine]
            skipped = [k for k in skipped if not (w.bounds.unfit and k[1] == 1)]
            return all(reported[key] in ("failed", "uncertain") for key in skipped)

    @sometimes(w, "P-FIFO", w.tabs[0].handled)
    def several(handled: Any) -> bool:
        return len(handled) > 1


@states("P-SINGLE-FLIGHT")
def single_flight(w: Transport) -> None:
    """At most one attempt per send is in flight."""
    for tab in w.tabs:

        @w.always(tab.posts, name="P-SINGLE-FLIGHT")
        def one_attempt(posts: Any) -> bool:
            flying = [key for post in posts for key in post.keys]
            return len(flying) == len(set(flying))

    @sometimes(w, "P-SINGLE-FLIGHT", w.tabs[0].posts)
    def flying(posts: Any) -> bool:
        return any(posts)


@states("P-QUEUE-BOUND")
def queue_bound(w: Transport) -> None:
    """The queue never holds more than its bound; an accepted send leaves it only with an outcome."""
    for tab in w.tabs:
        queue_bound_of(w, tab)

    @sometimes(w, "P-QUEUE-BOUND", w.tabs[0].opened, *w.tabs[0].items.values())
    def full(_opened: Any, *items: Any) -> bool:
        return sum(item is not None for item in items) == w.bounds.queue_max


def queue_bound_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""

    @w.always(tab.opened, tab.asked, *tab.items.values(), *tab.outcomes.values(), name="P-QUEUE-BOUND")
    def bounded(opened: Any, asked: int, *rest: Any) -> bool:
        items = dict(zip(tab.keys, rest, strict=False))
        outcomes = dict(zip(tab.keys, rest[len(tab.keys) :], strict=True))
        life = tab.lives[max(0, opened[0] - 1)]
        now = [key for key in tab.keys if key[0] == life and key[1] <= asked]
        kept = all((items[key] is None) == (outcomes[key] is not None) for key in now)
        return kept and sum(item is not None for item in items.values()) <= w.bounds.queue_max


@states("P-RETRY-BUDGET")
def retry_budget(w: Transport) -> None:
    """A send is posted at most 1 + `retries_max` times, and once more for each refused credential; another
    credential is asked for only in place of one that the server had taken. No attempt is spent while the
    stream is known to be down."""
    for tab in w.tabs:
        for answers in tab.answers.values():

            @w.always(answers, name="P-RETRY-BUDGET")
            def within(answers: Any) -> bool:
                return bool(answers.posted <= 1 + w.bounds.retries_max + answers.denied)

        @w.always(tab.credential, name="P-RETRY-BUDGET")
        def not_in_vain(credential: Any) -> bool:
            return not bool(credential.vain)

        @w.always(tab.posts, name="P-RETRY-BUDGET")
        def up(posts: Any) -> bool:
            return not any(post.down for post in posts)

    @sometimes(w, "P-RETRY-BUDGET", *w.tabs[0].items.values())
    def repeated(*items: Any) -> bool:
        return any(item is not None and item.tries > 1 for item in items)


PASSING = (None, 0, 401, 409, 429, 500, 503)


@states("P-CLASS")
def status_class(w: Transport) -> None:
    """A send is delivered only if the server took it, which it does not if its data is none; a permanent
    status ends it at once, a transient one only when retries are spent, or with the session."""
    for tab in w.tabs:
        status_class_of(w, tab)
    tab = w.tabs[0]

    @sometimes(w, "P-CLASS", *tab.answers.values())
    def refused(*answers: Any) -> bool:
        return any(answer.latest not in (*PASSING, 200) for answer in answers)


def status_class_of(w: Transport, tab: Tab) -> None:
    """The statement for each send of a client."""
    for key in tab.keys:

        @w.always(tab.outcomes[key], tab.handled, name="P-CLASS")
        def delivered(outcome: Any, handled: Any, key: Any = key) -> bool:
            return outcome != "delivered" or key in handled

        if w.bounds.unfit and key[1] == 1:

            @w.always(tab.outcomes[key], tab.handled, name="P-CLASS")
            def unfit(outcome: Any, handled: Any, key: Any = key) -> bool:
                return outcome != "delivered" and key not in handled

        @w.always(tab.outcomes[key], tab.answers[key], tab.following, name="P-CLASS")
        def at_once(outcome: Any, answer: Any, following: Any) -> bool:
            return answer.latest in PASSING or bool(following) or outcome is not None

    for key in tab.keys:
        looks = [tab.opened, tab.state, tab.credential, tab.outcomes[key], tab.answers[key]]

        @w.always(*looks, name="P-CLASS")
        def passing(opened: Any, state: Any, credential: Any, outcome: Any, answer: Any) -> bool:
            if outcome != "failed" or not living(opened) or state.state == "terminal":
                return True
            return bool(answer.latest != 401 or credential.times > 0)

        @w.always(tab.outcomes[key], name="P-CLASS")
        def spent(outcome: Any) -> bool:
            return bool(outcome != "early")


@states("P-SPACED")
def spaced(w: Transport) -> None:
    """Between two attempts lies the backoff or `Retry-After`, or a reconnect: a send that waits for its retry
    has its timer, of its latest POST, and no other send has one."""
    for tab in w.tabs:

        @w.always(tab.retry, *tab.items.values(), name="P-SPACED")
        def timed(timers: Any, *items: Any) -> bool:
            waiting = {item.post for item in items if item is not None and item.state == "retrying"}
            return {due.post for due in timers} == waiting

        for answers in tab.answers.values():

            @w.always(answers, name="P-SPACED")
            def as_asked(answers: Any) -> bool:
                return bool(answers.wrong != "hasty")

    @sometimes(w, "P-SPACED", w.tabs[0].retry)
    def waits(timers: Any) -> bool:
        return bool(timers)


@states("P-EFFECT-ONCE")
def effect_once(w: Transport) -> None:
    """A send takes effect at most once, however often it was posted, also across a restart of either side."""
    for tab in w.tabs:

        @w.always(tab.handled, name="P-EFFECT-ONCE")
        def once(handled: Any) -> bool:
            return len(handled) == len(set(handled))

    tab = w.tabs[0]

    @sometimes(w, "P-EFFECT-ONCE", tab.handled, *tab.items.values())
    def repeated(handled: Any, *items: Any) -> bool:
        again = dict(zip(tab.keys, items, strict=True))
        return any(again[key] is not None and again[key].tries > 1 for key in handled)


@states("P-UNCERTAIN")
def uncertain(w: Transport) -> None:
    """A dropped send is reported failed only if no attempt can have been accepted; else uncertain, and that
    only if one may have been."""
    for tab in w.tabs:

        @w.always(tab.handled, *tab.outcomes.values(), name="P-UNCERTAIN")
        def honest(handled: Any, *outcomes: Any, tab: Tab = tab) -> bool:
            reported = dict(zip(tab.keys, outcomes, strict=True))
            wrong = any(outcome == "failed" and key in handled for key, outcome in reported.items())
            return not wrong and "groundless" not in outcomes

    @sometimes(w, "P-UNCERTAIN", *w.tabs[0].outcomes.values())
    def in_doubt(*outcomes: Any) -> bool:
        return "uncertain" in outcomes


@states("P-NO-DUP")
def no_dup(w: Transport) -> None:
    """The application is handed each event of a session at most once, in order."""
    for tab in w.tabs:
        for seen in tab.seen.values():

            @w.always(seen, name="P-NO-DUP")
            def rising(seen: Any) -> bool:
                return all(a[1] != b[1] or a[2] < b[2] for n, a in enumerate(seen) for b in seen[n + 1 :])

    tab = w.tabs[0]

    @sometimes(w, "P-NO-DUP", tab.link, tab.seen[tab.session])
    def after_return(link: Any, seen: Any) -> bool:
        return link is not None and link.attempt[1] > 1 and bool(seen)


@states("P-NO-LOSS")
def no_loss(w: Transport) -> None:
    """The cursor passes no event that the application was not handed, unless it was told of the gap and given
    a snapshot."""
    for tab in w.tabs:
        for session in w.host.sessions:

            @w.always(tab.opened, tab.cursors[session], tab.seen[session], name="P-NO-LOSS")
            def whole(opened: Any, cursor: Any, seen: Any) -> bool:
                if not living(opened) or cursor is None or cursor.position == 0:
                    return True
                had = [told for told in seen if told[1] == cursor.epoch]
                start = max((position for kind, _, position in had if kind == "gap"), default=0)
                events = {position for kind, _, position in had if kind == "event"}
                return events >= set(range(start + 1, cursor.position + 1))

    tab = w.tabs[0]

    @sometimes(w, "P-NO-LOSS", tab.link, tab.seen[tab.session])
    def after_return(link: Any, seen: Any) -> bool:
        return link is not None and link.attempt[1] > 1 and bool(seen)


@states("P-RUNNING")
def running(w: Transport) -> None:
    """ "Running" is shown only while an attempt is in flight."""
    for tab in w.tabs:

        @w.always(tab.shown, tab.posts, name="P-RUNNING")
        def in_flight(shown: Any, posts: Any) -> bool:
            return not shown[0] or bool(posts)

    @sometimes(w, "P-RUNNING", w.tabs[0].shown)
    def shows(shown: Any) -> bool:
        return bool(shown[0])


@states("P-NOTICE")
def notice(w: Transport) -> None:
    """A "delayed" notice is shown exactly while some send of the session has failed an attempt and is not
    settled."""
    for tab in w.tabs:
        notice_of(w, tab)

    @sometimes(w, "P-NOTICE", w.tabs[0].shown)
    def delayed(shown: Any) -> bool:
        return bool(shown[1])


def notice_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""
    looks = [tab.opened, tab.shown, *tab.items.values(), *tab.answers.values()]

    @w.always(*looks, name="P-NOTICE")
    def exactly(opened: Any, shown: Any, *rest: Any) -> bool:
        items, answers = rest[: len(tab.keys)], rest[len(tab.keys) :]
        life = tab.lives[max(0, opened[0] - 1)]
        failed = [
            answer.failed
            for key, item, answer in zip(tab.keys, items, answers, strict=True)
            if item is not None and key[0] == life
        ]
        again = any(item is not None and key[0] != life for key, item in zip(tab.keys, items, strict=True))
        return not living(opened) or again or shown[1] == any(failed)


@states("P-VISIBLE")
def visible(w: Transport) -> None:
    """`reconnecting` is shown exactly while a lost stream is not back and no outcome is reached."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.state, tab.channel, tab.welcome, name="P-VISIBLE")
        def shown(opened: Any, state: Any, channel: Any, welcome: Any) -> bool:
            if not living(opened) or state.state == "terminal":
                return True
            served = channel is not None and channel.generation is not None
            welcomed = served and not channel.unwelcomed
            if state.state == "awaiting":
                return welcomed or (served and bool(w.bounds.garbled))
            lost = channel is None or not welcomed or bool(channel.cut)
            return lost and (state.state != "connecting" or (channel is not None and welcome is None))

    @sometimes(w, "P-VISIBLE", w.tabs[0].state)
    def reconnecting(state: Any) -> bool:
        return state is not None and state.state == "reconnecting"


@states("P-TERMINAL-ONCE")
def terminal_once(w: Transport) -> None:
    """After the outcome no timer and no stream is left, and nothing is settled or handed over any more."""
    for tab in w.tabs:
        terminal_once_of(w, tab)

    @sometimes(w, "P-TERMINAL-ONCE", w.tabs[0].state)
    def over(state: Any) -> bool:
        return state is not None and state.state == "terminal"


def terminal_once_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""
    looks = [tab.opened, tab.state, tab.following, tab.link, tab.channel, tab.reconnect, tab.retry]

    @w.always(*looks, *tab.items.values(), name="P-TERMINAL-ONCE")
    def nothing_left(opened: Any, state: Any, following: Any, link: Any, *rest: Any) -> bool:
        if not living(opened) or state.state != "terminal" or following:
            return True
        return not (link.open or any(rest))

    for seen in tab.seen.values():

        @w.always(seen, name="P-TERMINAL-ONCE")
        def nothing_after(seen: Any) -> bool:
            return not any(kind.startswith("late") for kind, _, _ in seen)


@states("P-OUTCOME")
def outcome(w: Transport) -> None:
    """The outcome is its cause's: 401, 410, expired: expired; the bound spent: failed; another holds the id:
    taken over; the application left: closed; the session ended: as its server said."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.state, tab.cause, name="P-OUTCOME")
        def caused(opened: Any, state: Any, cause: str) -> bool:
            return not living(opened) or state.outcome is None or state.outcome == cause

    @sometimes(w, "P-OUTCOME", w.tabs[0].state)
    def expired(state: Any) -> bool:
        return state is not None and state.outcome == "expired"


@states("P-NO-LEAK")
def no_leak(w: Transport) -> None:
    """Registry and observers name only live owners: only the attached stream is written to, and a connection
    without one observes nothing."""
    for cid in w.host.cids:
        for session in w.host.sessions:

            @w.always(w.host.connections[cid], w.host.watches[session, cid], name="P-NO-LEAK")
            def observers_live(connection: Any, watch: Any) -> bool:
                if watch is None or watch.sent is None:
                    return True
                return bool(connection.state == "active" and watch.generation == connection.generation)

    cid = home(w, w.tabs[0])

    @sometimes(w, "P-NO-LEAK", w.host.connections[cid], w.host.watches[w.tabs[0].session, cid])
    def waits(connection: Any, watch: Any) -> bool:
        return connection is not None and connection.state == "inactive" and watch is not None


@states("P-BOUNDED")
def bounded(w: Transport) -> None:
    """No buffer of the server exceeds its bound, whatever a client reads or does not read: what was written
    and not read is at most one batch of a session. The tombstones of forgotten sessions are all counted."""
    for tab in w.tabs:

        @w.always(tab.channel, name="P-BOUNDED")
        def one_batch(channel: Any) -> bool:
            if channel is None:
                return True
            kinds = [type(message).__name__ for message in channel.messages]
            most = w.bounds.batch_max * len(w.host.sessions) + w.bounds.garbled
            return kinds.count("EventArrived") <= most

    @w.always(w.host.tombstones, *w.host.logs.values(), name="P-BOUNDED")
    def counted(tombstones: Any, *logs: Any) -> bool:
        return bool((tombstones or 0) == sum(log is not None and log.buried for log in logs))

    tab = w.tabs[0]

    @sometimes(w, "P-BOUNDED", tab.channel, w.host.logs[tab.session])
    def more_waits(channel: Any, log: Any) -> bool:
        if channel is None or log is None or not channel.flows:
            return False
        read = [m.position for m in channel.messages if type(m).__name__ == "EventArrived"]
        return bool(read) and max(read) < log.head


@states("P-ERRORS")
def errors(w: Transport) -> None:
    """Every failure reaches the application: a session that is wanted and not watched is named, and so is a
    suspend or a goodbye that the server did not take."""
    for tab in w.tabs:

        @w.always(tab.opened, tab.state, tab.wants, tab.watching, tab.told_no, name="P-ERRORS")
        def told(opened: Any, state: Any, wants: Any, watching: Any, told_no: Any) -> bool:
            if not living(opened) or state.state == "terminal":
                return True
            return all(session in watching.sessions or session in told_no for session in wants)

        @w.always(tab.opened, tab.parting, name="P-ERRORS")
        def of_parting(opened: Any, parting: Any) -> bool:
            return not living(opened) or parting.said_no == parting.told

    @sometimes(w, "P-ERRORS", w.tabs[0].told_no)
    def named(told_no: Any) -> bool:
        return bool(told_no)


# -- eventually ----------------------------------------------------------------------------------------


@states("P-SETTLE")
def settle(w: Transport) -> None:
    """Every send of a client that lives ends as delivered, failed or uncertain, and is reported once."""
    for tab in w.tabs:

        @w.always(*tab.outcomes.values(), name="P-SETTLE")
        def reported_once(*outcomes: Any) -> bool:
            return "twice" not in outcomes

    if w.liveness:
        for tab in w.tabs:
            settle_of(w, tab)

    @sometimes(w, "P-SETTLE", *w.tabs[0].outcomes.values())
    def settled(*outcomes: Any) -> bool:
        return any(outcomes)


def settle_of(w: Transport, tab: Tab) -> None:
    """The statement for each send of a client: of this life, or taken up from an earlier one that wrote it
    down. While the client is in the background its sends wait."""
    for key in tab.keys:
        written = [tab.noted[key]] if tab.noted else []  # who cannot be killed need write nothing down

        def asked(asked: int, opened: Any, _outcome: Any, *note: Any, key: Any = key) -> bool:
            return living(opened) and (note[0] is not None if note else asked >= key[1])

        def reported(_asked: int, opened: Any, outcome: Any, *_note: Any) -> bool:
            return outcome is not None or opened[1] in (DEAD, AWAY)

        looks = (tab.asked, tab.opened, tab.outcomes[key], *written)
        w.leads_to(*looks, when=asked, then=reported, name="P-SETTLE")


@states("P-NO-STUCK")
def no_stuck(w: Transport) -> None:
    """ "Running" does not last for ever without the server running something."""
    if w.liveness:
        for tab in w.tabs:
            w.leads_to(
                tab.shown,
                tab.opened,
                when=lambda shown, _opened: bool(shown[0]),
                then=lambda shown, opened: not shown[0] or opened[1] == DEAD,
                name="P-NO-STUCK",
            )

    @sometimes(w, "P-NO-STUCK", w.tabs[0].shown)
    def shows(shown: Any) -> bool:
        return bool(shown[0])


@states("P-RECONVERGE")
def reconverge(w: Transport) -> None:
    """Once faults stop, every live client is `awaiting`, its server connection `active`, its watch set in
    force, its queue empty and its cursor at the head."""
    if w.liveness:
        for tab in w.tabs:
            reconverge_of(w, tab)
    tab = w.tabs[0]

    @sometimes(w, "P-RECONVERGE", tab.link, tab.state)
    def back(link: Any, state: Any) -> bool:
        return state is not None and state.state == "awaiting" and link.attempt[1] > 1


def reconverge_of(w: Transport, tab: Tab) -> None:
    """The statement for one client."""
    looks = [*w.host.logs.values(), *resting_parts(w, tab)]

    def opened(*states: Any) -> bool:
        return living(dict(zip(looks, states, strict=True))[tab.opened])

    def converged(*states: Any) -> bool:
        at = dict(zip(looks, states, strict=True))
        opened, state = at[tab.opened], at[tab.state]
        gone = not living(opened) or opened[1] == AWAY or state.state == "terminal"
        return gone or at_peace(w, tab, at)

    w.leads_to(*looks, when=opened, then=converged, name="P-RECONVERGE")


@states("P-TERMINATES")
def terminates(w: Transport) -> None:
    """A session whose server never recovers ends in a terminal error within its bounds."""
    tab = w.tabs[0]
    if w.liveness and {"streams", "ids", "staying"} & set(w.bounds.never):
        w.leads_to(
            tab.opened,
            tab.state,
            when=lambda opened, _state: living(opened),
            then=lambda _opened, state: state is not None and state.state == "terminal",
            name="P-TERMINATES",
        )

    @sometimes(w, "P-TERMINATES", tab.state)
    def ended(state: Any) -> bool:
        return state is not None and state.outcome == "failed"


@states("P-EXPIRES")
def expires(w: Transport) -> None:
    """A connection whose client never returns expires, and everything it held is freed, except suspended
    sessions; sessions it owned but did not watch are freed too. A session that is over is forgotten."""
    for cid in w.host.cids:
        owned = [w.host.owners[s, cid] for s in w.host.sessions]

        @w.always(w.host.connections[cid], *owned, name="P-EXPIRES")
        def nothing_left(connection: Any, *owners: Any) -> bool:
            return connection is not None or all(one is None or one.suspended != NEVER for one in owners)

    if w.liveness:
        for tab in w.tabs:
            expires_of(w, tab)
        for log in w.host.logs.values() if w.bounds.forgets else ():
            forgotten(w, log)
    tab = w.tabs[0]

    @sometimes(w, "P-EXPIRES", tab.handled, w.host.connections[home(w, tab)])
    def gone(handled: Any, connection: Any) -> bool:
        return bool(handled) and connection is None


def forgotten(w: Transport, log: Component) -> None:
    """The statement for one session."""
    w.leads_to(
        log,
        when=lambda log: log is not None and log.outcome is not None,
        then=lambda log: log is None or log.outcome is None,
        name="P-EXPIRES",
    )


def expires_of(w: Transport, tab: Tab) -> None:
    """The statement for one client that has left, was killed, or has ended, and for each of its ids."""
    for cid in cids_of(tab):
        users = [other for other in w.tabs if cid in cids_of(other)]
        uses = [look for user in users for look in (user.opened, user.state)]
        looks = (*uses, w.host.connections[cid], w.host.owners[tab.session, cid])

        def unused(*uses: Any) -> bool:
            pairs = zip(uses[::2], uses[1::2], strict=True)
            return all(not living(opened) or state.state == "terminal" for opened, state in pairs)

        def gone(*states: Any) -> bool:
            opened = states[:-2:2]
            return any(life > 0 for life, _ in opened) and unused(*states[:-2])

        def freed(*states: Any) -> bool:
            *uses, connection, owns = states
            return not unused(*uses) or (connection is None and (owns is None or owns.suspended != NEVER))

        w.leads_to(*looks, when=gone, then=freed, name="P-EXPIRES")
