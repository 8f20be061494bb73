"""A working copy of the client's parts for the length of one decision.

The charts name the actions; the methods of the same names here do them. Nothing of a desk outlives its
decision: `done` gives the parts and the effects.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from perdure_model.core.client.book import ITEM_TABLE, SESSION_TABLE
from perdure_model.core.client.effects import (
    CancelTimer,
    ClientEffect,
    EndStream,
    OpenStream,
    Post,
    SayGoodbye,
    Settled,
    StartTimer,
)
from perdure_model.core.client.inputs import ReconnectDue, RetryDue
from perdure_model.core.client.parts import ClientSettings, ClientState, Item, Link, Outbox
from perdure_model.core.common import Cursor, Refused, SendKey, backoff_s, moved, spaced_s
from perdure_model.core.rule import Decision, Key

Items = dict[Key, Item]


class Desk:
    """State, link, outboxes and items, and what happens to them together."""

    def __init__(
        self,
        state: ClientState,
        link: Link,
        outboxes: Mapping[Key, Outbox],
        items: Mapping[Key, Item],
        settings: ClientSettings,
        cursors: Mapping[Key, Cursor] | None = None,
        *,
        chance: float = 1.0,
        asked_s: float | None = None,
    ) -> None:
        self.state, self.link, self.outboxes, self.settings = state, link, dict(outboxes), settings
        self.items: Items = dict(items)
        self.cursors = cursors or {}
        self.chance, self.asked_s = chance, asked_s
        self.effects: list[ClientEffect] = []

    # -- the ClientSession chart -------------------------------------------------------------------

    def session(self, event: str, *, current: bool, outcome: str | None = None) -> bool:
        """Step the ClientSession chart; True if something followed."""
        facts = {"current": current, "spent": self.link.failures >= self.settings.attempts_max}
        row = SESSION_TABLE.step(self.state.state, event, facts)
        if row is None:
            return False
        self.effects.append(moved(SESSION_TABLE, "", self.state.state, event, row))
        over = row.target == "terminal"
        self.state = ClientState(row.target, (outcome or "failed") if over else None)
        for action in row.actions:
            getattr(self, action)()
        return True

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

    def settle_doubts(self) -> None:
        """Sends in doubt whose epoch is gone end as uncertain (findings T23, P-UNCERTAIN)."""
        for key, item in list(self.items.items()):
            orphaned = item.doubt and self.outboxes[key[:1]].epoch != self.link.epoch
            self.item(key, "doubted", "the server has lost its receipts", orphaned=orphaned)

    def flush(self) -> None:
        """A new stream makes waiting pointless, unless the server asked for the wait (T15, T34)."""
        for (session,), outbox in self.outboxes.items():
            if not outbox.asked:
                self.due(session, outbox.post, cancel=True)
            self.pump(session)

    def abandon(self) -> None:
        self.link = replace(self.link, open=False)
        for (session,), outbox in self.outboxes.items():
            if any(item.state == "retrying" for item in self.of(session).values()):
                self.effects.append(CancelTimer(RetryDue(str(session), outbox.post)))
        for key in list(self.items):
            self.item(key, "abandon", "the session is over")

    # -- the SendItem chart ------------------------------------------------------------------------

    def of(self, session: Hashable) -> Items:
        """The items of one session, in the order in which they were made."""
        return {key: item for key, item in self.items.items() if key[0] == session}

    def item(self, key: Key, event: str, why: str, *, orphaned: bool = False, doubt: bool = False) -> None:
        """Step one item's chart, and do what it says; `why` is for the report of a drop."""
        item = self.items[key]
        facts = {"spent": item.tries > self.settings.retries_max, "orphaned": orphaned}
        row = ITEM_TABLE.step(item.state, event, facts)
        if row is None:
            return
        in_flight = item.state == "sending" and event == "abandon"
        self.items[key] = replace(item, state=row.target, doubt=item.doubt or doubt or in_flight)
        self.effects.append(moved(ITEM_TABLE, key, item.state, event, row))
        for action in row.actions:
            getattr(self, action)(key, why)

    def transmit(self, key: Key, _why: str) -> None:
        item = self.items[key]
        self.items[key] = replace(item, tries=item.tries + 1, post=self.outboxes[key[:1]].post)

    def report(self, key: Key, why: str) -> None:
        """A settled item leaves the outbox, and the application is told why."""
        item = self.items.pop(key)
        if item.state == "delivered":
            outcome, why = "delivered", ""
        else:
            outcome = "uncertain" if item.doubt else "failed"
        session, send_key = key
        self.effects.append(Settled(str(session), send_key, outcome, why))  # type: ignore[arg-type]

    def due(self, session: Hashable, post: int, *, cancel: bool = False) -> bool:
        """The wait after this POST is over; True if something waited."""
        waiting = [
            k for k, item in self.of(session).items() if item.state == "retrying" and item.post == post
        ]
        if waiting and cancel:
            self.effects.append(CancelTimer(RetryDue(str(session), post)))
        for key in waiting:
            self.item(key, "due", "")
        return bool(waiting)

    def wait(self, session: str, post: int) -> None:
        """Start the wait after this POST's failure; it grows with the tries of the oldest item."""
        tries = [item.tries for item in self.of(session).values() if item.state == "retrying"]
        if not tries:
            return
        s = self.settings
        seconds = spaced_s(tries[0], s.retry_first_s, s.retry_cap_s, self.chance, self.asked_s)
        key = (session,)
        self.outboxes[key] = replace(self.outboxes[key], asked=self.asked_s is not None)
        self.effects.append(StartTimer(RetryDue(session, post), seconds))

    def pump(self, session: Hashable) -> None:
        """Post what is queued, if a stream is up and nothing of this session is in flight or waits.

        One POST at a time, in order: that is what keeps the order (T12), one attempt in flight (T13), and
        new sends behind those that are retried.
        """
        mine = self.of(session)
        if self.state.state != "awaiting" or any(item.state != "queued" for item in mine.values()):
            return
        keys = list(mine)[: self.settings.batch_max]
        if not keys:
            return
        outbox = self.outboxes[(session,)]
        outbox = Outbox(outbox.post + 1, self.link.epoch)
        self.outboxes[(session,)] = outbox
        for key in keys:
            self.item(key, "post", "")
        send_keys: tuple[SendKey, ...] = tuple(key[1] for key in keys)  # type: ignore[misc]
        self.effects.append(Post(str(session), outbox.post, outbox.epoch, send_keys))

    # -- the end of a decision ---------------------------------------------------------------------

    def done(self, stale: str = "") -> Decision:
        """The parts and the effects; where nothing followed, `stale` says why."""
        if not self.effects:
            self.effects.append(Refused(stale))
        return (self.state, self.link, self.outboxes, self.items), tuple(self.effects)
