"""One stream as it goes out: a raw ASGI response whose writer waits to be woken.

Between two writes a stream holds nothing but the sessions to look at: the log is the buffer. So a client
that does not read costs what one write holds, however much is published.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias
from urllib.parse import quote

import anyio
from perdure_model.core.common import START, Attempt, Cursor
from starlette.types import Receive, Send

from perdure import sse
from perdure.tasks import ending_tasks
from perdure.wire import cursor_text

LINGER_S = 1.0
REST_S = 0.001
"""How long a stream rests after a write: what is published meanwhile goes out in one write. The first event
after a rest goes out at once; and where more is there than one write holds, nothing is waited for."""
POSITION_BYTES = 20
"""No position has more digits."""
HEARTBEAT = sse.comment("")
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
Later: TypeAlias = Awaitable[Sequence[bytes] | None]


@dataclass(slots=True)
class Numbered:
    """Events of a log, each given its id when it is written: until then they are the log's own bytes."""

    before: bytes
    after: bytes
    """What stands before and after the position in an id."""
    first: int
    events: Sequence[bytes]

    def __iter__(self) -> Iterator[bytes]:
        """One after the other, made when it is asked for."""
        for position, event in enumerate(self.events, self.first):
            yield b"%b%d%b%b" % (self.before, position, self.after, event)

    @property
    def bytes_most(self) -> int:
        """What they take with their ids, at the most."""
        each = len(self.before) + POSITION_BYTES + len(self.after)
        return sum(map(len, self.events)) + len(self.events) * each

    def whole(self) -> bytes:
        """All of them, told twice as fast."""
        before, after = self.before, self.after
        numbered = enumerate(self.events, self.first)
        return b"".join([b"%b%d%b%b" % (before, position, after, event) for position, event in numbered])


Ready: TypeAlias = bytes | Numbered
Chunk: TypeAlias = Ready | Callable[[], Awaitable[Ready | None]]
"""What to write, or what will give it; None where nothing more can follow on this stream."""


