"""Of streams: only the latest one counts, and what is closed is freed."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import cids_of, home, living, sometimes
from perdure_model.world.transport.tab import Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
