"""Sends that are not settled, in a file: what a client that was killed left behind, for its next life.

Each line is a JSON object: a send that was asked for, the epoch under which some are posted, or a send that
is settled. What may have been taken is on the disk before it is posted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perdure_model.core.common import SendKey

from perdure.wire import pair_text, parse_pair, session_name

SETTLED_BYTES: Final = 1 << 18
"""A file of this size in which everything is settled is emptied."""


@dataclass(frozen=True)
class Left:
    """A send that an earlier life did not see settled: its data as JSON, and the epoch under which it may
    have been taken, or None."""

    session: str
    key: SendKey
    data: str
    epoch: str | None = None


class Journal:
    """The file, from one life's beginning on; it is there once there is something to keep. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[SendKey, None] = {}

    def start(self) -> tuple[Left, ...]:
        """What was left, oldest first; the file holds nothing else now. Raises ValueError if it is none."""
        left = self._read()
        self._open = {one.key: None for one in left}
        if left or self._path.exists():
            self._rewrite(left)
        return left

    def _rewrite(self, left: tuple[Left, ...]) -> None:
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        with fresh.open("wb") as file:
            for one in left:
                file.write(asked(one.key, one.session, one.data))
                if one.epoch is not None:
                    file.write(posted([one.key], one.epoch))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def ask(self, key: SendKey, session: str, data: str) -> None:
        """A send was asked for."""
        self._open[key] = None
        self._write(asked(key, session, data))

    def post(self, keys: Iterable[SendKey], epoch: str) -> None:
        """These are about to be posted under this epoch; it is on the disk when this returns."""
        self._write(posted(keys, epoch), durably=True)

    def settle(self, key: SendKey) -> None:
        """A send is settled, and its outcome told."""
        self._open.pop(key, None)
        self._write(line({"settled": pair_text(key)}))
        if not self._open and self._path.stat().st_size > SETTLED_BYTES:
            os.truncate(self._path, 0)

    def _write(self, written: bytes, *, durably: bool = False) -> None:
        with self._path.open("ab", buffering=0) as file:
            file.write(written)
            if durably:
                os.fsync(file.fileno())

    def _read(self) -> tuple[Left, ...]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return ()
        left: dict[SendKey, Left] = {}
        for one in lines[:-1]:  # behind the last line's end there is nothing, or what a kill has torn
            fold(left, json.loads(one))
        return tuple(left[key] for key in sorted(left))


def fold(left: dict[SendKey, Left], said: dict[str, Any]) -> None:
    """What a line changes. Raises ValueError."""
    try:
        if "settled" in said:
            left.pop(parse_pair(said["settled"]), None)
        elif "epoch" in said:
            for key in left.keys() & map(parse_pair, said["posted"]):  # one may have been settled meanwhile
                left[key] = Left(left[key].session, key, left[key].data, str(said["epoch"]))
        else:
            key = parse_pair(said["key"])
            left[key] = Left(session_name(said["session"]), key, json.dumps(said["data"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a line that makes no sense: {error!r}") from error


def asked(key: SendKey, session: str, data: str) -> bytes:
    """The line of a send that was asked for."""
    head = json.dumps({"key": pair_text(key), "session": session})
    return f'{head[:-1]},"data":{data}}}\n'.encode()


def posted(keys: Iterable[SendKey], epoch: str) -> bytes:
    """The line of sends that are about to be posted."""
    return line({"posted": [pair_text(key) for key in keys], "epoch": epoch})


def line(said: dict[str, object]) -> bytes:
    """One line."""
    return json.dumps(said).encode() + b"\n"
