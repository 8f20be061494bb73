"""What can be seen in the decisions of each side, as its trace tells them: properties of one side alone.

These watch the records that any sink of a trace gets, so they serve whatever client or hub writes them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.common import NEVER, classify, unsure

from perdure.testing.simulation.endings import EndWatch, Watched
from perdure.trace import Record

Told: TypeAlias = dict[str, Any]
Breaks: TypeAlias = Callable[[str, str], None]
"""Takes the property that does not hold, and what was seen."""
Pair: TypeAlias = tuple[int, int]


class AccessWatch:
    """What a client does about credentials that are refused. Call it with each of its records."""

    def __init__(self, who: str, breaks: Breaks) -> None:
        self._who, self._breaks = who, breaks
        self._token: Any = None
        self._asked = self._unproven = False
        self._streams: dict[Pair, Any] = {}

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        i: Told = record["input"]
        kinds = [effect["type"] for effect in record["effects"]]
        failed = any(effect.get("outcome") == "failed" for effect in record["effects"])
        if i["type"] == "PostReplied" and i["status"] == 401 and failed:
            self._drops(i)  # what is uncertain is so for another reason: its epoch is gone
        if "AskCredential" in kinds and self._unproven:
            says = "asks for another credential in place of one that came for one that was refused"
            self._breaks("P-RETRY-BUDGET", f"{self._who} {says}, and that nobody has taken")
        self._hears(i)
        for effect in record["effects"]:
            if effect["type"] == "OpenStream":
                self._streams[pair(effect["attempt"])] = effect["token"]
        self._asked = self._asked or "AskCredential" in kinds

    def _drops(self, i: Told) -> None:
        if i["token"] != self._token or self._asked or not self._unproven:
            says = f"drops what was posted with credential {i['token']}, and asks for no other"
            self._breaks("P-CLASS", f"{self._who} {says}")

    def _hears(self, i: Told) -> None:
        match i["type"]:
            case "Started":
                self._token = i["token"]
            case "CredentialGiven":
                self._token, self._unproven, self._asked = i["token"], self._asked, False
            case "CredentialRefused":
                self._unproven, self._asked = True, False
            case "PostReplied" if classify(i["status"]) == "taken":
                self._proves(i["token"])
            case "Welcomed":
                self._proves(self._streams.get(pair(i["attempt"])))

    def _proves(self, token: Any) -> None:
        if token == self._token:
            self._unproven = False


class ClientWatch:
    """One life of a client. Call it with each record."""

    def __init__(self, who: str, settings: ClientSettings, breaks: Breaks) -> None:
        self._who, self._settings, self._breaks = who, settings, breaks
        self._access, self._ends = AccessWatch(who, breaks), EndWatch(who, breaks)
        self._leaving: tuple[str, Pair] | None = None
        self._state = "connecting"
        self._cid: str | None = None
        self._given_up: set[str] = set()
        self._streams: set[Pair] = set()
        self._up: Pair | None = None
        """The stream that was welcomed, until it ends."""
        self._lost = False
        """Whether a stream has ended since one was welcomed, or since the beginning."""
        self._flying: dict[tuple[str, int], list[Pair]] = {}
        self._posts: Counter[Pair] = Counter()
        self._open: set[Pair] = set()
        self._sessions: dict[Pair, str] = {}
        self._refused: set[Pair] = set()
        self._failed: set[Pair] = set()
        self._doubted: set[Pair] = set()
        self._not_before: dict[str, float] = {}
        self._timers: set[tuple[str, int]] = set()
        self._shown: dict[str, tuple[bool, bool]] = {}

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        self._access(record)
        self._ends(record)
        i: Told = record["input"]
        match i["type"]:
            case "Started":
                self._doubted.update(pair(one[1]) for one in i["unsent"] if one[2] is not None)
                self._open.update(pair(one[1]) for one in i["unsent"])
                self._sessions.update({pair(one[1]): one[0] for one in i["unsent"]})
            case "SendRequested":
                self._open.add(pair(i["key"]))
                self._sessions[pair(i["key"])] = i["session"]
            case "FarewellReplied":
                self._heard_of_leaving(i, record["effects"])
            case "Resumed" | "Left":
                self._leaving = None
            case "PostReplied":
                self._replied(i, record["t"])
                self._given_up_early(i, record["effects"])
            case "RetryDue":
                self._timers.discard((i["session"], i["post"]))
            case "StreamLost" | "Welcomed" | "TakenOver":
                self._streams_change(i, record["effects"])
        for effect in record["effects"]:
            self._effect(effect, record["t"])
        self._looks()

    def _streams_change(self, i: Told, effects: list[Told]) -> None:
        match i["type"]:
            case "StreamLost":
                self._goes_down(pair(i["attempt"]))
            case "Welcomed" if pair(i["attempt"]) in self._streams:
                self._up, self._lost = pair(i["attempt"]), False
            case "TakenOver" if self._cid is not None:
                self._loses(self._cid, effects)

    def _loses(self, cid: str, effects: list[Told]) -> None:
        """Its id is another's, of which it hears; not on a stream that it had ended by itself just before."""
        if all(effect["type"] != "Refused" for effect in effects):
            self._given_up.add(cid)

    def _looks(self) -> None:
        """What must be so after each decision."""
        for session, count in Counter(self._sessions[key] for key in self._open).items():
            if count > self._settings.queue_max:
                self._says("P-QUEUE-BOUND", f"has {count} sends to {session} that are not settled")
        flying = {session for session, _ in self._flying}
        delayed = {self._sessions[key]: key for key in self._failed}
        for session, (running, late) in self._shown.items():
            if running and session not in flying:
                self._says("P-RUNNING", f"shows that it is running in {session}, and nothing is in flight")
            if late and session not in delayed:
                self._says("P-NOTICE", f"shows a delay in {session}, where no open send has failed")
        for session, key in delayed.items():
            if not self._shown.get(session, (False, False))[1]:
                self._says("P-NOTICE", f"shows no delay in {session}, and an attempt of {key} has failed")
        due = "awaiting" if self._up else "reconnecting" if self._lost else "connecting"
        if self._state not in (due, "terminal"):
            self._says("P-VISIBLE", f"is shown as {self._state}, and it is {due}")

    def _goes_down(self, attempt: Pair) -> None:
        """A stream has ended, or we have ended it; of one that had ended before this says nothing."""
        self._lost = self._lost or attempt in self._streams
        self._streams.discard(attempt)
        self._up = None if attempt == self._up else self._up

    def _says(self, property: str, what: str) -> None:  # noqa: A002
        self._breaks(property, f"{self._who} {what}")

    def _replied(self, i: Told, now_s: float) -> None:
        keys = self._flying.pop((i["session"], i["post"]), [])
        kind = classify(i["status"])
        if kind == "final":
            self._refused.update(keys)
        verdicts = {pair(key) for key, _ in i["verdicts"]}
        if kind != "denied":
            self._failed.update((set(keys) & self._open) - (verdicts if kind == "taken" else set()))
        if kind == "passing" and i["retry_after_s"] and set(keys) & self._open:
            self._not_before[i["session"]] = now_s + i["retry_after_s"]
        if kind == "unknown" or (kind == "passing" and unsure(i["status"], i["sent"])):
            self._doubted.update(keys)
        if kind == "taken":
            self._doubted.update(set(keys) - verdicts)

    def _heard_of_leaving(self, i: Told, effects: list[Told]) -> None:
        """A word of leaving that was not taken is told, once, unless the client is back by then."""
        due = (i["word"], pair(i["attempt"])) == self._leaving and classify(i["status"]) != "taken"
        told = any(effect["type"] == "NotTaken" for effect in effects)
        if told != due:
            says = "does not tell" if due else "tells"
            self._says("P-ERRORS", f"{says} of a {i['word']} on stream {i['attempt']}: {i['status']}")

    def _given_up_early(self, i: Told, effects: list[Told]) -> None:
        """A send that may be tried again is, as often as the bound says."""
        if classify(i["status"]) != "passing":
            return
        for effect in effects:
            if effect["type"] == "Settled" and effect["outcome"] == "failed":
                key = pair(effect["key"])
                if self._posts[key] <= self._settings.retries_max and key in self._failed:
                    self._says("P-CLASS", f"gives {key} up after {self._posts[key]} attempts")

    def _effect(self, effect: Told, now_s: float) -> None:
        match effect["type"]:
            case "Moved" if effect["machine"] == "ClientSession":
                self._state = effect["target"]
            case "StartTimer" if effect["due"]["type"] == "RetryDue":
                self._waits(effect["due"])
            case "CancelTimer" if effect["due"]["type"] == "RetryDue":
                self._timers.discard((effect["due"]["session"], effect["due"]["post"]))
            case "OpenStream":
                self._opens(effect)
            case "SaySuspended" | "SayGoodbye":
                word = "close" if effect["type"] == "SayGoodbye" else "suspend"
                self._leaving = word, pair(effect["attempt"])
            case "EndStream":
                self._goes_down(pair(effect["attempt"]))
            case "Post":
                self._posted(effect, now_s)
            case "Settled":
                self._settled(pair(effect["key"]), effect["outcome"])
            case "Shown":
                self._shown[effect["session"]] = effect["running"], effect["delayed"]

    def _waits(self, due: Told) -> None:
        beside = [timer for timer in self._timers if timer[0] == due["session"]]
        if beside:
            self._says("P-SPACED", f"waits to post to {due['session']} again, beside {beside}")
        self._timers.add((due["session"], due["post"]))

    def _opens(self, effect: Told) -> None:
        self._cid = effect["cid"]
        if self._cid in self._given_up:
            self._says("P-ONE-HOLDER", f"asks for a stream as {self._cid}, which was taken over")
        if self._streams:
            self._says("P-ONE-STREAM", f"asks for stream {effect['attempt']} beside {sorted(self._streams)}")
        self._streams.add(pair(effect["attempt"]))

    def _posted(self, effect: Told, now_s: float) -> None:
        keys = [pair(key) for key in effect["keys"]]
        asked_s = self._not_before.pop(effect["session"], 0.0)
        if now_s < asked_s - 0.001 and self._failed.intersection(keys):
            self._says("P-SPACED", f"posts {keys} at {now_s:.3f} s; the server asked for {asked_s:.3f} s")
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

    def _settled(self, key: Pair, outcome: str) -> None:
        if key not in self._open and outcome != "failed":  # who is refused at once was never open
            self._says("P-SETTLE", f"settles {key}, which is not open")
        flying = {one for keys in self._flying.values() for one in keys}
        if outcome == "failed" and key in self._doubted & self._open:
            self._says("P-UNCERTAIN", f"calls {key} failed, which may have been taken")
        if outcome == "uncertain" and key not in self._doubted | flying:
            self._says("P-UNCERTAIN", f"calls {key} uncertain, which was surely not taken")
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
        self._away: dict[str, Pair] = {}
        self._bound: dict[str, str] = {}
        self._made: set[str] = set()
        self._serials: dict[str, tuple[Pair, int]] = {}
        self.watched = Watched(breaks)
        self._owner: str | None = None
        self.brought: defaultdict[str, set[str]] = defaultdict(set)
        """The sessions of which something was written to each connection's streams."""

    def __call__(self, record: Record) -> None:
        """Look at one decision."""
        i, effects = record["input"], record["effects"]
        cid = i.get("cid")
        refused = any(effect["type"] in ("Refused", "Reject") for effect in effects)
        if not refused:
            self._in_order(i, effects)
        match i["type"]:
            case "StreamRequested":
                self._requested(cid, i, refused)
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
        self.watched(record)

    def _requested(self, cid: str, i: Told, refused: bool) -> None:
        attempt, own = pair(i["attempt"]), self._bound.get(cid, i["principal"]) == i["principal"]
        latest = max(self._latest.get(cid, NEVER), self._away.get(cid, NEVER))
        if refused and attempt > latest and own:
            self._breaks("P-OWNER", f"the hub refuses {cid} its stream {attempt} after {latest}")
        gone = (
            self._states.get(cid) == "expired"
        )  # while it is not, such a stream is attached, and still away
        if not refused and gone and attempt <= self._away.get(cid, NEVER):
            says = f"stream {attempt} brings {cid} back, which has been away since {self._away[cid]}"
            self._breaks("P-EXPIRE-SCOPE", says)
        if not refused and not own:
            self._breaks("P-NO-HIJACK", f"{cid} answers to another principal than the one it is bound to")
        if not refused:
            self._bound[cid] = i["principal"]
            self._made |= {cid} if i["made"] else set()
        if own:
            self._latest[cid] = max(self._latest.get(cid, NEVER), attempt)

    def _in_order(self, i: Told, effects: list[Told]) -> None:
        """What was overtaken is not heeded: words about a session, and POSTs of an earlier life."""
        match i["type"]:
            case "WatchRequested" | "UnwatchRequested":
                said = pair(i["attempt"]), i["serial"]
                if said < self._serials.get(i["cid"], said):
                    self._breaks("P-WATCH", f"the hub heeds a {i['type']} that was overtaken: {said}")
                self._serials[i["cid"]] = said
            case "PostArrived" if any(effect["type"] == "Answer" for effect in effects):
                latest = self._attached.get(i["cid"], NEVER)
                if pair(i["attempt"])[0] < latest[0]:
                    self._breaks("P-CLASS", f"the hub answers a POST of an earlier life than {latest}")
            case "SuspendRequested" if i["cid"] in self._made:
                self._breaks("P-EXPIRE-SCOPE", f"{i['cid']} is to be kept, which the hub itself has made")

    def bound(self, cid: str) -> bool:
        """Whether this id is somebody's."""
        return cid in self._bound

    def _detach(self, cid: str, generation: Pair) -> None:
        if self._attached.get(cid) == generation:
            del self._attached[cid]

    def _word(self, i: Told, effects: list[Told]) -> None:
        cid, attempt = i["cid"], pair(i["attempt"])
        if attempt < self._latest.get(cid, (0, 0)) and cid in self._states:
            self._breaks("P-STALE-CLOSE", f"the hub heeds a {i['type']} of {cid}'s stream {attempt}")
        if i["type"] == "SuspendRequested":
            self._away[cid] = attempt
        expired = any(effect.get("target") == "expired" for effect in effects)
        if i["type"] == "CloseRequested" and not expired:
            self._breaks("P-CLOSE", f"the hub keeps {cid}, which has said goodbye")

    def _effect(self, effect: Told) -> None:
        match effect["type"]:
            case "Moved":
                self._moved(effect["instance"], effect["target"])
            case "Attach":
                self._states[effect["cid"]] = "active"
                if pair(effect["generation"]) > self._away.get(effect["cid"], NEVER):
                    self._away.pop(effect["cid"], None)
                self._attached[effect["cid"]] = pair(effect["generation"])
            case "CutStream":
                self._detach(effect["cid"], pair(effect["generation"]))
            case "StartGrace":
                due = effect["due"]
                self._timers.setdefault(due["cid"], set()).add(pair(due["generation"]))
            case "CancelGrace":
                due = effect["due"]
                self._timers.get(due["cid"], set()).discard(pair(due["generation"]))
            case "Detached" if effect["session"] not in self.watched.by(effect["cid"]):
                says = f"expiry detaches {effect['session']}, which {effect['cid']} does not watch"
                self._breaks("P-EXPIRE-SCOPE", says)
            case "Wake" | "WriteEvents" | "WriteGap" | "WriteEnd":
                self._written(effect)

    def _moved(self, cid: str, state: str) -> None:
        self._states[cid] = state
        if state == "inactive" and cid in self._made:
            self._breaks("P-IDENTITY", f"the hub waits for {cid}, whose client does not know that id")
        if state == "expired":  # the hub knows it no longer, nor its attempts, nor what was said on them
            self._latest.pop(cid, None)
            self._serials.pop(cid, None)

    def _forget(self, others: Callable[[], Collection[str | None]]) -> None:
        """Whose client is neither connected nor away with any session, that id is nobody's."""
        gone = [cid for cid in self._bound if self._states.get(cid) == "expired"]
        kept = {self._owner, *others()} if gone else set()
        for cid in gone:
            if cid not in kept:
                del self._bound[cid]
                self._away.pop(cid, None)

    def owned(
        self, record: Record, owner: str | None, others: Callable[[], Collection[str | None]] = tuple
    ) -> None:
        """Look at who owns the session after a decision: it changes by a send, or by its owner's end.

        others: gives who owns the sessions beside it.
        """
        before, self._owner = self._owner, owner
        self._owned(record, before, owner)
        self._forget(others)

    def _owned(self, record: Record, before: str | None, owner: str | None) -> None:
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

    @property
    def held(self) -> dict[str, list[str]]:
        """What the hub holds for clients, and of sessions that are over: each of a kind by its name."""
        known = sorted(cid for cid, state in self._states.items() if state != "expired")
        return {**({"connections": known} if known else {}), **self.watched.held}

    def _written(self, effect: Told) -> None:
        cid, generation = effect["cid"], pair(effect["generation"])
        self.brought[cid].add(effect["session"])
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
