"""The outbox: sends go out in order, one POST of a session at a time, and each is settled once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.desk import Desk
from perdure_model.core.client.effects import (
    Post,
    Settled,
    StartTimer,
)
from perdure_model.core.client.inputs import PostReplied, RetryDue, SendRequested
from perdure_model.core.client.parts import (
    ITEM,
    LINK,
    OUTBOX,
    SETTINGS,
    STATE,
    ClientSettings,
    ClientState,
    Item,
    Link,
    Outbox,
)
from perdure_model.core.client.stream import OVER, WHOLE, Items, Outboxes
from perdure_model.core.common import classify, refuse, unsure
from perdure_model.core.rule import Decision, Key

SENDS = (OUTBOX.one, ITEM.every("session"))


@CLIENT.rule(SendRequested, *SENDS, reads=(STATE.one, LINK.one, SETTINGS.one), emits=(Post, Settled))
def on_send_requested(
    i: SendRequested,
    outbox: Outbox | None,
    items: Mapping[Key, Item],
    state: ClientState,
    link: Link,
    settings: ClientSettings,
) -> Decision:
    """A send joins the queue and goes out as soon as its turn comes; over the bound it is refused (T14)."""
    if state.state == "terminal":
        return (outbox, items), (Settled(i.session, i.key, "failed", "the session is over"),)
    if len(items) >= settings.queue_max:
        return (outbox, items), (Settled(i.session, i.key, "failed", "the queue is full"),)
    waiting = {**items, (i.session, i.key): Item("queued")}
    desk = Desk(state, link, {(i.session,): outbox or Outbox()}, waiting, settings)
    desk.pump(i.session)
    return (desk.outboxes[(i.session,)], desk.items), tuple(desk.effects)


VERDICT_EVENTS = {"accepted": "accepted", "duplicate": "accepted"}


@CLIENT.rule(PostReplied, *WHOLE, reads=(SETTINGS.one,), emits=(*OVER, Post, StartTimer))
def on_post_replied(
    i: PostReplied, state: ClientState, link: Link, outboxes: Outboxes, items: Items, settings: ClientSettings
) -> Decision:
    """Each send of the POST takes what the status and its verdict say; then the next POST goes out."""
    mine = [k for k, item in items.items() if k[0] == i.session and item.post == i.post]
    mine = [k for k in mine if items[k].state == "sending"]
    if not mine:
        return refuse("the end of a POST whose sends are settled", state, link, outboxes, items)
    kind = classify(i.status)
    link = replace(link, failures=0) if kind == "taken" else link
    desk = Desk(state, link, outboxes, items, settings, chance=i.chance, asked_s=i.retry_after_s)
    same_epoch = outboxes[(i.session,)].epoch == link.epoch
    verdicts = dict(i.verdicts)
    for key in mine:
        event, why, doubt = item_event(i, kind, verdicts.get(key[1]))  # type: ignore[call-overload]
        orphaned = (items[key].doubt or doubt) and not same_epoch
        desk.item(key, event, why, orphaned=orphaned, doubt=doubt)
    desk.wait(i.session, i.post)
    if kind == "unknown":
        desk.session("desync", current=link.open and same_epoch)
    desk.pump(i.session)
    return desk.done()


def item_event(i: PostReplied, kind: str, verdict: str | None) -> tuple[str, str, bool]:
    """What the end of a POST means for one of its sends: event, reason, whether it may have been taken.

    A send that a 2xx reply does not name is one of which we know nothing.
    """
    if kind == "taken" and verdict is not None:
        return VERDICT_EVENTS.get(verdict, "refused"), verdict, False
    if kind == "unknown":
        return "unknown", "the server has forgotten this connection", False
    if kind == "final":
        return "refused", f"status {i.status}", False
    return "failed", f"status {i.status}" if i.status else "no answer", unsure(i.status, i.sent)


@CLIENT.rule(RetryDue, *SENDS, reads=(STATE.one, LINK.one, SETTINGS.one), emits=(Post,))
def on_retry_due(
    i: RetryDue,
    outbox: Outbox,
    items: Mapping[Key, Item],
    state: ClientState,
    link: Link,
    settings: ClientSettings,
) -> Decision:
    """What waited is queued again; with the stream down it goes out with the next welcome (T10, T11)."""
    desk = Desk(state, link, {(i.session,): outbox}, items, settings)
    if not desk.due(i.session, i.post):
        return refuse("a retry timer of an earlier POST", outbox, items)
    desk.pump(i.session)
    return (desk.outboxes[(i.session,)], desk.items), tuple(desk.effects)
