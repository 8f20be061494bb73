"""A well-behaved client that talks while others attack: what it sends and gets, and how long that takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
from perdure import Event, Session, connect

from tests.runtime.serving import QUICK, SHORT

LATENCY_S = 3.0
"""A round takes some milliseconds; this is for a busy machine, and far below what an attack could cost."""
PATIENCE_S = 20.0


class Talk:
    """Rounds of a send and its echo, one after another, each checked and timed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.slowest_s, self.rounds, self._over = 0.0, 0, False

    async def run(self) -> None:
        """Talk until `end`."""
        while not self._over:
            began = anyio.current_time()
            await self.session.send({"text": f"round {self.rounds}"})
            said = await anext(self.session)
            assert said == Event({"text": f"ROUND {self.rounds}"}, self.rounds + 1)
            self.slowest_s = max(self.slowest_s, anyio.current_time() - began)
            self.rounds += 1
            await anyio.sleep(0.005)

    async def more(self, rounds: int) -> None:
        """Wait for so many further rounds."""
        await until(lambda last=self.rounds + rounds: self.rounds >= last)

    def end(self) -> None:
        """No further round."""
        self._over = True


async def until(condition: Callable[..., Any]) -> None:
    """Wait for something to become true."""
    with anyio.fail_after(PATIENCE_S):
        while not condition():
            await anyio.sleep(0.005)


@asynccontextmanager
async def undisturbed(url: str, **more: Any) -> AsyncIterator[Talk]:
    """A client in the session `lobby` of an echo hub, that must notice nothing of what goes on meanwhile.

    Nothing lost, nothing twice, in order, in time, on one stream from beginning to end.
    """
    async with (
        connect(url, session="lobby", settings=QUICK, limits=SHORT, **more) as session,
        anyio.create_task_group() as group,
    ):
        talk = Talk(session)
        group.start_soon(talk.run)
        await talk.more(3)
        yield talk
        await talk.more(3)
        talk.end()
        assert session.status.attempt == 1, "it had to reconnect"
        assert talk.slowest_s < LATENCY_S


@contextmanager
def allocating_at_most(bytes_max: int) -> Iterator[None]:
    """Python's memory never grows by more than so many bytes meanwhile."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < bytes_max, f"{(peak - before) >> 10} KiB, of {bytes_max >> 10} allowed"
