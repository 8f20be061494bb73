"""Handlers that raise, block or never return: each is reported, and its session goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio
import pytest
from perdure import watch
from perdure.events import sender_of
from perdure.handlers import Handlers
from perdure.tasks import Background

from tests.runtime.asgi import CID

pytestmark = pytest.mark.anyio
Doing = Callable[[], Awaitable[object]]


@dataclass
class Job:
    key: str
    do: Doing
    connection_id: str = CID


class Desk:
    """Handlers of jobs, with what became of each."""

    def __init__(self, handler_s: float = 60, backlog_max: int = 100) -> None:
        self.background = Background()
        self.begun, self.failed = list[str](), list[str]()
        self.handlers: Handlers[Job] = Handlers(
            self.background.spawn,
            self._handle,
            lambda _session, job: self.failed.append(job.key),
            backlog_max=backlog_max,
            backlog_bytes_max=100,
            handler_s=handler_s,
        )

    async def _handle(self, _session: str, job: Job) -> None:
        self.begun.append(job.key)
        await job.do()

    def add(self, key: str, do: Doing, session: str = "chat") -> None:
        self.handlers.add(session, Job(key, do), 1)

    async def idle(self) -> None:
        with anyio.fail_after(5):
            while self.handlers.busy:
                await anyio.sleep(0.005)

    async def gone(self) -> None:
        with anyio.fail_after(5):
            while len(self.background):
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
    bad: Doing, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    for key, do in (("a", nothing), ("bad", bad), ("b", nothing), ("c", nothing)):
        desk.add(key, do)
    await desk.idle()
    assert (desk.begun, desk.failed) == (["a", "bad", "b", "c"], ["bad"])
    assert f"the handler of a send of session 'chat' failed (connection {sender_of(CID)}, key" in caplog.text
    assert CID not in caplog.text
    assert "closed" not in caplog.text
    await desk.background.aclose()


async def test_what_is_cancelled_as_the_hub_closes_has_not_failed(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    for key in ("a", "b", "c"):
        desk.add(key, anyio.sleep_forever)
    await anyio.sleep(0.01)
    await desk.background.aclose()
    assert (desk.begun, desk.failed) == (["a"], [])
    assert "closed in the midst of a send of session 'chat'" in caplog.text
    assert "closed before 2 sends of 'chat' were handled" in caplog.text


async def test_who_waits_for_room_as_the_queue_is_dropped_waits_no_longer() -> None:
    desk = Desk(backlog_max=1)
    desk.add("a", anyio.sleep_forever)
    await anyio.sleep(0.01)
    desk.add("b", nothing)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(desk.handlers.room, "chat")
            await anyio.wait_all_tasks_blocked()
            await desk.background.aclose()
    assert desk.begun == ["a"]


async def in_a_thread(seconds: float) -> None:
    """What cannot be cancelled."""
    await anyio.to_thread.run_sync(time.sleep, seconds)
    raise ValueError("too late to count")


async def test_a_handler_that_cannot_be_cancelled_has_failed_and_the_queue_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(handler_s=0.1)
    began = anyio.current_time()
    desk.add("stuck", partial(in_a_thread, 0.7))
    for key in ("a", "b"):
        desk.add(key, nothing)
    assert desk.begun == []
    await desk.idle()
    assert 0.2 <= anyio.current_time() - began < 0.6
    assert (desk.begun, desk.failed) == (["stuck", "a", "b"], ["stuck"])
    which = f"of session 'chat' (connection {sender_of(CID)}, key stuck)"
    assert f"{which} was cancelled after 0.1 s and has not ended" in caplog.text
    desk.add("c", nothing)  # while that one is still there
    await desk.gone()
    assert (desk.begun, desk.failed) == (["stuck", "a", "b", "c"], ["stuck"])
    assert "too late to count" not in caplog.text


async def test_a_session_s_last_handler_that_cannot_be_cancelled_leaves_nothing_behind() -> None:
    desk = Desk(handler_s=0.05)
    desk.add("stuck", partial(in_a_thread, 0.3))
    await desk.idle()
    desk.add("again", anyio.sleep_forever)
    await anyio.sleep(0.3)
    assert desk.failed == ["stuck", "again"]
    assert (desk.handlers.busy, len(desk.background)) == (False, 0)


async def test_what_cannot_be_cancelled_is_left_behind_when_all_is_closed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.tasks.CANCELLED_S", 0.05)
    desk = Desk()
    desk.add("stuck", partial(in_a_thread, 0.5))
    await anyio.sleep(0.01)
    with anyio.fail_after(0.3):
        await desk.background.aclose()
    assert "leaves tasks behind that do not end: Handlers._run" in caplog.text
    await desk.gone()


async def test_handlers_that_end_in_time_are_not_laid_an_event_loop_s_standstill_to_their_charge(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STANDSTILL_S", 0.2)
    desk = Desk(handler_s=0.1)

    async def block() -> None:
        time.sleep(0.4)

    desk.add("patient", anyio.sleep_forever, "other")
    desk.add("blocks", block)
    desk.add("next", nothing)
    await desk.gone()
    assert desk.failed == ["patient"]  # cancelled at its deadline, and not left to itself
    assert "has not ended" not in caplog.text
    (said,) = [one.getMessage() for one in caplog.records if "stood still" in one.getMessage()]
    assert "while these ran: handlers of sessions ['chat', 'other'], hooks [];" in said
    assert 0.3 < float(said.split(" s,")[0].split()[-1]) < 2


async def test_the_watch_takes_one_task_and_lingers_no_longer_than_a_look() -> None:
    desk = Desk(handler_s=0.2)
    for n in range(100):
        desk.add(str(n), nothing, f"session {n}")
    await desk.idle()
    assert len(desk.background) == 1
    await anyio.sleep(0.1)
    assert len(desk.background) == 0


async def test_of_what_was_left_to_itself_closing_says_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(handler_s=0.05)

    async def deaf() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.4)
        await anyio.sleep(0)

    desk.add("deaf", deaf)
    await desk.idle()
    await desk.background.aclose()
    assert desk.failed == ["deaf"]
    assert "left to itself" in caplog.text
    assert "closed" not in caplog.text
