"""What both sides speak of: attempts, epochs, keys, cursors; and the two effects that every rule may emit."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, TypeAlias

from perdure_model.core.rule import Decision, Part
from perdure_model.core.value import value
from perdure_model.table import Row, Table

Attempt: TypeAlias = tuple[int, int]
"""(incarnation, count): the client's own monotonic number of a stream; the server's generation of it, too.

The incarnation grows when the client program starts again under its id, so that a request of an earlier
life, held up somewhere, is older than every request of this one.
"""
NEVER: Attempt = (0, 0)

SendKey: TypeAlias = tuple[int, int]
"""(incarnation, count): a send's idempotency key; the sends of a client are ordered by it."""

Epoch: TypeAlias = Hashable
"""An opaque id of one life of something that can be forgotten: a connection's receipts, a session's log."""


class Cursor(NamedTuple):
    """A place in a session's log: the log's epoch, and how many of its events lie behind."""

    epoch: Epoch
    position: int


START = Cursor(None, 0)
"""Before the first event of whatever log there is."""


@value
class Moved:
    """A machine took a transition. First among its decision's effects; for status, trace and coverage."""

    machine: str
    instance: Hashable
    event: str
    source: str
    target: str


@value
class Refused:
    """The input changed nothing, and why."""

    why: str


def refuse(why: str, *parts: Part) -> Decision:
    """The decision that leaves the parts as they are."""
    return parts, (Refused(why),)


def moved(table: Table, instance: Hashable, source: str, event: str, row: Row) -> Moved:
    """Name the transition that `row` is."""
    return Moved(table.name, instance, event, source, row.target)


def backoff_s(failures: int, first_s: float, cap_s: float, chance: float, asked_s: float | None) -> float:
    """Seconds to wait after so many failures: doubling, capped, with full jitter (finding A14).

    `chance` is in [0, 1). What the server asked for (`Retry-After`) only ever lengthens (T34).
    """
    waited = chance * min(cap_s, first_s * 2.0 ** min(failures - 1, 30))
    return max(waited, asked_s or 0.0)


def classify(status: int) -> str:
    """What an HTTP status says of a request (finding T15): taken, passing, unknown, denied or final.

    0 stands for no answer at all. 409 is the server's word that it does not know this connection under
    this epoch, or that a later attempt holds it. 401 is its word that another credential may do.
    """
    if 200 <= status < 300:
        return "taken"
    if status in (0, 408, 425, 429) or status >= 500:
        return "passing"
    return {409: "unknown", 401: "denied"}.get(status, "final")


def unsure(status: int, sent: bool) -> bool:
    """Whether a request that failed this way may have been taken all the same (finding T23).

    429 and 425 are given before anything is done; other passing statuses may come from a proxy that
    had already forwarded the request.
    """
    return sent if status == 0 else status not in (425, 429)


def spaced_s(tries: int, first_s: float, cap_s: float, chance: float, asked_s: float | None) -> float:
    """Seconds between two attempts of a send: at least the doubling backoff, up to a quarter more (T34)."""
    waited = min(cap_s, first_s * 2.0 ** min(tries - 1, 30)) * (1.0 + chance / 4)
    return max(waited, asked_s or 0.0)
