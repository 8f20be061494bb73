"""What stands between a hub's decisions and its store.

The rules decide at once; a store may take its time. So what is asked of a session's log waits for what was
asked of it before, and nobody is sent an event that the store has not taken. Where the store refuses, the
rules are told that the log is lost.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any, Final, TypeAlias

import anyio
from perdure_model.core.common import Epoch
from perdure_model.core.server.effects import Append, Drop, WriteEvents

from perdure.cargo import Publication
from perdure.store import Store

LOG = logging.getLogger("perdure")
RAISED: Final = "the store raised"
Asking: TypeAlias = tuple[Callable[..., Any], *tuple[Any, ...]]
"""A method of the store, and its arguments."""
Told: TypeAlias = Callable[[Any], None]
"""Is given the store's answer; None where it gave none."""
Later: TypeAlias = Callable[[], Awaitable[Sequence[bytes] | None]]


class Logs:
    """The logs of one hub, as its performer sees them."""

    def __init__(
        self,
        store: Store,
        spawn: Callable[..., None],
        lost: Callable[[str, Epoch], None],
    ) -> None:
        self._store, self._spawn, self._lost = store, spawn, lost
        self._waiting: dict[str, deque[tuple[Asking, Told]]] = {}

    @property
    def busy(self) -> bool:
        """Whether the store has still to answer."""
        return bool(self._waiting)

    def append(self, effect: Append, publication: Publication) -> None:
        """Store an event. Where that takes longer, `publication.stored` is set when it is done."""
        a, event, answer = effect, publication.event, None
        if a.session not in self._waiting:
            try:  # written out, and not left to `tried`: this is done for each event
                answer = self._store.append(a.session, a.epoch, a.position, event, a.gone)
            except Exception:
                LOG.exception(RAISED)
            if answer is True:
                return
        asking = (self._store.append, a.session, a.epoch, a.position, event, a.gone)
        publication.stored = anyio.Event()
        self._ask(a.session, asking, partial(self._appended, a, publication), answer)

    def drop(self, effect: Drop) -> None:
        """Delete a log. Another process may have done so, or taken it over."""
        asking = (self._store.drop, effect.session, effect.epoch)
        answer = None if effect.session in self._waiting else tried(*asking)
        self._ask(effect.session, asking, lambda _won: None, answer)

    def read(self, effect: WriteEvents) -> Sequence[bytes] | Later:
        """Events, or what will give them; it gives None where they are lost."""
        e = effect
        asking = (self._store.read, e.session, e.epoch, e.first, e.last)
        answer = None if e.session in self._waiting else tried(*asking)
        if isinstance(answer, list):
            return answer
        reading = Reading()
        self._ask(e.session, asking, partial(self._read, e, reading), answer)
        return reading.wait

    def _appended(self, effect: Append, publication: Publication, won: bool | None) -> None:
        assert publication.stored is not None
        if not won:
            publication.lost = True
            self._gone(effect.session, effect.epoch)
        publication.stored.set()

    def _read(self, effect: WriteEvents, reading: Reading, events: Sequence[bytes] | None) -> None:
        reading.events = events
        reading.done.set()
        if events is None:
            self._gone(effect.session, effect.epoch)

    def _gone(self, session: str, epoch: Hashable) -> None:
        LOG.warning("the store has not the log of session %r as we know it; it begins anew", session)
        self._lost(session, epoch)

    # -- one after another -------------------------------------------------------------------------

    def _ask(self, session: str, asking: Asking, told: Told, answer: Any) -> None:
        """Go on with an answer, if there is one; else ask once all that was asked before is answered."""
        waiting = self._waiting.get(session)
        if waiting is not None:
            waiting.append((asking, told))
        elif isawaitable(answer):
            self._waiting[session] = deque([((lambda: answer,), told)])
            self._spawn(self._answering, session)
        else:
            told(answer)

    async def _answering(self, session: str) -> None:
        waiting = self._waiting[session]
        try:
            while waiting:
                asking, told = waiting[0]
                told(await answered(tried(*asking)))
                waiting.popleft()
        finally:
            del self._waiting[session]
            for _, told in waiting:  # the hub is closed, and nobody will know
                told(None)


class Reading:
    """Events that the store has still to give."""

    def __init__(self) -> None:
        self.events: Sequence[bytes] | None = None
        self.done = anyio.Event()

    async def wait(self) -> Sequence[bytes] | None:
        """The events; None where they are lost."""
        await self.done.wait()
        return self.events


def tried(ask: Callable[..., Any], *args: Any) -> Any:
    """The store's answer, or what will give it; None where it raises, and the log says so."""
    try:
        return ask(*args)
    except Exception:
        LOG.exception(RAISED)
        return None


async def answered(answer: Any) -> Any:
    """The answer; None where it raises, and the log says so."""
    if not isawaitable(answer):
        return answer
    try:
        return await answer
    except Exception:
        LOG.exception(RAISED)
        return None
