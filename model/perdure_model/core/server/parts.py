"""What a server's state consists of."""

from __future__ import annotations

from collections.abc import Hashable

from perdure_model.core.common import NEVER, Attempt, Cursor, Epoch, SendKey
from perdure_model.core.rule import Family
from perdure_model.core.value import value

CONNECTION = Family("connection", ("cid",))
WATCH = Family("watch", ("session", "cid"))
OWNER = Family("owner", ("session", "cid"))
WINDOW = Family("window", ("cid", "session"))
LOG = Family("log", ("session",))
TOMBSTONES = Family("tombstones")
"""How many sessions have been forgotten but for their outcome; None for none."""
SETTINGS = Family("server settings")
LIVES_MAX = 8
"""Lives of one client whose receipts for a session are kept."""
RECEIPTS_MAX = 10_000
"""Receipts that a client has for a session at most, and lives of it: what ten of the largest POSTs hold."""


@value
class Connection:
    """A client id that the server knows: where its ServerConnection chart stands, the generation attached
    last, the epoch (one life of its receipts), and the principal that it is bound to (finding T20).

    `fleeting`: the server made the id, and no client will bring it back (T25). `said_away`: the attempt on
    which the client said that it will be away, so that what it owns outlives this connection (T24).
    `serial` numbers its latest word about what it watches, within this generation.
    """

    state: str
    generation: Attempt
    epoch: Epoch
    principal: Hashable
    fleeting: bool = False
    said_away: Attempt = NEVER
    serial: int = 0

    @property
    def away(self) -> bool:
        """Whether the client has asked for no stream since it said that it will be away."""
        return self.said_away >= self.generation


@value
class Owner:
    """A connection owns a session: it sent to it last.

    `suspended`: the connection has expired while its client was away, since this attempt, and the session is
    kept for it, and for no other principal; an earlier request does not bring the client back.
    """

    principal: Hashable
    suspended: Attempt = NEVER


@value
class Watch:
    """A connection watches a session. `sent` is how far the stream of this generation has been sent; None
    while no stream is attached, so that nothing is written to what is closed (finding T07). `woken`: the
    stream was told that there is more, and has not asked for it yet."""

    generation: Attempt
    sent: Cursor | None
    woken: bool = False


@value
class Window:
    """A connection's receipts for a session, by the lives of the client that posted: one of its copies knows
    nothing of another's sends (N50).

    `floors`: of each life the first key that may not be settled on the client's side; verdicts are kept from
    there on. A client that keeps to the protocol has one POST of them for each life; of any other, the
    RECEIPTS_MAX latest are kept. `past`: the latest life whose receipts are forgotten, or 0, as no more than
    LIVES_MAX lives are remembered, and those of the latest POST.
    """

    floors: tuple[SendKey, ...] = ()
    verdicts: tuple[tuple[SendKey, str], ...] = ()
    past: int = 0


@value
class Log:
    """A session's log: its epoch, how many events it has had, how many of the oldest are gone, and the
    outcome once it is over. `buried`: its events are forgotten, and this is the tombstone."""

    epoch: Epoch
    head: int = 0
    gone: int = 0
    outcome: str | None = None
    buried: bool = False


@value
class ServerSettings:
    """The server's bounds; durations in seconds, `log_max` in events a session, `batch_max` a write.

    The log of a session that is over is kept for `ended_s`, and then for `tombstone_s` that it is over, and
    how it ended; of no more than `tombstones_max` sessions: beyond it, not even that is kept.
    """

    grace_s: float = 60.0
    log_max: int = 10_000
    batch_max: int = 256
    ended_s: float = 3600.0
    tombstone_s: float = 86_400.0
    tombstones_max: int = 10_000
