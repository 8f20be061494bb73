"""The faults, and when each strikes. No I/O.

Requests are counted by kind, from 1, over all connections of the proxy: sends, and stream requests. Streams
are those stream requests that were answered by an event stream, counted from 1 again. Events are counted as a
reader would: comments are none. Each fault strikes once; of several that fit, the first in the script.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias, TypeVar

Kind: TypeAlias = Literal["stream", "send"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnRequest:
    """A fault of the `nth` request of its kind, or of the next one."""

    nth: int | None = None
    on: Kind = "send"

    def __post_init__(self) -> None:
        _check(self, "nth", self.nth is None or self.nth >= 1, "count from 1, or None for the next request")
        _check(self, "on", self.on in ("stream", "send"), "'stream' or 'send'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(_OnRequest):
    """Answer the request in the server's place, which never sees it."""

    status: int = 500
    retry_after_s: int | None = None
    content_type: str = "application/problem+json"
    body: bytes | None = None
    """None: a problem document with the status."""

    def __post_init__(self) -> None:
        _OnRequest.__post_init__(self)
        _check(self, "status", 200 <= self.status <= 599, "a final status, from 200 to 599")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseRequest(_OnRequest):
    """Take the request and close the client's connection. The server never sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseResponse(_OnRequest):
    """Let the server take and answer the request, then close the client's connection and keep the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatRequest(_OnRequest):
    """Let the server take and answer the request, then let it on once more: the client has the second answer.

    That is what browsers and proxies do by themselves where an answer does not come.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest(_OnRequest):
    """Keep the request, and let it on later: even if the client has given it up by then.

    It goes on after `for_s` seconds, at `proxy.release()`, or, if `until_overtaken`, once a later request of
    its kind was answered (a later stream: once its first event has passed).
    """

    for_s: float = inf
    until_overtaken: bool = True

    def __post_init__(self) -> None:
        _OnRequest.__post_init__(self)
        _check(self, "for_s", self.for_s >= 0, "seconds, at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnStream:
    """A fault that strikes when so many events have passed: of one stream, or of all of them together.

    0 strikes at once: on a stream that is open, or as soon as one opens.
    """

    after_events: int = 0
    stream: int | None = None

    def __post_init__(self) -> None:
        _check(self, "after_events", self.after_events >= 0, "count from 0")
        _check(self, "stream", self.stream is None or self.stream >= 1, "count from 1, or None for any")


@dataclass(frozen=True, slots=True, kw_only=True)
class CutStream(_OnStream):
    """Close the stream's connection. The client learns of it at once.

    `torn`: first let a part of the next event pass, up to the middle of its data.
    `server_learns_after_s`: keep the server's side open until the next stream is up, at most so many seconds.
    """

    torn: bool = False
    server_learns_after_s: float = 0

    def __post_init__(self) -> None:
        _OnStream.__post_init__(self)
        _check(self, "server_learns_after_s", self.server_learns_after_s >= 0, "seconds, at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfDead(_OnStream):
    """Pass nothing on any more in either direction, and leave both sockets open.

    The server's stays open whatever the client does, until `for_s` seconds have passed or `proxy.release()`
    is called; then both are closed.
    """

    for_s: float = inf

    def __post_init__(self) -> None:
        _OnStream.__post_init__(self)
        _check(self, "for_s", self.for_s >= 0, "seconds, at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayClose:
    """When the client itself closes this stream (None: the next one it closes), the server learns of it late.

    That is, once the next stream is up, but at most `for_s` seconds later.
    """

    stream: int | None = None
    for_s: float = 10

    def __post_init__(self) -> None:
        _check(self, "stream", self.stream is None or self.stream >= 1, "count from 1, or None for any")
        _check(self, "for_s", self.for_s >= 0, "seconds, at least 0")


RequestFault: TypeAlias = Answer | LoseRequest | LoseResponse | RepeatRequest | HoldRequest
StreamFault: TypeAlias = CutStream | HalfDead
Fault: TypeAlias = RequestFault | StreamFault | DelayClose

_F = TypeVar("_F", bound=Fault)


class Script:
    """The faults that are still to come. Each `for_…` hands one out, once."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._waiting: list[Fault] = []
        self.add(*faults)

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """What has not struck yet."""
        return tuple(self._waiting)

    def add(self, *faults: Fault) -> None:
        """Append faults. Raises TypeError on what is none."""
        for fault in faults:
            if not isinstance(fault, Fault):
                raise TypeError(f"{fault!r} is no fault; the faults are in perdure.testing")
        self._waiting += faults

    def clear(self) -> None:
        """Forget what has not struck yet."""
        self._waiting.clear()

    def for_request(self, on: Kind, number: int) -> RequestFault | None:
        """The fault of the request with this number of its kind."""
        return self._take(
            fault
            for fault in self._waiting
            if isinstance(fault, RequestFault) and fault.on == on and fault.nth in (None, number)
        )

    def due_on(self, stream: int, events: int, events_of_all: int) -> StreamFault | None:
        """The fault of a stream on which so many events have passed, and so many on all. It stays in here."""
        fitting = (
            fault
            for fault in self._waiting
            if isinstance(fault, StreamFault)
            and fault.stream in (None, stream)
            and fault.after_events <= (events_of_all if fault.stream is None else events)
        )
        return next(fitting, None)

    def take(self, fault: StreamFault) -> None:
        """Say that a fault that was due strikes now."""
        self._waiting.remove(fault)

    def for_close(self, stream: int) -> DelayClose | None:
        """The delay of this stream's close."""
        return self._take(
            fault
            for fault in self._waiting
            if isinstance(fault, DelayClose) and fault.stream in (None, stream)
        )

    def awaits_events(self) -> bool:
        """Whether some fault is to strike right after an event, so that events have to be told apart."""
        return any(isinstance(fault, StreamFault) for fault in self._waiting)

    def _take(self, fitting: Iterable[_F]) -> _F | None:
        fault = next(iter(fitting), None)
        if fault is not None:
            self._waiting.remove(fault)
        return fault


def _check(fault: object, field: str, holds: bool, remedy: str) -> None:
    if not holds:
        raise ValueError(f"{type(fault).__name__}({field}={getattr(fault, field)!r}): {remedy}")
