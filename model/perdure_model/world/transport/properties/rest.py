"""Where stopping is right, and that every client comes there once faults stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perdure_model.checker import Component
from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import cids_of, living, sometimes
from perdure_model.world.transport.tab import AWAY, Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
