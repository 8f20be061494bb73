"""Who a client is: one id, one holder, one principal."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.host import PRINCIPAL, STRANGERS
from perdure_model.world.transport.properties.common import home, living, sometimes
from perdure_model.world.transport.tab import AWAY, NEW, Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
