"""What both sides of a session saw, and whether it fits: the properties that can be observed from outside.

The hub's application numbers what it publishes, and its snapshot is the latest number; each send carries a
number of its own. So whoever reads can tell what is missing, and whoever handles can tell what came twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from perdure.views import Event, Gap, Item

OPEN: Final = "open"
KILLED: Final = "killed"


class Broken(AssertionError):
    """A property that does not hold: its id, and what was seen."""

    def __init__(self, property: str, says: str) -> None:  # noqa: A002 - the word for it
        super().__init__(f"{property}: {says}")
        self.property, self.says = property, says


class Verdict:
    """The first thing that did not fit, of all that keep accounts."""

    def __init__(self) -> None:
        self._broken: Broken | None = None

    def breaks(self, property: str, says: str) -> None:  # noqa: A002
        """Keep the first thing that does not fit: it is found inside tasks that must go on."""
        self._broken = self._broken or Broken(property, says)

    def check(self) -> None:
        """Raises Broken if something has not fitted so far."""
        if self._broken is not None:
            raise self._broken


@dataclass
class Life:
    """One life of a tab: from its opening until it leaves or is killed.

    `reached`: the number of the last event that it was handed, or that a snapshot stood for. `hub`: which of
    the hubs was there when it was handed something last.
    """

    tab: str
    number: int
    reached: int | None = None
    hub: int | None = None
    sends: list[int] = field(default_factory=list)
    over: bool = False
    killed: bool = False

    def __str__(self) -> str:
        return f"tab {self.tab}, life {self.number}"


class Accounts:
    """The accounts of one session. Whatever does not fit is kept for `check` to raise."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.published = 0
        self.hubs = 0
        self.outcome: str | None = None
        """The outcome that the hub ended the session with; None while it lives, and once it is forgotten."""
        self.ends: set[tuple[int, str]] = set()
        """After which of its events the session has ended, and how: its name may have been used again."""
        self.old = False
        """Whether some hub made the ids: the connection of a lost stream is then another than the next one's,
        and what is uncertain may still arrive there, behind what came later."""
        self.log_begins: set[int] = set()
        """The numbers that were the first of some hub's log."""
        self.outcomes: dict[int, str] = {}
        self.handled: dict[int, None] = {}
        self.unfit: set[int] = set()
        """The sends whose data the hub's application does not take."""
        self.senders: dict[int, Life] = {}
        self.misled: set[int] = set()
        """The sends whose POST had come twice when a 401 said that nothing of it was taken: true of that
        copy, and no client can know of the other."""
        self.handed = self.gaps = 0
        self._crashed_since: dict[int, bool] = {}
        self._verdict = verdict or Verdict()
        self.breaks, self.check = self._verdict.breaks, self._verdict.check

    # -- what the hub's application does ---------------------------------------------------------------

    def hub_begins(self) -> None:
        """A hub with an empty memory. What an earlier one had accepted and not handled is gone."""
        self.begin_again()
        for n in self._crashed_since:
            self._crashed_since[n] = True

    def begin_again(self) -> None:
        """Nothing is known of the session any more: whoever comes begins another log under its name."""
        self.hubs += 1
        self.outcome = None
        self.log_begins.add(self.published + 1)

    def end(self, outcome: str) -> None:
        """The session is over."""
        self.outcome = outcome
        self.ends.add((self.published, outcome))

    def publish(self) -> dict[str, int]:
        """The next event's data."""
        self.published += 1
        return {"n": self.published}

    def handle(self, n: int) -> None:
        """The handler is called with this send."""
        if n in self.unfit:
            self.breaks("P-CLASS", f"the handler is called with send {n}, whose data it does not take")
        if n in self.handled and n in self.misled:
            return
        if n in self.handled:
            self.breaks("P-EFFECT-ONCE", f"send {n} of {self.senders[n]} took effect twice")
        if self.outcomes.get(n) == "failed":
            self.breaks(
                "P-UNCERTAIN", f"send {n} of {self.senders[n]} was reported as failed, and took effect"
            )
        earlier = [m for m in self.senders[n].sends if m > n and m in self.handled]
        late = self.old and self.outcomes.get(n) == "uncertain"
        if earlier and not late:
            self.breaks("P-FIFO", f"send {n} of {self.senders[n]} took effect after {earlier[0]}")
        self.handled[n] = None

    # -- what a tab sees -------------------------------------------------------------------------------

    def send(self, life: Life, *, unfit: bool = False) -> int:
        """A send is made: its number."""
        n = len(self.senders) + 1
        self.unfit |= {n} if unfit else set()
        self.senders[n] = life
        self.outcomes[n] = OPEN
        self._crashed_since[n] = False
        life.sends.append(n)
        return n

    def mislead(self, tab: str) -> None:
        """A 401 for a POST that had come twice: it speaks of sends that are open."""
        self.misled |= {n for n, life in self.senders.items() if life.tab == tab and self.outcomes[n] == OPEN}

    def settle(self, n: int, outcome: str, *, echoed: bool = False) -> None:
        """A send is settled: delivered, failed or uncertain.

        echoed: its POST may have come twice, been taken, and then refused (its credential was dead by
        then); no client can know, so its "failed" is none.
        """
        outcome = "uncertain" if echoed and outcome == "failed" else outcome
        if self.outcomes[n] != OPEN:
            self.breaks("P-SETTLE", f"send {n} was settled as {self.outcomes[n]}, and then as {outcome}")
        self.outcomes[n] = outcome
        if outcome == "delivered" and n in self.unfit:
            self.breaks("P-CLASS", f"send {n} of {self.senders[n]}, which is unfit, is reported as delivered")
        if outcome == "failed" and n in self.handled:
            self.breaks(
                "P-UNCERTAIN", f"send {n} of {self.senders[n]} took effect, and is reported as failed"
            )

    def hand(self, life: Life, item: Item) -> None:
        """An item is handed to the tab's application."""
        life.hub = self.hubs
        if isinstance(item, Gap):
            self._gap(life, item.snapshot["n"])
        elif isinstance(item, Event):
            self._event(life, item.data["n"])
        else:
            self.breaks("P-ERRORS", f"{life} was told of a failed handler, and none has failed")

    def _gap(self, life: Life, n: int) -> None:
        self.gaps += 1
        if life.reached is not None and n < life.reached:
            self.breaks("P-MONOTONIC", f"{life} had {life.reached}, and is given a snapshot of {n}")
        life.reached = n

    def _event(self, life: Life, n: int) -> None:
        self.handed += 1
        begins = self.log_begins if life.reached is None else {life.reached + 1}
        if n not in begins:
            behind = life.reached is not None and n <= life.reached
            after = "nothing" if life.reached is None else str(life.reached)
            self.breaks("P-NO-DUP" if behind else "P-NO-LOSS", f"{life} was handed {n} after {after}")
        life.reached = n

    # -- the verdict -----------------------------------------------------------------------------------

    def check_settled(self) -> None:
        """At rest: every send of a life that was not killed is settled, and truly. Raises Broken."""
        for n, outcome in self.outcomes.items():
            if outcome == OPEN:
                self.breaks("P-SETTLE", f"send {n} of {self.senders[n]} is not settled")
            if outcome == "delivered" and n not in self.handled and not self._crashed_since[n]:
                self.breaks("P-CLASS", f"send {n} of {self.senders[n]} is delivered, and never took effect")
        self.check()

    def behind(self, life: Life) -> bool:
        """Whether there are events for it that it was not handed, or a hub's end that it was not told of.

        A new one begins with the hub's own log.
        """
        reached = max(self.log_begins) - 1 if life.reached is None else life.reached
        return reached < self.published or life.hub not in (None, self.hubs)

    def over(self, life: Life, outcome: str) -> None:
        """The life's application is told that the session has ended like this: right after its last event."""
        none_yet = {first - 1 for first in self.log_begins}
        reached = none_yet if life.reached is None else {life.reached}
        if not any(at in reached for at, _ in self.ends):
            says = f"was told of the end at {life.reached} of {self.published}"
            self.breaks("P-NO-LOSS", f"{life} {says}; it ended after {sorted(self.ends)}")
        elif not any((at, outcome) in self.ends for at in reached):
            self.breaks("P-OUTCOME", f"{life} was told that it {outcome}; it ended after {sorted(self.ends)}")

    def forsake(self) -> None:
        """Lives that were killed are not begun again: nobody is told any more what becomes of their sends."""
        for n, life in self.senders.items():
            if life.killed and self.outcomes[n] == OPEN:
                self.outcomes[n] = KILLED

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        outcomes = list(self.outcomes.values())
        return {
            "sends": len(outcomes),
            **{name: outcomes.count(name) for name in ("delivered", "failed", "uncertain", KILLED)},
            "published": self.published,
            "handed": self.handed,
            "gaps": self.gaps,
        }


class Ledgers(dict[str, Accounts]):
    """The accounts of all sessions, by their names; those of a session that is new are begun."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.breaks, self._verdict, self._old = verdict.breaks, verdict, False
        self.past: str | None = None
        """The session that ended last."""

    def __missing__(self, session: str) -> Accounts:
        accounts = self[session] = Accounts(self._verdict)
        accounts.old = self._old
        accounts.hub_begins()
        return accounts

    def hub_begins(self, *, old: bool = False) -> None:
        """A hub with an empty memory; an old one makes the ids."""
        self._old |= old
        for accounts in self.values():
            accounts.old = self._old
            accounts.hub_begins()

    def as_json(self) -> dict[str, int]:
        """The figures, of all sessions together."""
        total: Counter[str] = Counter()
        for accounts in self.values():
            total.update(accounts.as_json())
        return dict(total)
