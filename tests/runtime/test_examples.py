"""The examples run: a hub mounted in Starlette and in FastAPI, and one behind hypercorn under trio."""

from __future__ import annotations

import importlib.util
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from perdure import Event, Hub, SendUncertain, Session, SessionExpired, SessionFailed, connect
from starlette.types import ASGIApp

from tests.runtime.serving import QUICK, SHORT, Uvicorn, echo_hub

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> Any:
    """An example's module, fresh."""
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def uvicorn(app: ASGIApp) -> Iterator[str]:
    """The app behind uvicorn; its address."""
    server = Uvicorn(app)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


@contextmanager
def hypercorn(app: Any) -> Iterator[str]:
    """The app behind hypercorn, under trio in a thread of its own; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.graceful_timeout = 1
    config.loglevel = "ERROR"
    stop: list[Any] = []
    up = threading.Event()

    async def run() -> None:
        stop.extend([trio.Event(), trio.lowlevel.current_trio_token()])
        up.set()
        await hypercorn_serve(app, config, shutdown_trigger=stop[0].wait)

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    assert up.wait(10)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop[1].run_sync_soon(stop[0].set)
        thread.join(10)
        listener.detach()
        assert not thread.is_alive()


quick = partial(connect, settings=QUICK, limits=SHORT)


async def take(session: Session, count: int) -> list[Any]:
    with anyio.fail_after(5):
        return [await anext(session) for _ in range(count)]


@pytest.mark.anyio
async def test_a_chat_room_beside_an_app_s_own_pages() -> None:
    with uvicorn(example("chat_starlette").make_app()) as base:
        url = f"{base}/live"
        async with (
            quick(url, session="room-1", credential="ann") as ann,
            quick(url, session="room-1", credential="bob") as bob,
            httpx2.AsyncClient(base_url=base) as http,
        ):
            await ann.send({"text": "hello"})
            await take(ann, 1)
            await bob.send({"text": "hi"})
            said = [Event({"from": "ann", "text": "hello"}, 1), Event({"from": "bob", "text": "hi"}, 2)]
            assert await take(bob, 2) == said
            private = await ann.watch("private-bob")
            with anyio.fail_after(5), pytest.raises(SessionFailed):
                await anext(private)
            assert (await http.get("/rooms")).json() == {"room-1": 2}
            await http.post("/rooms/room-1/close")
            with anyio.fail_after(5):
                assert [item async for item in bob] == []
            assert bob.outcome == "succeeded"
        async with quick(url, session="room-1") as nobody:
            with anyio.fail_after(5), pytest.raises(SessionExpired, match="say who you are"):
                await anext(nobody)


@pytest.mark.anyio
async def test_long_jobs_behind_fastapi_are_watched_to_their_end_or_cancelled() -> None:
    jobs = example("jobs_fastapi")
    with uvicorn(jobs.make_app()) as base:
        async with httpx2.AsyncClient(base_url=base) as http:
            first = (await http.post("/jobs", json={"steps": 3})).json()["session"]
            endless = (await http.post("/jobs", json={"steps": 10_000})).json()["session"]
        async with quick(f"{base}/live", session=first) as session:
            other = await session.watch(endless)
            with anyio.fail_after(5):
                assert [item.data async for item in session if isinstance(item, Event)] == [
                    {"done": n, "of": 3} for n in (1, 2, 3)
                ]
            await take(other, 1)
            with suppress(SendUncertain):  # the session may be over before the receipt is home
                await other.send(jobs.Command(cancel=True))
            with anyio.fail_after(5), pytest.raises(SessionFailed):
                async for _ in other:
                    pass


@pytest.mark.anyio
async def test_a_hub_behind_hypercorn_under_trio(caplog: pytest.LogCaptureFixture) -> None:
    hub: Hub = echo_hub()
    with hypercorn(hub.asgi()) as url:
        async with quick(url, session="chat-1") as session:
            for n in range(20):
                await session.send({"text": f"m{n}"})
            assert [event.data["text"] for event in await take(session, 20)] == [f"M{n}" for n in range(20)]
            other = await session.watch("chat-2")
            await other.send({"text": "two"})
            assert await take(other, 1) == [Event({"text": "TWO"}, 1)]
            assert len(hub._streams) == 1
        with anyio.fail_after(5):
            while hub._streams:
                await anyio.sleep(0.01)
        async with quick(url, session="chat-1") as session:
            await take(session, 20)
    assert len(hub._background) == 0
