"""The streams of a client: what it asks of them, and what they bring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.client import effects as up
from perdure_model.core.client import inputs as ask
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.tab.noted import NEW, Answers, Refresh, taking
from perdure_model.world.transport.wires import Channel, Request, Step, Word

if TYPE_CHECKING:
    from perdure_model.world.transport.tab.tab import Tab


def stream_sinks(tab: Tab) -> None:
    """Say where goes what a client does with its streams, and what it tells on the way."""
    closes = tab.world.host.closes

    @tab.sink(up.OpenStream, tab.requests, tab.channel)
    def open_stream(e: up.OpenStream, _to: object, requests: Any, _old: object) -> Step:
        request = Request(e.attempt, e.cid, e.token, e.cursors)
        yield requests | {request}, Channel(e.attempt, e.cid, e.token, cursors=e.cursors)

    seen_closed = [closes[cid] for cid in dict.fromkeys(tab.ids.values())]

    @tab.sink(up.EndStream, tab.channel, tab.late, tab.world.budget["late"], *seen_closed)
    def end_stream(
        e: up.EndStream, _to: object, channel: Channel | None, late: Any, left: int, *seen: Any
    ) -> Step:
        if channel is None or channel.attempt != e.attempt:
            yield channel, late, left, *seen
            return
        noticed = tab.noticed(channel, seen)
        if left:
            for i in (ask.StreamLost(e.attempt, 0, fresh=NEW), *channel.read_already):
                yield None, late | {i}, left - 1, *noticed
        yield None, late, left, *noticed

    @tab.sink(up.Tell, tab.words)
    def tell(e: up.Tell, _to: object, words: tuple[Word, ...]) -> Step:
        yield ((*words, Word(e.attempt, e.cid, e.serial, e.session, e.cursor)),)


def stream_rules(tab: Tab) -> None:
    """Bind what comes by a stream, and its loss."""

    def arriving(kind: type) -> Any:
        def arrivals(channel: Channel | None) -> Iterator[Arrival]:
            if channel is not None and channel.messages and isinstance(channel.messages[0], kind):
                yield channel.messages[0], (channel._replace(messages=channel.messages[1:]),), None

        return arrivals

    def events(channel: Channel | None) -> Iterator[Arrival]:
        """One alone, or two that came together."""
        yield from arriving(ask.EventArrived)(channel)
        if channel is not None and together(channel.messages):
            e = channel.messages[0]
            both = ask.EventArrived(e.attempt, e.session, e.epoch, e.position, count=2)
            yield both, (channel._replace(messages=channel.messages[2:]),), None

    def too_late(kind: type) -> Any:
        def arrivals(late: frozenset[Any]) -> Iterator[Arrival]:
            for i in sorted(late, key=repr):
                if isinstance(i, kind):
                    yield i, (late - {i},), None

        return arrivals

    def heard(channel: Channel | None) -> Iterator[Arrival]:
        stays = "staying" not in tab.world.bounds.never
        if channel is not None and channel.flows and not channel.messages and stays:
            yield ask.Heard(channel.attempt), (channel,), None

    def losing(channel: Channel | None) -> Iterator[Arrival]:
        if channel is None:
            return
        lost = ask.StreamLost(channel.attempt, channel.status or 0, channel.token, NEW)
        if channel.cut or (channel.over and not channel.messages) or channel.status is not None:
            yield lost, (None,), None

    def taken_over(channel: Channel | None, _lost: bool) -> Iterator[Arrival]:
        for i, left, to in arriving(ask.TakenOver)(channel):
            yield i, (*left, True), to

    brought = (ask.Welcomed, ask.EventArrived, ask.GapArrived, ask.EndArrived, ask.TakenOver)

    def welcomed(channel: Channel | None, _welcome: Any, *taken: Refresh) -> Iterator[Arrival]:
        for i, left, to in arriving(ask.Welcomed)(channel):
            yield i, (*left, (i.cid, i.epoch), *taking(taken, left[0].token)), to

    tab.bind(ask.Welcomed, [tab.channel, tab.welcome, *tab.proofs], welcomed)
    tab.bind(ask.EventArrived, [tab.channel], events)
    tab.bind(ask.GapArrived, [tab.channel], arriving(ask.GapArrived))

    def ended(channel: Channel | None, *answers: Answers) -> Iterator[Arrival]:
        for i, left, to in arriving(ask.EndArrived)(channel):
            taken = {key for key, said in i.verdicts if said == "accepted" and i.session == tab.session}
            now = (
                one._replace(told=True) if key in taken else one
                for key, one in zip(tab.keys, answers, strict=True)
            )
            yield i, (*left, *now), to

    tab.bind(ask.EndArrived, [tab.channel, *tab.answers.values()], ended)
    tab.bind(ask.TakenOver, [tab.channel, tab.lost_id], taken_over)
    tab.bind(ask.Heard, [tab.channel], heard)
    tab.bind(ask.StreamLost, [tab.channel], losing)
    if tab.world.bounds.late:
        for kind in (*brought, ask.Heard, ask.StreamLost):
            name = f"{kind.__name__} of a stream that was ended"
            tab.bind(kind, [tab.late], too_late(kind), name)
        for due in (ask.ReconnectDue, ask.RetryDue):
            tab.bind(due, [tab.late], too_late(due), f"{due.__name__}, cancelled too late")


def together(messages: tuple[Any, ...]) -> bool:
    """Whether the next two are events of one log, one after the other."""
    match messages[:2]:
        case [ask.EventArrived() as e, ask.EventArrived() as then]:
            return (then.session, then.epoch, then.position) == (e.session, e.epoch, e.position + 1)
    return False
