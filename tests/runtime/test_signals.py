"""A process that serves a hub and is told to end: clients hear when to come back, and it ends by itself."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
import httpx2
import pytest
from perdure import Hub
from perdure.signals import ending
from perdure.sse import Retry

from tests.runtime.asgi import CID, Call, stream

APP = """
import anyio
from perdure import Hub
from starlette.applications import Starlette
from starlette.routing import Mount

hub = Hub(retry_s=3)

@hub.on_send
async def reply(send, session):
    await anyio.sleep(send.data)
    await session.publish("late reply")
    print("handled", flush=True)

alone = hub.asgi()
mounted = Starlette(routes=[Mount("/live", hub.asgi())], lifespan=hub.lifespan)
"""
Told: TypeAlias = list[tuple[int, bool]]
UVICORN = ("uvicorn", "--log-level=warning")
HYPERCORN = ("hypercorn", "--log-level=warning")
SERVERS = {
    "uvicorn": UVICORN,
    "uvicorn-impatient": (*UVICORN, "--timeout-graceful-shutdown=2"),
    "hypercorn-asyncio": (*HYPERCORN, "--worker-class=asyncio"),
    "hypercorn-trio": (*HYPERCORN, "--worker-class=trio"),
    "hypercorn-asyncio-no-workers": (*HYPERCORN, "--worker-class=asyncio", "--workers=0"),
    "hypercorn-trio-no-workers": (*HYPERCORN, "--worker-class=trio", "--workers=0"),
}


class Process:
    """A server of `APP` in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], base: str) -> None:
        self.process, self.base = process, base

    @contextmanager
    def stream(self) -> Iterator[Iterator[str]]:
        """The lines of an open stream, from its welcome on."""
        query = {"session": "chat", "cid": CID, "attempt": "1.1"}
        with httpx2.stream("GET", f"{self.base}/events", params=query, timeout=10) as response:
            yield response.iter_lines()

    def send(self, epoch: str, data: object) -> int:
        """The status of a send's answer."""
        items = [{"key": "1.1", "data": data}]
        body = {"cid": CID, "attempt": "1.1", "epoch": epoch, "session": "chat", "items": items}
        return httpx2.post(f"{self.base}/send", json=body).status_code

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self) -> tuple[int, str]:
        """Its exit status and what it printed, once it has ended by itself, without an error."""
        out, err = self.process.communicate(timeout=8)
        assert "Traceback" not in err, err
        assert "Error" not in err, err
        return self.process.returncode, out


@contextmanager
def serving(folder: Path, server: str, app: str = "alone") -> Iterator[Process]:
    """A process that serves, and has answered."""
    (folder / "served.py").write_text(APP)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    name, *options = SERVERS[server]
    where = ["--port", str(port)] if name == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", name, *options, *where, f"served:{app}"]
    base = f"http://127.0.0.1:{port}" + ("/live" if app == "mounted" else "")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            until_up(base)
            yield Process(process, base)
        finally:
            process.kill()


def until_up(base: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            assert httpx2.get(f"{base}/openapi.json").status_code == 200
            return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise TimeoutError(base)


@pytest.mark.parametrize(
    ("server", "app", "number", "status"),
    [
        ("uvicorn", "alone", signal.SIGTERM, -signal.SIGTERM),
        ("uvicorn", "alone", signal.SIGINT, None),
        ("uvicorn", "mounted", signal.SIGTERM, -signal.SIGTERM),
        ("uvicorn-impatient", "mounted", signal.SIGTERM, -signal.SIGTERM),
        ("hypercorn-asyncio", "alone", signal.SIGTERM, 0),
        ("hypercorn-asyncio", "mounted", signal.SIGINT, 0),
        ("hypercorn-trio", "alone", signal.SIGTERM, 0),
        ("hypercorn-trio", "mounted", signal.SIGTERM, 0),
        ("hypercorn-asyncio-no-workers", "alone", signal.SIGTERM, 0),
        ("hypercorn-trio-no-workers", "alone", signal.SIGTERM, -signal.SIGTERM),
        ("hypercorn-trio-no-workers", "alone", signal.SIGINT, 0),
    ],
)
def test_who_watches_hears_when_to_come_back_and_the_process_ends(
    tmp_path: Path, server: str, app: str, number: int, status: int | None
) -> None:
    with serving(tmp_path, server, app) as process:
        with process.stream() as lines:
            assert next(lines) == "event: welcome"
            process.end(number)
            retries = [line for line in lines if line.startswith("retry:")]  # read to an end in good order
        assert len(retries) == 1
        assert 3000 <= int(retries[0].removeprefix("retry:")) <= 6000
        ended, _ = process.ended()
        assert status in (None, ended)


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn-trio-no-workers"])
@pytest.mark.parametrize("takes_s", [0.2, 1.5])
def test_handlers_still_finish(tmp_path: Path, server: str, takes_s: float) -> None:
    """A quick one is heard on the stream; a slow one is where no server handles the signal, as under trio."""
    with serving(tmp_path, server) as process:
        with process.stream() as lines:
            assert next(lines) == "event: welcome"
            epoch = json.loads(next(lines).removeprefix("data: "))["epoch"]
            assert process.send(epoch, takes_s) == 200
            process.end()
            heard = list(lines)
        assert any(line.startswith("retry:") for line in heard)
        assert ('data: "late reply"' in heard) == (takes_s < 1 or server != "uvicorn")
        assert process.ended()[1] == "handled\n"


# -- in this process -----------------------------------------------------------------------------------


@pytest.fixture
def told() -> Iterator[Told]:
    """Who would handle SIGTERM without a hub: the signals that have come to it, and whether with a frame."""
    heard: Told = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: heard.append((number, frame is not None)))
    yield heard
    signal.signal(signal.SIGTERM, former)


