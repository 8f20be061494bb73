"""Timers, tasks and the inbox: what waits, and that it ends."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint
from perdure import Send
from perdure.handlers import Handlers
from perdure.inbox import Inbox
from perdure.tasks import Background, ending_tasks
from perdure.timers import Calendar, Timers

pytestmark = pytest.mark.anyio


async def test_a_timer_feeds_its_input_when_it_is_due_and_is_forgotten() -> None:
    fed: list[str] = []
    with anyio.fail_after(2):
        await let_run_out(fed)
    assert fed == ["soon", "late"]


async def let_run_out(fed: list[str]) -> None:
    async with anyio.create_task_group() as group:
        timers: Timers[str] = Timers(group.start_soon, fed.append)
        timers.start("late", 0.03)
        timers.start("soon", 0.01)
        timers.start("never", 60)
        timers.cancel("never")
        timers.cancel("unknown")
        assert len(timers) == 2
    assert len(timers) == 0


async def test_a_timer_for_the_same_input_replaces_the_one_before() -> None:
    fed: list[str] = []
    async with anyio.create_task_group() as group:
        timers: Timers[str] = Timers(group.start_soon, fed.append)
        timers.start("due", 0.01)
        timers.start("due", 0.05)
        await anyio.sleep(0.03)
        assert fed == []
    assert fed == ["due"]


async def test_a_timer_may_start_itself_again() -> None:
    fed: list[str] = []

    def feed(due: str) -> None:
        fed.append(due)
        if len(fed) < 3:
            timers.start(due, 0.001)

    async with anyio.create_task_group() as group:
        timers: Timers[str] = Timers(group.start_soon, feed)
        timers.start("due", 0.001)
    assert fed == ["due"] * 3


async def test_a_calendar_feeds_in_the_order_of_time_whatever_comes_in_between() -> None:
    fed: list[str] = []

    def feed(due: str) -> None:
        fed.append(due)
        if due == "first":
            calendar.add("next", 0)

    async with anyio.create_task_group() as group:
        calendar: Calendar[str] = Calendar(group.start_soon, feed)
        calendar.add("last", 0.04)
        await checkpoint()  # it waits for that one by now
        calendar.add("first", 0.01)
        calendar.add("same time, later", 0.04)
        assert len(calendar) == 3
    assert fed == ["first", "next", "last", "same time, later"]
    assert len(calendar) == 0


async def test_a_calendar_takes_one_task_and_goes_on_after_it_was_ended() -> None:
    background, fed = Background(), list[int]()
    calendar: Calendar[int] = Calendar(background.spawn, fed.append)
    for n in range(100):
        calendar.add(n, 0.01)
    assert len(background) == 1
    await background.aclose()
    assert (fed, len(background)) == ([], 0)
    calendar.add(100, 0)
    with anyio.fail_after(2):
        while len(calendar):
            await anyio.sleep(0.005)
    assert sorted(fed) == list(range(101))
    await background.aclose()


async def test_background_tasks_outlive_who_started_them_and_end_with_the_hub() -> None:
    background = Background()
    done: list[str] = []

    async def work(name: str, seconds: float) -> None:
        try:
            await anyio.sleep(seconds)
            done.append(name)
        finally:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            done.append(f"end of {name}")

    async with anyio.create_task_group() as group:
        group.start_soon(checkpoint)
        background.spawn(work, "short", 0)
        background.spawn(work, "long", 60)
    await anyio.sleep(0.02)
    assert done == ["short", "end of short"]
    assert len(background) == 1
    await background.aclose()
    assert done[2:] == ["end of long"]
    assert len(background) == 0


async def test_a_background_task_that_fails_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()

    async def work() -> None:
        raise ValueError("what went wrong")

    background.spawn(work)
    await anyio.sleep(0.01)
    assert "what went wrong" in caplog.text
    assert len(background) == 0


async def test_ending_tasks_keeps_the_body_s_error_and_waits_for_what_is_shielded() -> None:
    ended = False

    async def farewell() -> None:
        nonlocal ended
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.01)
        ended = True

    async def body() -> None:
        async with ending_tasks() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            tasks.start_soon(farewell)
            raise LookupError("of the body")

    with pytest.raises(LookupError, match="of the body"):
        await body()
    assert ended


async def test_a_task_that_fails_unexpectedly_is_not_swallowed() -> None:
    async def broken() -> None:
        raise ValueError("a bug")

    async def body() -> None:
        async with ending_tasks() as tasks:
            tasks.start_soon(broken)
            await anyio.sleep(1)

    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="a bug")):
        await body()


async def test_an_inbox_makes_who_fills_it_wait_and_loses_nothing() -> None:
    inbox: Inbox[int] = Inbox(2)
    taken: list[int | None] = []

    async def fill() -> None:
        for n in range(6):
            inbox.put(n)
            await inbox.room()
            assert len(inbox) < 2
        inbox.end()

    async with anyio.create_task_group() as group:
        group.start_soon(fill)
        while None not in taken:
            taken.append(await inbox.get())
    assert taken == [0, 1, 2, 3, 4, 5, None]
    assert await inbox.get() is None


async def test_cancelling_who_waits_for_an_item_takes_none() -> None:
    inbox: Inbox[int] = Inbox(2)
    inbox.put(1)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await inbox.get()
    assert scope.cancelled_caught
    assert await inbox.get() == 1


async def test_handlers_start_anew_after_a_pause() -> None:
    handled: list[str] = []

    async def handle(_session: str, send: Send) -> None:
        handled.append(send.key)

    async with anyio.create_task_group() as group:
        handlers: Handlers[Send] = Handlers(
            group.start_soon,
            handle,
            lambda _session, _send: None,
            backlog_max=1,
            backlog_bytes_max=100,
            handler_s=0.2,
        )
        for key in ("one", "two"):
            handlers.add("chat", Send(None, key, "", None), 100)
            await anyio.sleep(0.01)
            await handlers.room("chat")
    assert handled == ["one", "two"]
