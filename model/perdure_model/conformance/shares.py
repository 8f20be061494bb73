"""The runs of a file in shares, each to be judged by a process of its own.

A process replays the runs of its share. Of the others it needs what they sent to those, and takes it from
their records as it stands: whether the rules had it sent, the process judges whose share they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from perdure_model.conformance.survey import Survey


@dataclass(frozen=True)
class Share:
    """The runs that are replayed, and those that these may have heard from."""

    own: frozenset[str]
    heard: frozenset[str]


def shares(surveyed: Survey, count: int) -> list[Share]:
    """So many shares with about as many records each; only a conversation that is too large is parted."""
    conversations = list(conversed(surveyed))
    fair = sum(map(surveyed.records, conversations)) / count
    owned: list[set[str]] = [set() for _ in range(count)]
    weights, at = [0] * count, 0

    def give(runs: set[str], to: int) -> None:
        owned[to] |= runs
        weights[to] += surveyed.records(runs)

    for runs in conversations:
        for unit in parted(surveyed, runs) if surveyed.records(runs) > fair else ():
            at += weights[at] >= fair and at + 1 < count
            give(unit, at)
    small = [runs for runs in conversations if surveyed.records(runs) <= fair]
    for runs in sorted(small, key=surveyed.records, reverse=True):
        give(runs, weights.index(min(weights)))
    return [Share(frozenset(own), heard_by(own, conversations, surveyed)) for own in owned if own]


def heard_by(own: set[str], conversations: list[set[str]], surveyed: Survey) -> frozenset[str]:
    """The runs of others that are on the other side of a conversation, or lives of the same clients."""
    heard: set[str] = set()
    for runs in conversations:
        sides = {surveyed.runs[run].side for run in runs & own}
        if sides and not runs <= own:
            heard.update(run for run in runs - own if sides - {surveyed.runs[run].side})
    for (side, _cid), runs in surveyed.naming.items():
        if side == "client" and not runs.isdisjoint(own):
            heard |= runs - own
    return frozenset(heard)


def parted(surveyed: Survey, runs: set[str]) -> list[set[str]]:
    """The runs of a conversation, each by itself, those of one client beside each other.

    Servers come first: a share that has one side alone hears only what the other one says.
    """
    beside = [run for unit in conversed(surveyed, ("client",)) for run in sorted(unit & runs)]
    return [{run} for run in sorted(beside, key=lambda run: surveyed.runs[run].side, reverse=True)]


def conversed(surveyed: Survey, sides: Collection[str] = ("client", "server")) -> Iterator[set[str]]:
    """The runs that speak of the same clients, directly or through others: as runs of these sides do."""
    clients: dict[str, set[str]] = {}
    for (side, cid), runs in surveyed.naming.items():
        if side in sides:
            clients.setdefault(cid, set()).update(runs)
    named: dict[str, list[set[str]]] = {run: [] for run in surveyed.runs}
    for runs in clients.values():
        for run in runs:
            named[run].append(runs)
    left = set(surveyed.runs)
    for run in surveyed.runs:
        if run in left:
            yield reached_from(run, named, left)


def reached_from(run: str, named: dict[str, list[set[str]]], left: set[str]) -> set[str]:
    """The runs in one conversation with this one, taken out of those that are left."""
    left.discard(run)
    found, ahead = {run}, [run]
    while ahead:
        for runs in named[ahead.pop()]:
            fresh = runs & left
            left -= fresh
            found |= fresh
            ahead += fresh
    return found
