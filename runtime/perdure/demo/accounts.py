"""The accounts of a conversation, and what they come to."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

Part = tuple[int, int]


@dataclass
class Life:
    """What one life of the client saw: the outcome of each send, events in the order in which they came."""

    outcomes: dict[int, tuple[str, str]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    events: list[Part] = field(default_factory=list)
    gaps: int = 0
    cid: str = ""
    outcome: str | None = None
    killed: bool = False


@dataclass(frozen=True)
class Result:
    """What a conversation came to. `lost`, `duplicated`, `out_of_order` count events; each must be 0.

    A life that was killed must have seen a beginning of what was published, one that was not all of it.
    """

    sent: int
    delivered: int
    dropped: dict[str, int]
    uncertain: int
    unknown_at_kill: int
    taken: int
    taken_twice: int
    told_wrong: int
    published: int
    handed_over: int
    lost: int
    duplicated: int
    out_of_order: int
    faults: dict[str, int]
    faults_missed: list[str]
    lives: int
    same_id: bool
    outcome: str | None
    reconnects: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Nothing lost, doubled or reordered, every fault happened, and every report was true."""
        wrong = self.lost + self.duplicated + self.out_of_order + self.taken_twice + self.told_wrong
        return not wrong and not self.faults_missed and self.same_id and self.outcome == "succeeded"

    def as_json(self) -> dict[str, Any]:
        """The result as data."""
        return {"ok": self.ok, **asdict(self)}


def settle(
    lives: list[Life],
    handled: list[int],
    published: list[Part],
    *,
    faults: dict[str, int],
    faults_missed: list[str],
    reconnects: int,
    seconds: float,
) -> Result:
    """Compare what the clients were told with what the server did."""
    outcomes = {n: told for life in lives for n, told in life.outcomes.items()}
    asked = {n for life in lives for n in life.asked}
    by = Counter(outcome for outcome, _ in outcomes.values())
    taken = set(handled)
    wrong = sum(
        (outcome == "delivered" and n not in taken) or (outcome == "failed" and n in taken)
        for n, (outcome, _) in outcomes.items()
    )
    return Result(
        sent=len(asked),
        delivered=by["delivered"],
        dropped=dict(Counter(why for outcome, why in outcomes.values() if outcome == "failed")),
        uncertain=by["uncertain"],
        unknown_at_kill=len(asked - outcomes.keys()),
        taken=len(handled),
        taken_twice=len(handled) - len(taken),
        told_wrong=wrong,
        published=len(published),
        handed_over=sum(len(life.events) for life in lives),
        lost=sum(lost(life, published) for life in lives),
        duplicated=sum(len(life.events) - len(set(life.events)) for life in lives),
        out_of_order=sum(out_of_order(life.events, published) for life in lives),
        faults=faults,
        faults_missed=faults_missed,
        lives=len(lives),
        same_id=len({life.cid for life in lives}) == 1,
        outcome=lives[-1].outcome,
        reconnects=reconnects,
        seconds=round(seconds, 2),
    )


def lost(life: Life, published: list[Part]) -> int:
    """Events that this life should have seen and did not: up to its last one if it was killed, else all."""
    until = len(published)
    if life.killed:
        until = max((published.index(event) + 1 for event in set(life.events[-1:])), default=0)
    return len(set(published[:until]) - set(life.events))


def out_of_order(events: list[Part], published: list[Part]) -> int:
    """Events that came before one that was published earlier."""
    place = {event: n for n, event in enumerate(published)}
    return sum(place[a] > place[b] for a, b in itertools.pairwise(events))


def table(result: Result, make: type[Table] = Table) -> Table:
    """The result for people."""
    shown = make(title="What came of it", show_header=False, title_justify="left")
    shown.add_column()
    shown.add_column(justify="right")
    must = "  (must be 0)"
    rows: list[tuple[str, object, bool]] = [
        ("sent", result.sent, True),
        ("delivered", result.delivered, True),
        *((f"dropped: {why}", count, True) for why, count in result.dropped.items()),
        ("uncertain", result.uncertain, True),
        ("open when the client was killed", result.unknown_at_kill, True),
        ("taken by the server", result.taken, True),
        ("taken twice" + must, result.taken_twice, not result.taken_twice),
        ("reported wrongly" + must, result.told_wrong, not result.told_wrong),
        ("events published", result.published, True),
        (f"events handed over, in {result.lives} lives", result.handed_over, True),
        ("events lost" + must, result.lost, not result.lost),
        ("events duplicated" + must, result.duplicated, not result.duplicated),
        ("events out of order" + must, result.out_of_order, not result.out_of_order),
        ("streams opened again", result.reconnects, True),
        *((f"fault: {what}", count, True) for what, count in result.faults.items()),
        *((f"fault that did not happen: {what}", 1, False) for what in result.faults_missed),
        ("the restarted client came back with its id", "yes" if result.same_id else "NO", result.same_id),
        ("outcome", result.outcome, result.outcome == "succeeded"),
        ("seconds", result.seconds, True),
    ]
    for name, value, good in rows:
        shown.add_row(name, str(value), style=None if good else "bold red")
    return shown
