"""What is under way between the two sides."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from perdure_model.core.client import inputs as ask
from perdure_model.core.common import Attempt, Cursor, Epoch, SendKey

NOTHING: frozenset[Any] = frozenset()


class Request(NamedTuple):
    """A stream request on its way up."""

    attempt: Attempt
    cid: Hashable
    token: Hashable
    cursors: tuple[tuple[str, Cursor], ...]


class Channel(NamedTuple):
    """A client's latest stream. `generation` is set once the server has attached it; `status` is what a
    request that was not attached is answered with; `over` after the server's last byte; `cut` by a fault."""

    attempt: Attempt
    cid: Hashable
    token: Hashable = None
    generation: Attempt | None = None
    messages: tuple[Any, ...] = ()
    status: int | None = None
    over: bool = False
    cut: bool = False

    @property
    def flows(self) -> bool:
        """Whether what the server writes still reaches the wire."""
        return self.generation is not None and not self.over and not self.cut

    def written(self, *messages: Any) -> Channel:
        """With these behind what is there."""
        return self._replace(messages=(*self.messages, *messages))

    @property
    def read_already(self) -> tuple[Any, ...]:
        """What the client's end may have taken off the wire when it was closed."""
        return self.messages[:1] or ((ask.Heard(self.attempt),) if self.flows else ())


class Exchange(NamedTuple):
    """A POST of sends: on its way up while `status` is None, then on its way back. `down`: it was made
    while its client knew of no stream."""

    session: str
    post: int
    attempt: Attempt
    cid: Hashable
    token: Hashable
    epoch: Epoch
    keys: tuple[SendKey, ...]
    down: bool
    status: int | None = None
    verdicts: tuple[tuple[SendKey, str], ...] = ()


class Word(NamedTuple):
    """What a client tells the server of a session that it watches (from `cursor` on) or (None) does not."""

    attempt: Attempt
    cid: Hashable
    serial: int
    session: str
    cursor: Cursor | None
    status: int | None = None


class Farewell(NamedTuple):
    """What a client says without waiting for an answer: `close` or `suspend`."""

    kind: str
    attempt: Attempt
    cid: Hashable


def swapped(waiting: tuple[Any, ...], n: int, *other: Any) -> tuple[Any, ...]:
    """With others in the place of the nth."""
    return (*waiting[:n], *other, *waiting[n + 1 :])


def answered(
    posts: tuple[Exchange, ...], to: Exchange, status: int, verdicts: tuple[tuple[SendKey, str], ...]
) -> tuple[Exchange, ...]:
    """The POST that is answered, with its answer on the way back; all others as they were."""
    return tuple(e._replace(status=status, verdicts=verdicts) if e == to else e for e in posts)
