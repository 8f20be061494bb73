"""What followers follow: flows of states, served as snapshots and streams of events, by nobody's library."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import anyio
from starlette.types import Receive, Scope, Send

from perdure import sse

FLOW: Final = "flow"
HEARTBEAT_S: Final = 5.0
EVENT_STREAM: Final = [(b"content-type", b"text/event-stream")]
JSON: Final = [(b"content-type", b"application/json")]
ERRORS: Final = {
    "passing": sse.encode('{"message": "a passing failure", "status": 503, "fatal": false}', event="error"),
    "fatal": sse.encode('{"message": "a fatal failure", "status": 500}', event="error"),
    "garbled": sse.encode("no state"),
}
State = dict[str, Any]


class Flow:
    """One flow: its state changes, and all who follow it are told.

    `n` counts the states. Each brings its number; every other a `note`, which the next one is without; a
    snapshot alone says the `origin`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.n = 1
        self.outcome: str | None = None
        self.taken: set[int] = set()
        """The submissions that were taken."""
        self.flaps = 0
        self._log: list[State] = [self._event()]
        self._streams: set[Stream] = set()

    def _event(self) -> State:
        note = {"note": self.n} if self.n % 2 else {}
        return {"version": self.n, "n": self.n, "outcome": self.outcome, **note}

    @property
    def snapshot(self) -> State:
        """The whole state."""
        return {**self._log[-1], "origin": self.name}

    def change(self, outcome: str | None = None) -> None:
        """The next state; the last one has an outcome."""
        if self.outcome is None:
            self.n, self.outcome = self.n + 1, outcome
            self._log.append(self._event())
            self.tell(encoded(self._log[-1]))

    def tell(self, event: bytes) -> None:
        """Write this on all streams."""
        for stream in self._streams:
            stream.write(event)

    def submit(self, number: int, effect: str) -> State | None:
        """Take a submission; the state that came of it, where the answer brings it."""
        self.taken.add(number)
        if effect != "nothing":
            self.change()
        return self.snapshot if effect == "brings" else None

    def after(self, cursor: str) -> list[bytes]:
        """The events behind this place; all of them are kept."""
        return [encoded(state) for state in self._log if state["n"] > int(cursor)]

    def open(self, stream: Stream) -> None:
        """One more follows."""
        self._streams.add(stream)

    def close(self, stream: Stream) -> None:
        """One follows no longer."""
        self._streams.discard(stream)


class Stream:
    """One stream as it goes out: what waits goes out in one write."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._changed = anyio.Event()

    def write(self, event: bytes) -> None:
        """Add to the next write."""
        self._waiting.append(event)
        self._changed.set()

    async def pour(self, send: Send) -> None:
        """Write what there is, and a sign of life where there is nothing, until cancelled."""
        while True:
            with anyio.move_on_after(HEARTBEAT_S):
                await self._changed.wait()
            body, self._changed = b"".join(self._waiting) or sse.comment(""), anyio.Event()
            self._waiting.clear()
            await send({"type": "http.response.body", "body": body, "more_body": True})


def encoded(state: State) -> bytes:
    """The event of a state."""
    return sse.encode(json.dumps(state), id=str(state["n"]))


class Flows:
    """The server of all flows: `/NAME/events`, `/NAME/state` and `/NAME/submit`. `good` judges tokens."""

    def __init__(self, good: Callable[[str], bool]) -> None:
        self._good = good
        self._flows: dict[str, Flow] = {}

    def begin(self, name: str) -> Flow:
        """A flow of its own for this name, in place of any before."""
        flow = self._flows[name] = Flow(name)
        return flow

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app."""
        assert scope["type"] == "http"
        _, name, what = scope["path"].split("/")
        flow, headers = self._flows[name], dict(scope["headers"])
        body = (await receive())["body"]
        if not self._good(headers.get(b"authorization", b"").decode().removeprefix("Bearer ")):
            await answer(send, 401, b"")
        elif what == "events":
            await self._stream(flow, headers.get(b"last-event-id"), receive, send)
        elif what == "state":
            await answer(send, 200, json.dumps(flow.snapshot).encode())
        else:
            said = json.loads(body)
            brought = flow.submit(said["number"], said["effect"])
            await answer(send, 200, json.dumps(brought).encode())

    async def _stream(self, flow: Flow, cursor: bytes | None, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        if flow.flaps:
            flow.flaps -= 1
            await send({"type": "http.response.body", "body": sse.comment("")})
            return
        stream = Stream()
        for event in flow.after(cursor.decode()) if cursor is not None else []:
            stream.write(event)
        flow.open(stream)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stream.pour, send)
                await receive()
                tasks.cancel_scope.cancel()
        finally:
            flow.close(stream)


async def answer(send: Send, status: int, body: bytes) -> None:
    """A whole response."""
    await send({"type": "http.response.start", "status": status, "headers": JSON})
    await send({"type": "http.response.body", "body": body})
