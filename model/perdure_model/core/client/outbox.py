"""The outbox: sends go out in order, one POST of a session at a time, and each is settled once."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.client.book import CLIENT
from perdure_model.core.client.desk import asking, proven, renewable
from perdure_model.core.client.effects import (
    AskCredential,
    CancelTimer,
    ClientEffect,
    Next,
    Post,
    Settled,
    Shown,
    StartTimer,
)
from perdure_model.core.client.inputs import (
    Abandon,
    Bar,
    Desynced,
    Flush,
    PostReplied,
    RetryDue,
    SendRequested,
)
from perdure_model.core.client.parts import (
    ACCESS,
    ITEM,
    LINK,
    ME,
    OUTBOX,
    SETTINGS,
    STATE,
    Access,
    ClientSettings,
    ClientState,
    Item,
    Link,
    Me,
    Outbox,
)
from perdure_model.core.client.queue import Around, Queue, has_room
from perdure_model.core.common import classify, refuse, unsure
from perdure_model.core.rule import Decision, Key
from perdure_model.core.value import replace

SENDS = (OUTBOX.one, ITEM.every("session"))
AROUND = (STATE.one, LINK.one, ME.one, ACCESS.one, SETTINGS.one)
Items = Mapping[Key, Item]
PUMPING = (CancelTimer, Post, Settled, Shown)


@CLIENT.rule(SendRequested, *SENDS, reads=AROUND, emits=PUMPING)
def on_send_requested(
    i: SendRequested,
    outbox: Outbox | None,
    items: Items,
    state: ClientState,
    link: Link,
    me: Me,
    access: Access,
    settings: ClientSettings,
) -> Decision:
    """A send joins the queue and goes out as soon as its turn comes; over the bound it is refused (T14)."""
    if state.state == "terminal":
        return (outbox, items), (Settled(i.session, i.key, "failed", "the session is over"),)
    if not has_room(len(items), settings):
        return (outbox, items), (Settled(i.session, i.key, "failed", "the queue is full"),)
    around = Around(state, link, me, access, settings)
    queue = Queue(i.session, outbox or Outbox(), items, around)
    queue.items[i.session, i.key] = Item("queued", size=i.size)
    queue.pump()
    return queue.done()


@CLIENT.rule(
    PostReplied,
    *SENDS,
    LINK.one,
    ACCESS.one,
    reads=(STATE.one, ME.one, SETTINGS.one),
    emits=(*PUMPING, StartTimer, AskCredential, Next),
)
def on_post_replied(
    i: PostReplied,
    outbox: Outbox,
    items: Items,
    link: Link,
    access: Access,
    state: ClientState,
    me: Me,
    settings: ClientSettings,
) -> Decision:
    """Each send of the POST takes what the status and its verdict say; then the next POST goes out.

    A yes speaks for the credential that it went out with, even where the sends are settled by now, since the
    end of their session overtook it.
    """
    mine = [key for key, item in items.items() if item.state == "sending" and item.post == i.post]
    kind = classify(i.status)
    known = proven(access, i.token) if kind == "taken" else access
    if not mine and known is not access:
        return (outbox, items, link, known), ()
    if not mine:
        return refuse("the end of a POST whose sends are settled", outbox, items, link, access)
    asked: list[ClientEffect] = []
    facts = renewable(access, i.token, settings)
    if kind == "denied" and facts["renewable"] and not facts["replaced"]:
        access = asking(access, asked)
    elif kind == "taken":
        link, access = replace(link, failures=0), known
    around = Around(state, link, me, access, settings)
    queue = Queue(i.session, outbox, items, around, i.chance, i.retry_after_s, asked)
    again = facts["renewable"] or facts["replaced"]
    same_epoch = outbox.epoch == link.epoch
    verdicts = dict(i.verdicts)
    for key in mine:
        event, why, doubt = item_event(i, kind, verdicts.get(key[1]))  # type: ignore[call-overload]
        orphaned = (items[key].doubt or doubt) and not same_epoch
        queue.step(key, event, why, orphaned=orphaned, doubt=doubt, renewable=again)
    queue.wait()
    if kind == "unknown" and same_epoch and state.state == "awaiting":
        queue.effects.append(Next(Desynced(link.attempt, i.chance)))
    else:
        queue.pump()
    parts, effects = queue.done()
    return (*parts, link, access), effects


VERDICT_EVENTS = {"accepted": "accepted", "duplicate": "accepted"}


def item_event(i: PostReplied, kind: str, verdict: str | None) -> tuple[str, str, bool]:
    """What the end of a POST means for one of its sends: event, reason, whether it may have been taken.

    A send that a 2xx reply does not name is one of which we know nothing. A no that does not say whether
    it will be tried again is final (finding T18). A 409 says that this copy of the POST was not taken; of
    a POST that was repeated on the way an earlier copy may have been (N35).
    """
    if kind == "taken" and verdict is not None:
        return VERDICT_EVENTS.get(verdict, "refused"), verdict, False
    if kind == "unknown":
        return "unknown", "the server has forgotten this connection", True
    if kind == "denied":
        return "denied", "the credential was refused", False
    if kind == "final":
        return "refused", f"status {i.status}", False
    return "failed", f"status {i.status}" if i.status else "no answer", unsure(i.status, i.sent)


@CLIENT.rule(RetryDue, *SENDS, reads=AROUND, emits=PUMPING)
def on_retry_due(
    i: RetryDue,
    outbox: Outbox,
    items: Items,
    state: ClientState,
    link: Link,
    me: Me,
    access: Access,
    settings: ClientSettings,
) -> Decision:
    """What waited is queued again; with the stream down it goes out with the next welcome (T10, T11)."""
    queue = Queue(i.session, outbox, items, Around(state, link, me, access, settings))
    if not queue.due(i.post):
        return refuse("a retry timer of an earlier POST", outbox, items)
    queue.pump()
    return queue.done()


@CLIENT.rule(Flush, *SENDS, reads=AROUND, emits=PUMPING)
def on_flush(
    i: Flush,
    outbox: Outbox,
    items: Items,
    state: ClientState,
    link: Link,
    me: Me,
    access: Access,
    settings: ClientSettings,
) -> Decision:
    """What is queued goes out. A new stream makes waiting pointless, unless the server asked for the wait
    (T15, T34)."""
    queue = Queue(i.session, outbox, items, Around(state, link, me, access, settings))
    if i.new_stream and not queue.outbox.asked:
        queue.cancel()
        queue.due(queue.outbox.post)
    queue.pump()
    return queue.done()


@CLIENT.rule(Bar, *SENDS, reads=AROUND, emits=PUMPING)
def on_bar(
    i: Bar,
    outbox: Outbox,
    items: Items,
    state: ClientState,
    link: Link,
    me: Me,
    access: Access,
    settings: ClientSettings,
) -> Decision:
    """What waited for another credential is dropped; the rest takes its turn."""
    queue = Queue(i.session, outbox, items, Around(state, link, me, access, settings))
    for key, item in items.items():
        if item.denied:
            queue.step(key, "barred", "the credential was refused")
    queue.pump()
    return queue.done()


@CLIENT.rule(Abandon, *SENDS, reads=AROUND, emits=(CancelTimer, Settled, Shown))
def on_abandon(
    i: Abandon,
    outbox: Outbox,
    items: Items,
    state: ClientState,
    link: Link,
    me: Me,
    access: Access,
    settings: ClientSettings,
) -> Decision:
    """The session is over: what is open ends, by its receipt if there is one, and else uncertain where an
    attempt may have been taken (N43)."""
    queue = Queue(i.session, outbox, items, Around(state, link, me, access, settings))
    queue.cancel()
    verdicts = dict(i.verdicts)
    for key, item in items.items():
        verdict = verdicts.get(key[1])  # type: ignore[call-overload]
        doubt = item.state == "sending" and verdict is None
        taken = verdict in VERDICT_EVENTS
        queue.step(key, "abandon", "the session is over", doubt=doubt, taken=taken)
    return queue.done()
