"""The simulated network: httpx2 on one side, ASGI on the other, and every way to fail in between.

Each request has a connection of its own (`exchange`), so that two requests overtake each other as their
delays have it, while the bytes of one stay in order. Nothing here knows what is said over it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

import anyio
import httpx2
from starlette.types import ASGIApp

from perdure.testing.faults import Answer, HoldRequest, Kind, LoseRequest, LoseResponse
from perdure.testing.simulation.exchange import Exchange, Request
from perdure.testing.simulation.faults import Double
from perdure.testing.simulation.stepper import Tasks

Note: TypeAlias = Callable[[str, str], None]
"""Takes who it happened to, and what."""
RequestFault: TypeAlias = Answer | LoseRequest | LoseResponse | HoldRequest | Double
DELAY_S = (0.001, 0.03)
SLOW_S = 0.8


class Network:
    """Between the tabs and one hub at a time. `tasks` is where connections live."""

    def __init__(self, tasks: Tasks, chance: Random, note: Note) -> None:
        self.tasks, self.chance, self._note = tasks, chance, note
        self.links: dict[str, Link] = {}
        self.struck: Counter[str] = Counter()
        self.failed: list[BaseException] = []
        """What the hub's app has raised. It should raise nothing."""
        self.down_until = 0.0
        self.calm = False
        """No more faults; ordinary delays remain."""
        self._app: ASGIApp | None = None
        self._served: Tasks | None = None

    # -- the hub's side --------------------------------------------------------------------------------

    def attach(self, app: ASGIApp, served: Tasks) -> None:
        """From now on this app answers, its calls being tasks of this group."""
        self._app, self._served = app, served

    def detach(self) -> None:
        """The hub is gone: what is open breaks, and nobody answers."""
        self._app = self._served = None
        for exchange in self.exchanges:
            exchange.cut(0.0)

    @property
    def exchanges(self) -> list[Exchange]:
        """All connections that are open."""
        return [exchange for link in self.links.values() for exchange in link.exchanges]

    @property
    def reachable(self) -> bool:
        """Whether a request would arrive."""
        return self._app is not None and anyio.current_time() >= self.down_until

    def deliver(self, exchange: Exchange) -> None:
        """A request has arrived: the hub serves it, or nobody is there."""
        if self._app is None or self._served is None or not self.reachable:
            exchange.refuse()
            return
        self._served.start_soon(self._serve, exchange, self._app)

    async def _serve(self, exchange: Exchange, app: ASGIApp) -> None:
        try:
            await app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:
            self.failed.append(error)
        finally:
            exchange.served()

    # -- faults ----------------------------------------------------------------------------------------

    def link(self, tab: str) -> Link:
        """The way between a tab and the hub."""
        return self.links.setdefault(tab, Link(self, tab))

    def strike(self, who: str, what: str) -> None:
        """A fault has come: for the record."""
        self.struck[what] += 1
        self._note(who, what)

    def down(self, seconds: float) -> None:
        """Nobody reaches the hub for so long; what is open breaks."""
        self.down_until = max(self.down_until, anyio.current_time() + seconds)
        self.strike("hub", "down")
        for exchange in self.exchanges:
            exchange.cut(0.0)

    def heal(self) -> None:
        """The faults stop: none strikes any more. What is held up still comes, in its time."""
        self.calm = True
        self.down_until = 0.0
        for link in self.links.values():
            link.forget()

    def delay_s(self) -> float:
        """How long something takes on its way: mostly little, now and then a lot."""
        if not self.calm and self.chance.random() < 0.03:
            return self.chance.uniform(0.0, SLOW_S)
        return self.chance.uniform(*DELAY_S)

    def chop(self, data: bytes) -> list[bytes]:
        """The bytes in pieces, mostly one, cut anywhere."""
        if len(data) < 2 or self.chance.random() < 0.7:
            return [data] if data else []
        cuts = sorted({self.chance.randrange(1, len(data)) for _ in range(self.chance.randint(1, 4))})
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


