"""The accounts of all conversations: what the clients were told against what the server did."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Open:
    """A conversation whose account is not closed: what each side has told of it so far."""

    took: list[int] = field(default_factory=list)
    crashes: list[int] = field(default_factory=list)
    """How many sends were taken before each crash of the server."""
    published: tuple[int, int] | None = None
    """How many events the server's life that ended it has published, and which that was."""
    client: dict[str, Any] | None = None


@dataclass
class Totals:
    """What all closed accounts came to. What is counted below `told_wrong` must be 0, and that as well.

    crashed: sends that the server had accepted when it was killed, and not handled. `restarts`: how often a
    client was told that the server which is there now is another.
    """

    conversations: int = 0
    sends: int = 0
    delivered: int = 0
    failed: int = 0
    uncertain: int = 0
    events: int = 0
    crashed: int = 0
    restarts: int = 0
    told_wrong: int = 0
    taken_twice: int = 0
    taken_out_of_order: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    gaps: int = 0
    ended_otherwise: int = 0
    never_closed: int = 0

    @property
    def wrong(self) -> dict[str, int]:
        """What should be 0 and is not."""
        names = [one.name for one in fields(self)]
        return {name: n for name in names[names.index("told_wrong") :] if (n := getattr(self, name))}

    def as_json(self) -> dict[str, int]:
        """The totals as data."""
        return asdict(self)


class Accounts:
    """Takes what both sides tell; a conversation that both have ended is compared, added and forgotten."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.notes: list[str] = []
        """The first wrong conversations, in words."""
        self._open: dict[str, Open] = {}

    def __len__(self) -> int:
        return len(self._open)

    def begun(self, session: str) -> None:
        """A client begins a conversation."""
        self._of(session)

    def took(self, session: str, n: int) -> None:
        """The server's handler has taken a send."""
        self._of(session).took.append(n)

    def crashed(self) -> None:
        """The server was killed, and all that it told has been heard."""
        for account in self._open.values():
            account.crashes.append(len(account.took))

    def server_over(self, session: str, published: tuple[int, int]) -> None:
        """The server has ended a conversation: in which of its lives, and after how many events of that."""
        self._of(session).published = published
        self._close(session)

    def client_over(self, session: str, told: dict[str, Any]) -> None:
        """The client has ended it: the outcome of each send, and how the events came."""
        self._of(session).client = told
        self._close(session)

    def end(self) -> Totals:
        """The totals; what is still open will never be closed."""
        for session, account in self._open.items():
            self.totals.never_closed += 1
            self._note(session, {"never_closed": 1}, f"{account}")
        self._open.clear()
        return self.totals

    def _of(self, session: str) -> Open:
        return self._open.setdefault(session, Open())

    def _close(self, session: str) -> None:
        account = self._open[session]
        if account.client is None or account.published is None:
            return
        del self._open[session]
        found = compared(account.took, account.published, account.client, account.crashes)
        for name, n in found.as_json().items():
            setattr(self.totals, name, getattr(self.totals, name) + n)
        if found.wrong:
            told = account.client["outcomes"].items()
            others = {n: outcome for n, outcome in told if outcome != "delivered"}
            said = account.client | {"outcomes": others}
            self._note(session, found.wrong, f"{said} of {len(told)}; taken: {account.took}")

    def _note(self, session: str, wrong: dict[str, int], detail: str) -> None:
        if len(self.notes) < 10:
            self.notes.append(f"{session}: {wrong}: {detail}"[:2000])


def compared(
    took: list[int], published: tuple[int, int], client: dict[str, Any], crashes: Sequence[int] = ()
) -> Totals:
    """One conversation: `took` by the server, in this order, and what the client was told.

    crashes: how many were taken before each. What the server had accepted then was next in its order.
    """
    outcomes = {int(n): outcome for n, outcome in client["outcomes"].items()}
    by = Counter(outcomes.values())
    taken = set(took)
    gone = {
        n
        for at in crashes
        for n in range(max(took[:at], default=0) + 1, min(took[at:], default=max(outcomes) + 1))
        if outcomes.get(n) == "delivered"
    }
    life, k = published
    missed = k - client["last"] if client["life"] == life else k
    return Totals(
        conversations=1,
        sends=len(outcomes),
        delivered=by["delivered"],
        failed=by["failed"],
        uncertain=by["uncertain"],
        events=client["events"],
        crashed=len(gone),
        restarts=client["restarts"],
        told_wrong=len(taken - outcomes.keys())
        + sum(
            (outcome == "delivered" and n not in taken | gone) or (outcome == "failed" and n in taken)
            for n, outcome in outcomes.items()
        ),
        taken_twice=len(took) - len(taken),
        taken_out_of_order=sum(later < earlier for earlier, later in itertools.pairwise(took)),
        lost=client["lost"] + max(missed, 0),
        doubled=client["doubled"],
        reordered=client["reordered"],
        gaps=client["gaps"],
        ended_otherwise=int(client["outcome"] != "succeeded"),
    )


@dataclass
class Seen:
    """What one client sees of its events, which are numbered from 1 in each of the server's lives."""

    events: int = 0
    life: int = 0
    last: int = 0
    restarts: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    gaps: int = 0

    def gap(self, life: int, k: int) -> None:
        """A snapshot stands for the first k events: right where the server is another, else a loss."""
        if life > self.life > 0:
            self.restarts += 1
        else:
            self.gaps += 1
        self.life, self.last = life, k

    def event(self, life: int, k: int) -> None:
        """The k-th event of this life of the server has come; who had one of an earlier is told first."""
        self.events += 1
        if life != self.life:
            self.gaps += self.life > 0
            self.life, self.last = life, 0
        if k == self.last:
            self.doubled += 1
        elif k < self.last:
            self.reordered += 1
        else:
            self.lost += k - self.last - 1
            self.last = k
