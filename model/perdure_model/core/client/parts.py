"""What a client's state consists of."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

from perdure_model.core.common import NEVER, Attempt, Epoch
from perdure_model.core.rule import Family
from perdure_model.core.value import value

STATE = Family("client")
ME = Family("me")
ACCESS = Family("access")
LINK = Family("link")
WATCHING = Family("watching")
CURSOR = Family("cursor", ("session",))
OUTBOX = Family("outbox", ("session",))
ITEM = Family("item", ("session", "key"))
SETTINGS = Family("client settings")


@value
class ClientState:
    """Where the ClientSession chart stands, and the outcome once it is terminal."""

    state: str
    outcome: str | None = None


@value
class Me:
    """Under which id the server knows us, and whether that is its own making: then it has no grace (T25)."""

    cid: Hashable
    of_server: bool = False


@value
class Access:
    """The credential in use, by its handle (the text stays with the runtime). `asked`: another one is
    awaited. `unproven`: it came for one that was refused, and nothing has been taken under it yet."""

    token: Hashable = None
    asked: bool = False
    unproven: bool = False


@value
class Link:
    """The stream: the latest attempt, what the link waits for, and what came before.

    `failures` counts the attempts lost since the last progress, not since the last open: a server that
    accepts and closes must not be retried for ever (finding A12). `epoch` is the server's, as last welcomed;
    `token` the credential that the latest stream was asked for with.
    """

    attempt: Attempt = NEVER
    phase: Literal["open", "timer", "credential", "resume", "over"] = "over"
    failures: int = 0
    epoch: Epoch | None = None
    token: Hashable = None

    @property
    def open(self) -> bool:
        """Whether the latest stream still waits for anything."""
        return self.phase == "open"


@value
class Watching:
    """The sessions that the client watches, those that the server has been told of on the latest stream, the
    number of the latest word about it, and that of the latest one for each session."""

    sessions: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    serial: int = 0
    words: tuple[tuple[str, int], ...] = ()


@value
class Outbox:
    """What a session's sends have in common: the latest POST, the epoch it was made under, and whether the
    server asked for the wait that runs (`Retry-After`), so that not even a reconnect may shorten it."""

    post: int = 0
    epoch: Epoch | None = None
    asked: bool = False


@value
class Item:
    """A send that is not settled: its SendItem state, the tries made, the POST it last went out with,
    whether an attempt may have been taken, whether it waits for another credential, and its bytes."""

    state: str
    tries: int = 0
    post: int = 0
    doubt: bool = False
    denied: bool = False
    size: int = 0


@value
class ClientSettings:
    """The client's bounds; durations in seconds.

    A POST takes `batch_max` sends and `batch_bytes_max` bytes of them at most, and always one.

    `renews`: a client whose id was taken over by another (a copied tab) goes on under an id of its own;
    else its session ends. `refreshes`: another credential can be asked for.
    """

    attempts_max: int = 30
    reconnect_first_s: float = 1.0
    reconnect_cap_s: float = 15.0
    retries_max: int = 3
    retry_first_s: float = 3.0
    retry_cap_s: float = 60.0
    queue_max: int = 100
    batch_max: int = 50
    batch_bytes_max: int = 1 << 20
    renews: bool = True
    refreshes: bool = False