class Link(httpx2.AsyncBaseTransport):
    """One tab's way to the hub, as the transport of its HTTP client."""

    def __init__(self, network: Network, tab: str) -> None:
        self.network, self.tab = network, tab
        self.exchanges: dict[Exchange, None] = {}
        self.severed = False
        """The tab is gone: nothing that its tasks still do gets out."""
        self._faults: dict[Kind, deque[RequestFault]] = {"send": deque(), "stream": deque()}
        self._late_closes: deque[float] = deque()

    def add(self, fault: RequestFault) -> None:
        """Strike the next request of the fault's kind that no other fault strikes."""
        self._faults[fault.on].append(fault)

    def late_close(self, seconds: float) -> None:
        """When the tab closes its next stream itself, the hub learns of it so much later."""
        self._late_closes.append(seconds)

    def forget(self) -> None:
        """What has not struck never will; who waits on a dead line is told."""
        self._late_closes.clear()
        for waiting in self._faults.values():
            waiting.clear()
        for exchange in list(self.exchanges):
            exchange.wake_dead()

    @property
    def streams(self) -> list[Exchange]:
        """The open streams."""
        return [exchange for exchange in self.exchanges if exchange.request.kind == "stream"]

    def cut(self, server_learns_s: float) -> None:
        """Break the streams."""
        for exchange in self.streams:
            self.network.strike(self.tab, "cut late" if server_learns_s else "cut")
            exchange.cut(server_learns_s)

    def half_open(self, seconds: float) -> None:
        """The streams are dead, and nobody is told until so much later."""
        for exchange in self.streams:
            self.network.strike(self.tab, "half-open")
            exchange.die(seconds)

    def sever(self) -> None:
        """The tab is gone without a word; the hub learns what its sockets say."""
        self.severed = True
        for exchange in list(self.exchanges):
            exchange.closed_by_client()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request over a connection of its own; the response's body is still to come."""
        body = await request.aread()
        if self.severed:
            raise httpx2.ConnectError("the tab is gone")
        exchange = self._begin(Request.of(request, body))
        try:
            return await exchange.response()
        except BaseException:
            exchange.closed_by_client()
            raise

    def _begin(self, request: Request) -> Exchange:
        faults = self._faults[request.kind] if request.kind is not None else None
        fault = faults.popleft() if faults else None
        exchange = Exchange(self.network, request, self._over, self._close_delay)
        self.exchanges[exchange] = None
        held_s = 0.0
        match fault:
            case HoldRequest():
                held_s = fault.for_s
            case Double():
                self._again(request, fault.after_s)
            case Answer():
                exchange.answer_with = fault
            case LoseRequest():
                exchange.lose_request = True
            case LoseResponse():
                exchange.lose_response = True
        if fault is not None:
            self.network.strike(self.tab, f"{name_of(fault)} {request.kind}")
        self.network.tasks.start_soon(exchange.run, held_s)
        return exchange

    def _again(self, request: Request, after_s: float) -> None:
        """The same request once more, whose answer nobody waits for."""
        ghost = Exchange(self.network, request, self._over, lambda: 0.0)
        self.exchanges[ghost] = None
        ghost.closed_by_client()
        self.network.tasks.start_soon(ghost.run, after_s)

    def _over(self, exchange: Exchange) -> None:
        self.exchanges.pop(exchange, None)

    def _close_delay(self) -> float:
        if self._late_closes:
            self.network.strike(self.tab, "late close")
            return self._late_closes.popleft()
        return self.network.delay_s()


NAMES: dict[type[Any], str] = {
    Answer: "answer",
    Double: "double",
    HoldRequest: "hold",
    LoseRequest: "lose request",
    LoseResponse: "lose response",
}


def name_of(fault: RequestFault) -> str:
    """What the record calls a fault."""
    return NAMES[type(fault)]
