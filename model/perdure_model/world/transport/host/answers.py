"""How the requests of a client are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_model.core.client import inputs as ask
from perdure_model.core.server import effects as down
from perdure_model.core.server import inputs as told
from perdure_model.world.transport.tab import BACK, OWN, Tab
from perdure_model.world.transport.wires import Channel, Exchange, Request, Step, answered

if TYPE_CHECKING:
    from perdure_model.world.transport.host.host import Host


def answers_of(host: Host, tab: Tab) -> None:
    """How a client's request is answered."""
    here = {"tab": tab.name}

    for cid in dict.fromkeys(tab.ids.values()):
        _attach_sink(host, tab, cid)

    @host.world.sink(down.Reject, tab.channel, of=told.StreamRequested, address=here)
    def reject_stream(e: down.Reject, to: Any, channel: Channel | None) -> Step:
        waits = channel is not None and to.attempt == channel.attempt and channel.generation is None
        yield (channel._replace(status=e.status) if waits and channel else channel,)

    @host.world.sink(down.Reject, tab.posts, of=told.PostArrived, address=here)
    def reject_post(e: down.Reject, to: Any, posts: Any) -> Step:
        yield (answered(posts, to, e.status, ()),)

    @host.world.sink(down.Answer, tab.posts, address=here)
    def answer(e: down.Answer, to: Any, posts: Any) -> Step:
        yield (answered(posts, to, 200, e.verdicts),)

    drives = [other.drives for other in host.world.tabs]
    me = host.world.tabs.index(tab)

    @host.world.sink(down.Handle, tab.handled, *drives, address=here)
    def handle(e: down.Handle, to: Exchange, handled: Any, *_drives: Any) -> Step:
        yield (*handled, e.key), *(to.epoch if n == me else None for n in range(len(drives)))


def _attach_sink(host: Host, tab: Tab, cid: str) -> None:
    address = {"tab": tab.name, "cid": cid}
    unwatched = [host.detached[s, cid] for s in host.sessions]

    ghosts = [tab.away, tab.drives, host.closed[cid], *unwatched]
    others = [other.away for other in host.world.tabs if other is not tab and cid in other.ids.values()]
    taken_from = others if host.world.bounds.suspends else []

    @host.world.sink(down.Attach, tab.channel, host.closes[cid], *ghosts, *taken_from, address=address)
    def attach(
        e: down.Attach,
        to: Request,
        channel: Channel | None,
        closes: Any,
        away: str,
        drives: Any,
        *_: Any,
    ) -> Step:
        watched = dict(to.cursors)
        back = away == BACK and channel is not None and channel.attempt == e.generation
        drives = e.epoch if back and drives is not None and cid == tab.ids[OWN] else drives
        after = (
            "" if back else away,
            drives,
            None,
            *("" if s in watched else "unwatched" for s in host.sessions),
            *("" for _ in taken_from),
        )
        heard = channel is not None and channel.generation is None and not channel.cut
        if channel is None or channel.attempt != e.generation or not heard:
            yield channel, closes | {e.generation}, *after  # nobody reads it: it will be seen closed
            return
        handle = channel.cid if tab.ids[channel.cid] == cid else cid
        welcome = channel.written(ask.Welcomed(e.generation, handle, e.epoch))
        yield welcome._replace(generation=e.generation, cid=handle), closes, *after
