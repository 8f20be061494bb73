"""What a file holds: its runs, where each is whole, how long it is recorded, and which clients it names.

A first, quick look at all lines. With it the second one knows whether the cause of what is missing could have
been recorded at all, and never has to keep a run waiting for somebody who is not in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from perdure_model.conformance.lines import PLAIN, BadRecord, NoRecord, Record, numbered, record_of

HEAD = re.compile(
    rb'{"v":1,"run":"(%b)","seq":([0-9]{1,18}),"t":(-?[0-9]+(?:[.][0-9]+)?(?:[eE][-+]?[0-9]+)?),'
    rb'"side":"([a-z]+)","cid":(?:null|"(%b)")' % (PLAIN, PLAIN)
)
"""How a recorder begins a line. A line that begins otherwise is parsed."""
OTHER: Final = {"client": "server", "server": "client"}
"""Who hears from whom."""
Head: TypeAlias = tuple[str, int, float, str, str | None]
"""Of a record its run, number, time, side and client id."""


@dataclass(slots=True)
class Extent:
    """What the file holds of one run: its numbers without a hole up to `next`, and those `ahead` of one."""

    run: str
    side: str
    next: int = 1
    ahead: set[int] = field(default_factory=set)
    last_t: float = float("-inf")
    disordered: int = 0
    """How many records stand behind a later one."""
    highest: int = 0
    repeated: set[int] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether there is no hole in it, as far as it goes."""
        return not self.ahead

    @property
    def orderly(self) -> bool:
        """Whether it is there from its first record on, in order and once."""
        return self.whole and self.next > 1 and not self.disordered and not self.repeated

    def holes(self) -> list[int]:
        """How many records are missing in each of its holes."""
        there = [self.next - 1, *sorted(self.ahead)]
        return [after - before - 1 for before, after in pairwise(there) if after - before > 1]

    def add(self, seq: int, t: float) -> None:
        """One more record."""
        if t > self.last_t:
            self.last_t = t
        if seq == self.next and not self.ahead:
            self.next, self.highest = seq + 1, seq
            return
        if seq < self.next or seq in self.ahead:
            self.repeated.add(seq)
            return
        self.disordered += seq < self.highest
        self.highest = max(self.highest, seq)
        self.ahead.add(seq)
        while self.next in self.ahead:
            self.ahead.remove(self.next)
            self.next += 1


@dataclass
class Survey:
    """The runs of a file by their names, and by side and client id those that name it."""

    runs: dict[str, Extent] = field(default_factory=dict)
    naming: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    @property
    def orderly(self) -> bool:
        """Whether each run is there from its first record on, without a hole, in order and once."""
        return all(one.orderly for one in self.runs.values())

    def records(self, runs: Iterable[str]) -> int:
        """How many records these runs have, if they are whole."""
        return sum(self.runs[run].next - 1 for run in runs)

    def peers(self, side: str, cid: object) -> set[str]:
        """The runs of this side that speak of this client."""
        return self.naming.get((side, str(cid)), set())


def survey(heads: Iterable[Head]) -> Survey:
    """Look at the heads of all records."""
    found = Survey()
    runs, naming = found.runs, found.naming
    for run, seq, t, side, cid in heads:
        extent = runs.get(run)
        if extent is None:
            extent = runs[run] = Extent(run, side)
        if seq == extent.next and not extent.ahead and t >= extent.last_t:  # as nearly all are
            extent.next, extent.highest, extent.last_t = seq + 1, seq, t
        else:
            extent.add(seq, t)
        if cid is not None:
            named = naming.get((side, cid))
            if named is None:
                naming[side, cid] = {run}
            else:
                named.add(run)
    return found


def heads(path: Path, size: int) -> Iterator[Head]:
    """The heads of the records in so many bytes of a file; damaged lines are left to the second look.

    Raises OSError, and NoTrace where one is of another version.
    """
    for number, line in numbered(path, size):
        head = HEAD.match(line)
        if head is None:
            try:
                record = record_of(number, line)
            except (NoRecord, BadRecord):
                continue
            yield head_of(record)
        else:
            run, seq, t, side, cid = head.groups()
            yield run.decode(), int(seq), float(t), side.decode(), None if cid is None else cid.decode()


def head_of(record: Record) -> Head:
    """A record's head."""
    return record.run, record.seq, record.t, record.side, record.cid
