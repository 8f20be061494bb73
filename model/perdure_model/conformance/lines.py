"""The lines of a trace: JSON objects with the fields that the runtime's recorder writes."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from types import NoneType
from typing import Any

from pydantic_core import from_json

VERSION = 1
PLAIN = rb"[ !#-\[\]-~]*"
"""Text that stands in JSON as it is, and is no damaged one."""
RUN = re.compile(rb'{"v":1,"run":"(%b)"' % PLAIN)
"""How a recorder begins a line."""


class NoTrace(ValueError):
    """The file as a whole is no trace that can be read; the message says why, and what to do."""


class NoRecord(ValueError):
    """A line is no record; the message says why."""


class BadRecord(ValueError):
    """A record has contents that no recorder writes; the message says which."""


@dataclass(slots=True)
class Record:
    """One decision as it was recorded. `data` is the whole of it, as JSON has it."""

    line: int
    run: str
    seq: int
    t: float
    side: str
    cid: str | None
    data: dict[str, Any]


def size_of(path: Path) -> int:
    """How many bytes of a file are judged: those that are there now. Raises OSError, and NoTrace."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise NoTrace("it is no regular file, and a trace is read more than once: save it to one first")
    return status.st_size


def numbered(path: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty in so many bytes, counted from 1. Raises OSError."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            size -= len(line)
            if size < 0:  # it has grown since
                line = line[:size]
            if line and not line.isspace():
                yield number, line
            if size <= 0:
                return


def run_of(line: bytes) -> str | None:
    """The run of the record in a line; None where there is none."""
    begun = RUN.match(line)
    if begun is not None:
        return begun[1].decode()
    try:
        return record_of(0, line).run
    except (NoRecord, BadRecord):
        return None


def record_of(number: int, line: bytes) -> Record:
    """The record in a line.

    Raises NoRecord where the line is none, BadRecord where a part of it is of the wrong kind, and NoTrace
    where it is of another version.
    """
    try:
        data = from_json(line)
    except ValueError as error:
        raise NoRecord(f"it is no JSON: {error}") from error
    return record_from(number, data)


def record_from(number: int, data: Any) -> Record:
    """The record that a JSON value is; it is the `number`th. Raises as `record_of`."""
    if type(data) is not dict or "v" not in data or "run" not in data:
        raise NoRecord("it is JSON, and no record of a trace")
    if data["v"] != VERSION:
        raise NoTrace(
            f"line {number} is of version {data['v']!r} of the trace, and this perdure reads {VERSION}: "
            "use the perdure that recorded it"
        )
    try:
        said = HELD(data)
    except KeyError:
        said = ()
    if tuple(map(type, said)) not in USUAL:
        check_kinds(data)
        said = HELD(data)
    run, seq, t, side, cid, _input, _effects = said
    return Record(number, run, seq, t, side, cid, data)


KINDS: dict[str, Any] = {
    "run": str,
    "seq": int,
    "t": float | int,
    "side": str,
    "cid": str | None,
    "input": dict,
    "effects": list,
}
HELD = itemgetter(*KINDS)
USUAL = {(str, int, float, str, cid, dict, list) for cid in (str, NoneType)}


def check_kinds(data: dict[str, Any]) -> None:
    """Whether each field is there, and of its kind. Raises BadRecord."""
    wrong = [name for name, kind in KINDS.items() if name not in data or not isinstance(data[name], kind)]
    if wrong:
        raise BadRecord(f"its {', '.join(wrong)} is missing, or of the wrong kind")
