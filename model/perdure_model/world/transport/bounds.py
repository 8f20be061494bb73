"""How much can happen in a world of system T."""

from __future__ import annotations

from dataclasses import dataclass, fields

AT_LEAST_ONE = ("tabs", "queue_max", "log_max", "batch_max")
"""Counts that cannot be 0: a world without them would be another one, or none."""
CHANNELS = ("posts", "streams", "ids", "staying")


@dataclass(frozen=True)
class Bounds:
    """How much can happen: who there is, what the application does, then what goes wrong. Every fault is
    budgeted."""

    tabs: int = 1
    """Clients, each with an id of its own."""
    copied: bool = False
    """All clients begin with the id of the first."""
    sessions: tuple[str, ...] = ("s",)
    """The sessions that there are; clients begin by watching the first."""
    sends: int = 2
    """Sends of each client, to the first session."""
    events: int = 1
    """Events published to each session."""
    ends: int = 0
    leaves: int = 0
    forgets: bool = False
    """Whether sessions that are over are forgotten, sooner or later."""
    watches: int = 0
    """Times that the application of some client changes its mind about what it watches."""
    suspends: int = 0
    kills: int = 0
    """Clients killed; each may be started again, under its id."""
    tokens: int = 0
    """Credentials that die; for each there is another one, but the last."""

    cuts: int = 2
    lost: int = 1
    """Requests or responses lost: of POSTs, of goodbyes, of words about what is watched."""
    held: int = 0
    """POSTs that their client gives up on, and that arrive later all the same."""
    doubled: int = 0
    """Requests that something on the way repeats: of streams, and POSTs."""
    statuses: tuple[int, ...] = ()
    """What one POST or stream request may be answered with on the way."""
    restarts: int = 0
    kept: int = 0
    """Restarts of a server that has kept what it knew."""
    taken: int = 0
    """Times that the store gives a log to another process."""
    stalls: int = 0
    """Streams that nobody reads."""
    late: int = 1
    """Timers cancelled when they had just run out, and streams ended when something had just been read."""
    garbled: int = 0
    """Messages of a stream repeated or skipped."""
    strangers: int = 0
    unfit: bool = False
    """Whether the data of each client's first send is not what the application takes."""
    spare: bool = False
    """The server would take a client under the id that nobody has; only a defect makes one use it."""
    old_server: bool = False
    """The server ignores the clients' ids, and makes one for each stream."""
    never: tuple[str, ...] = ()
    """What never gets through: `posts`, `streams`; `ids`: every stream request is told that a later attempt
    holds its id; `staying`: every stream is cut once it is read."""

    attempts_max: int = 5
    retries_max: int = 1
    queue_max: int = 2
    log_max: int = 9
    batch_max: int = 2
    tombstones_max: int = 1
    renews: bool = True
    liveness: bool = False
    """Whether what must happen in the end is decided, too: it takes a search of its own."""

    def __post_init__(self) -> None:
        """Raise ValueError for bounds of which no world can be made."""
        for one in fields(self):
            value, least = getattr(self, one.name), int(one.name in AT_LEAST_ONE)
            if type(value) is int and value < least:
                raise ValueError(f"{one.name}={value}: give a count, at least {least}")
        if not self.sessions:
            raise ValueError("sessions=(): name at least one, which clients begin by watching")
        if self.copied and self.tabs < 2:
            raise ValueError(f"copied=True, tabs={self.tabs}: it takes two tabs for one to be a copy")
        if unknown := set(self.never) - set(CHANNELS):
            raise ValueError(f"never={self.never}: there is no {sorted(unknown)[0]!r}; use {CHANNELS}")
        if wrong := [status for status in self.statuses if not 300 <= status <= 599]:
            raise ValueError(f"statuses={self.statuses}: {wrong[0]} is no HTTP status that refuses")
