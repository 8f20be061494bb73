"""The events of a session: each once, none lost, and in bounded buffers."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import living, sometimes
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
