"""Who drives a session: a client that returns, and whoever took it over."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import cids_of, living, sometimes
from perdure_model.world.transport.tab import OWN, Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
