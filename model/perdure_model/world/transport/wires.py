"""What is under way between the two sides."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

from perdure_model.core.client import inputs as ask
from perdure_model.core.common import Attempt, Cursor, Epoch, SendKey

Step = Iterator[tuple[Any, ...]]
"""What may become of the components that an action or a sink names."""
NOTHING: frozenset[Any] = frozenset()
UNDER_WAY = -1
"""No status yet."""


class Request(NamedTuple):
    """A stream request on its way up; `copy`: something on the way made it."""

    attempt: Attempt
    cid: Hashable
    token: Hashable
    cursors: tuple[tuple[str, Cursor], ...]
    copy: bool = False

    @property
    def fresh(self) -> Hashable:
        """An id that nothing had before: the epoch of the connection that may begin with it."""
        return ("copied", self.attempt) if self.copy else self.attempt


class Channel(NamedTuple):
    """A client's latest stream. `generation` is set once the server has attached it; `status` is what a
    request that was not attached is answered with; `over` after the server's last byte; `cut` by a fault."""

    attempt: Attempt
    cid: Hashable
    token: Hashable = None
    cursors: tuple[tuple[str, Cursor], ...] = ()
    generation: Attempt | None = None
    messages: tuple[Any, ...] = ()
    status: int | None = None
    over: bool = False
    cut: bool = False

    @property
    def flows(self) -> bool:
        """Whether what the server writes still reaches the wire."""
        return self.generation is not None and not self.over and not self.cut

    @property
    def unread(self) -> bool:
        """Whether the server has answered, and nothing of it has been read."""
        return self.flows and self.unwelcomed

    @property
    def unwelcomed(self) -> bool:
        """Whether the welcome is still on its way."""
        return any(isinstance(message, ask.Welcomed) for message in self.messages)

    def written(self, *messages: Any) -> Channel:
        """With these behind what is there."""
        return self._replace(messages=(*self.messages, *messages))

    @property
    def read_already(self) -> tuple[Any, ...]:
        """What the client's end may have taken off the wire when it was closed."""
        return self.messages[:1] or ((ask.Heard(self.attempt),) if self.flows else ())


class Exchange(NamedTuple):
    """A POST of sends: on its way up while `status` is None, then on its way back. `down`: it was made
    while its client knew of no stream; `copy`: something on the way made it, and drops the answer; `left`
    is False for one that was never connected."""

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
    copy: bool = False
    left: bool = True

    def answer_to(self, key: SendKey) -> int | None:
        """The status that its client hears for this send; 0 also for an answer that does not name it."""
        return 0 if self.status == 200 and key not in dict(self.verdicts) else self.status


class Word(NamedTuple):
    """What a client tells the server of a session that it watches (from `cursor` on) or (None) does not."""

    attempt: Attempt
    cid: Hashable
    serial: int
    session: str
    cursor: Cursor | None
    status: int | None = None


class Farewell(NamedTuple):
    """What a client says when it goes, `close` or `suspend`; on its way up while `status` is `UNDER_WAY`,
    then on its way back."""

    kind: str
    attempt: Attempt
    cid: Hashable
    status: int = UNDER_WAY

    @property
    def under_way(self) -> bool:
        """Whether it has not arrived."""
        return self.status == UNDER_WAY

    def answered(self, farewells: frozenset[Farewell], status: int, *, heeded: bool) -> frozenset[Farewell]:
        """All of them, this one on its way back; or gone, where a world leaves the answers out."""
        return (farewells - {self}) | ({self._replace(status=status)} if heeded else NOTHING)


def swapped(waiting: tuple[Any, ...], n: int, *other: Any) -> tuple[Any, ...]:
    """With others in the place of the nth."""
    return (*waiting[:n], *other, *waiting[n + 1 :])


def answered(
    posts: tuple[Exchange, ...], to: Exchange, status: int, verdicts: tuple[tuple[SendKey, str], ...]
) -> tuple[Exchange, ...]:
    """The POST that is answered, with its answer on the way back; all others as they were."""
    return tuple(e._replace(status=status, verdicts=verdicts) if e == to else e for e in posts)
