"""The defects of system T: small variants of rules, each of which breaks a property.

A defect overrides rules by name. Where it only takes a fence away, it does so by making the input look as
if it were of the generation that the part holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import outbox, stream
from perdure_model.core.client.effects import Deliver
from perdure_model.core.common import NEVER, Cursor
from perdure_model.core.rule import Decision
from perdure_model.core.server import connection, sends
from perdure_model.core.server.effects import StartGrace
from perdure_model.core.server.inputs import GraceElapsed
from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _unfenced_close(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_closed(replace(i, generation=held.generation) if held else i, held, *more)


def _close_arms_anyway(i: Any, held: Any, *more: Any) -> Decision:
    parts, effects = connection.on_stream_closed(i, held, *more)
    armed = any(isinstance(effect, StartGrace) for effect in effects)
    if held is None or armed:
        return parts, effects
    return parts, (*effects, StartGrace(GraceElapsed(i.cid, i.generation), 60.0))


def _any_grace_timer_ends(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_grace_elapsed(replace(i, generation=held.generation) if held else i, held, *more)


def _observer_stays(i: Any, held: Any, watches: Any, *more: Any) -> Decision:
    (after, _), effects = connection.on_stream_closed(i, held, watches, *more)
    return (after, watches), effects


def _posts_all_at_once(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    (box, alone), effects = outbox.on_send_requested(i, box, {}, *more)
    return (box, {**items, **alone}), effects


def _requeues_what_flies(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    again = {
        key: replace(item, state="queued") if item.state == "sending" else item for key, item in items.items()
    }
    return outbox.on_flush(i, box, again, *more)


def _one_too_many(i: Any, box: Any, items: Any, state: Any, link: Any, settings: Any) -> Decision:
    wider = replace(settings, queue_max=settings.queue_max + 1)
    return outbox.on_send_requested(i, box, items, state, link, wider)


def _any_principal(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(i, replace(held, principal=i.principal) if held else held, *more)


def _takes_any_event(i: Any, link: Any, cursor: Any, state: Any) -> Decision:
    if not stream.is_current(link, i.attempt) or state.state != "awaiting":
        return stream.on_event_arrived(i, link, cursor, state)
    return (link, Cursor(i.epoch, i.position)), (Deliver(i.session, i.epoch, i.position),)


def _forgets_receipts(i: Any, _window: Any, *more: Any) -> Decision:
    return sends.on_post_arrived(i, None, *more)


def _older_request_takes_over(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(i, replace(held, generation=NEVER) if held else held, *more)


def _any_retry_timer(i: Any, box: Any, *more: Any) -> Decision:
    return outbox.on_retry_due(replace(i, post=box.post), box, *more)


defect(
    "T02",
    "an old stream's late close detaches the new stream",
    "P-STALE-CLOSE",
    on_stream_closed=_unfenced_close,
)
defect("T03", "a stale close starts a grace timer all the same", "P-TTL", on_stream_closed=_close_arms_anyway)
defect(
    "T04",
    "an earlier wait's grace timer ends the present one",
    "P-TTL",
    where="T timers",
    on_grace_elapsed=_any_grace_timer_ends,
)
defect("T07", "a lost stream stays among the observers", "P-NO-LEAK", on_stream_closed=_observer_stays)
defect(
    "T12", "each send is posted at once, past those before it", "P-FIFO", on_send_requested=_posts_all_at_once
)
defect("T13", "a reconnect posts again what is in flight", "P-SINGLE-FLIGHT", on_flush=_requeues_what_flies)
defect(
    "T14",
    "the queue takes one more than its bound",
    "P-QUEUE-BOUND",
    where="T tight",
    on_send_requested=_one_too_many,
)
defect(
    "T20",
    "an id answers to another principal",
    "P-NO-HIJACK",
    where="T ends",
    on_stream_requested=_any_principal,
)
defect(
    "T22",
    "every event is handed over, known or not",
    "P-NO-DUP",
    where="T tight",
    on_event_arrived=_takes_any_event,
)
defect("T23", "receipts are not looked up", "P-EFFECT-ONCE", on_post_arrived=_forgets_receipts)
defect(
    "T26",
    "a stream request that was held up takes over a later stream",
    "P-STALE-CLOSE",
    on_stream_requested=_older_request_takes_over,
)
defect(
    "T34",
    "an earlier POST's retry timer ends the present wait",
    "P-SPACED",
    where="T answers",
    on_retry_due=_any_retry_timer,
)
