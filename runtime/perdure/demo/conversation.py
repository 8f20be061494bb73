"""Runs the conversation: a server process, the fault proxy, and a client process that is killed halfway."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from rich.console import Console

from perdure.demo.accounts import Life, Result, settle
from perdure.testing import (
    Answer,
    CutStream,
    Fault,
    FaultProxy,
    HalfDead,
    LoseRequest,
    LoseResponse,
)

FIRST_LIFE, SECOND_LIFE = 120, 220
KILL_AT = 101
TIMEOUT_S = 120.0
SHOWN = {"ClientSession", "ServerConnection"}
LINE_BYTES_MAX = 1 << 20


def script() -> list[Fault]:
    """Every fault, spread over the conversation; those with a high count strike the second life."""
    return [
        CutStream(after_events=40),
        Answer(nth=6, status=500),
        Answer(nth=12, status=429, retry_after_s=1),
        LoseResponse(nth=18),
        Answer(nth=24, status=404),
        LoseRequest(nth=30),
        CutStream(after_events=160, torn=True),
        CutStream(after_events=280, server_learns_after_s=2.0),
        HalfDead(after_events=400, for_s=3.0),
        CutStream(after_events=1200),
        LoseResponse(nth=70),
        Answer(nth=76, status=500),
    ]


class Conversation:
    """The accounts as they grow, and the timeline."""

    def __init__(self, console: Console | None, record: IO[str] | None) -> None:
        self.console, self.record = console, record
        self.started_s = time.monotonic()
        self.lives: list[Life] = []
        self.port = 0
        self.ready = anyio.Event()
        self.handled: list[int] = []
        self.published: list[tuple[int, int]] = []
        self.reconnects = 0
        self.kill = anyio.Event()

    def show(self, who: str, what: str, style: str = "") -> None:
        """A line of the timeline."""
        if self.console is not None:
            at = time.monotonic() - self.started_s
            self.console.print(f"{at:7.3f} s  {who:8} {what}", style=style or None, markup=False)

    def server_line(self, line: dict[str, Any]) -> None:
        """What the server tells."""
        match line["kind"]:
            case "port":
                self.port = line["port"]
                self.ready.set()
            case "trace":
                self.trace(line["record"])
            case "account":
                self.handled = line["handled"]
                self.published = [(n, part) for n, part in line["published"]]

    def client_line(self, line: dict[str, Any]) -> None:
        """What the client tells."""
        life = self.lives[-1]
        match line["kind"]:
            case "id":
                life.cid = line["cid"]
            case "trace":
                self.trace(line["record"])
            case "sent":
                life.outcomes[line["n"]] = (line["outcome"], line["why"])
                if line["outcome"] != "delivered":
                    self.show("client", f"send {line['n']}: {line['outcome']}, {line['why']}", "yellow")
            case "event":
                life.events.append((line["n"], line["part"]))
                if len(life.events) % 200 == 0:
                    self.show("client", f"{len(life.events)} events handed over", "dim")
            case "gap":
                life.gaps += 1
            case "over":
                life.outcome = line["outcome"]

    def trace(self, record: dict[str, Any]) -> None:
        """A decision of either side: kept if asked for, and its transitions shown."""
        if self.record is not None:
            self.record.write(json.dumps(record, separators=(",", ":")) + "\n")
        asked = record["input"]
        if asked["type"] == "SendRequested":
            self.lives[-1].asked.append(self.number(asked["key"][1]))
            if len(self.lives[-1].asked) >= KILL_AT:
                self.kill.set()
        for effect in record["effects"]:
            if effect["type"] == "OpenStream" and record["seq"] > 1:
                self.reconnects += 1
            if effect["type"] == "Moved":
                self.moved(record["side"], effect)

    def number(self, count: int) -> int:
        """The number of a life's n-th send in the whole conversation."""
        return count if len(self.lives) == 1 else FIRST_LIFE + count

    def moved(self, side: str, move: dict[str, Any]) -> None:
        """A transition: those of sessions and connections all, of sends those out of the ordinary."""
        what = f"{move['machine']}: {move['source']} -> {move['target']} ({move['event']})"
        if move["machine"] in SHOWN:
            self.show(side, what, "cyan" if side == "client" else "blue")
        elif move["target"] in ("retrying", "dropped"):
            self.show(side, f"{what} {move['instance'][1]}", "yellow")


