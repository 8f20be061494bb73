"""Servers beside uvicorn: hypercorn, for HTTP/2 without and with TLS."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.types import ASGIApp

from tests.wild.certificates import Certificates


class Hypercorn:
    """A server in a thread of its own. It speaks HTTP/1.1, and HTTP/2 to who begins with it."""

    def __init__(self, app: ASGIApp, certificates: Certificates | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{self.port}"
        self._config = Config()
        self._config.bind = [f"fd://{self._listener.fileno()}"]
        self._config.graceful_timeout = 1
        self._config.loglevel = "ERROR"
        if certificates is not None:
            self._config.certfile = self._config.keyfile = str(certificates.chain)
        self._app: Any = app
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._up.wait(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._up.set()
        await serve(self._app, self._config, shutdown_trigger=self._stop.wait)

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start `work(*args)` on the server's loop."""
        context = contextvars.Context()  # not trio's, where the test runs under it
        return context.run(asyncio.run_coroutine_threadsafe, work(*args), self._loop)

    def stop(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._listener.detach()
        assert not self._thread.is_alive(), "hypercorn did not stop"
