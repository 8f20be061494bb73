"""The queue of sends: its order and its bound."""

from __future__ import annotations

from typing import Any

from perdure_model.world.model import Properties
from perdure_model.world.transport.properties.common import sometimes
from perdure_model.world.transport.tab import Tab
from perdure_model.world.transport.world import Transport

PROPERTIES = Properties()
states = PROPERTIES.states


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
