"""What the tests outside Python need: Node, and a browser. Missing is failing, never skipping."""

from __future__ import annotations

import shutil

import pytest


def program(name: str, package: str) -> str:
    """The path of a program, or a failure that says how to get it."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: apt-get install {package}", pytrace=False)
    return found


@pytest.fixture(scope="session")
def node() -> str:
    """Node, 18 or later: it has fetch and web streams."""
    return program("node", "nodejs")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium."""
    return program("chromium", "chromium")
