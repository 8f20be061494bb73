"""A perdure client that talks to a hub at the end of a way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from perdure import Event, Hub, HubSession, Send, Session, connect
from perdure_model.core.server.parts import ServerSettings

from tests.runtime.serving import QUICK, SHORT
from tests.wild.certificates import Certificates


class Echo:
    """A hub that answers in capitals; `taken`: the texts that its handler was called with."""

    def __init__(self, *, heartbeat_s: float = 0.3, **settings: Any) -> None:
        self.hub = Hub(settings=ServerSettings(**settings), heartbeat_s=heartbeat_s)
        self.taken: list[str] = []
        self.gone: list[str] = []
        self.hub.on_send(self._reply)
        self.hub.on_expire(self._forget)

    async def _reply(self, send: Send, session: HubSession) -> None:
        self.taken.append(send.data["text"])
        await session.publish({"text": send.data["text"].upper()})

    async def _forget(self, connection_id: str, _session: HubSession) -> None:
        self.gone.append(connection_id)


@asynccontextmanager
async def talk(
    url: str, certificates: Certificates, *, http2: bool = False, session: str = "chat", **more: Any
) -> AsyncIterator[Session]:
    """A client at this address, which is up; it gives up soon."""
    arguments = {"settings": QUICK, "limits": SHORT, **more}
    verify = certificates.trusting if url.startswith("https") else False
    async with (
        httpx2.AsyncClient(verify=verify, http1=not http2, http2=http2) as http,
        connect(url, session=session, http=http, **arguments) as one,
    ):
        await until(lambda: one.status.state == "awaiting")
        yield one


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for it."""
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.sleep(0.005)


async def texts(session: Session, count: int) -> list[str]:
    """The texts of the next events."""
    with anyio.fail_after(15):
        items = [await anext(session) for _ in range(count)]
    return [item.data["text"] for item in items if isinstance(item, Event)]
