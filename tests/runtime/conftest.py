"""Servers for a test, stopped at its end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from perdure import Hub

from tests.runtime.serving import Serve, Server, Switch, Uvicorn


@pytest.fixture(scope="session")
def shared() -> Iterator[tuple[Uvicorn, Switch]]:
    """The server that serves all tests which need none of their own."""
    switch = Switch()
    server = Uvicorn(switch)
    gc.collect()
    gc.freeze()  # what is there by now need not be looked at after each test
    yield server, switch
    gc.unfreeze()
    server.stop()


@pytest.fixture
def serve(shared: tuple[Uvicorn, Switch]) -> Iterator[Serve]:
    """Serves hubs until the end of the test; `alone` on a server, and if wanted a port, of its own."""
    servers: list[Server] = []

    def start(hub: Hub, *, app: Any = None, alone: bool = False, port: int = 0) -> Server:
        asgi = app if app is not None else hub.asgi()
        uvicorn, switch = shared
        server = Server(hub, Uvicorn(asgi, port)) if alone else Server(hub, uvicorn, switch.add(asgi))
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Sockets and generators that a test has left open are found here, not in some later test."""
    yield
    gc.collect()
