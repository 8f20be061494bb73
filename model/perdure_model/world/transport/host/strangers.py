"""What comes of nobody who is known: strangers that have learnt an id, and requests that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.common import START, Attempt
from perdure_model.core.server import effects as down
from perdure_model.core.server import inputs as told
from perdure_model.core.server import parts as theirs
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.wires import Step

if TYPE_CHECKING:
    from perdure_model.world.transport.host.host import Host

STRANGER = "q"
STRANGERS = "a stranger's"
"""The epoch of what a stranger brought into being."""


def noise_rules(host: Host, cid: str) -> None:
    """Requests that are none: there is nothing that they could change."""

    def arriving(left: int) -> Iterator[Arrival]:
        if left:
            yield told.RequestRefused("/events", "bad-connection-id"), (left,), None

    sources = [host.world.budget["strangers"]]
    host.bind(told.RequestRefused, sources, arriving, f"no request, as {cid}", {}, fair=False)


def strangers_rules(host: Host, cid: str) -> None:
    """Somebody who has learnt the id, with a principal of their own."""
    where = {"stranger": "q", "cid": cid}
    session = host.sessions[0]

    @host.world.sink(down.Attach, host.closes[cid], host.closed[cid], address=where)
    def attach(e: down.Attach, _to: object, closes: Any, _closed: Any) -> Step:
        yield closes | {e.generation}, None

    for effect in (down.Reject, down.Answer, down.Handle):
        host.world.sink(effect, address={"stranger": "q"})(lambda _e, _to: [()])
    generation = (9, 9)

    def knocking(i: Callable[[Attempt], Any]) -> Any:
        def arrivals(left: int, connection: theirs.Connection | None) -> Iterator[Arrival]:
            if left:
                yield i(connection.generation if connection else generation), (left - 1, connection), None

        return arrivals

    knocks: dict[str, Callable[[Attempt], Any]] = {
        "stream": lambda _g: told.StreamRequested(cid, generation, STRANGER, (), STRANGERS),
        "close": lambda g: told.CloseRequested(cid, g, STRANGER),
        "suspend": lambda g: told.SuspendRequested(cid, g, STRANGER),
        "watch": lambda g: told.WatchRequested(cid, session, g, 99, STRANGER, START, STRANGERS),
        "unwatch": lambda g: told.UnwatchRequested(cid, session, g, 99, STRANGER),
        "send": lambda g: told.PostArrived(cid, session, g, g, STRANGER, ((9, 9),), STRANGERS),
    }
    for kind, i in knocks.items():
        sources = [host.world.budget["strangers"], host.connections[cid]]
        name = f"a stranger's {kind} as {cid}"
        where_now = where | ({"session": session} if kind in ("watch", "unwatch", "send") else {})
        host.bind(type(i(generation)), sources, knocking(i), name, where_now, fair=False)
