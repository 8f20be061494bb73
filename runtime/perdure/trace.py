"""The trace: one JSON-ready record for each decision, with its input and its effects.

With both in it a recorded run can be checked against the rules (`perdure conform`); with states alone it
would always fit. `run` names one life of one machine: its records are numbered (`seq`) from 1 on, in the
order of its decisions, and the first one holds its settings.
Payloads and credentials never reach a rule, so they cannot appear here; principals, which do, appear as
short digests, which keep equal what was equal.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from hashlib import sha256
from os import PathLike
from types import TracebackType
from typing import Any, TypeAlias
from uuid import uuid4

from perdure_model.core.common import Moved

from perdure.bounds import paths

VERSION = 1
LOG = logging.getLogger("perdure")
Record: TypeAlias = dict[str, Any]
Sink: TypeAlias = Callable[[Record], None]
GENERATION_FIELDS = ("generation", "attempt", "post", "refresh")


class Recorder:
    """Makes the records of one machine and hands them to the sink. `cid` is set for a client's machine;
    `settings` are the bounds that its rules read."""

    def __init__(self, side: str, sink: Sink, cid: str | None = None, settings: object = None) -> None:
        self._side, self._sink, self.cid, self._settings = side, sink, cid, settings
        self._run = uuid4().hex
        self._seq = 0

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
        first = {"settings": plain(self._settings)} if self._seq == 1 else {}
        return {
            "v": VERSION,
            "run": self._run,
            "seq": self._seq,
            "t": time.time(),
            "side": self._side,
            "cid": self.cid or getattr(i, "cid", None),
            "machine": move and move.machine,
            "instance": move and plain(move.instance),
            "generation": next((plain(getattr(i, n)) for n in GENERATION_FIELDS if hasattr(i, n)), None),
            "event": move and move.event,
            "from": move and move.source,
            "to": move and move.target,
            "input": plain(i),
            "effects": [plain(effect) for effect in effects],
            **first,
        }


def plain(value: Any) -> Any:
    """A value of the rules as JSON can hold it: a dataclass becomes a dict with its type's name."""
    if is_dataclass(value):
        said = {f.name: field(f.name, getattr(value, f.name)) for f in fields(value)}
        return {"type": type(value).__name__, **said}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else repr(value)


def field(name: str, value: Any) -> Any:
    """One field of an input or effect."""
    return digest(value) if name == "principal" else plain(value)


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
