"""Where what connections and sessions ask for goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from perdure_model.core.client import inputs as ask
from perdure_model.core.common import Attempt
from perdure_model.core.server import effects as down
from perdure_model.world.transport.tab import AWAY, NEW
from perdure_model.world.transport.wires import Channel, Step, swapped

if TYPE_CHECKING:
    from perdure_model.world.transport.host.host import Host


def _sinks(host: Host, address: Mapping[str, str], cids: Iterable[str]) -> None:
    """What connections ask for; at one connection's address its own wires are enough."""
    cids = list(cids)
    _stream_sinks(host, address, cids)
    _timer_sinks(host, address, cids)
    _wake(host, address, [(session, cid) for cid in cids for session in host.sessions])
    gone = {(s, cid): host.detached[s, cid] for cid in cids for s in host.sessions}
    tabs = [tab for tab in host.world.tabs if set(tab.ids.values()) & set(cids)]
    ghosts = [ghost for tab in tabs for ghost in (tab.away, tab.drives)]

    @host.world.sink(down.Detached, *gone.values(), *ghosts, address=address)
    def detached(e: down.Detached, _to: object, *states: Any) -> Step:
        now = dict(zip(gone, states, strict=False))
        now[e.session, e.cid] = "wrongly" if now[e.session, e.cid].startswith("unwatch") else "detached"
        after = list(states[len(gone) :])
        for n, tab in enumerate(tabs):
            if e.cid in tab.ids.values() and after[2 * n] != AWAY:
                after[2 * n + 1] = None  # nobody drives it now; who is away still should
        yield *now.values(), *after


def _stream_sinks(host: Host, address: Mapping[str, str], cids: list[str]) -> None:
    sink = host.world.sink
    tabs = [tab for tab in host.world.tabs if set(tab.ids.values()) & set(cids)]
    channels = [tab.channel for tab in tabs]
    closes = [host.closes[cid] for cid in cids]

    def through(e: Any, states: tuple[Channel | None, ...]) -> int | None:
        """Whose channel the stream is, if what is written still arrives."""
        for n, (tab, channel) in enumerate(zip(tabs, states, strict=True)):
            if channel is None or not channel.flows:
                continue
            if (channel.generation, tab.ids[channel.cid]) == (e.generation, e.cid):
                return n
        return None

    @sink(down.CutStream, *channels, *closes, address=address)
    def cut_stream(e: down.CutStream, _to: object, *states: Any) -> Step:
        before, seen = states[: len(tabs)], list(states[len(tabs) :])
        if e.reason != "restarted":
            seen[cids.index(e.cid)] |= {e.generation}
        n = through(e, before)
        if n is None:
            yield (*before, *seen)
            return
        over = before[n]._replace(over=True)
        if e.reason == "replaced":
            over = over.written(ask.TakenOver(e.generation, NEW))
        yield (*swapped(before, n, over), *seen)

    def writing(effect: type, messages: Any) -> None:
        @sink(effect, *channels, address=address)
        def write(e: Any, _to: object, *states: Channel | None) -> Step:
            n = through(e, states)
            yield states if n is None else swapped(states, n, states[n].written(*messages(e)))  # type: ignore[union-attr]

    def events(e: down.WriteEvents) -> Iterator[Any]:
        for position in range(e.first, e.last + 1):
            yield ask.EventArrived(e.generation, e.session, e.epoch, position)

    writing(down.WriteEvents, events)
    writing(down.WriteGap, lambda e: [ask.GapArrived(e.generation, e.session, e.epoch, e.position)])
    writing(down.WriteEnd, lambda e: [ask.EndArrived(e.generation, e.session, e.outcome, e.verdicts)])


def _timer_sinks(host: Host, address: Mapping[str, str], cids: list[str]) -> None:
    timers = [host.grace[cid] for cid in cids]
    late, left = [host.late[cid] for cid in cids], host.world.budget["late"]

    @host.world.sink(down.StartGrace, *timers, address=address)
    def start_grace(e: down.StartGrace, _to: object, *running: Any) -> Step:
        n = cids.index(e.due.cid)
        yield swapped(running, n, running[n] | {e.due.generation})

    @host.world.sink(down.CancelGrace, left, *timers, *late, address=address)
    def cancel_grace(e: down.CancelGrace, _to: object, left: int, *states: Any) -> Step:
        running, too_late = states[: len(cids)], states[len(cids) :]
        n, due = cids.index(e.due.cid), {e.due.generation}
        stopped = swapped(running, n, running[n] - due)
        yield left, *stopped, *too_late
        if address and left and due <= running[n]:  # a server that starts again has no timers at all
            yield left - 1, *stopped, *swapped(too_late, n, too_late[n] | due)


def _wake(host: Host, address: Mapping[str, str], pairs: list[tuple[str, str]]) -> None:
    woken = [host.woken[pair] for pair in pairs]

    @host.world.sink(down.Wake, *woken, address=address)
    def wake(e: down.Wake, _to: object, *states: frozenset[Attempt]) -> Step:
        n = pairs.index((e.session, e.cid))
        yield swapped(states, n, states[n] | {e.generation})


def _forget_sinks(host: Host, address: Mapping[str, str], sessions: Iterable[str]) -> None:
    """Where nothing is forgotten, no timer runs for it."""
    if not host.world.bounds.forgets:
        host.world.ignore(down.StartForget)
        return
    sessions = list(sessions)

    @host.world.sink(down.StartForget, *(host.forgets[s] for s in sessions), address=address)
    def start_forget(e: down.StartForget, _to: object, *running: Any) -> Step:
        n = sessions.index(e.due.session)
        yield swapped(running, n, running[n] | {e.due.epoch})

    tabs = [tab for tab in host.world.tabs if tab.session in sessions]

    @host.world.sink(down.Drop, *(tab.drives for tab in tabs), address=address)
    def drop(e: down.Drop, _to: object, *drives: Any) -> Step:
        yield tuple(None if tab.session == e.session else one for tab, one in zip(tabs, drives, strict=True))


def sinks(host: Host) -> None:
    """Say where goes what connections and sessions ask for: at one's own address, and at none."""
    for cid in host.cids:
        _sinks(host, {"cid": cid}, [cid])
    _sinks(host, {}, host.cids)
    for session in host.sessions:
        _wake(host, {"session": session}, [(session, cid) for cid in host.cids])
        _forget_sinks(host, {"session": session}, [session])
    _forget_sinks(host, {}, host.sessions)
    host.world.ignore(down.Append, down.AddSession, down.DropSession)
