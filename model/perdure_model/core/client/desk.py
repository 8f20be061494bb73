"""A working copy of some of the client's parts for the length of one decision.

The charts name the actions; the methods of the same names here do them. Nothing of a desk outlives its
decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perdure_model.core.client.book import ITEM_TABLE, SESSION_TABLE
from perdure_model.core.client.effects import (
    CancelTimer,
    ClientEffect,
    EndStream,
    Next,
    OpenStream,
    Post,
    SayGoodbye,
    Settled,
    StartTimer,
)
from perdure_model.core.client.inputs import Abandon, Flush, ReconnectDue, RetryDue
from perdure_model.core.client.parts import ClientSettings, ClientState, Item, Link, Outbox
from perdure_model.core.common import Cursor, Refused, SendKey, backoff_s, moved, spaced_s
from perdure_model.core.rule import Decision, Key


class StreamDesk:
    """The client's state and its link: what the ClientSession chart says."""

    def __init__(
        self,
        state: ClientState,
        link: Link,
        settings: ClientSettings,
        cursors: Mapping[Key, Cursor] | None = None,
        *,
        chance: float = 1.0,
        asked_s: float | None = None,
    ) -> None:
        self.state, self.link, self.settings = state, link, settings
        self.cursors = cursors or {}
        self.chance, self.asked_s = chance, asked_s
        self.effects: list[ClientEffect] = []

    def step(self, event: str, *, current: bool, outcome: str = "failed", stale: str = "") -> Decision:
        """Step the chart and do what it says; where nothing follows, `stale` says why."""
        facts = {"current": current, "spent": self.link.failures >= self.settings.attempts_max}
        row = SESSION_TABLE.step(self.state.state, event, facts)
        if row is None:
            return (self.state, self.link), (Refused(stale),)
        self.effects.append(moved(SESSION_TABLE, "", self.state.state, event, row))
        over = row.target in SESSION_TABLE.final
        self.state = ClientState(row.target, outcome if over else None)
        for action in row.actions:
            getattr(self, action)()
        return (self.state, self.link), tuple(self.effects)

    def open_stream(self) -> None:
        incarnation, count = self.link.attempt
        self.link = replace(self.link, attempt=(incarnation, count + 1), open=True)
        cursors = tuple((str(key[0]), cursor) for key, cursor in self.cursors.items())
        self.effects.append(OpenStream(self.link.attempt, cursors))

    def end_stream(self) -> None:
        if self.link.open:
            self.effects.append(EndStream(self.link.attempt))
        else:
            self.effects.append(CancelTimer(ReconnectDue(self.link.attempt)))
        self.link = replace(self.link, open=False)

    def schedule(self) -> None:
        s = self.settings
        self.link = replace(self.link, open=False, failures=self.link.failures + 1)
        seconds = backoff_s(
            self.link.failures, s.reconnect_first_s, s.reconnect_cap_s, self.chance, self.asked_s
        )
        self.effects.append(StartTimer(ReconnectDue(self.link.attempt), seconds))

    def say_goodbye(self) -> None:
        self.effects.append(SayGoodbye(self.link.attempt))

    def flush(self) -> None:
        self.effects += [Next(Flush(session)) for session in self.link.sessions]

    def abandon(self) -> None:
        self.link = replace(self.link, open=False)
        self.effects += [Next(Abandon(session)) for session in self.link.sessions]


class OutboxDesk:
    """One session's sends, in the order in which they were made: what the SendItem chart says."""

    def __init__(
        self,
        session: str,
        outbox: Outbox,
        items: Mapping[Key, Item],
        state: ClientState,
        link: Link,
        settings: ClientSettings,
        *,
        chance: float = 1.0,
        asked_s: float | None = None,
    ) -> None:
        self.session, self.outbox, self.items = session, outbox, dict(items)
        self.state, self.link, self.settings = state, link, settings
        self.chance, self.asked_s = chance, asked_s
        self.effects: list[ClientEffect] = []

    def step(
        self, key: Key, event: str, why: str = "", *, orphaned: bool = False, doubt: bool = False
    ) -> None:
        """Step one item's chart, and do what it says; `why` is for the report of a drop."""
        item = self.items[key]
        facts = {"spent": item.tries > self.settings.retries_max, "orphaned": orphaned}
        row = ITEM_TABLE.step(item.state, event, facts)
        if row is None:
            return
        self.items[key] = replace(item, state=row.target, doubt=item.doubt or doubt)
        self.effects.append(moved(ITEM_TABLE, key, item.state, event, row))
        for action in row.actions:
            getattr(self, action)(key, why)

    def transmit(self, key: Key, _why: str) -> None:
        item = self.items[key]
        self.items[key] = replace(item, tries=item.tries + 1, post=self.outbox.post)

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
        s = self.settings
        seconds = spaced_s(tries[0], s.retry_first_s, s.retry_cap_s, self.chance, self.asked_s)
        self.outbox = replace(self.outbox, asked=self.asked_s is not None)
        self.effects.append(StartTimer(RetryDue(self.session, self.outbox.post), seconds))

    def pump(self) -> None:
        """Post what is queued, if a stream is up and nothing of this session is in flight or waits.

        One POST at a time, in order: that is what keeps the order (T12), one attempt in flight (T13), and
        new sends behind those that are retried. What an epoch that is gone may have taken is not posted
        again (T23).
        """
        if self.state.state != "awaiting":
            return
        self.settle_doubts()
        if any(item.state != "queued" for item in self.items.values()):
            return
        keys = list(self.items)[: self.settings.batch_max]
        if not keys:
            return
        self.outbox = Outbox(self.outbox.post + 1, self.link.epoch)
        for key in keys:
            self.step(key, "post")
        send_keys: tuple[SendKey, ...] = tuple(key[1] for key in keys)  # type: ignore[misc]
        self.effects.append(Post(self.session, self.outbox.post, self.link.epoch, send_keys))

    def settle_doubts(self) -> None:
        """End as uncertain what an epoch that is gone may have taken, and the wait that was for it alone."""
        timer = CancelTimer(RetryDue(self.session, self.outbox.post))
        waited = self.waits
        for key, item in list(self.items.items()):
            orphaned = item.doubt and self.outbox.epoch != self.link.epoch
            self.step(key, "doubted", "the server has lost its receipts", orphaned=orphaned)
        if waited and not self.waits:
            self.effects.append(timer)

    def done(self) -> Decision:
        """The outbox, its items, and the effects."""
        return (self.outbox, self.items), tuple(self.effects)
