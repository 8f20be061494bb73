"""The timers of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_model.core.client import effects as up
from perdure_model.core.client import inputs as ask
from perdure_model.world.transport.wires import Step, swapped

if TYPE_CHECKING:
    from perdure_model.world.transport.tab.tab import Tab


def timer_sinks(tab: Tab) -> None:
    """Say which timers start and stop; one that is cancelled may come all the same."""
    late, left = tab.late, tab.world.budget["late"]

    def which(due: object) -> int:
        return 1 if isinstance(due, ask.RetryDue) else 0

    @tab.sink(up.StartTimer, tab.reconnect, tab.retry)
    def start_timer(e: up.StartTimer, _to: object, *running: Any) -> Step:
        n = which(e.due)
        yield swapped(running, n, running[n] | {e.due})

    @tab.sink(up.CancelTimer, late, left, tab.reconnect, tab.retry)
    def cancel_timer(e: up.CancelTimer, _to: object, late: Any, left: int, *running: Any) -> Step:
        n = which(e.due)
        stopped = swapped(running, n, running[n] - {e.due})
        yield late, left, *stopped
        if left and e.due in running[n]:
            yield late | {e.due}, left - 1, *stopped
