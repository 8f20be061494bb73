"""The rules for what happens to a connection: its streams, its timers, and what it can take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perdure_model.core.client import inputs as ask
from perdure_model.core.common import Attempt
from perdure_model.core.server import inputs as told
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.host.strangers import noise_rules, strangers_rules
from perdure_model.world.transport.tab import OWN, Tab
from perdure_model.world.transport.wires import Channel

if TYPE_CHECKING:
    from perdure_model.world.transport.host.host import Host


def connection_rules(host: Host, cid: str) -> None:
    """Bind what happens to the connection of one id."""
    b, budget = host.world.bounds, host.world.budget

    def closing(closes: frozenset[Attempt]) -> Iterator[Arrival]:
        for generation in sorted(closes):
            yield told.StreamClosed(cid, generation), (closes - {generation},), None

    def elapsing(running: frozenset[Attempt]) -> Iterator[Arrival]:
        for generation in sorted(running):
            yield told.GraceElapsed(cid, generation), (running - {generation},), None

    host.bind(
        told.StreamClosed, [host.closes[cid]], closing, f"a stream of {cid} is seen closed", {"cid": cid}
    )
    if cid not in host.world.made:  # which have no grace
        name = f"the grace timer of {cid} runs out"
        host.bind(told.GraceElapsed, [host.grace[cid]], elapsing, name, {"cid": cid})
        name = f"the grace timer of {cid}, cancelled too late"
        if b.late and any(tab.ids[OWN] == cid for tab in host.world.tabs):
            host.bind(told.GraceElapsed, [host.late[cid]], elapsing, name, {"cid": cid})
    tabs = [tab for tab in host.world.tabs if cid in tab.ids.values()]

    def stalling(left: int, closes: frozenset[Attempt], *channels: Channel | None) -> Iterator[Arrival]:
        mine = zip(tabs, channels, strict=True)
        live = {c.attempt for t, c in mine if c is not None and c.flows and t.ids[c.cid] == cid}
        for generation in sorted(closes | live) if left else ():
            yield told.StreamStalled(cid, generation), (left - 1, closes, *channels), None

    if b.stalls:
        sources = [budget["stalls"], host.closes[cid], *(tab.channel for tab in tabs)]
        name = f"nobody reads a stream of {cid}"
        host.bind(told.StreamStalled, sources, stalling, name, {"cid": cid}, fair=False)
    for session in host.sessions:
        _due_rule(host, cid, session, tabs)
    if b.strangers:
        strangers_rules(host, cid)
        noise_rules(host, cid)


def _due_rule(host: Host, cid: str, session: str, tabs: list[Tab]) -> None:
    """A stream can take more once what was written to it has gone out; one that is dead takes all."""

    def due(woken: frozenset[Attempt], *channels: Channel | None) -> Iterator[Arrival]:
        full = {c.generation for c in channels if c is not None and c.flows and behind(c)}
        for generation in sorted(woken - full):
            i = told.EventsDue(cid, session, generation)
            yield i, (woken - {generation}, *channels), None

    sources = [host.woken[session, cid], *(tab.channel for tab in tabs)]
    host.bind(
        told.EventsDue,
        sources,
        due,
        f"{cid} can take more of {session}",
        {"cid": cid, "session": session},
    )


def behind(channel: Channel) -> bool:
    """Whether events that were written have not been read."""
    return any(isinstance(message, ask.EventArrived) for message in channel.messages)
