"""Clients of the load: each holds one short conversation after another, and tells its account of each.

SIGUSR1: end the conversations, tell what is left, and end.
"""

from __future__ import annotations

import argparse
import random
import signal
import time

import anyio
from perdure import ClientSettings, Event, Gap, Limits, PerdureError, Session, connect
from perdure.demo.lines import tell
from perdure.errors import SendFailed, SendUncertain
from perdure_model.core.rule import Book

from tests.soak.accounts import Seen
from tests.soak.planted import planted
from tests.soak.rest import at_rest, process_counts, tasks_left
from tests.soak.server import HEARTBEAT_S, tell_blocks
from tests.soak.tokens import token

TURNS_MEAN, TURNS_MAX = 30, 100
PAUSE_MEAN_S = 0.15
ENDS_WITHIN_S = 120.0
LAST_AGAIN_S = 2.0
SETTINGS = ClientSettings(
    attempts_max=100, reconnect_first_s=0.1, reconnect_cap_s=1.0, retry_first_s=0.2, retry_cap_s=1.0
)
"""Attempts for as long as a server may take to be there again."""
LIMITS = Limits(heartbeat_s=HEARTBEAT_S, post_s=3.0)


class Conversation:
    """One: so many sends, a few at a time, then one that ends the session; and what came of it."""

    def __init__(self, name: str, chance: random.Random, over: anyio.Event, book: Book) -> None:
        self.name, self._chance, self._over, self._book = name, chance, over, book
        self._outcomes: dict[int, str] = {}
        self._seen = Seen()
        self._outcome: str | None = None

    async def hold(self, url: str) -> None:
        """Hold it, and tell its account; one that does not end within a bound has no account."""
        tell("begun", session=self.name)
        with anyio.move_on_after(ENDS_WITHIN_S):
            async with connect(
                url,
                session=self.name,
                credential=lambda: token(time.time()),
                settings=SETTINGS,
                limits=LIMITS,
                book=self._book,
            ) as session:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._send_all, session)
                    await self._read(session)
                self._outcome = session.outcome
        if self._outcome is not None:
            tell(
                "over",
                session=self.name,
                outcomes=self._outcomes,
                outcome=self._outcome,
                **vars(self._seen),
            )

    async def _read(self, session: Session) -> None:
        try:
            async for item in session:
                if isinstance(item, Event):
                    self._seen.event(item.data["life"], item.data["k"])
                    if self._chance.random() < 0.002:
                        await anyio.sleep(1)  # a reader that is slow at times
                elif isinstance(item, Gap):
                    self._seen.gap(item.snapshot["life"], item.snapshot["k"])
                else:
                    self._seen.gaps += 1  # no handler fails here
        except PerdureError as error:
            tell("ended", session=self.name, why=repr(error))

    async def _send_all(self, session: Session) -> None:
        for _ in range(min(round(self._chance.expovariate(1 / TURNS_MEAN)), TURNS_MAX)):
            if self._over.is_set() or session.outcome is not None:
                break
            async with anyio.create_task_group() as group:
                for _ in range(self._chance.choice((1, 1, 1, 2, 5))):
                    group.start_soon(self._send, session, False)
            if self._chance.random() < 0.01:
                await self._put_by(session)
            await anyio.sleep(self._chance.expovariate(1 / PAUSE_MEAN_S))
        while session.outcome is None:  # the last one may be refused by a fault, too
            await self._send(session, True)
            with anyio.move_on_after(LAST_AGAIN_S):
                while session.outcome is None:
                    await anyio.sleep(0.05)

    async def _put_by(self, session: Session) -> None:
        await session.suspend()
        await anyio.sleep(self._chance.uniform(0, 1))
        await session.resume()

    async def _send(self, session: Session, last: bool) -> None:
        n = len(self._outcomes) + 1
        self._outcomes[n] = "open"
        try:
            await session.send({"n": n, "last": last})
            self._outcomes[n] = "delivered"
        except SendFailed:
            self._outcomes[n] = "failed"
        except SendUncertain:
            self._outcomes[n] = "uncertain"


async def client(url: str, who: str, chance: random.Random, over: anyio.Event, book: Book) -> None:
    """One conversation after another."""
    count = 0
    while not over.is_set():
        count += 1
        await Conversation(f"{who}-{count}", chance, over, book).hold(url)


async def live(url: str, who: str, clients: int, seed: int, defect: str) -> None:
    """All clients of this process, until told to end; then tell what is left of them."""
    book = planted(defect)["client"]
    with anyio.open_signal_receiver(signal.SIGUSR1) as asked:
        over = anyio.Event()
        over.set()
        await Conversation(f"{who}-first", random.Random(seed), over, book).hold(url)  # imports, and caches
        before, over = process_counts(), anyio.Event()
        tell("ready")
        async with anyio.create_task_group() as group:
            telling = anyio.CancelScope()
            group.start_soon(told_blocks, telling)
            for number in range(clients):
                group.start_soon(
                    client, url, f"{who}-{number}", random.Random(f"{seed} {number}"), over, book
                )
            async for _ in asked:
                over.set()
                telling.cancel()
                break
        left = await at_rest(before, process_counts)
        tell("rest", left=left, tasks=tasks_left() if left and who == "asyncio" else [])


async def told_blocks(scope: anyio.CancelScope) -> None:
    """Tell of the blocks allocated until the scope is cancelled."""
    with scope:
        await tell_blocks()


def main() -> None:
    """Read the arguments and live."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("backend", choices=("asyncio", "trio"))
    arguments.add_argument("clients", type=int)
    arguments.add_argument("seed", type=int)
    arguments.add_argument("defect", help='a defect to plant, or ""')
    given = arguments.parse_args()
    random.seed(given.seed)
    anyio.run(live, given.url, given.backend, given.clients, given.seed, given.defect, backend=given.backend)


if __name__ == "__main__":
    main()
