"""Runs the load: a server process, the fault proxy, and two processes of clients, asyncio's and trio's.

Now and then the server is killed, with all that it kept in memory, and another comes in its place.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import psutil  # type: ignore[import-untyped]
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from perdure.testing import FaultProxy
from rich.console import Console

from tests.soak.accounts import Accounts, Totals
from tests.soak.chaos import break_things
from tests.soak.memory import Memory

ROOT = Path(__file__).parents[2]
BACKENDS = ("asyncio", "trio")
START_S, SETTLE_S = 60.0, 90.0
SAMPLE_S, SHOWN_EACH_S = 0.5, 10.0
KILLED_UNTIL: Final = 0.3
"""The share of the time in which servers are killed; what the last one's memory does is seen in the rest."""
LINE_BYTES_MAX = 1 << 20


@dataclass(frozen=True)
class Load:
    """What is asked for; `minutes` with faults, the settling comes on top."""

    minutes: float = 2.0
    clients: int = 40
    seed: int = 1
    fault_each_s: float = 0.15
    defect: str = ""
    """One of the catalogue to plant on both sides: the accounts have to find it."""
    kills: int = 3
    """How often the server is killed."""


@dataclass
class Result:
    """What a run came to. `left`: what a process holds more of at rest than before, by process; `memory`
    by process and measure."""

    totals: Totals
    faults: dict[str, int]
    left: dict[str, dict[str, int]]
    memory: dict[tuple[str, str], Memory]
    notes: list[str]
    seconds: float
    denied: int = 0
    """How many requests came with a token that was not good any more."""
    missing: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[str]:
        """What is wrong, in words; empty where all is well."""
        found = [f"{name}: {n}" for name, n in self.totals.wrong.items()]
        found += [f"{who} has not told its rest" for who in self.missing]
        found += [] if self.denied else ["no token has died: this load has not shown what it is for"]
        found += [f"left in {who}: {what}" for who, what in self.left.items() if what]
        found += [
            f"{what} memory of {who} grows by {memory.growth:.1%} of itself: {memory.a_second:,.0f} a second"
            for (who, what), memory in self.memory.items()
            if not memory.flat
        ]
        return found


class Run:
    """One run as it goes: what the processes tell is put into the accounts at once."""

    def __init__(self, load: Load, console: Console | None) -> None:
        self.load, self.console = load, console
        self.accounts = Accounts()
        self.memory: dict[tuple[str, str], Memory] = {}
        self.sampling = False
        self.left: dict[str, dict[str, int]] = {}
        self.port = self.denied = self.lives = 0
        self.processes: dict[str, Process] = {}
        self.serving = anyio.Event()
        self.ready = {backend: anyio.Event() for backend in BACKENDS}
        self.started_s = time.monotonic()

    def show(self, what: str) -> None:
        """A line of progress."""
        if self.console is not None:
            self.console.print(f"{time.monotonic() - self.started_s:7.1f} s  {what}", markup=False)

    def sample(self, who: str, measure: str, size: int) -> None:
        """Keep a sample of a process's memory, while faults are made."""
        if self.sampling:
            memory = self.memory.setdefault((who, measure), Memory(measure))
            memory.sample(time.monotonic() - self.started_s, size)

    def rest(self, who: str, line: dict[str, Any]) -> None:
        """What a process has left."""
        self.left[who] = line["left"]
        self.accounts.notes.extend(line["tasks"])

    def server_line(self, line: dict[str, Any]) -> None:
        """What the server tells."""
        match line.pop("kind"):
            case "port":
                self.port = line["port"]
                self.serving.set()
            case "denied":
                self.denied += 1
            case "took":
                self.accounts.took(line["session"], line["n"])
            case "over":
                self.accounts.server_over(line["session"], tuple(line["published"]))
            case "rest":
                self.rest("server", line)
            case "blocks":
                self.sample("server", "blocks", line["blocks"])

    def client_line(self, who: str, line: dict[str, Any]) -> None:
        """What a process of clients tells."""
        match line.pop("kind"):
            case "begun":
                self.accounts.begun(line["session"])
            case "over":
                self.accounts.client_over(line.pop("session"), line)
            case "ended":
                self.show(f"{line['session']} ended with {line['why']}")
            case "ready":
                self.ready[who].set()
            case "rest":
                self.rest(who, line)
            case "blocks":
                self.sample(who, "blocks", line["blocks"])


