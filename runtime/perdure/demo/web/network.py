"""The network between the clients and the server: a fault proxy before each, so that one can be hit alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import anyio

from perdure.demo.web.board import Board
from perdure.demo.web.chat import GRACE_S
from perdure.testing import CutStream, Fault, FaultProxy, HoldRequest, LoseResponse

CLIENTS: Final = ("a", "b", "c", "copy")
"""The page's two, the one of a real second tab, and copies of these, which the buttons leave alone."""
LATE_S: Final = 8.0
"""How much later than the client the server learns of a close, at most."""
AWAY_S: Final = GRACE_S + 2.0
LOOKED_AT_EVERY_S: Final = 0.03

FAULTS: Final[dict[str, Callable[[], tuple[Fault, ...]]]] = {
    "cut": lambda: (CutStream(),),
    "lose-response": lambda: (LoseResponse(),),
    "delay-close": lambda: (CutStream(server_learns_after_s=LATE_S),),
    "expire": lambda: (HoldRequest(on="stream", for_s=AWAY_S, until_overtaken=False), CutStream()),
}
"""What a button does. `expire`: the stream is cut, and the request for the next held past the grace time."""


class Network:
    """A proxy for each client; what it does goes to the board."""

    def __init__(self, server_port: int, board: Board) -> None:
        self._board = board
        self._proxies = {name: FaultProxy(server_port) for name in CLIENTS}
        self._started = dict.fromkeys(CLIENTS, 0.0)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for name, proxy in self._proxies.items():
                self._started[name] = time.time()
                await stack.enter_async_context(proxy)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            for name, proxy in self._proxies.items():
                tasks.start_soon(self._watch, name, proxy)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    @property
    def origins(self) -> dict[str, str]:
        """Where each client finds its proxy."""
        return {name: f"http://127.0.0.1:{proxy.port}" for name, proxy in self._proxies.items()}

    def strike(self, client: str, fault: str) -> None:
        """Inject a fault. Raises KeyError for one that is not in `FAULTS`, or a client that is none."""
        self._proxies[client].inject(*FAULTS[fault]())

    async def _watch(self, name: str, proxy: FaultProxy) -> None:
        """Tell of what the proxy has done, and of what still waits to strike."""
        told, waiting = 0, 0
        while True:
            for entry in proxy.log[told:]:
                at = self._started[name] + entry.at_s
                fault = type(entry.fault).__name__ if entry.fault else ""
                what = {"what": entry.what, "where": entry.where, "detail": entry.detail}
                self._board.tell("fault", t=at, client=name, fault=fault, **what)
            told = len(proxy.log)
            if len(proxy.waiting) != waiting:
                waiting = len(proxy.waiting)
                self._board.tell("armed", client=name, faults=[type(one).__name__ for one in proxy.waiting])
            await anyio.sleep(LOOKED_AT_EVERY_S)
