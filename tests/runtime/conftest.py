"""Servers for a test, stopped at its end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from perdure import Hub

from tests.runtime.serving import Serve, Server


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers, and stops them at the end."""
    servers: list[Server] = []

    def start(hub: Hub, port: int = 0, app: Any = None) -> Server:
        servers.append(Server(hub, port, app))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Sockets and generators that a test has left open are found here, not in some later test."""
    yield
    gc.collect()
