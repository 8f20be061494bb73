"""The runs of a file in shares, each to be judged by a process of its own.

A process replays the runs of its share. Of the others it needs what they sent to those, and takes it from
their records as it stands: whether the rules had it sent, the process judges whose share they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perdure_model.conformance.callers import SHARING
from perdure_model.conformance.survey import OTHER, Survey


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
        # In the order in which they begin: runs that speak with each other are there at about one time.
        for run in surveyed.runs if surveyed.records(runs) > fair else ():
            if run in runs:
                at += weights[at] >= fair and at + 1 < count
                give({run}, at)
    small = [runs for runs in conversations if surveyed.records(runs) <= fair]
    for runs in sorted(small, key=surveyed.records, reverse=True):
        give(runs, weights.index(min(weights)))
    return [Share(frozenset(own), heard_by(own, surveyed)) for own in owned if own]


def heard_by(own: set[str], surveyed: Survey) -> frozenset[str]:
    """The runs of others that speak of the same clients on the other side, or are lives of these clients;
    and of calls and credentials all."""
    heard: set[str] = set()
    for (side, cid), runs in surveyed.naming.items():
        if not runs.isdisjoint(own):
            heard |= surveyed.peers(OTHER.get(side, ""), cid)
            heard |= runs if side == "client" else set()
    sharing = {run for run, extent in surveyed.runs.items() if extent.side in SHARING}
    heard |= sharing if sharing & own else set()
    return frozenset(heard - own)


def conversed(surveyed: Survey) -> Iterator[set[str]]:
    """The runs that speak of the same clients, directly or through others."""
    clients: dict[str, set[str]] = {}
    for (side, cid), runs in surveyed.naming.items():
        if side in OTHER:
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
