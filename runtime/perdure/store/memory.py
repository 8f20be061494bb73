"""Logs in memory: fast, for one process, and gone with it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


class Log:
    """The events that are kept, by position, and up to where they were dropped."""

    __slots__ = ("events", "gone")

    def __init__(self) -> None:
        self.events: dict[int, bytes] = {}
        self.gone = 0


class MemoryStore:
    """A dict for each log: adding, dropping and reading cost the same however long it is."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, Hashable], Log] = {}

    def append(self, session: str, epoch: Hashable, position: int, event: bytes, gone: int) -> None:
        """Keep an event at the log's next position, and drop all up to `gone`."""
        log = self._logs.get((session, epoch))
        if log is None:
            log = self._logs[session, epoch] = Log()
        log.events[position] = event
        if gone != log.gone:
            for dropped in range(log.gone + 1, gone + 1):
                log.events.pop(dropped, None)
            log.gone = gone

    def drop(self, session: str, epoch: Hashable) -> None:
        """Delete the log with all its events, if there are any; it gets no more."""
        self._logs.pop((session, epoch), None)

    def read(self, session: str, epoch: Hashable, first: int, last: int) -> Sequence[bytes]:
        """The events of these positions, none of which was dropped."""
        events = self._logs[session, epoch].events
        return [events[position] for position in range(first, last + 1)]
