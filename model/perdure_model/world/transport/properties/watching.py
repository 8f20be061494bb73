"""What a client watches is what it is sent."""

from __future__ import annotations

from typing import Any

from perdure_model.checker import Component
from perdure_model.core.client.inputs import EndArrived
from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import cids_of, living, sometimes
from perdure_model.world.transport.tab import Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
