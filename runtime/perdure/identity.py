"""Who a client is: an id that it makes once and keeps, the incarnation of this life, and what is left unsent.

The incarnation makes every request of an earlier life, held up somewhere, older than every request of this
one. It grows with each life, and ends in chance: two copies of one kept identity (a copied disk, a restored
backup) do not speak of two sends by one key.
"""

from __future__ import annotations

import json
import os
import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

from perdure_model.core.common import SendKey

from perdure.bounds import paths
from perdure.errors import IdentityWarning
from perdure.journal import Journal, Left
from perdure.wire import NUMBER_END, connection_id

CHANCE_BITS: Final = 20


@dataclass(frozen=True)
class Identity:
    """One life of a client: its id, its incarnation, and the sends that no life before saw settled."""

    connection_id: str
    incarnation: int
    left: tuple[Left, ...] = ()


class IdentitySource(Protocol):
    """Where a client gets its identity from, and what it tells of its sends. Called from any thread."""

    @property
    def keeps_sends(self) -> bool:
        """Whether it is to be told of sends: `asked`, `posting` and `settled` are not called otherwise."""

    def start(self) -> Identity:
        """Begin another life under the id that is kept here."""

    def renamed(self, connection_id: str, why: str) -> None:
        """The client goes by another id from now on: its own again, since the one kept here was
        `taken over`, or one that the `server` made."""

    def asked(self, key: SendKey, session: str, data: str) -> None:
        """A send was asked for; the data as JSON. Called at once: it must not take long."""

    def posting(self, keys: Sequence[SendKey], epoch: str) -> None:
        """These are about to be posted: once this returns. In a worker thread."""

    def settled(self, key: SendKey) -> None:
        """The outcome of a send was told. Called at once: it must not take long."""


class MemoryIdentity:
    """An identity that lasts as long as this object: for another `connect` of the same program."""

    keeps_sends: bool = False

    def __init__(self, known: str | None = None) -> None:
        """Take an id that is known already, or make one. Raises BadConnectionId."""
        self._id = new_id() if known is None else connection_id(known)
        self._incarnation = 0

    def start(self) -> Identity:
        """Begin another life."""
        self._incarnation = next_incarnation(self._incarnation)
        return Identity(self._id, self._incarnation)

    def renamed(self, _connection_id: str, _why: str) -> None:
        """The id here stays: another client of this program may live under it."""

    def asked(self, key: SendKey, session: str, data: str) -> None:
        """Not kept."""

    def posting(self, keys: Sequence[SendKey], epoch: str) -> None:
        """Not kept."""

    def settled(self, key: SendKey) -> None:
        """Not kept."""


class FileIdentity:
    """An identity kept in a file, for a program that is started again; and its unsettled sends beside it.

    What a life that was killed has left is sent by the next one, before anything else; see `on_returned` of
    `connect`. The sends stand, with their data, in a file whose name ends in `.unsent`.

    A file that cannot be read or written is no reason to stop: an identity in memory serves, and an
    IdentityWarning says so (finding T21). Give each client that runs at the same time its own file.
    """

    def __init__(self, path: str | PathLike[str], *, unsent: bool = True) -> None:
        """Keep the identity at `path`; `unsent`: and the sends that are not settled. Raises UsageError."""
        paths(path=path)
        self._path = Path(path)
        self._journal = Journal(self._path.with_name(f"{self._path.name}.unsent")) if unsent else None
        self._latest: Identity | None = None

    @property
    def keeps_sends(self) -> bool:
        """Whether it does: not if it was not asked to, or could not."""
        return self._journal is not None

    def start(self) -> Identity:
        """Begin another life, and write it down before it is used."""
        before = self._latest or self._read() or Identity(new_id(), 0)
        incarnation = next_incarnation(before.incarnation)
        self._latest = Identity(before.connection_id, incarnation, self._left())
        self._write(self._latest)
        return self._latest

    def renamed(self, connection_id: str, why: str) -> None:
        """Keep the client's new id of its own; one that the server made is none to come back with."""
        if why == "taken over" and self._latest is not None:
            self._latest = Identity(connection_id, self._latest.incarnation)
            self._write(self._latest)

    def asked(self, key: SendKey, session: str, data: str) -> None:
        """Keep the send."""
        if self._journal is not None:
            with giving_up(self):
                self._journal.ask(key, session, data)

    def posting(self, keys: Sequence[SendKey], epoch: str) -> None:
        """Keep under which epoch they may be taken."""
        if self._journal is not None:
            with giving_up(self):
                self._journal.post(keys, epoch)

    def settled(self, key: SendKey) -> None:
        """Keep the send no longer."""
        if self._journal is not None:
            with giving_up(self):
                self._journal.settle(key)

    def give_up(self, error: Exception) -> None:
        """Keep no sends any more."""
        self._warn(
            f"keeps no sends ({cause_of(error)}), so those open when the program is killed are lost",
            ".unsent",
        )
        self._journal = None

    def _left(self) -> tuple[Left, ...]:
        left: tuple[Left, ...] = ()
        if self._journal is not None:
            with giving_up(self):
                left = self._journal.start()
        return left

    def _read(self) -> Identity | None:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return Identity(connection_id(kept["connection_id"]), countable(kept["incarnation"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self._warn(f"cannot be read ({cause_of(error)}), so the client starts under a new id")
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

    def _warn(self, what: str, suffix: str = "") -> None:
        warnings.warn(f"the identity file {self._path}{suffix} {what}", IdentityWarning, stacklevel=4)


class giving_up:  # noqa: N801 - reads as a statement
    """Whatever the storage fails with is told, and stops the keeping and nothing else."""

    def __init__(self, identity: FileIdentity) -> None:
        self._identity = identity

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _at: object) -> bool:
        if isinstance(error, OSError | ValueError | RecursionError):
            self._identity.give_up(error)
            return True
        return False


def cause_of(error: Exception) -> str:
    """Why a file could not be used, without what is in it: the storage's own words, or a type."""
    return repr(error) if isinstance(error, OSError) else type(error).__name__


def new_id() -> str:
    """An id that nobody has."""
    return f"cid-{uuid4()}"


def next_incarnation(latest: int) -> int:
    """A later life's: the count of lives, then chance."""
    return ((latest >> CHANCE_BITS) + 1) << CHANCE_BITS | random.SystemRandom().getrandbits(CHANCE_BITS)


def countable(value: object) -> int:
    """The value, if it is an incarnation, with room for later ones. Raises ValueError."""
    if type(value) is int and 0 < value < NUMBER_END - (2 << CHANCE_BITS):
        return value
    raise ValueError(f"{value!r} is no incarnation")
