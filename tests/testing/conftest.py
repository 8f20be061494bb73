"""The proxy's tests: one server, and nothing left open."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.testing.serving import EventServer, Seen


@pytest.fixture(scope="package")
def running_server() -> Iterator[EventServer]:
    server = EventServer()
    yield server
    server.stop()


@pytest.fixture
def server(running_server: EventServer) -> EventServer:
    """A server that has seen nothing yet: to start one for each test would take most of the time."""
    running_server.seen = Seen()
    return running_server


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """A socket that a test has left open fails that test, not some later one."""
    yield
    gc.collect()
