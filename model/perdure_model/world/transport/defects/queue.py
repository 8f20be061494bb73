"""Defects of the queue of sends: its order and its bound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import outbox
from perdure_model.core.rule import Decide, Decision
from perdure_model.world.defect import Catalogue
from perdure_model.world.transport.defects.receipts import one_floor

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _posts_all_at_once(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    (box, alone), effects = outbox.on_send_requested(i, box, {}, *more)
    return (box, {**items, **alone}), effects


def _requeues_what_flies(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    again = {
        key: replace(item, state="queued") if item.state == "sending" else item for key, item in items.items()
    }
    return outbox.on_flush(i, box, again, *more)


def _one_too_many(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    *around, settings = more
    wider = replace(settings, queue_max=settings.queue_max + 1)
    return outbox.on_send_requested(i, box, items, *around, wider)


def _throws_out_the_oldest(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    *_, settings = more
    room = dict(list(items.items())[1:]) if len(items) >= settings.queue_max else items
    return outbox.on_send_requested(i, box, room, *more)


def _new_sends_first(rule: Decide) -> Decide:
    def variant(i: Any, box: Any, items: Any, *more: Any) -> Decision:
        """What an earlier life wrote down is asked for again like anything else, in whatever order.

        The first POST of the new life raises the floor below which all keys count as settled, and what was
        never sent is below it: "duplicate". Cured by handing it over with the start, so that it goes
        first; and by a floor for each life.
        """
        life = max([key[1][0] for key in items], default=0)
        earlier = {key: one for key, one in items.items() if key[1][0] < life and one.state == "queued"}
        later = {key: item for key, item in items.items() if key not in earlier}
        (box, after, *rest), effects = rule(i, box, later, *more)
        return (box, {**earlier, **after}, *rest), effects

    return variant


defect(
    "T12", "each send is posted at once, past those before it", "P-FIFO", on_send_requested=_posts_all_at_once
)
defect("T13", "a reconnect posts again what is in flight", "P-SINGLE-FLIGHT", on_flush=_requeues_what_flies)
defect(
    "T14",
    "the queue takes one more than its bound",
    "P-QUEUE-BOUND",
    "T tight",
    on_send_requested=_one_too_many,
)
defect(
    "T14b",
    "a full queue makes room by throwing out what it had accepted",
    "P-QUEUE-BOUND",
    where="T tight",
    on_send_requested=_throws_out_the_oldest,
)
defect(
    "N03",
    "what an earlier life had not settled goes behind new sends, and passes for a duplicate",
    "P-CLASS",
    where="T spare",
    on_send_requested=_new_sends_first(outbox.on_send_requested),
    on_flush=_new_sends_first(outbox.on_flush),
    on_post_arrived=one_floor,
    on_post_replied=_new_sends_first(outbox.on_post_replied),
)
