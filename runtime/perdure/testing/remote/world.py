"""One run: a server, its clients, each behind a fault proxy of its own, and the steps that happen to them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import anyio
from anyio.abc import TaskGroup

from perdure.testing.faults import (
    Answer,
    CutStream,
    DelayClose,
    Fault,
    HalfDead,
    HoldRequest,
    LoseRequest,
    LoseResponse,
)
from perdure.testing.proxy import FaultProxy, kind_by_path
from perdure.testing.relay import KindOf
from perdure.testing.remote.accounts import RemoteAccounts
from perdure.testing.remote.adapter import Adapter, Talk
from perdure.testing.simulation.accounts import Broken, Life
from perdure.testing.simulation.scenario import TABS, Argument, ScenarioError, Step

MOMENT_S: Final = 0.02
LATE: Final = ("cut", "late-close")
SERVER_STEPS: Final = frozenset({"publish", "restart"})
TAB_STEPS: Final = frozenset({"connect", "kill", "leave", "send"})
FAULT_STEPS: Final = frozenset(
    {"cut", "half-open", "late-close", "lose-request", "lose-response", "hold", "answer"}
)
STEPS: Final = frozenset({"wait"}) | SERVER_STEPS | TAB_STEPS | FAULT_STEPS


class Unsupported(ScenarioError):
    """A step that only the simulator can do."""


class Tab:
    """One client over all its lives: at most one at a time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.life: Life | None = None
        self.lives = 0
        self.talk: Talk | None = None
        self.proxy: FaultProxy | None = None
        self.script: list[Fault] = []
        """Faults that wait for the next life."""
        self.late = False
        """Whether the server may have learned of a stream's end after the next one was there."""
        self.sends: TaskGroup | None = None
        self.scope: anyio.CancelScope
        self.gone, self.over, self.severed = anyio.Event(), anyio.Event(), anyio.Event()

    @property
    def live(self) -> bool:
        """Whether it is open."""
        return self.life is not None and not self.life.over

    def strike(self, fault: Fault) -> None:
        """Put a fault in its way: now, or in its next life's."""
        if self.live and self.proxy is not None:
            self.proxy.inject(fault)
        else:
            self.script.append(fault)


