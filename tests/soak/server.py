"""The server of the load: answers each send with a few events, and tells what it took, as it takes it.

SIGUSR1: tell what is left, and end. Its arguments are a defect to plant, or "", and which of its lives this
is: killed, it comes back with an empty memory, and numbers its events anew.
"""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import sys
import time
from functools import partial

import anyio
import uvicorn
from perdure import Hub, HubSession, Send, ServerSettings
from perdure.demo.lines import tell
from perdure.errors import Unauthenticated
from starlette.requests import Request

from tests.soak.planted import planted
from tests.soak.rest import at_rest, hub_counts, process_counts, tasks_left
from tests.soak.tokens import good

GRACE_S, ENDED_S, TOMBSTONE_S = 2.0, 12.0, 4.0
HEARTBEAT_S = 0.5
EVENTS_A_SEND = 3
PAUSE_MAX_S = 0.02
BLOCKS_EACH_S = 0.5
OVER_MAX = 1000
"""Of so many sessions that are over it still knows how many events they had: for who missed the end."""


def user(request: Request) -> str:
    """Whose request this is: one user's, whose tokens do not last."""
    if not good(request.headers.get("authorization", "").removeprefix("Bearer "), time.time()):
        tell("denied")
        raise Unauthenticated("this token is not good any more")
    return "user"


def make_hub(defect: str, life: int) -> Hub:
    """A hub that takes notes; of a session it knows how many events it has had."""
    settings = ServerSettings(grace_s=GRACE_S, ended_s=ENDED_S, tombstone_s=TOMBSTONE_S)
    hub = Hub(settings=settings, heartbeat_s=HEARTBEAT_S, authenticate=user, book=planted(defect)["server"])
    published: dict[str, int] = {}
    over: dict[str, int] = {}

    @hub.snapshot
    def reached(session: HubSession) -> dict[str, int]:
        return {"life": life, "k": published.get(session.name) or over.get(session.name, 0)}

    @hub.on_send
    async def answer(send: Send, session: HubSession) -> None:
        tell("took", session=session.name, n=send.data["n"])
        for _ in range(EVENTS_A_SEND):
            published[session.name] = k = published.get(session.name, 0) + 1
            await session.publish({"life": life, "k": k, "filler": "x" * random.randrange(200)})
        if send.data["last"]:
            over[session.name] = k = published.pop(session.name)
            if len(over) > OVER_MAX:
                del over[next(iter(over))]
            tell("over", session=session.name, published=(life, k))
            await session.end("succeeded")
        elif send.data["n"] % 10 == 0:
            await asyncio.sleep(random.uniform(0, PAUSE_MAX_S))

    return hub


def counts(hub: Hub) -> dict[str, int]:
    """All that can be left."""
    return {**process_counts(), **hub_counts(hub)}


async def tell_blocks() -> None:
    """Tell how many blocks Python has allocated, again and again."""
    while True:
        tell("blocks", blocks=sys.getallocatedblocks())
        await anyio.sleep(BLOCKS_EACH_S)


async def tell_rest(hub: Hub, before: dict[str, int]) -> None:
    """Wait for rest, and tell what there is more of than before."""
    left = await at_rest(before, partial(counts, hub))
    tell("rest", left=left, tasks=tasks_left() if left else [])


async def serve(defect: str, life: int) -> None:
    """Serve until terminated."""
    hub = make_hub(defect, life)
    # TCP by name: asyncio turns off Nagle's delay only where it sees it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(hub.asgi(), log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        while not server.started:
            await anyio.sleep(0.01)
        with anyio.open_signal_receiver(signal.SIGUSR1) as asked:
            tasks.start_soon(tell_blocks)
            await anyio.sleep(0.5)  # uvicorn's own tasks are there by now
            before = counts(hub)
            tell("port", port=listener.getsockname()[1])
            async for _ in asked:
                await tell_rest(hub, before)
                server.should_exit = True
                break
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(serve, sys.argv[1], int(sys.argv[2]))
