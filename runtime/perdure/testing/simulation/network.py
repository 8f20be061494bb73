"""The simulated network: httpx2 on one side, ASGI on the other, and every way to fail in between.

Each request has a connection of its own (`exchange`), so that two requests overtake each other as their
delays have it, while the bytes of one stay in order. Nothing here knows what is said over it.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from functools import cached_property
from random import Random
from typing import Any, Final, TypeAlias

import httpx2
import trio
from perdure_model.core.rule import Book
from starlette.types import ASGIApp

from perdure.testing.faults import Answer, HoldRequest, LoseRequest, LoseResponse
from perdure.testing.simulation.exchange import Exchange, Request
from perdure.testing.simulation.faults import Double, Echo, Garble, Slow
from perdure.testing.simulation.stepper import Stepper, Tasks

Books: TypeAlias = Mapping[str, Book]
"""The rules, by the side that goes by them."""
Note: TypeAlias = Callable[[str, str], None]
"""Takes who it happened to, and what."""
RequestFault: TypeAlias = Answer | LoseRequest | LoseResponse | HoldRequest | Double | Echo | Slow
HUB: Final = "hub"
TICKS: Final = 1024
"""Of a second. Delays are whole ticks, which are exact as floats: so that two things that are independent of
each other now and then fall into the very same moment, and any task of both may go on first."""
DELAY_TICKS: Final = 32
SLOW_TICKS: Final = 820


def ticks_s(seconds: float) -> float:
    """The seconds as a whole number of ticks."""
    return round(seconds * TICKS) / TICKS


class Server:
    """Who answers at a host, while it is up. `served` is where its calls live."""

    def __init__(self, app: ASGIApp, served: Tasks) -> None:
        self.app, self.served = app, served


class Network:
    """Between clients and servers, one of each host at a time. `tasks` is where what they do may live."""

    def __init__(self, stepper: Stepper, chance: Random, note: Note) -> None:
        self.tasks: Tasks = stepper.nursery
        self.after = stepper.after
        self.chance, self._note = chance, note
        self.links: dict[str, Link] = {}
        self.struck: Counter[str] = Counter()
        self.failed: list[BaseException] = []
        """What a server's app has raised. It should raise nothing."""
        self.refused: set[str] = set()
        """The tokens of requests that were answered with 401, by whoever answered."""
        self.calm = False
        """No more faults; ordinary delays remain."""
        self._servers: dict[str, Server] = {}
        self._down_until: dict[str, float] = {}

    # -- the servers' side -----------------------------------------------------------------------------

    def attach(self, app: ASGIApp, served: Tasks, host: str = HUB) -> None:
        """From now on this app answers there, its calls being tasks of this group."""
        self._servers[host] = Server(app, served)

    def detach(self, host: str = HUB) -> None:
        """The server is gone: what is open breaks, and nobody answers."""
        self._servers.pop(host, None)
        self._break(host)

    def _break(self, host: str) -> None:
        for exchange in self.exchanges:
            if exchange.request.host == host:
                exchange.cut(0.0)

    @property
    def exchanges(self) -> list[Exchange]:
        """All connections that are open."""
        return [exchange for link in self.links.values() for exchange in link.exchanges]

    def deliver(self, exchange: Exchange) -> None:
        """A request has arrived: it is served, or nobody is there."""
        host = exchange.request.host
        server = self._servers.get(host)
        if server is None or trio.current_time() < self._down_until.get(host, 0.0):
            exchange.refuse()
        else:
            server.served.start_soon(self._serve, exchange, server.app)

    async def _serve(self, exchange: Exchange, app: ASGIApp) -> None:
        try:
            await app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:
            self.failed.append(error)
        finally:
            exchange.served()

    # -- faults ----------------------------------------------------------------------------------------

    def link(self, who: str) -> Link:
        """The way between a client and all servers."""
        known = self.links.get(who)
        if known is None:
            known = self.links[who] = Link(self, who)
        return known

    def strike(self, who: str, what: str) -> None:
        """A fault has come: for the record."""
        self.struck[what] += 1
        self._note(who, what)

    def down(self, seconds: float, host: str = HUB) -> None:
        """Nobody reaches this host for so long; what is open breaks."""
        until = trio.current_time() + seconds
        self._down_until[host] = max(self._down_until.get(host, 0.0), until)
        self.strike(host, "down")
        self._break(host)

    def heal(self) -> None:
        """The faults stop: none strikes any more. What is held up still comes, in its time."""
        self.calm = True
        self._down_until.clear()
        for link in self.links.values():
            link.forget()

    def delay_s(self) -> float:
        """How long something takes on its way: mostly little, now and then a lot."""
        if not self.calm and self.chance.random() < 0.03:
            return self.chance.randrange(SLOW_TICKS) / TICKS
        return self.chance.randrange(1, DELAY_TICKS) / TICKS

    def chop(self, data: bytes) -> list[bytes]:
        """The bytes in pieces, mostly one, cut anywhere."""
        if len(data) < 2 or self.chance.random() < 0.7:
            return [data] if data else []
        cuts = sorted({self.chance.randrange(1, len(data)) for _ in range(self.chance.randint(1, 4))})
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


