"""One request and its response, on a connection of their own that may fail at any point.

The client's side is an httpx2 response whose body streams; the server's side is `receive` and `send` of ASGI.
Between them bytes are cut anywhere, take their time, and stay in order.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2
import trio
from starlette.types import Message, Scope

from perdure.testing.faults import Answer
from perdure.testing.simulation.faults import Garble

if TYPE_CHECKING:
    from perdure.testing.simulation.network import Network

KINDS: Final = {
    "events": "stream",
    "send": "send",
    "state": "snapshot",
    "submit": "submit",
    "answer": "call",
    "token": "refresh",
}
"""What a request is, by the end of its address. What a client tells its hub beside sends is a word."""
EVENT_END: Final = b"\n\n"
WINDOW_BYTES = 1024
"""So much may be on its way or unread before a write waits: little, so that a short run has a server wait."""


@dataclass(frozen=True)
class Request:
    """A whole request. `kind` is what faults tell requests apart by: see `KINDS`."""

    method: str
    host: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    kind: str

    @classmethod
    def of(cls, request: httpx2.Request, body: bytes) -> Request:
        """A request as the HTTP client made it."""
        url = request.url
        path = url.path
        headers = tuple((name.lower(), value) for name, value in request.headers.raw)
        kind = KINDS.get(path.rpartition("/")[2], "word")
        return cls(request.method, url.host, path, url.query, headers, body, kind)

    @property
    def token(self) -> str:
        """The bearer token, or ""."""
        said = next((value for name, value in self.headers if name == b"authorization"), b"")
        return said.decode().removeprefix("Bearer ")


@dataclass(frozen=True)
class Head:
    """The beginning of a response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class End:
    """The end of a response: as it should be, or broken."""

    error: Exception | None = None


