"""What the server's side tells the pages: its decisions, the faults that struck, the accounts. No sockets.

Each notice is an event of a small stream of its own, apart from the sessions: no button breaks that one.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Final
from uuid import uuid4

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from perdure import sse
from perdure.trace import Record

KEPT: Final = 500
"""Notices that a page gets which comes later."""
BEHIND_MAX: Final = 2000
"""Notices that a page may be behind before its stream is ended; it comes back by itself."""
QUIET: Final = frozenset({"Published", "EventsDue"})
"""Inputs that are not told: which events arrived is what the clients tell."""


class Board:
    """Keeps the latest notices, and hands each to every page that watches."""

    def __init__(self) -> None:
        self._run = uuid4().hex[:8]
        self._count = 0
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._watching: set[MemoryObjectSendStream[bytes]] = set()
        self._closed = False

    def tell(self, kind: str, *, t: float | None = None, **what: Any) -> None:
        """Tell all pages. `t` is in seconds since the epoch, now by default."""
        self._count += 1
        said = {"kind": kind, "t": time.time() if t is None else t, **what}
        text = sse.encode(json.dumps(said, separators=(",", ":")))
        event = f"id: {self._run}.{self._count}\n".encode() + text
        self._kept.append((self._count, event))
        for page in list(self._watching):
            try:
                page.send_nowait(event)
            except (anyio.WouldBlock, anyio.BrokenResourceError):
                self._watching.discard(page)
                page.close()

    def trace(self, record: Record) -> None:
        """Tell of a decision: a sink for the hub, for calls and for the credential."""
        if record["input"]["type"] not in QUIET:
            self.tell("trace", t=record["t"], record=record)

    async def watch(self, last_id: str = "") -> AsyncGenerator[bytes, None]:
        """The events of a page's stream: what is kept and the page has not had, then all that comes."""
        send, receive = anyio.create_memory_object_stream[bytes](BEHIND_MAX)
        run, _, count = last_id.partition(".")
        had = int(count) if run == self._run and count.isdecimal() else 0
        kept = [event for number, event in self._kept if number > had]
        if self._closed:
            send.close()
        else:
            self._watching.add(send)
        with send, receive:
            try:
                yield sse.retry(1.0) + b"".join(kept)
                async for event in receive:
                    yield event
            finally:
                self._watching.discard(send)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for page in self._watching:
            page.close()
        self._watching.clear()
