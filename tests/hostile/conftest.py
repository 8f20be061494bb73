"""Servers for the tests, as those of the runtime have them. Under trio, too, they run in `make test-long`."""

import pytest

from tests.runtime.conftest import nothing_left_open, serve, shared

__all__ = ["anyio_backend", "nothing_left_open", "serve", "shared"]


@pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.long)])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Async tests run under both event loops."""
    return str(request.param)
