"""Who a client is: an id that it makes once and keeps, and the incarnation that grows with each start.

The incarnation makes every request of an earlier life, held up somewhere, older than every request of
this one. A client that is killed and comes back under its id is known again.
"""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from perdure.errors import IdentityWarning
from perdure.wire import connection_id


@dataclass(frozen=True)
class Identity:
    """One life of a client: its id, and the how manieth life under that id this is."""

    connection_id: str
    incarnation: int


class IdentitySource(Protocol):
    """Where a client gets its identity from."""

    def start(self) -> Identity:
        """Begin another life under the id that is kept here."""

    def renamed(self, connection_id: str, why: str) -> None:
        """The client goes by another id from now on: its own again, since the one kept here was
        `taken over`, or one that the `server` made."""


class MemoryIdentity:
    """An identity that lasts as long as this object: for another `connect` of the same program."""

    def __init__(self, known: str | None = None) -> None:
        """Take an id that is known already, or make one. Raises BadConnectionId."""
        self._id = new_id() if known is None else connection_id(known)
        self._incarnation = 0

    def start(self) -> Identity:
        """Begin another life."""
        self._incarnation += 1
        return Identity(self._id, self._incarnation)

    def renamed(self, _connection_id: str, _why: str) -> None:
        """The id here stays: another client of this program may live under it."""


class FileIdentity:
    """An identity kept in a file, for a program that is started again.

    A file that cannot be read or written is no reason to stop: an identity in memory serves, and an
    IdentityWarning says so (finding T21). Give each client that runs at the same time its own file.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        self._latest: Identity | None = None

    def start(self) -> Identity:
        """Begin another life, and write it down before it is used."""
        before = self._latest or self._read() or Identity(new_id(), 0)
        self._latest = Identity(before.connection_id, before.incarnation + 1)
        self._write(self._latest)
        return self._latest

    def renamed(self, connection_id: str, why: str) -> None:
        """Keep the client's new id of its own; one that the server made is none to come back with."""
        if why == "taken over":
            self._latest = Identity(connection_id, 1)
            self._write(self._latest)

    def _read(self) -> Identity | None:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return Identity(connection_id(kept["connection_id"]), positive(kept["incarnation"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self._warn(f"cannot be read ({error!r}), so the client starts under a new id")
            return None

    def _write(self, identity: Identity) -> None:
        text = json.dumps({"connection_id": identity.connection_id, "incarnation": identity.incarnation})
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            self._warn(f"cannot be written ({error}), so the id is lost with this program")

    def _warn(self, what: str) -> None:
        warnings.warn(f"the identity file {self._path} {what}", IdentityWarning, stacklevel=4)


def new_id() -> str:
    """An id that nobody has."""
    return f"cid-{uuid4()}"


def positive(value: object) -> int:
    """The value, if it is a count of lives. Raises ValueError."""
    if type(value) is int and value > 0:
        return value
    raise ValueError(f"incarnation {value!r} is not a positive number")
