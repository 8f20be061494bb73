"""Handlers that raise, block or never return: each is reported, and its session goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest
from perdure.handlers import Handlers
from perdure.tasks import Background

pytestmark = pytest.mark.anyio
Work = Callable[[], Awaitable[object]]


class Desk:
    """Handlers of work that is a function, with what became of each."""

    def __init__(self) -> None:
        self.background = Background()
        self.begun, self.failed = list[str](), list[str]()
        self.handlers: Handlers[tuple[str, Work]] = Handlers(
            self.background.spawn, self._handle, lambda _session, work: self.failed.append(work[0]), 100, 100
        )

    async def _handle(self, _session: str, work: tuple[str, Work]) -> None:
        self.begun.append(work[0])
        await work[1]()

    def add(self, name: str, work: Work, session: str = "chat") -> None:
        self.handlers.add(session, (name, work), 1)

    async def idle(self) -> None:
        with anyio.fail_after(5):
            while self.handlers.busy:
                await anyio.sleep(0.005)


async def nothing() -> None: ...


class Unusual(BaseException):
    """No Exception, and nothing that ends a process either."""


async def stray() -> None:
    """A cancellation that nobody asked for: of a future, or made up."""
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future
    raise Unusual


async def unusual() -> None:
    raise Unusual


@pytest.mark.parametrize("bad", [stray, unusual])
async def test_a_handler_that_lets_anything_out_has_failed_and_the_queue_goes_on(
    bad: Work, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    for name, work in (("a", nothing), ("bad", bad), ("b", nothing), ("c", nothing)):
        desk.add(name, work)
    await desk.idle()
    assert (desk.begun, desk.failed) == (["a", "bad", "b", "c"], ["bad"])
    assert "the handler of a send of session 'chat' failed" in caplog.text
    assert "closed" not in caplog.text
    await desk.background.aclose()


async def test_what_is_cancelled_as_the_hub_closes_has_not_failed(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    for name in ("a", "b", "c"):
        desk.add(name, anyio.sleep_forever)
    await anyio.sleep(0.01)
    await desk.background.aclose()
    assert (desk.begun, desk.failed) == (["a"], [])
    assert "closed in the midst of a send of session 'chat'" in caplog.text
    assert "closed before 2 sends of 'chat' were handled" in caplog.text
