"""What is left when all is over: tasks, sockets, timers and buffers, before and after."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable

import anyio
import psutil  # type: ignore[import-untyped]
from perdure import Hub
from perdure.machine import Machine
from perdure.outgoing import Outgoing
from perdure_model.core.server.parts import CONNECTION, LOG, OWNER, WATCH, WINDOW

Counts = dict[str, int]
SETTLE_S = 30.0


def process_counts() -> Counts:
    """What this process holds: tasks of its event loop, sockets, and the library's living objects."""
    gc.collect()
    living = gc.get_objects()
    trio = sys.modules.get("trio")
    return {
        "tasks": trio.lowlevel.current_statistics().tasks_living
        if trio is not None and trio.lowlevel.in_trio_task()
        else len(anyio.get_running_tasks()),
        "sockets": len(psutil.Process().net_connections("inet")),
        "clients": sum(isinstance(one, Machine) for one in living),
        "streams": sum(isinstance(one, Outgoing) for one in living),
    }


def tasks_left() -> list[str]:
    """Where the tasks of asyncio's loop stand, for who wants to know what it is that is left."""
    return [
        f"{info.name}: {task.get_stack(limit=1)}"
        for info in anyio.get_running_tasks()
        for task in asyncio.all_tasks()
        if id(task) == info.id
    ]


def hub_counts(hub: Hub) -> Counts:
    """What a hub holds, by what it is kept for."""
    families = {"connection": CONNECTION, "watch": WATCH, "owner": OWNER, "window": WINDOW, "log": LOG}
    return {
        **{f"hub: {name} parts": len(hub._rules.parts(family)) for name, family in families.items()},
        "hub: streams": len(hub._streams),
        "hub: timers": len(hub._timers) + len(hub._calendar),
        "hub: logs stored": len(hub._logs._store._logs),  # type: ignore[attr-defined]
        "hub: tasks": len(hub._background),
        "hub: handler queues": len(hub._handlers._queues),
        "hub: principals": len(hub._routes._open),
    }


async def at_rest(before: Counts, count: Callable[[], Counts]) -> Counts:
    """What there is more of than before, once nothing of it goes away any more within a bound."""
    after = Counts()
    for _ in range(int(SETTLE_S / 0.25)):
        now = count()
        after = {name: n - before[name] for name, n in now.items() if n > before[name]}
        if not after:
            break
        await anyio.sleep(0.25)
    return after
