"""Logs in memory: fast, for one process, and gone with it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


class Log:
    """The events that are kept, by position; the position of the last, and up to where they were dropped."""

    __slots__ = ("epoch", "events", "gone", "head")

    def __init__(self, epoch: Hashable) -> None:
        self.epoch = epoch
        self.events: dict[int, bytes] = {}
        self.gone = self.head = 0


class MemoryStore:
    """A dict for each log: adding, dropping and reading cost the same however long it is.

    Hubs of one process may share it, though none of them hears of what another publishes.
    """

    def __init__(self) -> None:
        self._logs: dict[str, Log] = {}

    def append(self, session: str, epoch: Hashable, position: int, event: bytes, gone: int) -> bool:
        """Keep an event at the log's next position, and drop all up to `gone`."""
        log = self._logs.get(session)
        if position == 1 and (log is None or log.epoch != epoch):
            log = self._logs[session] = Log(epoch)
        if log is None or log.epoch != epoch or position != log.head + 1:
            return False
        log.events[position] = event
        log.head = position
        while log.gone < gone:
            log.gone += 1
            log.events.pop(log.gone, None)
        return True

    def drop(self, session: str, epoch: Hashable) -> bool:
        """Delete the log with all its events."""
        log = self._logs.get(session)
        if log is None or log.epoch != epoch:
            return False
        del self._logs[session]
        return True

    def read(self, session: str, epoch: Hashable, first: int, last: int) -> Sequence[bytes] | None:
        """The events of these positions."""
        log = self._logs.get(session)
        if log is None or log.epoch != epoch or first <= log.gone or last > log.head:
            return None
        events = log.events
        return [events[position] for position in range(first, last + 1)]
