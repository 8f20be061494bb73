"""What both sides make of a session's end, as their traces tell it: who is told, and what is kept of it.

`decisions` has the rest; these are parts of its watches.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from perdure.trace import Record

if TYPE_CHECKING:
    from perdure.testing.simulation.decisions import Breaks, Told

TAKEN: Final = ("accepted", "duplicate")


class EndWatch:
    """What a client makes of the receipts that a session's end brings. Call it with each of its records."""

    def __init__(self, who: str, breaks: Breaks) -> None:
        self._who, self._breaks = who, breaks
        self._receipts: dict[tuple[str, Any], str] = {}

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        i: Told = record["input"]
        if i["type"] == "EndArrived" and not any(one["type"] == "Refused" for one in record["effects"]):
            self._receipts |= {(i["session"], tuple(key)): verdict for key, verdict in i["verdicts"]}
        for effect in record["effects"]:
            if effect["type"] == "Settled":
                self._settled((effect["session"], tuple(effect["key"])), effect["outcome"])

    def _settled(self, key: tuple[str, Any], outcome: str) -> None:
        """What was open when the end came is settled as its receipt says; only once, whoever counts that."""
        verdict = self._receipts.pop(key, None)
        if verdict is not None and (outcome == "delivered") != (verdict in TAKEN):
            says = f"calls {key[1]} {outcome}, of which the end of {key[0]} said: {verdict}"
            self._breaks("P-UNCERTAIN", f"{self._who} {says}")


class Watched:
    """Who watches what at a hub, and what it keeps of sessions that are over. Call it with each record."""

    def __init__(self, breaks: Breaks) -> None:
        self._breaks = breaks
        self._by: defaultdict[str, set[str]] = defaultdict(set)
        self._over: set[str] = set()
        self._buried: set[tuple[str, str]] = set()

    def by(self, cid: str) -> set[str]:
        """The sessions that this connection watches: until it unwatches them, hears of their end, or ends."""
        return self._by[cid]

    @property
    def held(self) -> dict[str, list[str]]:
        """What is there for clients, or of sessions that are over; nothing, once all is forgotten."""
        watching = [cid for cid, sessions in self._by.items() if sessions]
        return {
            what: sorted(names) for what, names in (("watching", watching), ("over", self._over)) if names
        }

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        i, effects = record["input"], record["effects"]
        if not any(effect["type"] in ("Refused", "Reject") for effect in effects):
            self._heard(i, {effect["type"] for effect in effects})
        for effect in effects:
            if effect["type"] == "WriteEnd":
                self._by[effect["cid"]].discard(effect["session"])
            elif effect["type"] == "Moved" and effect["target"] == "expired":
                self._by.pop(effect["instance"], None)

    def _heard(self, i: Told, kinds: set[str]) -> None:
        match i["type"]:
            case "StreamRequested":
                self._by[i["cid"]] = {session for session, _ in i["cursors"]}
            case "WatchRequested":
                self._by[i["cid"]].add(i["session"])
            case "UnwatchRequested":
                self._by[i["cid"]].discard(i["session"])
            case "Ended":
                self._over.add(i["session"])
            case "ForgetDue":
                self._forgets(i, kept="StartForget" in kinds)

    def _forgets(self, i: Told, *, kept: bool) -> None:
        """Once its events are gone, that it has been is kept for a time, and for who is not told yet."""
        watched = any(i["session"] in sessions for sessions in self._by.values())
        if kept and not watched and (i["session"], i["epoch"]) in self._buried:
            self._breaks("P-EXPIRES", f"the hub goes on keeping {i['session']}, which is over, for nobody")
        if not kept:
            self._over.discard(i["session"])
        if not kept and watched:
            self._breaks("P-NO-LOSS", f"the hub forgets {i['session']}, and not all were told of its end")
        self._buried.add((i["session"], i["epoch"]))