def retries(call: Call) -> int:
    return sum(isinstance(item, Retry) for item in call.items)


@pytest.mark.anyio
async def test_a_hub_that_is_told_takes_nobody_any_more_and_hands_the_signal_on(told: Told) -> None:
    handler, hubs = signal.getsignal(signal.SIGTERM), [Hub(), Hub()]
    apps = [hub.asgi() for hub in hubs]
    async with hubs[0].lifespan(), hubs[1].lifespan():
        async with stream(apps[0], 1) as one, stream(apps[1], 1) as other:
            await one.until(1)
            await other.until(1)
            assert signal.getsignal(signal.SIGTERM) is not handler
            signal.raise_signal(signal.SIGTERM)
            await one.ended()
            await other.ended()
            assert told == [(signal.SIGTERM, False)]  # in a frame's place trio would raise KeyboardInterrupt
            assert [retries(call) for call in (one, other)] == [1, 1]
        async with stream(apps[0], 2) as late:
            await late.ended()
            assert (late.status, late.headers["retry-after"]) == (503, "1")
        signal.raise_signal(signal.SIGTERM)
        assert told[1:] == [(signal.SIGTERM, True)]
    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.anyio
@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_hub_that_is_closed_listens_no_more(told: Told, by_hand: bool) -> None:
    handler, hub = signal.getsignal(signal.SIGTERM), Hub()
    async with hub.lifespan():
        await anyio.sleep(0.01)
        assert signal.getsignal(signal.SIGTERM) is not handler
        if by_hand:
            await hub.aclose()
            assert signal.getsignal(signal.SIGTERM) is handler
    assert signal.getsignal(signal.SIGTERM) is handler
    assert told == []


@pytest.mark.anyio
async def test_a_stream_that_was_let_in_before_is_not_attached_after() -> None:
    asked, closed = anyio.Event(), anyio.Event()

    async def authenticate(_request: object) -> None:
        asked.set()
        await closed.wait()

    hub = Hub(authenticate=authenticate)
    async with stream(hub.asgi(), 1) as call:
        await asked.wait()
        await hub.aclose()
        closed.set()
        await call.ended()
        assert call.status == 503


@pytest.mark.anyio
async def test_whose_place_another_handler_has_taken_is_left_alone(told: Told) -> None:
    def another(_number: int, _frame: object) -> None: ...

    with ending():
        signal.signal(signal.SIGTERM, another)
    assert signal.getsignal(signal.SIGTERM) is another
    assert told == []


@pytest.mark.anyio
async def test_a_signal_that_is_ignored_ends_nothing(told: Told) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with ending():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    assert told == []


@pytest.mark.anyio
async def test_in_another_thread_no_signal_is_listened_to(told: Told) -> None:
    handler, seen = signal.getsignal(signal.SIGTERM), list[object]()

    async def elsewhere() -> None:
        with ending():
            seen.append(signal.getsignal(signal.SIGTERM))

    await anyio.to_thread.run_sync(anyio.run, elsewhere)
    assert seen == [handler]
    assert told == []