class RemoteWorld:
    """A run, while the `async with` block lasts.

    pace: what a scenario's seconds are multiplied by. settle_s: real seconds after which, without faults, all
    must be well. kind_of: tells streams and sends from the rest; by default `GET …/events`, `POST …/send`.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        pace: float = 0.1,
        settle_s: float = 4.0,
        kind_of: KindOf = kind_by_path,
    ) -> None:
        self.adapter, self.pace, self.settle_s, self._kind_of = adapter, pace, settle_s, kind_of
        self.accounts = RemoteAccounts(history=adapter.history)
        self.steps: list[Step] = []
        self.log: list[str] = []
        """What the proxies did, in each life."""
        self._tabs = {name: Tab(name) for name in TABS}
        self._port = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._port = await self.adapter.start()
            stack.push_async_callback(self._stop)
            self.accounts.hub_begins()
            self._tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(self._tasks.cancel_scope.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, at)

    async def _stop(self) -> None:
        with anyio.CancelScope(shield=True):
            await self.adapter.stop()

    # -- steps -----------------------------------------------------------------------------------------

    @property
    def live_tabs(self) -> list[Tab]:
        """The clients that are there."""
        return [tab for tab in self._tabs.values() if tab.live]

    async def perform(self, step: Step) -> None:
        """Let this happen. A step that makes no sense now does nothing.

        Raises Broken where something no longer fits, Unsupported.
        """
        check_step(step)
        self.steps.append(step)
        if step.verb == "wait":
            await anyio.sleep(float(step.args[0]) * self.pace)
        elif step.verb in SERVER_STEPS:
            await self._to_server(step)
        elif step.verb in TAB_STEPS:
            await self._to_tab(step, self._tabs[str(step.args[0])])
        else:
            self._to_proxy(step, self._tabs[str(step.args[0])])
        await anyio.sleep(MOMENT_S)
        await self.check()

    async def check(self) -> None:
        """Raises Broken where something does not fit."""
        self.accounts.look(await self.adapter.handled())
        self.accounts.check()

    async def _to_server(self, step: Step) -> None:
        match step.verb, step.args:
            case "publish", (int(count),):
                for _ in range(count):
                    await self.adapter.publish(self.accounts.publish()["n"])
            case "restart", ():
                await self.check()
                await self.adapter.stop()
                self._port = await self.adapter.start()
                self.accounts.hub_begins()
                for tab in self.live_tabs:
                    if tab.proxy is not None:
                        tab.proxy.upstream_port = self._port

    async def _to_tab(self, step: Step, tab: Tab) -> None:
        match step.verb, step.args:
            case "connect", _ if not tab.live:
                await self._open(tab)
            case "kill", _ if tab.live:
                await self._kill(tab)
            case "leave", _ if tab.live:
                await self._leave(tab)
            case "send", (_, int(count)) if tab.live:
                for _ in range(count):
                    self._ask(tab)

    def _to_proxy(self, step: Step, tab: Tab) -> None:
        fault = fault_of(step, self.pace)
        tab.late |= step.verb in LATE and step.args[-1] != 0
        if step.verb not in ("cut", "half-open") or (tab.proxy is not None and tab.proxy.open_streams):
            tab.strike(fault)

    # -- a client's life -------------------------------------------------------------------------------

    async def _open(self, tab: Tab) -> None:
        tab.lives += 1
        tab.life, tab.late = Life(tab.name, tab.lives), False
        tab.gone, tab.over, tab.severed = anyio.Event(), anyio.Event(), anyio.Event()
        await self._tasks.start(self._behind_proxy, tab)
        await self._tasks.start(self._live, tab, tab.life)
        self.accounts.begins(tab.life)

    async def _behind_proxy(self, tab: Tab, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        proxy = FaultProxy(self._port, tab.script, kind_of=self._kind_of)
        tab.script = []
        async with proxy:
            tab.proxy = proxy
            task_status.started()
            await tab.gone.wait()
        self.log += [f"{tab.name}, life {tab.lives}: {entry}" for entry in proxy.log]
        tab.severed.set()

    async def _live(self, tab: Tab, life: Life, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        assert tab.proxy is not None
        url = f"http://127.0.0.1:{tab.proxy.port}"
        with anyio.CancelScope() as tab.scope:
            async with anyio.create_task_group() as sends, self.adapter.talk(url, tab.name) as talk:
                tab.talk, tab.sends = talk, sends
                task_status.started()
                async with anyio.create_task_group() as readers:
                    readers.start_soon(self._read, life, talk)
                    await tab.over.wait()
                    readers.cancel_scope.cancel()
        tab.gone.set()

    async def _read(self, life: Life, talk: Talk) -> None:
        try:
            async for item in talk:
                self.accounts.take(life, item)
        except Exception as error:
            self.accounts.breaks("P-OUTCOME", f"{life} ended though nobody ended it: {error!r}")
        else:
            self.accounts.breaks("P-OUTCOME", f"{life} has no more events, and nobody ended it")

    def _ask(self, tab: Tab) -> None:
        """Let its application send."""
        assert tab.sends is not None
        assert tab.talk is not None
        assert tab.life is not None
        tab.sends.start_soon(self._send, tab.talk, tab.life)

    async def _send(self, talk: Talk, life: Life) -> None:
        n = self.accounts.send(life)
        outcome = await talk.send(n)
        if not life.killed:
            self.accounts.settle(n, outcome)

    async def _kill(self, tab: Tab) -> None:
        """Be gone without a word: first nothing passes any more, then the client is told."""
        assert tab.life is not None
        self.accounts.kill(tab.life)
        tab.gone.set()
        await tab.severed.wait()
        tab.scope.cancel()

    async def _leave(self, tab: Tab) -> None:
        assert tab.life is not None
        tab.life.over = True
        tab.over.set()
        await tab.severed.wait()

    # -- the end ---------------------------------------------------------------------------------------

    async def finish(self) -> None:
        """The faults stop: soon all must be well again; then all leave. Raises Broken."""
        for tab in self.live_tabs:
            if tab.proxy is not None:
                tab.proxy.calm()
        await self._converge("once the faults had stopped")
        await self._probe()
        await self._converge("after one more event and one more send from each")
        for tab in self.live_tabs:
            await self._leave(tab)
        await self.check()
        self.accounts.check_settled()

    async def _probe(self) -> None:
        await self.adapter.publish(self.accounts.publish()["n"])
        for tab in self.live_tabs:
            self._ask(tab)

    async def _converge(self, when: str) -> None:
        await anyio.sleep(MOMENT_S)  # what was asked for last has to begin
        unwell: list[str] = []
        with anyio.move_on_after(self.settle_s):
            while unwell := [said for tab in self.live_tabs if (said := self._unwell(tab))]:
                await anyio.sleep(MOMENT_S)
                await self.check()
        if unwell:
            await self._diagnose(when, unwell)
        await self.check()

    def _unwell(self, tab: Tab) -> str:
        """What is not as it should be once all is well; "" where nothing is."""
        assert tab.life is not None
        waiting = [n for n in tab.life.sends if self.accounts.outcomes[n] == "open"]
        if not waiting and not self.accounts.behind(tab.life):
            return ""
        reached = f"at event {tab.life.reached} of {self.accounts.published}"
        return f"{tab.life} has {len(waiting)} sends that are not settled, and is {reached}"

    async def _diagnose(self, when: str, unwell: list[str]) -> None:
        """Somebody lacks something: does the next event come all the same? Then events were lost."""
        await self._probe()
        await anyio.sleep(self.settle_s / 4)
        await self.check()
        said = f"{self.settle_s:g} s {when}: {'; '.join(unwell)}"
        for tab in self.live_tabs:
            if tab.late and tab.proxy is not None and tab.proxy.open_streams and self._unwell(tab):
                says = (
                    f"{tab.life}'s stream is open and brings nothing, after the late close of an earlier one"
                )
                raise Broken("P-STALE-CLOSE", f"{says}; {said}")
        raise Broken("P-RECONVERGE", said)


def check_step(step: Step) -> None:
    """Raises Unsupported."""
    if step.verb not in STEPS:
        raise Unsupported(
            f"{step.verb!r} needs the simulator; over HTTP there are {', '.join(sorted(STEPS))}"
        )


def fault_of(step: Step, pace: float) -> Fault:
    """The proxy's fault that a step is, its seconds at this pace."""
    return FAULTS[step.verb](pace, *step.args[1:])


def answer(pace: float, kind: Argument, status: Argument, seconds: Argument) -> Fault:
    """An answer in the server's place; Retry-After is in whole seconds."""
    retry_after_s = round(float(seconds) * pace) or None
    return Answer(on=kind, status=int(status), retry_after_s=retry_after_s)  # type: ignore[arg-type]


FAULTS: Final[dict[str, Callable[..., Fault]]] = {
    "cut": lambda pace, seconds: CutStream(server_learns_after_s=seconds * pace),
    "half-open": lambda pace, seconds: HalfDead(for_s=seconds * pace),
    "late-close": lambda pace, seconds: DelayClose(for_s=seconds * pace),
    "lose-request": lambda _pace, kind: LoseRequest(on=kind),
    "lose-response": lambda _pace, kind: LoseResponse(on=kind),
    "hold": lambda pace, kind, seconds: HoldRequest(on=kind, for_s=seconds * pace, until_overtaken=False),
    "answer": answer,
}
