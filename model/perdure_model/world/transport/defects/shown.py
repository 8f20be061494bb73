"""Defects of what the application shows of its sends: running, delayed."""

from __future__ import annotations

from typing import Any

from perdure_model.core.client import outbox
from perdure_model.core.client.effects import Shown
from perdure_model.core.client.queue import view
from perdure_model.core.rule import Decision
from perdure_model.world.defect import Catalogue, without

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _shows_it_still(i: Any, *more: Any) -> Decision:
    return without(outbox.on_post_replied(i, *more), Shown)


def _notice_cleared_early(i: Any, *more: Any) -> Decision:
    (box, items), effects = outbox.on_flush(i, *more)
    return (box, items), (*effects, Shown(i.session, view(items)[0], delayed=False))


def _waits_for_the_servers_retry(
    i: Any, box: Any, items: Any, link: Any, access: Any, *more: Any
) -> Decision:
    if any(said not in outbox.VERDICT_EVENTS for _, said in i.verdicts):
        return (box, items, link, access), ()
    return outbox.on_post_replied(i, box, items, link, access, *more)


defect("T16", "what has ended is shown as running", "P-RUNNING", on_post_replied=_shows_it_still)
defect("T17", "a reconnect clears the notice of a delay", "P-NOTICE", on_flush=_notice_cleared_early)
defect(
    "T18",
    "a refusal that does not say whether it will be tried again is waited on",
    "P-NO-STUCK",
    where="T watched ends",
    on_post_replied=_waits_for_the_servers_retry,
)
