"""What a client's state consists of."""

from __future__ import annotations

from dataclasses import dataclass

from perdure_model.core.common import NEVER, Attempt, Epoch
from perdure_model.core.rule import Family

STATE = Family("client")
LINK = Family("link")
CURSOR = Family("cursor", ("session",))
OUTBOX = Family("outbox", ("session",))
ITEM = Family("item", ("session", "key"))
SETTINGS = Family("client settings")


@dataclass(frozen=True, slots=True)
class ClientState:
    """Where the ClientSession chart stands, and the outcome once it is terminal."""

    state: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """The stream: the latest attempt, whether it still waits for anything, and what came before it.

    `failures` counts the attempts lost since the last progress, not since the last open: a server that
    accepts and closes must not be retried for ever (finding A12). `epoch` is the server's, as last welcomed.
    `sessions` are those that the client watches and sends to.
    """

    attempt: Attempt = NEVER
    open: bool = False
    failures: int = 0
    epoch: Epoch | None = None
    sessions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outbox:
    """What a session's sends have in common: the latest POST, the epoch it was made under, and whether the
    server asked for the wait that runs (`Retry-After`), so that not even a reconnect may shorten it."""

    post: int = 0
    epoch: Epoch | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A send that is not settled: its SendItem state, the tries made, the POST it last went out with, and
    whether an attempt may have been taken."""

    state: str
    tries: int = 0
    post: int = 0
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The client's bounds; durations in seconds."""

    attempts_max: int = 30
    reconnect_first_s: float = 1.0
    reconnect_cap_s: float = 15.0
    retries_max: int = 3
    retry_first_s: float = 3.0
    retry_cap_s: float = 60.0
    queue_max: int = 100
    batch_max: int = 50