class Exchange:
    """A connection with its one request. `over` is told when both sides are done with it."""

    def __init__(
        self,
        network: Network,
        request: Request,
        over: Callable[[Exchange], None],
        close_delay: Callable[[], float],
    ) -> None:
        self._network, self.request, self._over, self._close_delay = network, request, over, close_delay
        self.answer_with: Answer | None = None
        self.lose_request = self.lose_response = False
        self.garble: Garble | None = None
        self.slow_s = 0.0
        self._asked = False
        self._dead = False
        self._served = self._complete = self._down = False
        self._client_closed = self._telling = False
        self._server_told = trio.Event()
        self._coming: deque[tuple[float, Head | bytes | End]] = deque()
        self._arrived: deque[Head | bytes | End] = deque()
        self._unread = 0
        self._here, self._room = trio.Event(), trio.Event()
        self._latest_s = 0.0

    @property
    def scope(self) -> Scope:
        """The request as ASGI has it."""
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self.request.method,
            "scheme": "http",
            "path": self.request.path,
            "raw_path": self.request.path.encode(),
            "root_path": "",
            "query_string": self.request.query,
            "headers": list(self.request.headers),
            "client": ("simulated", 1),
            "server": (self.request.host, 80),
        }

    # -- the way up ------------------------------------------------------------------------------------

    def begin(self, held_s: float) -> None:
        """Bring the request to the hub, then the response to the client, until both are done."""
        self._network.after(held_s + self._network.delay_s(), self._reach)

    def _reach(self) -> None:
        if self.lose_request:
            self._finish(httpx2.ReadError("the connection was lost"))
        elif self.answer_with is not None:
            self._answer(self.answer_with)
        else:
            self._network.deliver(self)

    def _answer(self, fault: Answer) -> None:
        headers = [(b"content-type", fault.content_type.encode())]
        if fault.retry_after_s is not None:
            headers.append((b"retry-after", str(fault.retry_after_s).encode()))
        problem = json.dumps({"title": "a simulated fault", "status": fault.status}).encode()
        self._put(Head(fault.status, tuple(headers)))
        self._put(problem if fault.body is None else fault.body)
        self._put(End())
        self._served = True

    def refuse(self) -> None:
        """Nobody answers the connection."""
        self._finish(httpx2.ConnectError(f"{self.request.host} is not to be reached"))

    def _finish(self, error: Exception) -> None:
        self._served = True
        self._put(End(error))

    # -- the way down ----------------------------------------------------------------------------------

    def _put(self, what: Head | bytes | End) -> None:
        """It is on its way, and arrives after all that was before."""
        if isinstance(what, Head) and what.status == 401:
            self._network.refused.add(self.request.token)
        slow_s, self.slow_s = self.slow_s, 0.0
        self._latest_s = max(self._latest_s, trio.current_time() + self._network.delay_s() + slow_s)
        self._coming.append((self._latest_s, what))
        self._unread += len(what) if isinstance(what, bytes) else 0
        if len(self._coming) == 1:
            self._await(self._coming[0])

    def _await(self, first: tuple[float, Head | bytes | End]) -> None:
        """What comes first arrives in its time, with all else of that moment; unless it is lost by then."""

        def bring() -> None:
            if self._coming and self._coming[0] is first:
                while self._coming and self._coming[0][0] <= first[0]:
                    self._arrive(self._coming.popleft()[1])
                if self._coming:
                    self._await(self._coming[0])

        self._network.after(max(0.0, first[0] - trio.current_time()), bring)

    def _arrive(self, what: Head | bytes | End) -> None:
        self._arrived.append(what)
        self._here.set()
        self._down = self._down or isinstance(what, End)
        self._look()

    def _look(self) -> None:
        """It is over once all has arrived, or nobody waits for it, and the hub is done."""
        if self._served and (self._down or self._client_closed):
            self._over(self)

    # -- faults ----------------------------------------------------------------------------------------

    def cut(self, server_learns_s: float) -> None:
        """Break the connection: the client learns of it at once."""
        self._coming.clear()
        self._arrive(End(httpx2.ReadError("the connection was cut")))
        self._tell_server(server_learns_s)

    def die(self, seconds: float) -> None:
        """Pass nothing any more; after so long both sides are told."""
        self._dead = True
        self._coming.clear()
        self._network.after(seconds, self.wake_dead)

    def wake_dead(self) -> None:
        """A dead line is dead no longer: it breaks."""
        if self._dead:
            self._dead = False
            self.cut(0.0)

    def _tell_server(self, after_s: float) -> None:
        if not self._telling:
            self._telling = True
            self._network.after(after_s, self._server_learns)

    def _server_learns(self) -> None:
        self._server_told.set()
        self._room.set()

    # -- the client's side -----------------------------------------------------------------------------

    async def response(self) -> httpx2.Response:
        """The response, once its head has arrived. Raises what httpx2 would."""
        head = await self._next()
        if isinstance(head, Head):
            return httpx2.Response(head.status, headers=list(head.headers), stream=Body(self))
        error = head.error if isinstance(head, End) else None
        raise error or httpx2.RemoteProtocolError("the connection was closed before the response")

    async def _next(self) -> Head | bytes | End:
        if not self._arrived:
            self._here = trio.Event()
            await self._here.wait()
        return self._arrived.popleft()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body's pieces. Raises what httpx2 would."""
        while True:
            piece = await self._next()
            if isinstance(piece, bytes):
                self._unread -= len(piece)
                if self._unread <= WINDOW_BYTES:
                    self._room.set()
                yield piece
            elif isinstance(piece, End):
                if piece.error is not None:
                    raise piece.error
                return

    def closed_by_client(self) -> None:
        """The client is done with it; the hub learns of it later."""
        if self._client_closed:
            return
        self._client_closed = True
        if not self._dead:
            self._tell_server(0.0 if self._served else self._close_delay())
        self._look()

    # -- the server's side -----------------------------------------------------------------------------

    async def receive(self) -> Message:
        """ASGI's receive: the body, then, once it is so, that the client is gone."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        await self._server_told.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """ASGI's send: waits while too much is unread."""
        await trio.lowlevel.checkpoint()
        while self._unread > WINDOW_BYTES and not self._server_told.is_set():
            self._room = trio.Event()
            await self._room.wait()
        if self._server_told.is_set():
            return
        if self.lose_response:
            self.cut(0.0)
            return
        if message["type"] == "http.response.start":
            self._pass(Head(message["status"], tuple(message.get("headers", ()))))
            return
        body = message.get("body", b"")
        if self.garble is not None:
            body, self.garble = garbled(body, self.garble)
        for piece in self._network.chop(body):
            self._pass(piece)
        if not message.get("more_body", False):
            self._complete = True
            self._pass(End())

    def _pass(self, what: Head | bytes | End) -> None:
        if self._dead or self._client_closed:
            self._unread += len(what) if isinstance(what, bytes) else 0
        else:
            self._put(what)

    def served(self) -> None:
        """The hub's app has returned, or has been killed."""
        self._served = True
        if not self._complete:
            self._pass(End(httpx2.RemoteProtocolError("the hub closed the connection before the end")))
        self._look()


def garbled(body: bytes, fault: Garble) -> tuple[bytes, Garble | None]:
    """The bytes with the first event in them repeated or skipped; the fault itself, if there is none."""
    messages = [one + EVENT_END for one in body.split(EVENT_END)[:-1]]
    events = (at for at, one in enumerate(messages) if b"data:" in one and b"event:" not in one)
    place = next(events, None)
    if place is None or not body.endswith(EVENT_END):
        return body, fault
    messages[place : place + 1] = [messages[place]] * (2 if fault.how == "repeat" else 0)
    return b"".join(messages), None


class Body(httpx2.AsyncByteStream):
    """The body of a response that is still on its way."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces as they arrive."""
        return self._exchange.pieces()

    async def aclose(self) -> None:
        """The client is done with it."""
        self._exchange.closed_by_client()
