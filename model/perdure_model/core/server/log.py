"""Logs: what is published, who is woken, and what a stream is sent next."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.common import START, Cursor, refuse
from perdure_model.core.rule import Decision, Key
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.effects import (
    Append,
    ServerEffect,
    StartForget,
    Wake,
    WriteEnd,
    WriteEvents,
    WriteGap,
)
from perdure_model.core.server.inputs import Ended, EventsDue, ForgetDue, LogLost, Published
from perdure_model.core.server.parts import (
    LOG,
    SETTINGS,
    WATCH,
    WINDOW,
    Log,
    ServerSettings,
    Watch,
    Window,
)
from perdure_model.core.value import replace

Watches = Mapping[Key, Watch]


def wake(watches: Watches) -> tuple[Watches, tuple[Wake, ...]]:
    """Wake those to whom something can be written, unless they are awake already."""
    for watch in watches.values():
        if not watch.woken and watch.sent is not None:
            break
    else:  # the usual case while much is published
        return watches, ()
    asleep = [key for key, watch in watches.items() if not watch.woken and watch.sent is not None]
    woken = {key: replace(watches[key], woken=True) for key in asleep}
    return {**watches, **woken}, tuple(
        [Wake(str(key[1]), watch.generation, str(key[0])) for key, watch in woken.items()]
    )


@SERVER.rule(Published, LOG.one, WATCH.every("session"), reads=(SETTINGS.one,), emits=(Append, Wake))
def on_published(i: Published, log: Log | None, watches: Watches, settings: ServerSettings) -> Decision:
    """The event takes the next position; the oldest beyond the bound is dropped."""
    log = log or Log(i.fresh)
    if log.outcome is not None:
        return refuse("the session is over", log, watches)
    head = log.head + 1
    gone = max(log.gone, head - settings.log_max)
    watches, wakes = wake(watches)
    return (Log(log.epoch, head, gone), watches), (Append(i.session, log.epoch, head, gone), *wakes)


@SERVER.rule(Ended, LOG.one, WATCH.every("session"), reads=(SETTINGS.one,), emits=(StartForget, Wake))
def on_ended(i: Ended, log: Log | None, watches: Watches, settings: ServerSettings) -> Decision:
    """The session is over, with one outcome; who watches is told once all before it is sent."""
    log = log or Log(i.fresh)
    if log.outcome is not None:
        return refuse("the session is over", log, watches)
    forgets = StartForget(ForgetDue(i.session, log.epoch), settings.ended_s)
    watches, wakes = wake(watches)
    return (replace(log, outcome=i.outcome), watches), (forgets, *wakes)


@SERVER.rule(
    EventsDue,
    WATCH.one,
    reads=(LOG.one, WINDOW.one, SETTINGS.one),
    emits=(WriteEvents, WriteGap, WriteEnd, Wake),
)
def on_events_due(
    i: EventsDue,
    watch: Watch | None,
    log: Log,
    window: Window | None,
    settings: ServerSettings,
) -> Decision:
    """The stream is sent what comes next: a gap if the log does not reach back, events, the end.

    Nothing follows the end: who was told of it watches the session no more, and keeps nobody from
    forgetting it (N42).
    """
    if watch is None or watch.generation != i.generation or watch.sent is None:
        return refuse("a stream that is no longer attached", watch)
    effects: list[ServerEffect] = []
    sent = watch.sent
    to = (i.cid, i.generation, i.session)
    if not reaches(log, sent):
        sent = Cursor(log.epoch, log.head)
        effects.append(WriteGap(*to, log.epoch, log.head))
    last = min(log.head, sent.position + settings.batch_max)
    if last > sent.position:
        effects.append(WriteEvents(*to, log.epoch, sent.position + 1, last))
    if last < log.head:
        effects.append(Wake(*to))
    elif log.outcome is not None:
        effects.append(WriteEnd(*to, log.outcome, window.verdicts if window else ()))
        return (None,), tuple(effects)
    return (Watch(i.generation, Cursor(log.epoch, last), woken=last < log.head),), tuple(effects)


@SERVER.rule(LogLost, LOG.one, WATCH.every("session"), reads=(SETTINGS.one,), emits=(StartForget, Wake))
def on_log_lost(i: LogLost, log: Log | None, watches: Watches, settings: ServerSettings) -> Decision:
    """The session goes on with a log of its own: another process has written to this one, and what it holds
    is not known here. Who watches is told by a gap (N46, N47). A session that is over stays over, and is
    forgotten in its time (N48)."""
    if log is None or log.epoch != i.epoch or log.buried:
        return refuse("a log that is lost already", log, watches)
    forgets = () if log.outcome is None else (StartForget(ForgetDue(i.session, i.fresh), settings.ended_s),)
    watches, wakes = wake(watches)
    return (Log(i.fresh, outcome=log.outcome), watches), (*forgets, *wakes)


def reaches(log: Log, sent: Cursor) -> bool:
    """Whether the log still has everything after this cursor."""
    return (sent == START or sent.epoch == log.epoch) and log.gone <= sent.position <= log.head