async def run(load: Load, console: Console | None = None) -> Result:
    """Load the server, break things for the time asked for, stop breaking, wait for rest, and compare.

    Raises TimeoutError where a process does not start. One that does not end is `missing`.
    """
    told = Run(load, console)
    async with anyio.create_task_group() as tasks:
        await tasks.start(serve, told)
        async with FaultProxy(told.port) as proxy:
            await clients_through(proxy, told)
        faults = Counter(str(entry.what) for entry in proxy.log)
        told.processes["server"].send_signal(signal.SIGUSR1)
        tasks.cancel_scope.deadline = anyio.current_time() + SETTLE_S
    totals = told.accounts.end()
    return Result(
        totals=totals,
        faults=dict(faults),
        left=told.left,
        memory=told.memory,
        notes=told.accounts.notes,
        seconds=time.monotonic() - told.started_s,
        denied=told.denied,
        missing=[who for who in ("server", *BACKENDS) if who not in told.left],
    )


async def serve(told: Run, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    """The server in one life after another: as long as it is killed, another comes."""
    while True:
        told.lives += 1
        told.serving = anyio.Event()
        async with program("server", told.load.defect, str(told.lives)) as process:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen, process, told.server_line)
                with anyio.fail_after(START_S):
                    await told.serving.wait()
                told.processes["server"] = process
                if told.lives == 1:
                    task_status.started()
            if await process.wait() != -signal.SIGKILL:
                return
        told.accounts.crashed()
        told.memory = {of: memory for of, memory in told.memory.items() if of[0] != "server"}


async def kill(told: Run, proxy: FaultProxy) -> None:
    """Kill the server, and let the proxy lead to the one that comes in its place."""
    before = told.lives
    told.processes.pop("server").kill()
    with anyio.fail_after(START_S):
        while told.lives == before or "server" not in told.processes:
            await anyio.sleep(0.01)
    proxy.upstream_port = told.port
    told.show(f"the server was killed; this is life {told.lives}")


async def clients_through(proxy: FaultProxy, told: Run) -> None:
    """The clients' processes, from their start to their rest; the faults in between."""
    load, url = told.load, f"http://127.0.0.1:{proxy.port}"
    breaking, watching = anyio.CancelScope(), anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        for number, backend in enumerate(BACKENDS):
            share = load.clients // 2 + (number < load.clients % 2)
            arguments = (url, backend, str(share), str(load.seed + number), load.defect)
            told.processes[backend] = await tasks.start(clients, told, backend, arguments)
        with anyio.fail_after(START_S):
            for ready in told.ready.values():
                await ready.wait()
        told.show(f"{load.clients} clients are ready; the faults begin")
        tasks.start_soon(sample, told, watching)
        tasks.start_soon(break_things, proxy, load.seed, load.fault_each_s, breaking)
        await killing(proxy, told)
        breaking.cancel()
        watching.cancel()
        proxy.release()
        told.show("the faults are over; the clients end")
        for backend in BACKENDS:
            told.processes[backend].send_signal(signal.SIGUSR1)
        tasks.cancel_scope.deadline = anyio.current_time() + SETTLE_S


async def killing(proxy: FaultProxy, told: Run) -> None:
    """The time of the faults: in its first part the server is killed every now and then."""
    ends_s = anyio.current_time() + told.load.minutes * 60
    for _ in range(told.load.kills):
        await anyio.sleep(KILLED_UNTIL * told.load.minutes * 60 / told.load.kills)
        await kill(told, proxy)
    await anyio.sleep_until(ends_s)


async def clients(
    told: Run, backend: str, arguments: tuple[str, ...], *, task_status: anyio.abc.TaskStatus[Process]
) -> None:
    """One process of clients, to its end."""
    async with program("clients", *arguments) as process:
        task_status.started(process)
        await listen(process, lambda line: told.client_line(backend, line))


async def sample(told: Run, scope: anyio.CancelScope) -> None:
    """Look at the memory of all processes, again and again."""
    shown_s = time.monotonic()
    told.sampling = True
    with scope:
        while True:
            for who, process in told.processes.items():
                told.sample(who, "resident", psutil.Process(process.pid).memory_info().rss)
            if time.monotonic() - shown_s > SHOWN_EACH_S:
                shown_s = time.monotonic()
                done = told.accounts.totals
                told.show(f"{done.conversations} conversations, {done.sends} sends, {done.events} events")
            await anyio.sleep(SAMPLE_S)
    told.sampling = False


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[Process]:
    """One of the load's programs, in a process of its own; ended when left."""
    command = [sys.executable, "-m", f"tests.soak.{name}", *arguments]
    async with await anyio.open_process(command, stdin=None, stderr=None, cwd=ROOT) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


async def listen(process: Process, take: Any) -> None:
    """Hand every line of a program to `take`, until it ends."""
    assert process.stdout is not None
    lines = BufferedByteReceiveStream(process.stdout)
    try:
        while True:
            take(json.loads(await lines.receive_until(b"\n", LINE_BYTES_MAX)))
    except (anyio.EndOfStream, anyio.IncompleteRead):
        return
