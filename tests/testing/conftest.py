"""The proxy's tests: a server each, and nothing left open."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.testing.serving import EventServer


@pytest.fixture
def server() -> Iterator[EventServer]:
    server = EventServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """A socket that a test has left open fails that test, not some later one."""
    yield
    gc.collect()
