"""An ASGI app behind uvicorn, in a thread with an event loop of its own: so the test may run on any."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import anyio
import uvicorn
from starlette.types import ASGIApp

START_S: Final = 10.0
STOP_S: Final = 10.0


class Served:
    """The app, from `start` to `stop`."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        self._uvicorn = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._up = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> int:
        """Serve on a free port of 127.0.0.1: that port. Raises TimeoutError."""
        # TCP by name: asyncio turns off Nagle's delay only where it sees it.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, args=(listener,), daemon=True)
        self._thread.start()
        if not await anyio.to_thread.run_sync(self._up.wait, START_S):
            raise TimeoutError(f"the app has not started within {START_S:g} s: what does it do at its start?")
        return int(listener.getsockname()[1])

    def _run(self, listener: socket.socket) -> None:
        with listener:
            asyncio.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._uvicorn.serve([listener]))
        while not self._uvicorn.started and not serving.done():
            await asyncio.sleep(0.002)
        self._up.set()
        await serving

    async def call(self, work: Callable[..., Any], *args: Any) -> Any:
        """The result of `await work(*args)` in the app's event loop."""
        assert self._loop is not None, "start it first"
        context = contextvars.Context()  # not the caller's, whose event loop may be another library's
        call = partial(asyncio.run_coroutine_threadsafe, work(*args), self._loop)
        return await anyio.to_thread.run_sync(context.run(call).result, STOP_S)

    async def stop(self) -> None:
        """Stop serving. Raises TimeoutError where it does not stop."""
        if self._thread is None:
            return
        self._uvicorn.should_exit = True
        await anyio.to_thread.run_sync(self._thread.join, STOP_S)
        if self._thread.is_alive():
            raise TimeoutError(f"the app has not stopped within {STOP_S:g} s")
