"""The runs of a file side by side, each waiting for the other where something must have been sent.

The order of the lines of different runs proves nothing: they come from several programs. So each run is
replayed in its own order, and a record that was caused by another run's waits until that one has been
replayed. What waits in the end has no cause; and where a cause could not have been recorded, it is assumed.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Set
from dataclasses import fields
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

from perdure_model.conformance.callers import CALLING, CALLING_NAMES, HEARD_NAMES, SAID_NAMES, Callers
from perdure_model.conformance.filling import AROUND, MISSING_MAX, NotFilled, Steps, Values, filled, listed
from perdure_model.conformance.joins import ANSWER_NAMES, HEARD, SENT_NAMES, Fact, Joins
from perdure_model.conformance.lines import BadRecord, NoRecord, NoTrace, Record, numbered, record_of, run_of
from perdure_model.conformance.lives import KEEPING, KEPT_NAMES, Lives
from perdure_model.conformance.replay import Decision, Misfit, Run
from perdure_model.conformance.report import Conformance, Damage, Mismatch
from perdure_model.conformance.shares import Share
from perdure_model.conformance.sides import SIDES
from perdure_model.conformance.survey import OTHER, Extent, Survey

Story: TypeAlias = tuple[str, int, tuple[Any, ...]]
"""A run, the number of the first record that is missing, and the inputs that may have stood from there on."""
TELLING: Final = re.compile(
    rb'"type":"(?:%b)"' % "|".join(sorted(SENT_NAMES | KEPT_NAMES | SAID_NAMES | HEARD_NAMES)).encode()
)
"""What a line has in it that tells the other side, or another life, anything; as a recorder writes it."""


class Stopped(Exception):
    """The first step that does not fit was found."""

    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(mismatch)
        self.mismatch = mismatch


class Lane:
    """A run on its way: what came too early, what is next, and what the first of that waits for."""

    def __init__(self, run: Run, extent: Extent) -> None:
        self.run, self.extent = run, extent
        self.seq = 1
        self.orderly = extent.orderly
        self.early: dict[int, Record] = {}
        self.queue: deque[Decision] = deque()
        self.waits: Fact | None = None
        self.before: deque[Record] = deque(maxlen=AROUND)
        """The latest records that were judged, or wait for it; where anything is to be searched for."""
        self.goes_on = False
        """Whether it begins with what an earlier life has kept."""
        self.unfilled = ""
        """Why what is missing was not filled in, if it was searched for."""
        self.trusts = False
        """Whether the other side is recorded for so short that all it may have sent is assumed."""
        self.seen: dict[int, dict[str, Any]] = {}
        """The contents of the records whose numbers come more than once."""


class Checking:
    """The check of one file, or of records as they are."""

    def __init__(
        self,
        surveyed: Survey,
        *,
        fills: bool = True,
        told: Set[Story] = frozenset(),
        share: Share | None = None,
    ) -> None:
        """`fills`: whether what is missing is searched for. `share`: the runs to judge, if not all."""
        self._survey, self._fills, self._told, self._share = surveyed, fills, told, share
        self._searches = fills and not all(extent.whole for extent in surveyed.runs.values())
        self.stories: list[Story] = []
        """What was filled in; none of those that were `told` before."""
        self._joins = Joins()
        self._lives, self._callers = Lives(), Callers()
        self._lanes: dict[str, Lane] = {}
        self._waiting: dict[Fact, list[Lane]] = {}
        self._trusted: dict[tuple[str, str | None], str] = {}
        self._unread: list[tuple[int, str, bool]] = []
        self.report = Conformance()

    def judged(self, records: Iterable[Record]) -> Conformance:
        """The report on these records. Raises NoTrace."""
        try:
            self._all(records)
        except Stopped as stopped:
            self.report.mismatch = stopped.mismatch
        return self._finished()

    def lines(self, path: Path, size: int) -> Iterator[Record]:
        """The records in so many bytes of a file; what is none is kept for the report.

        Raises Stopped, NoTrace, OSError.
        """
        for number, line in numbered(path, size):
            if self._share is not None and not self._owned(line, self._share):
                continue
            try:
                yield record_of(number, line)
            except NoRecord as error:
                self._unread.append((number, str(error), not line.endswith(b"\n")))
            except BadRecord as error:
                raise Stopped(Mismatch(number, "?", 0, "?", str(error))) from None

    def _all(self, records: Iterable[Record]) -> None:
        """Look at all records. Raises Stopped, and NoTrace."""
        for record in records:
            try:
                self._take(record)
            except BadRecord as error:
                raise Stopped(Mismatch(record.line, "?", 0, "?", str(error))) from None
        if not self._lanes and self._share is None:
            raise NoTrace(
                "it holds no record of a trace: give a file that a JsonLines sink, or demo --record, wrote"
            )
        self._settle()
        for record, misfit in self._lives.misfits(self._earlier, self._joins.posts()):
            raise self._stopped(record, misfit)
        for record, misfit in self._callers.misfits(self._lanes.keys(), self._whole, self._last_t):
            raise self._stopped(record, misfit)

    # -- runs of another share -------------------------------------------------------------------------

    def _owned(self, line: bytes, share: Share) -> bool:
        """Whether this line is of the share; of others it is heard what they sent."""
        run = run_of(line)
        if run is None or run in share.own:  # of a line that is no record all shares are told
            return True
        if run in share.heard and TELLING.search(line):
            self._hear_of(line)
        return False

    def _hear_of(self, line: bytes) -> None:
        """Take what a run of another share sent as it stands there."""
        try:
            record = record_of(0, line)
            side = SIDES[record.side]
            said = [one for one in record.data["effects"] if one.get("type") in SENT_NAMES | SAID_NAMES]
            told, i = record.data["input"]["type"], None
            if told in KEPT_NAMES | CALLING_NAMES or any(one["type"] in ANSWER_NAMES for one in said):
                i = side.read_input(record.data["input"])
            if told in KEPT_NAMES:
                self._lives.tell(record, i)
            elif told in CALLING_NAMES:
                self._callers.tell(record, i, tuple(map(side.read_effect, said)))
                return
            sent = self._joins.tell(record.run, i, tuple(map(side.read_effect, said)))
        except (NoRecord, BadRecord, KeyError, AttributeError):
            return  # whose share it is, tells
        ready = self._awakened(sent)
        while ready:
            ready += self._go(ready.pop())

    # -- one run ---------------------------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        """Put a record in its run's order, and go on as far as that goes."""
        self.report.records += 1
        lane = self._lanes.get(record.run) or self._lane(record)
        if record.seq == lane.seq and lane.orderly:
            lane.seq += 1
            self._queue(lane, record)
        else:
            self._order(lane, record)

    def _order(self, lane: Lane, record: Record) -> None:
        """The same where records of the run are missing, out of order, or there twice."""
        if record.seq in lane.extent.repeated and self._repeated(lane, record):
            return
        if record.seq == lane.seq and not lane.early:
            lane.seq += 1
            self._queue(lane, record)
        else:
            lane.early[record.seq] = record
        while (early := lane.early.pop(lane.seq, None)) is not None:
            lane.seq += 1
            self._queue(lane, early)
        if lane.seq == lane.extent.next and lane.extent.ahead and not self._fillable(lane.extent):
            self._break(lane)

    def _lane(self, record: Record) -> Lane:
        if record.side not in SIDES:
            raise BadRecord(f"its side {record.side!r} is none of {', '.join(SIDES)}")
        lane = self._lanes[record.run] = Lane(Run(record.run, record.side), self._survey.runs[record.run])
        self.report.runs[record.side] = self.report.runs.get(record.side, 0) + 1
        if lane.extent.next == 1:
            self._break(lane)
        return lane

    def _break(self, lane: Lane) -> None:
        """From here on something of the run is missing."""
        lane.run.broken = True
        self._trusted.clear()
        for seq in sorted(lane.early):
            self._queue(lane, lane.early.pop(seq))

    def _repeated(self, lane: Lane, record: Record) -> bool:
        """Whether this very record came before. Raises Stopped where another one had its number."""
        known = lane.seen.setdefault(record.seq, record.data)
        if known is record.data:
            return False
        if known != record.data:
            raise self._stopped(
                record, Misfit("another record of the run has this number", allowed=(str(known),))
            )
        return True

    def _queue(self, lane: Lane, record: Record) -> None:
        """Replay a record; and then others that waited for what it sends."""
        if self._searches:
            lane.before.append(record)
        try:
            decision = lane.run.read(record)
        except BadRecord as error:
            raise self._stopped(record, Misfit(str(error))) from None
        if record.seq == 1 and lane.run.side.goes_on(decision.input):
            lane.goes_on = True
            self._break(lane)
        self._follow(lane, decision)

    def _follow(self, lane: Lane, decision: Decision) -> None:
        """Replay a decision, behind those that wait."""
        if lane.waits is not None:
            lane.queue.append(decision)
            return
        ready = self._step(lane, decision)
        while ready:
            ready += self._go(ready.pop())

    def _go(self, lane: Lane) -> list[Lane]:
        """Replay what a run has waiting; gives the runs that waited for what that sends."""
        ready: list[Lane] = []
        while lane.queue and lane.waits is None:
            ready += self._step(lane, lane.queue.popleft())
        return ready

    def _step(self, lane: Lane, decision: Decision) -> list[Lane]:
        """Take a decision again, or wait for its cause; gives the runs that waited for what it sends."""
        run, i = lane.run, decision.input
        if type(i) in HEARD and not run.broken:
            cause = self._lacking(lane, decision)
            if cause is not None:
                lane.waits = cause
                lane.queue.appendleft(decision)
                self._waiting.setdefault(cause, []).append(lane)
                return []
        try:
            run.judge(decision)
        except (Misfit, BadRecord) as error:
            misfit = error if isinstance(error, Misfit) else Misfit(str(error))
            raise self._stopped(decision.record, misfit) from None
        if type(i) in KEEPING:
            self._lives.tell(decision.record, i)
        elif type(i) in CALLING:
            self._callers.tell(decision.record, i, decision.effects)
        sent = decision.effects and self._joins.tell(run.name, i, decision.effects)
        return self._awakened(sent) if sent and self._waiting else []

    def _awakened(self, sent: list[Fact]) -> list[Lane]:
        ready = [one for fact in sent for one in self._waiting.pop(fact, ()) if one.waits == fact]
        for one in ready:
            one.waits = None
        return ready

    def _lacking(self, lane: Lane, decision: Decision) -> Fact | None:
        """What must have been sent for this to be heard, and has not been yet."""
        trust = self._trusts(lane, decision.record.cid)
        if trust:
            self.report.assumed[trust] = self.report.assumed.get(trust, 0) + 1
            return None
        return self._joins.lacks(lane.run.name, decision.input)

    def _trusts(self, lane: Lane, cid: str | None) -> str:
        """Why what was heard has to be taken as said; "" where it must have been recorded."""
        side = lane.run.side_name
        known = self._trusted.get((side, cid))
        if known is None:
            peers = self._peers(side, cid)
            why = "is not recorded as a whole" if peers else "is not recorded"
            heard = f"what a {side} heard from a {OTHER[side]} that {why}"
            known = self._trusted[side, cid] = "" if peers and all(map(self._whole, peers)) else heard
        if lane.trusts and not known:
            return f"what a {side} heard after the recording of its {OTHER[side]} had ended"
        return known

    def _stopped(self, record: Record, misfit: Misfit) -> Stopped:
        return Stopped(
            Mismatch(
                record.line, record.run, record.seq, record.side, misfit.why, misfit.recorded, misfit.allowed
            )
        )

    # -- the other side --------------------------------------------------------------------------------

    def _peers(self, side: str, cid: str | None) -> set[str]:
        """The runs of the other side that could have sent what this client, or the server, heard."""
        return self._survey.peers(OTHER[side], cid)

    def _earlier(self, cid: object, lives: list[str]) -> list[str]:
        """Those of these runs that are of this client; none where one of them is not recorded as a whole."""
        named = self._survey.peers("client", cid)
        own = [run for run in lives if run in named]
        return own if all(map(self._whole, own)) else []

    def _last_t(self, name: str) -> float:
        """When this run was recorded last."""
        return self._survey.runs[name].last_t

    def _whole(self, name: str) -> bool:
        """Whether all of this run is there to be looked at."""
        extent = self._survey.runs[name]
        broken = name in self._lanes and self._lanes[name].run.broken
        return (extent.whole or self._fillable(extent)) and not broken

    # -- the end of the file ---------------------------------------------------------------------------

    def _settle(self) -> None:
        """Fill what is missing, and decide on what still waits for its cause. Raises Stopped."""
        while True:
            torn = next((lane for lane in self._lanes.values() if lane.early and lane.waits is None), None)
            if torn is not None:
                self._bridge(torn)
                continue
            held = [lane for lane in self._lanes.values() if lane.waits is not None]
            if not held:
                return
            free = [lane for lane in held if not any(map(self._held, self._peers_of(lane)))]
            lane = min(free or held, key=lambda one: one.queue[0].record.t)
            self._without_cause(lane, lane.queue[0])
            lane.waits = None
            ready = [lane]
            while ready:
                ready += self._go(ready.pop())

    def _fillable(self, extent: Extent) -> bool:
        """Whether what is missing can be searched for: a few records in a row."""
        return self._fills and extent.next > 1 and max(extent.holes(), default=0) <= MISSING_MAX

    def _bridge(self, lane: Lane) -> None:
        """Search for what is missing, and go on behind it; or give the run up."""
        first = min(lane.early)
        last = next(seq for seq in count(first) if seq not in lane.early)
        behind = [lane.early[seq] for seq in range(first, last)]
        if not self._fillable(lane.extent) or lane.run.broken:
            self._break(lane)
            return
        try:
            found = self._filled(lane, first - lane.seq, behind)
        except NotFilled as why:
            lane.unfilled = str(why)
            self._break(lane)
            return
        self.stories.append(story_of(lane, found))
        for i in found:
            self._fill(lane, i, behind[0].t)
        for record in behind:
            del lane.early[record.seq]
            lane.seq += 1
            self._queue(lane, record)

    def _filled(self, lane: Lane, missing: int, behind: list[Record]) -> Steps:
        """What can have been where so many records are missing. Raises NotFilled."""
        return filled(
            lane.run,
            missing,
            [*lane.before, *(record for one in self._lanes.values() for record in one.before)],
            behind,
            partial(self._caused, lane),
            partial(self._offers, lane),
            lambda steps: story_of(lane, steps) in self._told,
        )

    def _fill(self, lane: Lane, i: Any, t: float) -> None:
        """Go on as if this had stood there."""
        run = lane.run
        self.report.filled.append(f"{run.side_name} run {run.name}, record {lane.seq}: {i!r}")
        record = Record(0, run.name, lane.seq, t, run.side_name, run.cid_of(i), {})
        lane.seq += 1
        self._follow(lane, Decision(record, i, filled=True))

    def _offers(self, lane: Lane, kind: type) -> list[Values]:
        """The values of fields that inputs of this type can have, as JSON has them."""
        return [
            {name: [listed(value)] for name, value in offer.items()}
            for offer in self._joins.offers(lane.run.name, kind)
        ]

    def _caused(self, lane: Lane, i: Any) -> bool:
        """Whether this can have been, by now."""
        if type(i) not in HEARD or self._trusts(lane, lane.run.cid_of(i)):
            return True
        return self._joins.could(lane.run.name, i)

    def _peers_of(self, lane: Lane) -> set[str]:
        return self._peers(lane.run.side_name, lane.queue[0].record.cid)

    def _held(self, name: str) -> bool:
        return name in self._lanes and self._lanes[name].waits is not None

    def _without_cause(self, lane: Lane, decision: Decision) -> None:
        """Nobody sent this: that cannot be, unless what sent it is not recorded for so long."""
        record, peers = decision.record, self._peers_of(lane)
        if not all(map(self._whole, peers)):
            return  # it will be assumed
        assert lane.waits is not None
        if max(self._survey.runs[name].last_t for name in peers) >= record.t:
            other = OTHER[lane.run.side_name]
            why = f"a {lane.run.side_name} heard what no {other} sent before; is one of them not recorded?"
            sent = self._joins.instead(lane.waits)
            raise self._stopped(record, Misfit(why, (repr(decision.input),), tuple(sent) or ("nothing",)))
        lane.trusts = True
        what = f"the other side of {lane.run.side_name} run {record.run} is recorded for less long"
        self.report.damages.append(Damage(record.line, what, "record both sides to their ends"))

    def _finished(self) -> Conformance:
        """The report, with all that was put right or could not be judged."""
        report = self.report
        report.joined = self._joins.found
        for number, why, torn in self._unread:
            report.damages.append(damage_of(number, why, torn))
        for lane in self._lanes.values():
            self._remarks(lane)
        return report

    def _remarks(self, lane: Lane) -> None:
        extent, name = lane.extent, f"{lane.run.side_name} run {lane.run.name}"
        if lane.run.broken:
            self.report.damages.append(Damage(0, f"{name}: {missing_of(lane)}", hint_of(lane)))
        if extent.disordered:
            self.report.notes.append(
                f"{name}: {extent.disordered} records stood behind later ones; put in order"
            )
        if extent.repeated:
            self.report.notes.append(f"{name}: {len(extent.repeated)} records stood there more than once")


