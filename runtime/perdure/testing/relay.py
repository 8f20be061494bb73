"""One connection of the client and the one to the server that belongs to it: requests there, responses back.

A connection takes turns: a whole request, then its response. Faults strike between them or in a stream.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias, assert_never

import anyio
import h11

from perdure.testing import messages
from perdure.testing.faults import (
    Answer,
    CutStream,
    Fault,
    HalfDead,
    HoldRequest,
    Kind,
    LoseRequest,
    LoseResponse,
    RepeatRequest,
)
from perdure.testing.ledger import Ledger, Stream
from perdure.testing.peer import Peer

Connect: TypeAlias = Callable[[], Awaitable[Peer]]
KindOf: TypeAlias = Callable[[h11.Request], Kind | None]
Ending: TypeAlias = Literal["whole", "server closed", "client closed", "struck"]


@dataclass
class Turn:
    """A request and its response. `number` counts the requests of this kind."""

    request: messages.Request
    response: messages.ResponseParser
    kind: Kind | None
    number: int
    stream: Stream | None = None

    @property
    def where(self) -> str:
        """How the log names it."""
        return f"{'stream request' if self.kind == 'stream' else self.kind or 'request'} {self.number}"


class Connection:
    """Serves one client until one side closes, or a fault closes both."""

    def __init__(self, ledger: Ledger, client: Peer, connect: Connect, kind_of: KindOf) -> None:
        self._ledger = ledger
        self._client = client
        self._connect = connect
        self._kind_of = kind_of
        self._server: Peer | None = None
        self._left_over = b""

    async def run(self) -> None:
        """Take turns."""
        try:
            while (request := await self._next_request()) and await self._take(self._turn(request)):
                pass
        except* messages.NotHttp as errors:
            self._ledger.note("not HTTP", "connection", str(errors.exceptions[0]))
        finally:
            await self._client.close()
            await self._leave_server()

    # -- requests ---------------------------------------------------------------------------------------

    async def _next_request(self) -> messages.Request | None:
        """The next request; None if the client, or an idle connection's server, closes first."""
        if self._server is None:
            return await self._read_request()
        return await self._server.during(self._read_request)

    async def _read_request(self) -> messages.Request | None:
        parser = messages.RequestParser()
        data = self._left_over or await self._client.receive()
        while data:
            request = parser.feed(data)
            if request is not None:
                self._left_over = parser.left_over
                return request
            if parser.waits_for_continue:
                await self._client.send(parser.say_continue())
            data = await self._client.receive()
        return None

    def _turn(self, request: messages.Request) -> Turn:
        kind = self._kind_of(request.head)
        number = 0
        if kind is not None:
            self._ledger.requests[kind] += 1
            number = self._ledger.requests[kind]
        return Turn(request, messages.ResponseParser(request.head), kind, number)

    async def _take(self, turn: Turn) -> bool:
        """Do what this turn's fault says. Return whether the connection may take another."""
        fault = turn.kind and self._ledger.script.for_request(turn.kind, turn.number)
        match fault:
            case None:
                return await self._pass_on(turn)
            case Answer():
                self._ledger.note("answered", turn.where, f"status {fault.status}", fault)
                await self._client.send(_answer(fault))
                return not self._client.closed
            case LoseRequest():
                self._ledger.note("request lost", turn.where, fault=fault)
                return False
            case LoseResponse():
                status = await self._swallow(turn)
                self._ledger.note("response lost", turn.where, status, fault)
                return False
            case RepeatRequest():
                status = await self._swallow(turn)
                self._ledger.note("repeated", turn.where, status, fault)
                await self._leave_server()
                turn.response = messages.ResponseParser(turn.request.head)
                return await self._pass_on(turn)
            case HoldRequest():
                return await self._hold(turn, fault)
        assert_never(fault)

    async def _hold(self, turn: Turn, fault: HoldRequest) -> bool:
        self._ledger.note("held", turn.where, fault=fault)
        await self._leave_server()  # it may close an idle connection while we wait: take a new one afterwards
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._client.wait)  # to know whether it is still there
            await self._ledger.wait(turn.kind if fault.until_overtaken else None, turn.number, fault.for_s)
            tasks.cancel_scope.cancel()
        if not self._client.closed:
            self._ledger.note("let on", turn.where, fault=fault)
            return await self._pass_on(turn)
        status = await self._swallow(turn)
        self._ledger.note("let on", turn.where, f"after the client had gone, {status}", fault)
        return False

    # -- responses --------------------------------------------------------------------------------------

    async def _send_on(self, turn: Turn) -> Peer | None:
        if self._server is None:
            try:
                self._server = await self._connect()
            except OSError as error:
                self._ledger.note("server unreachable", turn.where, str(error))
                return None
        await self._server.send(turn.request.raw)
        return self._server

    async def _swallow(self, turn: Turn) -> str:
        """Let the server answer, and keep the answer: of a stream, its head. Return what it said."""
        server = await self._send_on(turn)
        response = turn.response
        while server and not response.whole and not response.opens_stream:
            data = await server.receive()
            if not data:
                break
            response.feed(data)
        return f"status {response.head.status_code}" if response.head else "without a response"

    async def _pass_on(self, turn: Turn) -> bool:
        server = await self._send_on(turn)
        if server is None:
            return False
        try:
            ending = await self._client.during(partial(self._relay, turn, server)) or "client closed"
        finally:
            if turn.stream is not None:
                del self._ledger.open[turn.stream.number]
        if turn.stream is not None:
            await self._end(turn.stream, server, ending)
        if ending == "whole" and turn.kind == "send":
            self._ledger.passed("send", turn.number)
        return ending == "whole" and turn.response.keeps_alive

    async def _relay(self, turn: Turn, server: Peer) -> Ending:
        with anyio.CancelScope() as scope:
            while not turn.response.whole:
                data = await server.receive()
                if not data or self._client.closed:
                    return "client closed" if data else "server closed"
                for piece in self._pieces(turn, data):
                    if await self._relay_piece(turn, piece, scope):
                        return "struck"
            return "whole"
        return "struck"

    def _pieces(self, turn: Turn, data: bytes) -> list[bytes]:
        """The data, cut so that no event ends inside a piece: a fault may follow each piece."""
        counts = turn.kind == "stream" and self._ledger.script.awaits_events()
        return data.splitlines(keepends=True) if counts else [data]

    async def _relay_piece(self, turn: Turn, piece: bytes, scope: anyio.CancelScope) -> bool:
        """Pass a piece on. Return whether a fault strikes after it."""
        body = turn.response.feed(piece)
        if turn.stream is None and turn.kind == "stream" and turn.response.opens_stream:
            turn.stream = Stream(self._ledger, turn.number, scope.cancel)
            self._ledger.open[turn.stream.number] = turn.stream
        stream = turn.stream
        if stream is not None and stream.is_torn_by(body):
            await self._client.send(piece[: len(piece) // 2])
            return True
        await self._client.send(piece)
        if stream is None:
            return False
        stream.count(body)
        return stream.is_struck()

    # -- the ends of streams ----------------------------------------------------------------------------

    async def _end(self, stream: Stream, server: Peer, ending: Ending) -> None:
        if ending != "struck":
            if stream.fault is not None:  # the stream ended by itself just before it could strike
                self._ledger.script.add(stream.fault)
            delay = self._ledger.script.for_close(stream.number) if ending == "client closed" else None
            if delay is not None:
                self._ledger.note("close delayed", stream.where, fault=delay)
                await self._tell_late(stream, server, delay.for_s, delay)
            return
        after = f"after {stream.events} events"
        match stream.fault:
            case CutStream() as fault:
                torn = " and a part of the next" if fault.torn else ""
                self._ledger.note("cut", stream.where, after + torn, fault)
                if fault.server_learns_after_s:
                    await self._tell_late(stream, server, fault.server_learns_after_s, fault)
            case HalfDead() as fault:
                self._ledger.note("half dead", stream.where, after, fault)
                await self._stay_half_dead(stream, fault)
            case None:
                raise AssertionError("a stream is struck by a fault only")

    async def _tell_late(self, stream: Stream, server: Peer, seconds: float, fault: Fault) -> None:
        """Close the client's side now; the server's when the next stream is up, or the time is over."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.wait_closed)  # so that its writes go on: it believes in its client
            tasks.start_soon(self._client.close)
            await self._ledger.wait("stream", stream.request_number, seconds)
            tasks.cancel_scope.cancel()
        self._ledger.note(
            "server told", stream.where, "too late: it had closed" if server.closed else "", fault
        )

    async def _stay_half_dead(self, stream: Stream, fault: HalfDead) -> None:
        """Keep the server's socket as it is, unread, until the time is over."""

        async def see_the_client_off() -> None:
            await self._client.wait_closed()
            await self._client.close()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(see_the_client_off)
            await self._ledger.wait(None, stream.request_number, fault.for_s)
            tasks.cancel_scope.cancel()
        self._ledger.note("server told", stream.where, fault=fault)

    async def _leave_server(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None


def _answer(fault: Answer) -> bytes:
    return messages.answer(
        fault.status, content_type=fault.content_type, body=fault.body, retry_after_s=fault.retry_after_s
    )
