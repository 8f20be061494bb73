"""The rule for a server that starts again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.server import inputs as told
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.wires import NOTHING

if TYPE_CHECKING:
    from perdure_model.world.transport.host.host import Host


def restart_rules(host: Host) -> None:
    """Bind that the server starts again, with what it knew or empty."""
    budget, lives = host.world.budget, host.world.lives
    unseen = [*host.closes.values(), *host.woken.values()]
    opened = [tab.opened for tab in host.world.tabs]
    kept_for = [one for tab in host.world.tabs for one in (tab.away, tab.drives)]

    def restarting(kept: bool) -> Any:
        def arrivals(left: int, life: int, *states: Any) -> Iterator[Arrival]:
            used = states[: len(opened)]
            if left and any(life for life, _ in used):
                nobody = ("", None) * len(opened)  # an empty server keeps nothing for anybody
                still = states[len(opened) :][: len(kept_for)] if kept else nobody
                forgotten = (NOTHING,) * len(unseen)
                yield told.ServerStarted(kept), (left - 1, life + 1, *used, *still, *forgotten), None

        return arrivals

    for name, kept in (("restarts", False), ("kept", True)):
        if getattr(host.world.bounds, name):
            says = "the server starts again, with what it knew" if kept else "the server starts again, empty"
            sources = [budget[name], lives, *opened, *kept_for, *unseen]
            host.bind(told.ServerStarted, sources, restarting(kept), says, {}, fair=False)
