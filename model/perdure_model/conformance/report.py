"""What is said of a recorded run: whether it fits, how much of it could be judged, and what was assumed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mismatch:
    """The first step that does not fit: where, what is wrong, and what the model would have allowed.

    `recorded` and `allowed` are lines for people; either may be empty.
    """

    line: int
    run: str
    seq: int
    side: str
    why: str
    recorded: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """It as text."""
        head = f"line {self.line}, record {self.seq} of {self.side} run {self.run}: {self.why}"
        said = [f"    recorded: {one}" for one in self.recorded]
        return [head, *said, *[f"    allowed:  {one}" for one in self.allowed]]


@dataclass(frozen=True)
class Damage:
    """Something of the file is missing or cannot be read, so that not all could be judged."""

    line: int
    what: str
    hint: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}; {self.hint}" if self.line else f"{self.what}; {self.hint}"


@dataclass
class Conformance:
    """The answer for one file.

    `notes` say what was put right without loss, `assumed` what could not be looked at, as it is not recorded.
    """

    records: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    """How many runs there are of each side."""
    joined: int = 0
    """How many things heard from the other side were found to have been sent by it."""
    seconds: float = 0.0
    mismatch: Mismatch | None = None
    damages: list[Damage] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    """The steps that were not recorded, and were found by search."""
    assumed: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all of it could be judged, as far as it was to be looked at."""
        return not self.damages

    @property
    def ok(self) -> bool:
        """Whether all of it was judged, and fits."""
        return self.mismatch is None and self.complete

    def add(self, other: Conformance) -> None:
        """Add what was found in another share of the same file, in which nothing was wrong or missing."""
        self.records += other.records
        self.joined += other.joined
        for side, count in other.runs.items():
            self.runs[side] = self.runs.get(side, 0) + count
        for what, count in other.assumed.items():
            self.assumed[what] = self.assumed.get(what, 0) + count

    def as_json(self) -> dict[str, Any]:
        """It as data."""
        rate = round(self.records / self.seconds) if self.seconds else None
        return {"ok": self.ok, "complete": self.complete, **asdict(self), "records_per_second": rate}

    def summary(self) -> str:
        """It as text."""
        runs = ", ".join(f"{count} {side}" for side, count in sorted(self.runs.items()))
        found = [f"{self.records:,} records in {sum(self.runs.values())} runs ({runs})"]
        found += [f"{self.joined:,} things heard were sent by the other side before"] if self.joined else []
        found += [f"assumed: {what} ({count:,})" for what, count in self.assumed.items()]
        found += [f"not recorded, and filled in: {step}" for step in self.filled]
        found += [f"note: {note}" for note in self.notes]
        found += [f"incomplete: {damage}" for damage in self.damages]
        if self.mismatch is not None:
            return "\n".join([*found, "this is no run of the model:", *self.mismatch.lines()])
        return "\n".join(
            [*found, "a run of the model" if self.ok else "a run of the model as far as it could be judged"]
        )
