"""The demo's server: answers each send with several events, and keeps account of both."""

from __future__ import annotations

import asyncio
import signal
import socket

import uvicorn

from perdure import Hub, HubSession, Send, ServerSettings
from perdure.demo.lines import tell

SESSION = "demo"
EVENTS_A_SEND = 6
HEARTBEAT_S = 0.4


def make_hub(handled: list[int], published: list[list[int]]) -> Hub:
    """A hub whose handler writes down what it takes and publishes."""
    hub = Hub(settings=ServerSettings(grace_s=20.0), heartbeat_s=HEARTBEAT_S, trace=told)

    @hub.on_send
    async def answer(send: Send, session: HubSession) -> None:
        n = send.data["n"]
        handled.append(n)
        for part in range(EVENTS_A_SEND):
            published.append([n, part])
            await session.publish({"n": n, "part": part})
        if send.data.get("last"):
            await asyncio.sleep(0.5)  # so that its receipt is home before the session is over
            await session.end("succeeded")

    return hub


def told(record: object) -> None:
    """A decision, told as it is taken."""
    tell("trace", record=record)


async def serve() -> None:
    """Serve until terminated, then tell the account."""
    handled: list[int] = []
    published: list[list[int]] = []
    hub = make_hub(handled, published)
    # TCP by name: asyncio turns off Nagle's delay only where it sees it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(hub.asgi(), log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGUSR1, lambda: setattr(server, "should_exit", True)
    )
    tell("port", port=listener.getsockname()[1])
    await server.serve(sockets=[listener])
    tell("account", handled=handled, published=published)


if __name__ == "__main__":
    asyncio.run(serve())
