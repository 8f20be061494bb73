"""What can be seen in the decisions of each side, as its trace tells them: properties of one side alone.

These watch the records that any sink of a trace gets, so they serve whatever client or hub writes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.common import classify

from perdure.trace import Record

Told: TypeAlias = dict[str, Any]
Breaks: TypeAlias = Callable[[str, str], None]
"""Takes the property that does not hold, and what was seen."""
Pair: TypeAlias = tuple[int, int]


class ClientWatch:
    """One life of a client. Call it with each record."""

    def __init__(self, who: str, settings: ClientSettings, breaks: Breaks) -> None:
        self._who, self._settings, self._breaks = who, settings, breaks
        self._state = "connecting"
        self._cid: str | None = None
        self._given_up: set[str] = set()
        self._streams: set[Pair] = set()
        self._flying: dict[tuple[str, int], list[Pair]] = {}
        self._posts: Counter[Pair] = Counter()
        self._open: set[Pair] = set()
        self._refused: set[Pair] = set()
        self._failed: set[Pair] = set()
        self._shown = False, False

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        i: Told = record["input"]
        match i["type"]:
            case "SendRequested":
                self._open.add(pair(i["key"]))
            case "PostReplied":
                self._replied(i)
            case "StreamLost":
                self._streams.discard(pair(i["attempt"]))
            case "TakenOver" if self._cid is not None:
                self._given_up.add(self._cid)
        for effect in record["effects"]:
            self._effect(effect)
        if len(self._open) > self._settings.queue_max:
            self._says("P-QUEUE-BOUND", f"has {len(self._open)} sends that are not settled")
        if self._shown[0] and not self._flying:
            self._says("P-RUNNING", "shows that it is running, and no attempt is in flight")
        if self._failed and not self._shown[1]:
            self._says("P-NOTICE", f"shows no delay, and an attempt of {min(self._failed)} has failed")

    def _says(self, property: str, what: str) -> None:  # noqa: A002
        self._breaks(property, f"{self._who} {what}")

    def _replied(self, i: Told) -> None:
        keys = self._flying.pop((i["session"], i["post"]), [])
        kind = classify(i["status"])
        if kind == "final":
            self._refused.update(keys)
        if kind == "passing":
            self._failed.update(set(keys) & self._open)

    def _effect(self, effect: Told) -> None:
        match effect["type"]:
            case "Moved" if effect["machine"] == "ClientSession":
                self._state = effect["target"]
            case "OpenStream":
                self._opens(effect)
            case "EndStream":
                self._streams.discard(pair(effect["attempt"]))
            case "Post":
                self._posted(effect)
            case "Settled":
                self._settled(pair(effect["key"]))
            case "Shown":
                self._shown = effect["running"], effect["delayed"]

    def _opens(self, effect: Told) -> None:
        self._cid = effect["cid"]
        if self._cid in self._given_up:
            self._says("P-ONE-HOLDER", f"asks for a stream as {self._cid}, which was taken over")
        if self._streams:
            self._says("P-ONE-STREAM", f"asks for stream {effect['attempt']} beside {sorted(self._streams)}")
        self._streams.add(pair(effect["attempt"]))

    def _posted(self, effect: Told) -> None:
        keys = [pair(key) for key in effect["keys"]]
        if self._state != "awaiting":
            self._says("P-RETRY-BUDGET", f"posts {keys} while it is {self._state}")
        twice = {key for flying in self._flying.values() for key in flying} & set(keys)
        if twice:
            self._says("P-SINGLE-FLIGHT", f"posts {sorted(twice)} again while they are in flight")
        if self._refused & set(keys):
            self._says("P-CLASS", f"posts {sorted(self._refused & set(keys))} again, which were refused")
        self._posts.update(keys)
        spent = [key for key in keys if self._posts[key] > self._settings.retries_max + 2]
        if spent:
            self._says("P-RETRY-BUDGET", f"posts {spent} for the {self._posts[spent[0]]}th time")
        self._flying[effect["session"], effect["post"]] = keys

    def _settled(self, key: Pair) -> None:
        if key not in self._open:
            self._says("P-SETTLE", f"settles {key}, which is not open")
        self._open.discard(key)
        self._failed.discard(key)


class HubWatch:
    """One life of a hub. Call it with each record."""

    def __init__(self, breaks: Breaks) -> None:
        self._breaks = breaks
        self._states: dict[str, str] = {}
        self._timers: dict[str, set[Pair]] = {}
        self._latest: dict[str, Pair] = {}
        self._attached: dict[str, Pair] = {}
        self._away: set[str] = set()
        self._owner: str | None = None

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        i, effects = record["input"], record["effects"]
        cid = i.get("cid")
        refused = any(effect["type"] in ("Refused", "Reject") for effect in effects)
        match i["type"]:
            case "StreamRequested":
                self._requested(cid, pair(i["attempt"]), refused)
            case "StreamClosed":
                self._detach(cid, pair(i["generation"]))
            case "GraceElapsed":
                self._timers.get(cid, set()).discard(pair(i["generation"]))
            case "CloseRequested" | "SuspendRequested" if not refused:
                self._word(i, effects)
        for effect in effects:
            self._effect(effect)
        if cid is not None:
            self._grace(cid)

    def _requested(self, cid: str, attempt: Pair, refused: bool) -> None:
        latest = self._latest.get(cid, (0, 0))
        if refused and attempt > latest:
            self._breaks("P-OWNER", f"the hub refuses {cid} its stream {attempt} after {latest}")
        self._latest[cid] = max(latest, attempt)

    def _detach(self, cid: str, generation: Pair) -> None:
        if self._attached.get(cid) == generation:
            del self._attached[cid]

    def _word(self, i: Told, effects: list[Told]) -> None:
        cid, attempt = i["cid"], pair(i["attempt"])
        if attempt < self._latest.get(cid, (0, 0)) and cid in self._states:
            self._breaks("P-STALE-CLOSE", f"the hub heeds a {i['type']} of {cid}'s stream {attempt}")
        if i["type"] == "SuspendRequested":
            self._away.add(cid)
        expired = any(effect.get("target") == "expired" for effect in effects)
        if i["type"] == "CloseRequested" and not expired:
            self._breaks("P-CLOSE", f"the hub keeps {cid}, which has said goodbye")

    def _effect(self, effect: Told) -> None:
        match effect["type"]:
            case "Moved":
                self._moved(effect["instance"], effect["target"])
            case "Attach":
                self._states[effect["cid"]] = "active"
                self._away.discard(effect["cid"])
                self._attached[effect["cid"]] = pair(effect["generation"])
            case "CutStream":
                self._detach(effect["cid"], pair(effect["generation"]))
            case "StartGrace":
                due = effect["due"]
                self._timers.setdefault(due["cid"], set()).add(pair(due["generation"]))
            case "CancelGrace":
                due = effect["due"]
                self._timers.get(due["cid"], set()).discard(pair(due["generation"]))
            case "Wake" | "WriteEvents" | "WriteGap" | "WriteEnd":
                self._written(effect)

    def _moved(self, cid: str, state: str) -> None:
        self._states[cid] = state
        if state == "expired":  # the hub knows it no longer, nor its attempts
            self._latest.pop(cid, None)

    def owned(self, record: Record, owner: str | None) -> None:
        """Look at who owns the session after a decision: it changes by a send, or by its owner's end."""
        before, self._owner = self._owner, owner
        i: Told = record["input"]
        cid, kind = i.get("cid"), i["type"]
        if owner == before or (kind == "PostArrived" and owner == cid):
            return
        if owner is not None or cid != before:
            self._breaks(
                "P-TAKEOVER", f"a {kind} of {cid} changes the session's owner: {before}, now {owner}"
            )
        elif kind == "GraceElapsed" and cid in self._away:
            self._breaks("P-EXPIRE-SCOPE", f"expiry takes what {cid} owns, which has said that it is away")

    def _written(self, effect: Told) -> None:
        cid, generation = effect["cid"], pair(effect["generation"])
        if self._attached.get(cid) != generation:
            self._breaks("P-NO-LEAK", f"the hub writes to stream {generation} of {cid}, which is closed")

    def _grace(self, cid: str) -> None:
        timers, state = self._timers.get(cid, set()), self._states.get(cid)
        if len(timers) != (state == "inactive"):
            self._breaks("P-TTL", f"{len(timers)} grace timers run for {cid}, which is {state}")


def pair(value: list[int]) -> Pair:
    """A pair as a record has it."""
    first, second = value
    return first, second
