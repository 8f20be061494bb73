"""What is followed: where it is, how its states are read, and one stream of it as it comes in.

Turns what comes into inputs for the rules; decides nothing.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpx2
from perdure_model.core.follow.inputs import ErrorArrived, FollowInput, StateArrived

from perdure import states
from perdure.addresses import shown, without_user
from perdure.answers import bounded_s
from perdure.bounds import functions, needed, texts
from perdure.errors import FollowError, SnapshotFailed, StreamBroken, StreamError, UnreadableState, UsageError
from perdure.sse import Event, EventTooLarge, Item, Parser, Retry
from perdure.states import Arrived, Field, State

Token: TypeAlias = str | None
Fetch: TypeAlias = Callable[[Token], State | Awaitable[State]]
"""Gets a snapshot, with the token to use; what it raises may carry an HTTP status."""
Outcome: TypeAlias = Callable[[State], str | None]
"""The outcome that a state stands for: succeeded, failed or expired; None while it goes on."""
Send: TypeAlias = Callable[[Any, Token], State | Awaitable[State | None] | None]
"""Submits, with the token to use, and gives the state that came of it, if the answer says it."""
Read: TypeAlias = Callable[[Event], Mapping[str, Any] | None]
"""The fields that an event of the stream carries; None: it is no state, and says nothing."""
OUTCOMES: Final = ("succeeded", "failed", "expired")
ADDRESS: Final = "give one like https://host/path"
FedLast: TypeAlias = tuple[FollowInput, Any]
"""What a request ends with: the input that tells it, and what goes with that."""


@dataclass(frozen=True)
class Remote:
    """What is followed, and how its states are read."""

    snapshot: str | Fetch
    events: str
    outcome: Outcome
    submit: Send | None
    version: Field | None
    cursor: Field | None
    volatile: Collection[str]
    read: Read


def check(remote: Remote) -> None:
    """Raises UsageError where the arguments can be of no use."""
    addresses = [remote.events, *([remote.snapshot] if isinstance(remote.snapshot, str) else [])]
    for address in addresses:
        try:
            url = httpx2.URL(address)
        except (httpx2.InvalidURL, TypeError) as error:
            raise UsageError(f"{shown(address)!r} is no address: {error}", hint=ADDRESS) from error
        if url.scheme not in ("http", "https") or not url.host:
            raise UsageError(f"{shown(address)!r} is no address of a server", hint=ADDRESS)
        without_user(url)
    if not isinstance(remote.snapshot, str):
        needed("token", waits=True, snapshot=remote.snapshot)
    needed("state", outcome=remote.outcome)
    needed("event", read=remote.read)
    functions("data", "token", waits=True, submit=remote.submit)
    named: dict[str, Any] = {"version": remote.version, "cursor": remote.cursor}
    for name, field in named.items():
        if not isinstance(field, str):
            functions("state", **{name: field})
    texts("give a list of names of fields", volatile=remote.volatile)


class Reading:
    """One stream as it comes in: bytes to events to inputs. Reads in order; decides nothing."""

    def __init__(
        self,
        attempt: int,
        remote: Remote,
        parser: Parser,
        feed: Callable[[FollowInput, Any], None],
        serials: Iterator[int],
    ) -> None:
        self._attempt, self._remote, self._parser = attempt, remote, parser
        self._feed, self._serials = feed, serials
        self._id = ""
        self.retry_s: float | None = None

    def take(self, chunk: bytes) -> None:
        """Feed what these bytes complete. Raises StreamBroken where an event is too large."""
        try:
            items = self._parser.feed(chunk)
        except EventTooLarge as error:
            for item in error.before:
                self._item(item)
            raise StreamBroken(
                "an event is larger than this session takes", hint="raise Limits.event_bytes_max"
            ) from error
        for item in items:
            self._item(item)

    def _item(self, item: Item) -> None:
        if isinstance(item, Retry):
            self.retry_s = bounded_s(item.milliseconds / 1000)
        elif isinstance(item, Event) and (told := self._told(item)):
            self._feed(*told)

    def _told(self, event: Event) -> FedLast | None:
        """What an event says; None where it is no state."""
        if event.event == states.ERROR:
            error, fatal = states.frame_of(event)
            return ErrorArrived(self._attempt, error.status, fatal, random.random()), error
        try:
            return self._state(event)
        except Exception as error:  # the application's functions may raise anything
            return ErrorArrived(self._attempt, 0, False), states.unreadable(event, error)

    def _state(self, event: Event) -> FedLast | None:
        carried = self._remote.read(event)
        if carried is None:
            return None
        fields = dict(carried)
        cursor, self._id = own_id(event, self._id), event.id
        i = StateArrived(
            self._attempt,
            next(self._serials),
            states.version_of(fields, self._remote.version),
            cursor if self._remote.cursor is not None else None,
            outcome_of(self._remote.outcome, fields),
        )
        return i, Arrived(fields, whole=False)


def own_id(event: Event, before: str) -> str | None:
    """The id of the event's own block: the parser gives one without the last id of the stream."""
    return event.id if event.id != before else None


def outcome_of(outcome: Outcome, fields: State) -> str | None:
    """What the application's function says of a state. Raises UsageError where that is no outcome."""
    said = outcome(fields)
    if said is None or said in OUTCOMES:
        return said
    raise UsageError(f"outcome said {said!r}", hint=f"return None, or one of {', '.join(OUTCOMES)}")


def snapshot_error(error: Exception) -> FollowError | StreamError:
    """The error of a snapshot that could not be had, with its status or 0."""
    if isinstance(error, SnapshotFailed | StreamError):
        return error
    if isinstance(error, TimeoutError):
        failed: FollowError = SnapshotFailed(
            "no snapshot in time", hint="raise Limits.post_s if it takes so long"
        )
    elif isinstance(error, ValueError) and not states.status_of(error):
        failed = UnreadableState(f"a snapshot that is no state: {error}")
    else:
        failed = SnapshotFailed(f"the snapshot failed: {error!r}", status=states.status_of(error))
    failed.__cause__ = error
    return failed
