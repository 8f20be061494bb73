"""What a hub needs of a store."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol


class Store(Protocol):
    """The events of the logs, by epoch and position (the first is 1), each as the bytes to write."""

    def append(self, session: str, epoch: Hashable, position: int, event: bytes, gone: int) -> None:
        """Keep an event at the log's next position, and drop all up to `gone`."""

    def drop(self, session: str, epoch: Hashable) -> None:
        """Delete the log with all its events, if there are any; it gets no more."""

    def read(self, session: str, epoch: Hashable, first: int, last: int) -> Sequence[bytes]:
        """The events of these positions, none of which was dropped."""
