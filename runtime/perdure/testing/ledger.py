"""What the connections of one proxy share: script, counts, log, and who waits for whom. No sockets."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import anyio

from perdure import sse
from perdure.testing.faults import CutStream, Fault, Kind, Script, StreamFault

What: TypeAlias = Literal[
    "answered",
    "request lost",
    "response lost",
    "repeated",
    "held",
    "let on",
    "cut",
    "half dead",
    "close delayed",
    "server told",
    "server unreachable",
    "not HTTP",
    "events no longer counted",
]

# Events are counted, never kept; the bound only says how much of one that never ends is held.
_EVENT_BYTES_MAX = 1 << 26


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that the proxy did other than to pass bytes on. `at_s` counts from the proxy's start."""

    at_s: float
    what: What
    where: str
    """The request or stream, such as "send 3", "stream request 2" or "stream 1"."""
    detail: str = ""
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"{self.at_s:8.3f} s  {self.where}: {self.what}{self.detail and ', ' + self.detail}"


@dataclass(frozen=True, eq=False)
class _Wait:
    over: anyio.Event
    kind: Kind | None
    number: int


class Ledger:
    """The shared state. `start` it inside the event loop."""

    def __init__(self, script: Iterable[Fault]) -> None:
        self.script = Script(script)
        self.log: list[Entry] = []
        self.requests: dict[Kind, int] = {"stream": 0, "send": 0}
        self.streams = 0
        self.events = 0
        self.open: dict[int, Stream] = {}
        self._waits: set[_Wait] = set()
        self._started_s = 0.0
        self._noted = anyio.Event()

    def start(self) -> None:
        """Begin to count the log's time."""
        self._started_s = anyio.current_time()

    def note(self, what: What, where: str, detail: str = "", fault: Fault | None = None) -> None:
        """Write to the log."""
        self.log.append(Entry(anyio.current_time() - self._started_s, what, where, detail, fault))
        self._noted.set()
        self._noted = anyio.Event()

    async def struck(self, fault: Fault) -> Entry:
        """Wait for the first entry of this very fault; an equal one doesn't count."""
        while True:
            for entry in self.log:
                if entry.fault is fault:
                    return entry
            await self._noted.wait()

    async def wait(self, kind: Kind | None, number: int, seconds: float) -> None:
        """Wait so long, or until a release, or until a later request of this kind has passed."""
        wait = _Wait(anyio.Event(), kind, number)
        self._waits.add(wait)
        try:
            with anyio.move_on_after(seconds):
                await wait.over.wait()
        finally:
            self._waits.remove(wait)

    def passed(self, kind: Kind, number: int) -> None:
        """Say that this request was answered: what waits to be overtaken by it goes on."""
        for wait in self._waits:
            if wait.kind == kind and wait.number < number:
                wait.over.set()

    def release(self) -> None:
        """End every wait."""
        for wait in self._waits:
            wait.over.set()


class Stream:
    """An event stream that is open: it counts what passes, and knows the fault that ends it."""

    def __init__(self, ledger: Ledger, request_number: int, interrupt: Callable[[], None]) -> None:
        ledger.streams += 1
        self.number = ledger.streams
        self.request_number = request_number
        self.where = f"stream {self.number}"
        self.events = 0
        self.fault: StreamFault | None = None
        self._ledger = ledger
        self._interrupt = interrupt
        self._parser: sse.Parser | None = sse.Parser(event_bytes_max=_EVENT_BYTES_MAX)

    def count(self, body: bytes) -> None:
        """Take a piece of the body that was passed on."""
        if self._parser is None:
            return
        try:
            items = self._parser.feed(body)
        except sse.EventTooLarge as error:
            items, self._parser = error.before, None
            self._ledger.note("events no longer counted", self.where, str(error))
        for item in items:
            if isinstance(item, sse.Event):
                self.events += 1
                self._ledger.events += 1
                if self.events == 1:
                    self._ledger.passed("stream", self.request_number)

    def is_struck(self) -> bool:
        """Whether a fault strikes now, between two events."""
        due = self._due()
        return due is not None and not _tears(due) and self._take(due)

    def is_torn_by(self, body: bytes) -> bool:
        """Whether a fault strikes within this piece of the body: one that tears an event, in its data."""
        due = self._due()
        return due is not None and _tears(due) and body.startswith(b"data") and self._take(due)

    def interrupt_if_struck(self) -> None:
        """Look for a fault from outside the stream's own task, which may be waiting for bytes."""
        if self.is_struck():
            self._interrupt()

    def _due(self) -> StreamFault | None:
        if self.fault is not None:
            return None
        return self._ledger.script.due_on(self.number, self.events, self._ledger.events)

    def _take(self, fault: StreamFault) -> Literal[True]:
        self._ledger.script.take(fault)
        self.fault = fault
        return True


def _tears(fault: StreamFault) -> bool:
    return isinstance(fault, CutStream) and fault.torn