def story_of(lane: Lane, steps: Steps) -> Story:
    """That these stood where the next records of the run are missing."""
    return lane.run.name, lane.seq, tuple([(type(i), said_of(i)) for i in steps])


def said_of(i: Any) -> tuple[Any, ...]:
    """What an input says, but for chance."""
    return tuple([getattr(i, one.name) for one in fields(i) if one.name not in ("fresh", "chance")])


def missing_of(lane: Lane) -> str:
    """What is missing where the run could not be replayed any further."""
    if lane.goes_on:
        return "it begins with what an earlier run has kept, which no record holds"
    last = min((seq for seq in lane.extent.ahead if seq > lane.seq), default=lane.seq + 1) - 1
    return f"records {lane.seq} to {last} are missing" if last > lane.seq else f"record {lane.seq} is missing"


def hint_of(lane: Lane) -> str:
    """What became of what follows, and what to do."""
    why = lane.unfilled or "no steps that were tried fit all that follows"
    if max(lane.extent.holes(), default=0) > MISSING_MAX:
        why = f"more than {MISSING_MAX} in a row are not searched for"
    if lane.extent.next == 1 or lane.goes_on:
        why = "without its beginning nothing is known of a run"
    return (
        f"{why}, so what follows was judged by the charts alone: restore it, or record again from the start"
    )


def damage_of(number: int, why: str, torn: bool) -> Damage:
    """A line that could not be read."""
    if torn:
        return Damage(number, "the last line is torn", "the recording was cut off there; the rest was judged")
    return Damage(number, why, "restore the line, or remove what is no record; or record again")
