"""The trace: one JSON-ready record for each decision, with its input and its effects.

With both in it a recorded run can be checked against the rules (`perdure conform`); with states alone it
would always fit. `run` names one life of one machine: its records are numbered (`seq`) from 1 on, in the
order of its decisions, and the first one holds its settings. `t` is in seconds since 1970, and in one run
never decreases.
Payloads and credentials never reach a rule, so they cannot appear here; principals, which do, appear as
short digests, which keep equal what was equal.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from os import PathLike
from types import NoneType, TracebackType
from typing import Any, TypeAlias
from uuid import uuid4

from perdure_model.core.common import Moved

from perdure.bounds import paths

VERSION = 1
LOG = logging.getLogger("perdure")
Record: TypeAlias = dict[str, Any]
Sink: TypeAlias = Callable[[Record], None]
GENERATION_FIELDS = ("generation", "attempt", "post", "refresh")
AS_IT_IS = frozenset({str, int, float, bool, NoneType})


class Recorder:
    """Makes the records of one machine and hands them to the sink. `cid` is set for a client's machine;
    `settings` are the bounds that its rules read."""

    def __init__(self, side: str, sink: Sink, cid: str | None = None, settings: object = None) -> None:
        self._side, self._sink, self.cid, self._settings = side, sink, cid, settings
        self._run = uuid4().hex
        self._seq = 0
        self._clock = Clock()

    def __call__(self, i: object, effects: tuple[Any, ...]) -> None:
        """Record one decision. A sink that fails is reported in the log, and disturbs nothing."""
        self._seq += 1
        try:
            self._sink(self.record(i, effects))
        except Exception:
            LOG.exception("the trace's sink failed; this decision is missing from the trace")

    def record(self, i: object, effects: tuple[Any, ...]) -> Record:
        """The first transition stands in `machine` to `to`; all of them stand among the effects."""
        move = next((effect for effect in effects if isinstance(effect, Moved)), None)
        kind: Any = type(i)
        generation = generation_of(kind)
        first = {"settings": plain(self._settings)} if self._seq == 1 else {}
        return {
            "v": VERSION,
            "run": self._run,
            "seq": self._seq,
            "t": self._clock(),
            "side": self._side,
            "cid": self.cid or getattr(i, "cid", None),
            "machine": move and move.machine,
            "instance": move and plain(move.instance),
            "generation": plain(getattr(i, generation)) if generation else None,
            "event": move and move.event,
            "from": move and move.source,
            "to": move and move.target,
            "input": plain(i),
            "effects": [plain(effect) for effect in effects],
            **first,
        }


class Clock:
    """The time of day, made never to go back, and never to run behind the clock that timers go by."""

    def __init__(self) -> None:
        self._ahead_s = float("-inf")

    def __call__(self) -> float:
        """Seconds since 1970. Where the time of day is set back, it goes on from where it was."""
        self._ahead_s = max(self._ahead_s, time.time() - time.monotonic())
        return self._ahead_s + time.monotonic()


def plain(value: Any) -> Any:
    """A value of the rules as JSON can hold it: a dataclass becomes a dict with its type's name."""
    kind: Any = type(value)
    if kind in AS_IT_IS:
        return value
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    names = names_of(kind)
    if names is not None:
        said: Record = {"type": kind.__name__}
        for name in names:
            one = getattr(value, name)
            said[name] = digest(one) if name == "principal" else plain(one)
        return said
    return value if isinstance(value, str | int | float) else repr(value)


@cache
def names_of(kind: Any) -> tuple[str, ...] | None:
    """The names of a dataclass's fields, None of any other type: records hold many, and types are few."""
    return tuple(one.name for one in fields(kind)) if is_dataclass(kind) else None


@cache
def generation_of(kind: Any) -> str | None:
    """The field that says which generation an input of this type is of."""
    return next((name for name in GENERATION_FIELDS if name in (names_of(kind) or ())), None)


def digest(principal: Hashable) -> str | None:
    """Whether two principals are the same shows, and not who they are."""
    return None if principal is None else "p-" + sha256(repr(principal).encode()).hexdigest()[:16]


class JsonLines:
    """A sink that appends to a file, a line for each record, written out at once."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open the file. Raises OSError, and UsageError where the path is none."""
        paths(path=path)
        self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed by close()

    def __call__(self, record: Record) -> None:
        """Write one record."""
        self._file.write(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()
