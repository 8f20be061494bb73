"""The events of the protocol's stream: how the server writes them, and what they tell a client.

An application's data stands only in the `data` of events that carry no name (`message`); `welcome`, `gap`,
`end` and `handler-failed` are the protocol's own, so nothing that is published can pass for one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Final, TypeAlias

from perdure_model.core.client.inputs import (
    ClientInput,
    EndArrived,
    EventArrived,
    GapArrived,
    TakenOver,
    Welcomed,
)
from perdure_model.core.common import START, Attempt, Cursor, Epoch
from pydantic import Field
from pydantic_core import from_json

from perdure.errors import NotAnEventStream
from perdure.sse import Event as Block
from perdure.wire import VERSION, Body, ConnectionId, EpochText, Pair, Receipt, parse_cursors

MESSAGE: Final = "message"
HANDLER_FAILED: Final = "handler-failed"
TAKEN_OVER: Final = "taken over"
OUTCOMES: Final = ("succeeded", "failed", "expired")
DIGITS_MAX: Final = 15


class Welcome(Body):
    """The first event: who the client is to the server, and whether the server still knows it."""

    protocol: int
    connection: ConnectionId
    generation: Pair
    epoch: EpochText
    resumed: bool
    grace_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    heartbeat_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class GapBody(Body):
    """What the log no longer holds; the position that the snapshot stands for is in the event's id."""

    snapshot: Any = None


class EndBody(Body):
    """The session is over, or (`taken over`) this client's part in it. `receipts`: of its latest sends."""

    outcome: str
    session: str | None = None
    receipts: tuple[Receipt, ...] = ()


class HandlerFailedBody(Body):
    """The application's handler failed for a send: whose (a digest of the connection id), and which."""

    sender: str
    key: Pair


Carried: TypeAlias = Any
"""What comes along with an input: an event's or a snapshot's data."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one or several events carry that came together, one after the other from this position on: an
    application's data, or a `HandlerFailedBody`, which no application's data can be."""

    position: int
    data: list[Any]

    def part(self, first: int, count: int) -> list[Any]:
        """What so many of them carry, from this position on."""
        return self.data[first - self.position : first - self.position + count]


def welcome_of(block: Block, attempt: Attempt) -> tuple[Welcomed, Welcome]:
    """The welcome that a stream must begin with. Raises NotAnEventStream."""
    try:
        if block.event != "welcome":
            raise ValueError(f"the first event is {block.event[:40]!r}")
        welcome = Welcome.model_validate_json(block.data)
    except ValueError as error:
        raise NotAnEventStream(
            f"an event stream that does not begin with a welcome: {error}", status=200, readable=False
        ) from error
    if welcome.protocol != VERSION:
        raise NotAnEventStream(
            f"the server speaks version {welcome.protocol} of the protocol, this client {VERSION}",
            status=200,
            hint="install versions of client and server that fit",
            readable=False,
        )
    if welcome.generation != attempt:
        raise NotAnEventStream(
            "the welcome is for another stream",
            status=200,
            hint="does a cache stand between?",
            readable=False,
        )
    return Welcomed(attempt, welcome.connection, welcome.epoch), welcome


def input_of(
    block: Block, attempt: Attempt, sessions: Container[str], chance: float, fresh: Callable[[], str]
) -> tuple[ClientInput, Carried] | None:
    """What an event after the welcome tells the client, one of a log (see `Runs`) excepted; None for one of
    a kind that it does not know.

    `sessions` are those that it has ever watched; `fresh` gives an id that nobody has.
    Raises ValueError (pydantic's included) where the event is not what its kind should be.
    """
    if block.event == "gap":
        session, cursor = own_cursor(block.id, sessions)
        snapshot = GapBody.model_validate_json(block.data).snapshot
        return GapArrived(attempt, session, cursor.epoch, cursor.position), snapshot
    if block.event == "end":
        end = EndBody.model_validate_json(block.data)
        if end.session is not None and end.outcome in OUTCOMES:
            verdicts = tuple((receipt.key, receipt.verdict) for receipt in end.receipts)
            return EndArrived(attempt, end.session, end.outcome, verdicts), None
        if end.session is None and end.outcome == TAKEN_OVER:
            return TakenOver(attempt, fresh(), chance), None
        raise ValueError(f"the end {end.outcome[:40]!r} names no session, or is none")
    return None


class Runs:
    """The events of logs that one stream brings: those of one log, one after the other, are told at once."""

    def __init__(
        self, attempt: Attempt, sessions: Container[str], feed: Callable[[ClientInput, Carried], None]
    ):
        self._attempt, self._sessions, self._feed = attempt, sessions, feed
        self._session, self._cursor = "", START
        self._data: list[Any] = []
        self._before = self._behind = ""
        self._next = 0

    def take(self, block: Block) -> bool:
        """Keep an event, to be told with those that follow; False for one that is of no log.

        Raises ValueError (pydantic's included) where it is not what its kind should be.
        """
        if block.event == MESSAGE:
            data = from_json(block.data)
        elif block.event == HANDLER_FAILED:
            data = HandlerFailedBody.model_validate_json(block.data)
        else:
            return False
        if not self._data or block.id != f"{self._before}{self._next}{self._behind}":
            self.tell()
            self._begin(block.id)
        self._data.append(data)
        self._next += 1
        return True

    def _begin(self, token: str) -> None:
        self._session, self._cursor = own_cursor(token, self._sessions)
        own, _, _ = token.partition(",")
        self._before, self._behind = own.rpartition(":")[0] + ":", token[len(own) :]
        self._next = self._cursor.position

    def tell(self) -> None:
        """Tell the rules of what is kept."""
        if self._data:
            (epoch, position), data, self._data = self._cursor, self._data, []
            chance = random.random()
            i = EventArrived(self._attempt, self._session, epoch, position, chance, len(data))
            self._feed(i, Run(position, data))


def own_cursor(token: str, sessions: Container[str]) -> tuple[str, Cursor]:
    """The entry of the session that the event belongs to: the token's first. Raises ValueError."""
    log, _, position = token.rpartition(":")
    if "," not in log and position.isascii() and position.isdigit() and len(position) <= DIGITS_MAX:
        session, epoch = log_of(log)  # the only entry, told faster
        cursor = Cursor(epoch, int(position))
    else:
        session, cursor = next(iter(parse_cursors(token).items()), (None, START))
    if session is None or session not in sessions:
        raise ValueError(f"the event's id {token[:80]!r} names no session that was asked for")
    return session, cursor


@lru_cache(maxsize=256)
def log_of(entry: str) -> tuple[str | None, Epoch]:
    """The session and epoch of a cursor token's only entry, which lacks its position. Raises ValueError."""
    return next(((name, cursor.epoch) for name, cursor in parse_cursors(f"{entry}:0").items()), (None, None))


def sender_of(cid: str) -> str:
    """What others may know of the sender of a send: the id itself would let them act as it."""
    return sha256(cid.encode()).hexdigest()[:16]
