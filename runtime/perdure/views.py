"""What a client's application gets to see: events, receipts, and how its session stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from perdure.errors import StreamError


@dataclass(frozen=True)
class Event:
    """An event of the session: the application's data, and its position in the session's log."""

    data: Any
    position: int


@dataclass(frozen=True)
class Gap:
    """Events were missed for good: the log no longer held them. Go on from the snapshot.

    The snapshot (None if the hub has no snapshot hook) stands for everything up to `position`.
    """

    snapshot: Any
    position: int


@dataclass(frozen=True)
class HandlerFailed:
    """The server took a send, and its handler raised an exception. `mine`: the send was this client's."""

    key: str
    mine: bool
    position: int


Item: TypeAlias = Event | Gap | HandlerFailed
"""What iterating a session yields."""


@dataclass(frozen=True)
class Receipt:
    """The server has stored the send; `key` is what a HandlerFailed would name."""

    key: str


@dataclass(frozen=True)
class Returned:
    """What became of a send that an earlier life of this client left unsettled.

    outcome: delivered, failed (surely not taken; `why` says the reason) or uncertain.
    """

    session: str
    key: str
    data: Any
    outcome: str
    why: str


@dataclass(frozen=True)
class Status:
    """How a session stands.

    state: connecting, awaiting (a stream is up), reconnecting, terminal.
    attempt: the count of the latest stream asked for. `failures`: attempts lost since the last progress.
    next_try_s: seconds from the beginning of the wait to the next attempt, while one is waited for.
    pending: this session's sends that are not settled. `running`: an attempt of one is in flight.
    delayed: an attempt has failed for one of them, and it is not settled.
    connection_id: under which the server knows the client; `identity` says how it came to be: "kept" is the
        client's own, "server" one that the server made, "renewed" one that replaced an id which another
        client took over.
    error: how the latest stream ended, until the next one is welcomed.
    """

    state: str
    outcome: str | None
    attempt: int
    failures: int
    next_try_s: float | None
    pending: int
    running: bool
    delayed: bool
    connection_id: str
    identity: Literal["kept", "server", "renewed"]
    error: StreamError | None
