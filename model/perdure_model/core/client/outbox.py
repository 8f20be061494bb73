"""The outbox: sends go out in order, one POST of a session at a time, and each is settled once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.desk import OutboxDesk
from perdure_model.core.client.effects import CancelTimer, Next, Post, Settled, StartTimer
from perdure_model.core.client.inputs import (
    Abandon,
    Desynced,
    Flush,
    PostReplied,
    RetryDue,
    SendRequested,
)
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
from perdure_model.core.common import classify, refuse, unsure
from perdure_model.core.rule import Decision, Key

SENDS = (OUTBOX.one, ITEM.every("session"))
AROUND = (STATE.one, LINK.one, SETTINGS.one)
Items = Mapping[Key, Item]
PUMPING = (CancelTimer, Post, Settled)


@CLIENT.rule(SendRequested, *SENDS, reads=AROUND, emits=PUMPING)
def on_send_requested(
    i: SendRequested,
    outbox: Outbox | None,
    items: Items,
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
    desk = OutboxDesk(i.session, outbox or Outbox(), waiting, state, link, settings)
    desk.pump()
    return desk.done()


@CLIENT.rule(
    PostReplied,
    *SENDS,
    LINK.one,
    reads=(STATE.one, SETTINGS.one),
    emits=(*PUMPING, StartTimer, Next),
)
def on_post_replied(
    i: PostReplied, outbox: Outbox, items: Items, link: Link, state: ClientState, settings: ClientSettings
) -> Decision:
    """Each send of the POST takes what the status and its verdict say; then the next POST goes out."""
    mine = [key for key, item in items.items() if item.state == "sending" and item.post == i.post]
    if not mine:
        return refuse("the end of a POST whose sends are settled", outbox, items, link)
    kind = classify(i.status)
    link = replace(link, failures=0) if kind == "taken" else link
    desk = OutboxDesk(
        i.session, outbox, items, state, link, settings, chance=i.chance, asked_s=i.retry_after_s
    )
    same_epoch = outbox.epoch == link.epoch
    verdicts = dict(i.verdicts)
    for key in mine:
        event, why, doubt = item_event(i, kind, verdicts.get(key[1]))  # type: ignore[call-overload]
        orphaned = (items[key].doubt or doubt) and not same_epoch
        desk.step(key, event, why, orphaned=orphaned, doubt=doubt)
    desk.wait()
    if kind == "unknown" and same_epoch and state.state == "awaiting":
        desk.effects.append(Next(Desynced(link.attempt, i.chance)))
    else:
        desk.pump()
    return (desk.outbox, desk.items, link), tuple(desk.effects)


VERDICT_EVENTS = {"accepted": "accepted", "duplicate": "accepted"}


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


@CLIENT.rule(RetryDue, *SENDS, reads=AROUND, emits=PUMPING)
def on_retry_due(
    i: RetryDue, outbox: Outbox, items: Items, state: ClientState, link: Link, settings: ClientSettings
) -> Decision:
    """What waited is queued again; with the stream down it goes out with the next welcome (T10, T11)."""
    desk = OutboxDesk(i.session, outbox, items, state, link, settings)
    if not desk.due(i.post):
        return refuse("a retry timer of an earlier POST", outbox, items)
    desk.pump()
    return desk.done()


@CLIENT.rule(Flush, *SENDS, reads=AROUND, emits=PUMPING)
def on_flush(
    i: Flush, outbox: Outbox | None, items: Items, state: ClientState, link: Link, settings: ClientSettings
) -> Decision:
    """A new stream makes waiting pointless, unless the server asked for the wait (T15, T34)."""
    desk = OutboxDesk(i.session, outbox or Outbox(), items, state, link, settings)
    if not desk.outbox.asked:
        desk.cancel()
        desk.due(desk.outbox.post)
    desk.pump()
    return desk.done()


@CLIENT.rule(Abandon, *SENDS, reads=AROUND, emits=(CancelTimer, Settled))
def on_abandon(
    i: Abandon, outbox: Outbox | None, items: Items, state: ClientState, link: Link, settings: ClientSettings
) -> Decision:
    """The session is over: what is open ends, uncertain where an attempt may have been taken."""
    desk = OutboxDesk(i.session, outbox or Outbox(), items, state, link, settings)
    desk.cancel()
    for key, item in items.items():
        desk.step(key, "abandon", "the session is over", doubt=item.state == "sending")
    return desk.done()
