"""The grace time, what expiry takes, and that it comes."""

from __future__ import annotations

from typing import Any

from perdure_model.checker import Component
from perdure_model.core.common import NEVER
from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import cids_of, home, living, sometimes
from perdure_model.world.transport.tab import AWAY, Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
