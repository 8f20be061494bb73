"""Testing a server of one's own with perdure's faults: `python examples/testing_a_server.py`.

The adapter is all that is needed: how the server is started and asked, and how its client talks. The client
here is what browsers and apps do: an EventSource that reconnects, and a POST that is repeated if it fails.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio
import httpx2
from naive_server import Feed
from perdure import sse
from perdure.testing.remote import HubAdapter, Outcome, RemoteRun, Served, Talk, probed

RECONNECT_S: Final = 0.05
RETRY_S: Final = 0.05
TRIES: Final = 4
FOR_EVER: Final = httpx2.Timeout(1.0, read=None)
"""As an EventSource, which never counts a silent stream as lost."""


class NaiveAdapter:
    """The naive server, and its client."""

    history = False

    async def start(self) -> int:
        """Start it."""
        self._feed = Feed()
        self._served = Served(self._feed.app)
        return await self._served.start()

    async def stop(self) -> None:
        """Stop it."""
        await self._served.stop()

    async def publish(self, number: int) -> None:
        """Publish, in the server's event loop."""
        await self._served.call(self._feed.publish, number)

    async def handled(self) -> Sequence[int]:
        """What took effect."""
        return tuple(self._feed.handled)

    @asynccontextmanager
    async def talk(self, url: str, tab: str) -> AsyncIterator[Talk]:
        """A client, once it is connected."""
        async with httpx2.AsyncClient(base_url=url, timeout=1.0) as http:
            client = Client(http, tab)
            async with client.events_in, client.events, anyio.create_task_group() as tasks:
                await tasks.start(client.listen)
                yield client
                tasks.cancel_scope.cancel()


class Client:
    """An EventSource, and fetch."""

    def __init__(self, http: httpx2.AsyncClient, name: str) -> None:
        self._http, self._name = http, name
        self.events_in, self.events = anyio.create_memory_object_stream[int](100)

    async def listen(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Read the stream, and reconnect whenever it ends."""
        waiting = True
        while True:
            try:
                async with self._http.stream(
                    "GET", "/events", params={"client": self._name}, timeout=FOR_EVER
                ) as response:
                    if waiting:
                        task_status.started()
                        waiting = False
                    await self._read(response)
            except httpx2.HTTPError:
                await anyio.sleep(RECONNECT_S)

    async def _read(self, response: httpx2.Response) -> None:
        parser = sse.Parser()
        async for data in response.aiter_bytes():
            for item in parser.feed(data):
                if isinstance(item, sse.Event):
                    await self.events_in.send(json.loads(item.data))

    async def send(self, number: int) -> Outcome:
        """Post it, and again where that fails."""
        for _ in range(TRIES):
            try:
                response = await self._http.post("/send", json={"n": number})
                if response.is_success:
                    return "delivered"
            except httpx2.HTTPError:
                pass
            await anyio.sleep(RETRY_S)
        return "failed"

    def __aiter__(self) -> AsyncIterator[int]:
        return self.events


def table(runs: dict[str, RemoteRun]) -> str:
    """A line for each probe."""
    return "\n".join(f"    {probe:28} {run.broken or 'holds'}" for probe, run in runs.items())


def main() -> None:
    """Try both servers."""
    for name, make in (("the naive server", NaiveAdapter), ("perdure's hub", HubAdapter)):
        sys.stdout.write(f"{name}:\n{table(probed(make))}\n")


if __name__ == "__main__":
    main()
