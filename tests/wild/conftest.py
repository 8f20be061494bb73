"""What the tests outside Python need. Missing is failing, never skipping."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.wild.programs import program
from tests.wild.ways import Ways, all_ways


@pytest.fixture(scope="session")
def node() -> str:
    """Node, 18 or later: it has fetch and web streams."""
    return program("node")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium."""
    return program("chromium")


@pytest.fixture(scope="session")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """The servers and proxies; the whole run shares them."""
    with all_ways(tmp_path_factory) as ways:
        yield ways


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Sockets and generators that a test has left open are found here, not in some later test."""
    yield
    gc.collect()
