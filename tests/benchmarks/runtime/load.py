"""The load that every tool gets, and what every client's program has in common."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.request import urlopen

Measure = Callable[..., Awaitable[dict[str, Any]]]
WARM_UP = 500
IN_FLIGHT = 100
"""How many sends are under way at once: as many as perdure's client queues by default."""
TEXT = "It was the best of times"


def payload(number: int) -> dict[str, Any]:
    """What each event and each send carries."""
    return {"n": number, "text": TEXT, "final": False}


async def ask(base: str, path: str) -> Any:
    """Ask the server's control for something, beside the tool that is measured."""

    def get() -> Any:
        with urlopen(f"{base}/control/{path}", timeout=60) as answer:
            return json.load(answer)

    return await asyncio.to_thread(get)


class Count:
    """Numbered events as they come: each must be the next."""

    def __init__(self) -> None:
        self.seen = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    def take(self, data: dict[str, Any]) -> None:
        """One more. Raises RuntimeError where one is lost or doubled."""
        if data["n"] != self.seen or data["text"] != TEXT:
            raise RuntimeError(f"event {self.seen} was expected, and {data} came")
        self.seen += 1
        if self.seen == self._wanted:
            self._reached.set()

    async def reach(self, wanted: int) -> None:
        """Wait until so many have come."""
        self._wanted = wanted
        self._reached.clear()
        if self.seen < wanted:
            await self._reached.wait()


class Watch:
    """Times what its `with` holds, by the clock and by this process's processor time."""

    def __init__(self) -> None:
        self._rounds: list[tuple[float, float]] = []
        self._started = 0.0, 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        clock, cpu = self._started
        self._rounds.append((time.perf_counter() - clock, time.process_time() - cpu))

    def result(self, each: int) -> dict[str, float]:
        """The fastest round, the least processor time of one, and how much was done with the warm-up."""
        seconds, cpu = (min(amounts) for amounts in zip(*self._rounds, strict=True))
        done = WARM_UP + each * len(self._rounds)
        return {"seconds": seconds / each, "client_cpu_s": cpu / each, "done": done}


async def timed_events(base: str, count: Count, events: int, rounds: int, pauses: int) -> dict[str, Any]:
    """Have the server publish, some times over, and time from asking for it to the last event.

    `pauses`: 1 where the publisher awaits something between two events, else 0.
    """
    await ask(base, f"publish/{WARM_UP}/{pauses}")
    await count.reach(WARM_UP)
    watch = Watch()
    for _ in range(rounds):
        wanted = count.seen + events
        with watch:
            await ask(base, f"publish/{events}/{pauses}")
            await count.reach(wanted)
    return watch.result(events)


async def timed_sends(
    base: str, send_all: Callable[[int, int], Awaitable[object]], sends: int, rounds: int
) -> dict[str, Any]:
    """Time `send_all(first, count)`; all must have been handled once, in order."""
    await send_all(0, WARM_UP)
    watch = Watch()
    for number in range(rounds):
        with watch:
            await send_all(WARM_UP + number * sends, sends)
    await in_order(base, WARM_UP + rounds * sends)
    return watch.result(sends)


async def in_order(base: str, sends: int) -> None:
    """Check what the server's handler got. Raises RuntimeError."""
    got: dict[str, Any] = {}
    for _ in range(100):  # an accepted send may still wait for its handler
        got = await ask(base, "handled")
        if got["handled"] >= sends:
            break
        await asyncio.sleep(0.05)
    if got != {"handled": sends, "in_order": True}:
        raise RuntimeError(f"{sends} sends were made, and the handler tells of {got}")


async def timed_lone(send_one: Callable[[int], Awaitable[object]], sends: int) -> dict[str, Any]:
    """The median time of a send that is made when the one before is done."""
    for number in range(WARM_UP):
        await send_one(number)
    took, cpu = [], time.process_time()
    for number in range(WARM_UP, WARM_UP + sends):
        started = time.perf_counter()
        await send_one(number)
        took.append(time.perf_counter() - started)
    cpu = time.process_time() - cpu
    return {"seconds": statistics.median(took), "client_cpu_s": cpu / sends, "done": WARM_UP + sends}


def run(serve: Callable[[], None], measures: dict[str, Measure]) -> None:
    """The program: serve, or measure and print."""
    what, *rest = sys.argv[1:]
    if what == "serve":
        serve()
        return
    base, *numbers = rest
    print(json.dumps(asyncio.run(measures[what](base, *map(int, numbers)))))  # type: ignore[arg-type]