class Link(httpx2.AsyncBaseTransport):
    """One client's way to the servers, as the transport of its HTTP client."""

    def __init__(self, network: Network, who: str) -> None:
        self.network, self.who = network, who
        self.exchanges: dict[Exchange, None] = {}
        self.echoed: set[str] = set()
        """The kinds of requests of which an answer may have been that of the second copy: it need not be true
        of the first."""
        self.severed = False
        """The client is gone: nothing that its tasks still do gets out."""
        self._faults: defaultdict[str, deque[RequestFault]] = defaultdict(deque)
        self._late_closes: deque[float] = deque()

    @cached_property
    def http(self) -> httpx2.AsyncClient:
        """An HTTP client that goes this way; made once, if at all, as that takes its time."""
        return httpx2.AsyncClient(transport=self, trust_env=False)

    def add(self, fault: RequestFault, on: str | None = None) -> None:
        """Strike the next request of a kind, by default the fault's own, that no other fault strikes."""
        self._faults[on or fault.on].append(fault)

    def garble(self, fault: Garble) -> None:
        """Repeat or skip the next message of its streams."""
        for exchange in self.streams:
            self.network.strike(self.who, fault.how)
            exchange.garble = fault

    def late_close(self, seconds: float) -> None:
        """When the tab closes its next stream itself, the hub learns of it so much later."""
        self._late_closes.append(seconds)

    def forget(self) -> None:
        """What has not struck never will; who waits on a dead line is told."""
        self._late_closes.clear()
        for waiting in self._faults.values():
            waiting.clear()
        for exchange in list(self.exchanges):
            exchange.garble = None
            exchange.wake_dead()

    @property
    def streams(self) -> list[Exchange]:
        """The open streams."""
        return [exchange for exchange in self.exchanges if exchange.request.kind == "stream"]

    def cut(self, server_learns_s: float) -> None:
        """Break the streams."""
        for exchange in self.streams:
            self.network.strike(self.who, "cut late" if server_learns_s else "cut")
            exchange.cut(server_learns_s)

    def half_open(self, seconds: float) -> None:
        """The streams are dead, and nobody is told until so much later."""
        for exchange in self.streams:
            self.network.strike(self.who, "half-open")
            exchange.die(seconds)

    def sever(self) -> None:
        """The client is gone without a word; the servers learn what its sockets say."""
        self.severed = True
        for exchange in list(self.exchanges):
            exchange.closed_by_client()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request over a connection of its own; the response's body is still to come."""
        body = await request.aread()
        if self.severed:
            raise httpx2.ConnectError("the client is gone")
        exchange = self._begin(Request.of(request, body))
        try:
            return await exchange.response()
        except BaseException:
            exchange.closed_by_client()
            raise

    def _begin(self, request: Request) -> Exchange:
        faults = self._faults[request.kind]
        fault = faults.popleft() if faults else None
        exchange = Exchange(self.network, request, self._over, self._close_delay)
        self.exchanges[exchange] = None
        held_s = 0.0
        match fault:
            case HoldRequest():
                held_s = fault.for_s
            case Double():
                self.echoed |= {request.kind} if fault.after_s * TICKS <= SLOW_TICKS else set()
                self._again(request, fault.after_s)
            case Echo():
                self.echoed.add(request.kind)
                self._again(request, 0.0)
                held_s = fault.after_s
            case Slow():
                exchange.slow_s = fault.for_s
            case Answer():
                exchange.answer_with = fault
            case LoseRequest():
                exchange.lose_request = True
            case LoseResponse():
                exchange.lose_response = True
        if fault is not None:
            self.network.strike(self.who, f"{name_of(fault)} {request.kind}")
        exchange.begin(held_s)
        return exchange

    def _again(self, request: Request, after_s: float) -> None:
        """The same request once more, whose answer nobody waits for."""
        ghost = Exchange(self.network, request, self._over, lambda: 0.0)
        self.exchanges[ghost] = None
        ghost.closed_by_client()
        ghost.begin(after_s)

    def _over(self, exchange: Exchange) -> None:
        self.exchanges.pop(exchange, None)

    def _close_delay(self) -> float:
        if self._late_closes:
            self.network.strike(self.who, "late close")
            return self._late_closes.popleft()
        return self.network.delay_s()


NAMES: dict[type[Any], str] = {
    Answer: "answer",
    Double: "double",
    Echo: "echo",
    Slow: "slow",
    HoldRequest: "hold",
    LoseRequest: "lose request",
    LoseResponse: "lose response",
}


def name_of(fault: RequestFault) -> str:
    """What the record calls a fault."""
    return NAMES[type(fault)]
