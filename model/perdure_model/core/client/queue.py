"""A working copy of one session's sends for the length of one decision.

The SendItem chart names the actions; the methods of the same names here do them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, islice

from perdure_model.core.client.book import ITEM_TABLE
from perdure_model.core.client.effects import CancelTimer, ClientEffect, Post, Settled, Shown, StartTimer
from perdure_model.core.client.inputs import RetryDue
from perdure_model.core.client.parts import Access, ClientSettings, ClientState, Item, Link, Me, Outbox
from perdure_model.core.common import SendKey, moved, spaced_s
from perdure_model.core.rule import Decision, Key
from perdure_model.core.value import replace, value


@value
class Around:
    """What a queue looks at and does not change: the client's state, link, id, credential and bounds."""

    state: ClientState
    link: Link
    me: Me
    access: Access
    settings: ClientSettings


def has_room(unsettled: int, settings: ClientSettings) -> bool:
    """Whether a session with so many sends that are not settled takes another (T14)."""
    return unsettled < settings.queue_max


@dataclass
class Queue:
    """One session's sends, in the order in which they were made: what the SendItem chart says."""

    session: str
    outbox: Outbox
    before: Mapping[Key, Item]
    around: Around
    chance: float = 1.0
    asked_s: float | None = None
    effects: list[ClientEffect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.items = dict(self.before)
        self.stepped = False

    def step(self, key: Key, event: str, why: str = "", *, doubt: bool = False, **facts: bool) -> None:
        """Step one item's chart, and do what it says; `why` is for the report of a drop."""
        item = self.items[key]
        facts = {"spent": item.tries > self.around.settings.retries_max, "orphaned": False, **facts}
        row = ITEM_TABLE.step(item.state, event, facts)
        if row is None:
            return
        self.stepped = True
        self.items[key] = replace(item, state=row.target, doubt=item.doubt or doubt)
        self.effects.append(moved(ITEM_TABLE, key, item.state, event, row))
        for action in row.actions:
            getattr(self, action)(key, why)

    def transmit(self, key: Key, _why: str) -> None:
        item = self.items[key]
        self.items[key] = replace(item, tries=item.tries + 1, post=self.outbox.post, denied=False)

    def forgive(self, key: Key, _why: str) -> None:
        item = self.items[key]
        self.items[key] = replace(item, tries=item.tries - 1, denied=True)

    def report(self, key: Key, why: str) -> None:
        """A settled item leaves the outbox, and the application is told why."""
        item = self.items.pop(key)
        if item.state == "delivered":
            outcome, why = "delivered", ""
        else:
            outcome = "uncertain" if item.doubt else "failed"
        self.effects.append(Settled(self.session, key[1], outcome, why))  # type: ignore[arg-type]

    def due(self, post: int) -> bool:
        """The wait after this POST is over; True if something waited."""
        waiting = [key for key, item in self.items.items() if item.state == "retrying" and item.post == post]
        for key in waiting:
            self.step(key, "due")
        return bool(waiting)

    @property
    def waits(self) -> bool:
        """Whether a send waits for its retry, and so a retry timer runs."""
        return any(item.state == "retrying" for item in self.items.values())

    def cancel(self) -> None:
        """Stop the retry timer, if one runs."""
        if self.waits:
            self.effects.append(CancelTimer(RetryDue(self.session, self.outbox.post)))

    def wait(self) -> None:
        """Start the wait after the latest POST's failure; it grows with the tries of the oldest item."""
        tries = [item.tries for item in self.items.values() if item.state == "retrying"]
        if not tries:
            return
        s = self.around.settings
        seconds = spaced_s(tries[0], s.retry_first_s, s.retry_cap_s, self.chance, self.asked_s)
        self.outbox = replace(self.outbox, asked=self.asked_s is not None)
        self.effects.append(StartTimer(RetryDue(self.session, self.outbox.post), seconds))

    def pump(self) -> None:
        """Post what is queued, if a stream is up and nothing of this session is in flight or waits.

        One POST at a time, in order: that is what keeps the order (T12), one attempt in flight (T13), and
        new sends behind those that are retried. What an epoch that is gone may have taken is not posted
        again (T23). While another credential is awaited nothing goes out.
        """
        if self.around.state.state != "awaiting" or self.around.access.asked:
            return
        self.settle_doubts()
        if any(item.state != "queued" for item in self.items.values()):
            return
        keys = self.batch()
        if keys:
            self.post(keys)

    def batch(self) -> list[Key]:
        """The oldest, as many as one POST takes in count and in bytes: the first, whatever its size."""
        s = self.around.settings
        sums = list(accumulate(item.size for item in islice(self.items.values(), s.batch_max)))
        return list(self.items)[: max(1, bisect_right(sums, s.batch_bytes_max))]

    def post(self, keys: Iterable[Key]) -> None:
        """Post these."""
        link = self.around.link
        self.outbox = Outbox(self.outbox.post + 1, link.epoch)
        for key in keys:
            self.step(key, "post")
        send_keys: tuple[SendKey, ...] = tuple(key[1] for key in keys)  # type: ignore[misc]
        cid, token = self.around.me.cid, self.around.access.token
        self.effects.append(
            Post(self.session, self.outbox.post, link.attempt, cid, token, link.epoch, send_keys)
        )

    def settle_doubts(self) -> None:
        """End as uncertain what an epoch that is gone may have taken, and the wait that was for it alone."""
        if self.outbox.epoch == self.around.link.epoch:
            return
        timer = CancelTimer(RetryDue(self.session, self.outbox.post))
        waited = self.waits
        for key, item in list(self.items.items()):
            self.step(key, "doubted", "the server has lost its receipts", orphaned=item.doubt)
        if waited and not self.waits:
            self.effects.append(timer)

    def done(self) -> Decision:
        """The outbox, its items, and the effects. What only joins the queue shows nothing."""
        if self.stepped and (shown := view(self.items)) != view(self.before):
            self.effects.append(Shown(self.session, *shown))
        return (self.outbox, self.items), tuple(self.effects)


def view(items: Mapping[Key, Item]) -> tuple[bool, bool]:
    """Whether an attempt is in flight, and whether a send has failed an attempt and is not settled."""
    running = delayed = False
    for item in items.values():
        sending = item.state == "sending"
        running = running or sending
        delayed = delayed or item.tries > sending
    return running, delayed
