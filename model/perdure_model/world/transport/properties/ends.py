"""How the session of a client ends."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import living, sometimes
from perdure_model.world.transport.tab import Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
