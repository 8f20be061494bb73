"""Defects of the log of a session and the cursor in it: what is written to whom, and handed over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import events
from perdure_model.core.client.effects import Deliver
from perdure_model.core.common import START, Cursor
from perdure_model.core.rule import Decision
from perdure_model.core.server import SERVER, connection, log
from perdure_model.core.server.effects import Wake, WriteEvents
from perdure_model.core.server.inputs import Published
from perdure_model.world.defect import Catalogue, without

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _takes_any_event(i: Any, link: Any, cursor: Any, state: Any, watching: Any) -> Decision:
    if not events.wanted(state, link, watching, i.attempt, i.session):
        return events.on_event_arrived(i, link, cursor, state, watching)
    last = i.position + i.count - 1
    return (link, Cursor(i.epoch, last)), (Deliver(i.session, i.epoch, i.position, i.count),)


def _takes_what_skips(i: Any, link: Any, cursor: Any, state: Any, watching: Any) -> Decision:
    skips = (i.epoch == cursor.epoch or cursor == START) and i.position > cursor.position + 1
    before = Cursor(i.epoch, i.position - 1) if skips else cursor
    (link, after), effects = events.on_event_arrived(i, link, before, state, watching)
    return (link, after if effects and isinstance(effects[0], Deliver) else cursor), effects


def _writes_to_all_at_once(i: Any, held: Any, watches: Any, settings: Any) -> Decision:
    (after, _), effects = log.on_published(i, held, {}, settings)
    writes, sent = [], {}
    for key, watch in watches.items():
        sent[key] = watch
        if watch.sent is not None:
            sent[key] = replace(watch, sent=Cursor(after.epoch, after.head))
            head = (str(key[1]), watch.generation, i.session, after.epoch)
            writes.append(WriteEvents(*head, watch.sent.position + 1, after.head))
    return (after, sent), (*effects, *writes)


def _begins_at_the_head(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    heads = {key[0]: Cursor(one.epoch, one.head) for key, one in logs.items() if one is not None}
    cursors = tuple((session, heads.get(session, cursor)) for session, cursor in i.cursors)
    return connection.on_stream_requested(replace(i, cursors=cursors), held, watches, owners, logs)


def _hands_over_whole(i: Any, link: Any, cursor: Any, state: Any, watching: Any) -> Decision:
    """Of events that come together the first decides for all."""
    parts, effects = events.on_event_arrived(i, link, cursor, state, watching)
    return parts, tuple(
        replace(e, position=i.position, count=i.count) if isinstance(e, Deliver) else e for e in effects
    )


def _stays_woken(i: Any, watch: Any, *more: Any) -> Decision:
    """A stream that has asked is still taken for one that will.

    Who was woken is not woken again before the stream has asked. If the asking does not put that back, the
    first event is the last that is written. Cured by deciding both in one rule.
    """
    (after,), effects = log.on_events_due(i, watch, *more)
    return (after and replace(after, woken=watch.woken),), effects


def _begins_no_log(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    """A session comes into being with the first event only.

    A client returns with a cursor of the log that the restart has lost. There is nothing to compare it with,
    so nothing is said; the client believes to be up to date until somebody publishes. Cured by beginning the
    log when a stream asks for it: the cursor is then of another log, and the gap is told at once.
    """
    (after, watching, *parts, _), effects = connection.on_stream_requested(i, held, watches, owners, logs)
    silent = [effect for effect in effects if isinstance(effect, Wake) and logs[(effect.session,)] is None]
    asleep = {(effect.session, effect.cid) for effect in silent}
    watching = {key: replace(w, woken=w.woken and key not in asleep) for key, w in watching.items()}
    return (after, watching, *parts, logs), tuple(effect for effect in effects if effect not in silent)


def _lost_in_silence(i: Any, held: Any, watches: Any, *more: Any) -> Decision:
    """A log that another process has taken is begun anew, and nobody who watches is woken for it.

    Their streams stay open and quiet: they believe to be up to date until somebody publishes. Cured by waking
    them: the cursor is of another log, and the gap is told at once.
    """
    (after, _), effects = without(log.on_log_lost(i, held, watches, *more), Wake)
    return (after, watches), effects


def _counts_anew_in_the_same_log(i: Any, held: Any, watches: Any, *more: Any) -> Decision:
    """A log that another process has taken is begun anew under the epoch that it had.

    Its positions are given a second time, to other events: a cursor from before passes them by. Cured by a
    fresh epoch: the cursor is then of another log.
    """
    (after, woken), effects = log.on_log_lost(i, held, watches, *more)
    return (replace(after, epoch=i.epoch) if after != held else after, woken), effects


publishing = SERVER[Published]
defect(
    "T22",
    "every event is handed over, known or not",
    "P-NO-DUP",
    "T garbled",
    on_event_arrived=_takes_any_event,
)
defect(
    "T22d",
    "of events that come together those that are known are handed over, too",
    "P-NO-DUP",
    where="T garbled",
    on_event_arrived=_hands_over_whole,
)
defect(
    "N45",
    "a stream that has asked for its events still counts as woken, and hears of no other",
    "P-RECONVERGE",
    where="T forgotten",
    on_events_due=_stays_woken,
)
defect(
    "T22b",
    "an event that skips others is handed over",
    "P-NO-LOSS",
    where="T garbled",
    on_event_arrived=_takes_what_skips,
)
defect(
    "T27",
    "what is published is written to all, read or not",
    "P-BOUNDED",
    where="T stalls",
    on_published=replace(publishing, emits=(*publishing.emits, WriteEvents), decide=_writes_to_all_at_once),
)
defect(
    "T22c",
    "a stream begins with what is published from then on",
    "P-RECONVERGE",
    where="T return",
    on_stream_requested=_begins_at_the_head,
)
defect(
    "N01",
    "a client that comes back to a server that has lost its log hears of it only with the next event",
    "P-RECONVERGE",
    where="T forgotten",
    on_stream_requested=_begins_no_log,
)
defect(
    "N46",
    "who watches is not told that another process has taken the log",
    "P-RECONVERGE",
    where="T taken",
    on_log_lost=_lost_in_silence,
)
defect(
    "N47",
    "positions of a log that another process has taken are given a second time",
    "P-NO-DUP",
    where="T taken",
    on_log_lost=_counts_anew_in_the_same_log,
)