class Outgoing:
    """The stream of one generation of a connection."""

    def __init__(
        self,
        cid: str,
        generation: Attempt,
        cursors: Mapping[str, Cursor],
        *,
        heartbeat_s: float,
        stall_s: float,
        write_bytes: int,
    ) -> None:
        self.cid, self.generation = cid, generation
        self._write_bytes = write_bytes
        self._cursors, self._heartbeat_s, self._stall_s = dict(cursors), heartbeat_s, stall_s
        self._leading: str | None = None
        self._lead = self._others = ""
        self._woken: dict[str, None] = {}
        self._chunks: list[Chunk] = []
        self._over = self._broken = False
        self._rested_at, self._more = 0.0, False
        self._awake = anyio.Event()
        self._awake.set()  # for the welcome
        self._scope = anyio.CancelScope()

    # -- told by the hub, at once ------------------------------------------------------------------

    def wake(self, session: str) -> None:
        """There may be something to send of this session."""
        self._woken[session] = None
        self._awake.set()

    def write(self, chunk: Chunk) -> None:
        """Add to the next write; nothing is added to a stream that was broken off."""
        if not self._broken:
            self._chunks.append(chunk)

    def add(self, session: str, cursor: Cursor) -> None:
        """One more session, from this place on: the ids of events name it, too."""
        self._cursors[session] = cursor
        self._leading = None

    @property
    def sessions(self) -> Collection[str]:
        """The sessions that it brings."""
        return self._cursors.keys()

    def drop(self, session: str) -> None:
        """A session less."""
        self._cursors.pop(session, None)
        self._leading = None

    def id_line(self, session: str, cursor: Cursor) -> bytes:
        """The line that makes the next event this place; the event's own session stands first."""
        before, after = self._id_around(session, cursor)
        return b"%b%d%b" % (before, cursor.position, after)

    def write_events(
        self, session: str, cursor: Cursor, first: int, events: Sequence[bytes] | Callable[[], Later]
    ) -> None:
        """Add the events from `first` up to this place to the next write, each with its id."""
        before, after = self._id_around(session, cursor)
        if callable(events):
            self.write(partial(_numbered_later, before, after, first, events))
        else:
            self.write(Numbered(before, after, first, events))

    def _id_around(self, session: str, cursor: Cursor) -> tuple[bytes, bytes]:
        """What stands before and after the position in ids; this place is reached with the last of them."""
        if session != self._leading:
            self._lead_with(session)
        self._cursors[session] = cursor
        return f"id: {self._lead}:{cursor.epoch}:".encode(), f"{self._others}\n".encode()

    def _lead_with(self, session: str) -> None:
        """From now on the events are this session's: what of their ids stays the same is made once."""
        self._cursors.pop(session, None)
        others = cursor_text(self._cursors.items())
        self._leading, self._lead = session, quote(session, safe="")
        self._others = f",{others}" if others else ""
        self._cursors = {session: START, **self._cursors}

    def cut(self) -> None:
        """End the stream after what is written already; a client that does not read is not waited for."""
        self._over = True
        self._scope.deadline = anyio.current_time() + LINGER_S
        self._awake.set()

    def break_off(self) -> None:
        """End the stream here: what comes next cannot be had, and without it nothing may follow."""
        self._broken = True
        self.cut()

    # -- the response ------------------------------------------------------------------------------

    async def run(
        self, receive: Receive, send: Send, due: Callable[[str], None], stalled: Callable[[], None]
    ) -> None:
        """Write until the stream is cut or the client is gone.

        `due` is asked for each session woken; `stalled` is told when a write has not gone out in time.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._until_gone, receive)
            with self._scope, suppress(OSError):  # which some servers raise once the client is gone
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                while not self._over:
                    await self._next(due)
                    await self._write(send, stalled)
                await self._write(send, stalled)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            group.cancel_scope.cancel()

    async def _next(self, due: Callable[[str], None]) -> None:
        """Wait until there is something to write, or an interval has passed."""
        if not self._awake.is_set():
            with anyio.move_on_after(self._heartbeat_s) as quiet:
                await self._awake.wait()
            if quiet.cancelled_caught:
                self._chunks.append(HEARTBEAT)
        resting_s = 0.0 if self._more else self._rested_at - anyio.current_time()
        if self._more or resting_s > 0:
            await anyio.sleep(resting_s)
        self._awake = anyio.Event()
        woken, self._woken = self._woken, {}
        for session in woken:
            if not self._broken:
                due(session)
        self._more = self._awake.is_set()

    async def _write(self, send: Send, stalled: Callable[[], None]) -> None:
        """All that was added, up to what can not be had; what is ready does not wait for what comes late."""
        chunks, self._chunks = self._chunks, []
        ready: list[Ready] = []
        for chunk in chunks:
            if not callable(chunk):
                ready.append(chunk)
                continue
            await self._send(ready, send, stalled)
            late = await self._late(chunk, send, stalled)
            if late is None:
                self._over = self._broken = True
                self._chunks.clear()
                return
            ready = [late]
        await self._send(ready, send, stalled)

    async def _late(
        self, chunk: Callable[[], Awaitable[Ready | None]], send: Send, stalled: Callable[[], None]
    ) -> Ready | None:
        """What comes late. While it is waited for, the stream gives its signs of life."""
        came: list[Ready | None] = []
        done = anyio.Event()

        async def wait() -> None:
            came.append(await chunk())
            done.set()

        async with ending_tasks() as tasks:
            tasks.start_soon(wait)
            while not came:
                with anyio.move_on_after(self._heartbeat_s):
                    await done.wait()
                if not came:
                    await self._send([HEARTBEAT], send, stalled)
        return came[0]

    async def _send(self, ready: Sequence[Ready], send: Send, stalled: Callable[[], None]) -> None:
        """All of this, in as few writes as their bound allows."""
        for piece in pieces(ready, self._write_bytes):
            with anyio.move_on_after(self._stall_s) as waiting:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if waiting.cancelled_caught:
                stalled()
                self._scope.cancel()  # what stands half-written cannot be ended well
                return
            self._rested_at = anyio.current_time() + REST_S

    async def _until_gone(self, receive: Receive) -> None:
        """Wait for the client to close its end."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._scope.cancel()


async def _numbered_later(
    before: bytes, after: bytes, first: int, events: Callable[[], Later]
) -> Numbered | None:
    found = await events()
    return None if found is None else Numbered(before, after, first, found)


def pieces(chunks: Sequence[Ready], bytes_max: int) -> Iterator[bytes]:
    """The chunks joined to pieces of at most so many bytes; a larger event is a piece of its own.

    No more than a piece is made at a time: a client that does not read costs what one write holds.
    """
    if not chunks:
        return
    if sum([len(one) if isinstance(one, bytes) else one.bytes_most for one in chunks]) <= bytes_max:
        yield b"".join([one if isinstance(one, bytes) else one.whole() for one in chunks])
        return
    piece: list[bytes] = []
    size = 0
    for one in chain.from_iterable([one] if isinstance(one, bytes) else one for one in chunks):
        if piece and size + len(one) > bytes_max:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(one)
        size += len(one)
    if piece:
        yield b"".join(piece)
