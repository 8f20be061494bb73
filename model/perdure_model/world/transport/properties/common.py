"""What the statements share: their occasions, and who a client is in a world."""

from __future__ import annotations

from collections.abc import Callable

from perdure_model.checker import Component
from perdure_model.world.transport.tab import AWAY, LIVE, OWN, Tab
from perdure_model.world.transport.world import Transport

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


def cids_of(tab: Tab) -> list[str]:
    """The server's names for the ids that a client may go by."""
    return list(dict.fromkeys(tab.ids.values()))
