"""Defects of what is posted again, when, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import outbox
from perdure_model.core.client.effects import CancelTimer, StartTimer
from perdure_model.core.client.parts import ClientState
from perdure_model.core.common import classify
from perdure_model.core.rule import Decision
from perdure_model.world.defect import Catalogue, without

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _retries_for_ever(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    first = {key: replace(item, tries=min(item.tries, 1)) for key, item in items.items()}
    (box, *rest), effects = outbox.on_post_replied(i, box, first, *more)
    return (replace(box, post=0), *rest), effects


def _never_retries(i: Any, *more: Any) -> Decision:
    return without(outbox.on_post_replied(i, *more), StartTimer)


def _timer_vanishes(i: Any, box: Any, items: Any, state: Any, *more: Any) -> Decision:
    if state.state != "awaiting":
        return (box, items), ()
    return outbox.on_retry_due(i, box, items, state, *more)


def _reconnect_shortens_any_wait(i: Any, box: Any, *more: Any) -> Decision:
    return outbox.on_flush(i, replace(box, asked=False), *more)


def _gives_up_at_once(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    *others, settings = more
    return outbox.on_post_replied(i, box, items, *others, replace(settings, retries_max=0))


def _flushes_the_queued(i: Any, *more: Any) -> Decision:
    return outbox.on_flush(replace(i, new_stream=False), *more)


def _posts_while_down(i: Any, box: Any, items: Any, _state: Any, *more: Any) -> Decision:
    return outbox.on_retry_due(i, box, items, ClientState("awaiting"), *more)


def _all_may_pass(i: Any, *more: Any) -> Decision:
    return outbox.on_post_replied(replace(i, status=500) if classify(i.status) == "final" else i, *more)


def _any_retry_timer(i: Any, box: Any, *more: Any) -> Decision:
    return outbox.on_retry_due(replace(i, post=box.post), box, *more)


def _timer_outlives_the_doubt(i: Any, *more: Any) -> Decision:
    """What a lost epoch leaves in doubt is settled, and the timer of its wait runs on.

    The next POST's wait then finds an older timer beside its own. Cured by cancelling the timer where the
    last send that waited is settled.
    """
    return without(outbox.on_flush(i, *more), CancelTimer)


defect("T08", "retries have no bound", "P-SETTLE", where="T never", on_post_replied=_retries_for_ever)
defect(
    "T09", "only a reconnect retries what has failed", "P-SETTLE", "T never", on_post_replied=_never_retries
)
defect(
    "T10",
    "a retry timer that finds the stream down vanishes",
    "P-SETTLE",
    where="T never",
    on_retry_due=_timer_vanishes,
    on_flush=_flushes_the_queued,
)
defect("T11", "retries are spent while the stream is down", "P-RETRY-BUDGET", on_retry_due=_posts_while_down)
defect("T15", "a permanent status is retried", "P-CLASS", where="T answers", on_post_replied=_all_may_pass)
defect("T08b", "a send that failed once is given up", "P-CLASS", on_post_replied=_gives_up_at_once)
defect(
    "T34b",
    "a reconnect shortens the wait that the server asked for",
    "P-SPACED",
    where="T answers",
    on_flush=_reconnect_shortens_any_wait,
)
defect(
    "T34",
    "an earlier POST's retry timer ends the present wait",
    "P-SPACED",
    where="T answers",
    on_retry_due=_any_retry_timer,
)
defect(
    "N07",
    "a retry timer outlives the wait that a lost epoch has ended",
    "P-SPACED",
    where="T restart",
    on_flush=_timer_outlives_the_doubt,
)