def run(*, seed: int = 1, record: Path | None = None, console: Console | None = None) -> Result:
    """Hold the conversation; with a console its timeline is shown, with `record` its trace is kept.

    Raises TimeoutError if it has not come to its end after two minutes.
    """
    return anyio.run(converse, seed, record, console)


async def converse(seed: int, record: Path | None, console: Console | None) -> Result:
    """The same, under a running event loop."""
    with tempfile.TemporaryDirectory() as kept:
        file = record.open("w", encoding="utf-8") if record else None
        try:
            with anyio.fail_after(TIMEOUT_S):
                return await hold(Conversation(console, file), str(Path(kept, "identity.json")), seed)
        finally:
            if file is not None:
                file.close()


async def hold(told: Conversation, identity: str, seed: int) -> Result:
    """Server, proxy, first life, kill, second life, accounts."""
    async with anyio.create_task_group() as tasks, program("server") as server:
        tasks.start_soon(listen, server, told.server_line)
        await told.ready.wait()
        faults = script()
        async with FaultProxy(told.port, script=faults) as proxy:
            watch = anyio.CancelScope()
            tasks.start_soon(show_faults, proxy, told, watch)
            url = f"http://127.0.0.1:{proxy.port}"
            await first_life(told, url, identity, seed)
            await second_life(told, url, identity, seed)
            watch.cancel()
            struck = Counter(f"{entry.where.split()[0]} {entry.what}" for entry in proxy.log)
            missed = [repr(fault) for fault in proxy.waiting]
        server.send_signal(signal.SIGUSR1)
        await server.wait()
    seconds = time.monotonic() - told.started_s
    return settle(
        told.lives,
        told.handled,
        told.published,
        faults=dict(struck),
        faults_missed=missed,
        reconnects=told.reconnects,
        seconds=seconds,
    )


async def first_life(told: Conversation, url: str, identity: str, seed: int) -> None:
    """The client sends, and is killed in the midst of it: no goodbye, no warning."""
    told.lives.append(Life(killed=True))
    span = ("1", str(FIRST_LIFE), "--seed", str(seed))
    async with anyio.create_task_group() as tasks, program("client", url, identity, *span) as client:
        tasks.start_soon(listen, client, told.client_line)
        await told.kill.wait()
        client.kill()
        await client.wait()
        told.show("demo", "the client is killed", "bold red")


async def second_life(told: Conversation, url: str, identity: str, seed: int) -> None:
    """It comes back under its id, sees everything from the beginning, and goes on to the end."""
    told.lives.append(Life())
    told.show("demo", "the client is started again", "bold green")
    span = (str(FIRST_LIFE + 1), str(SECOND_LIFE), "--ends", "--seed", str(seed + 1))
    async with program("client", url, identity, *span) as client:
        await listen(client, told.client_line)
        await client.wait()


async def show_faults(proxy: FaultProxy, told: Conversation, scope: anyio.CancelScope) -> None:
    """The faults of the proxy's log, as they happen."""
    shown = 0
    with scope:
        while True:
            for entry in proxy.log[shown:]:
                told.show("fault", f"{entry.where}: {entry.what} {entry.detail}", "bold magenta")
            shown = len(proxy.log)
            await anyio.sleep(0.01)


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[Process]:
    """One of the demo's programs, in a process of its own; ended when left."""
    command = [sys.executable, "-m", f"perdure.demo.{name}", *arguments]
    async with await anyio.open_process(command, stdin=None, stderr=None) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


async def listen(process: Process, take: Any) -> None:
    """Hand every whole line of a program to `take`, until it ends; a line torn by a kill is dropped."""
    assert process.stdout is not None
    lines = BufferedByteReceiveStream(process.stdout)
    try:
        while True:
            take(json.loads(await lines.receive_until(b"\n", LINE_BYTES_MAX)))
    except (anyio.EndOfStream, anyio.IncompleteRead):
        return
