"""perdure's own hub and client as an adapter: the standard, and one half of yours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from perdure_model.core.client import CLIENT
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER
from perdure_model.core.server.parts import ServerSettings

from perdure import (
    Event,
    Gap,
    Hub,
    HubSession,
    Limits,
    MemoryIdentity,
    Send,
    SendFailed,
    SendUncertain,
    Session,
    connect,
)
from perdure.testing.remote.adapter import Outcome, Snapshot, Talk
from perdure.testing.remote.served import Served
from perdure.trace import Record

NAME: Final = "tested"
CLIENT_SETTINGS: Final = ClientSettings(
    attempts_max=200, reconnect_first_s=0.02, reconnect_cap_s=0.2, retry_first_s=0.05, retry_cap_s=0.3
)
SERVER_SETTINGS: Final = ServerSettings(grace_s=3.0)
LIMITS: Final = Limits(connect_s=2.0, heartbeat_s=0.3, post_s=1.0, goodbye_s=0.5)
HEARTBEAT_S: Final = 0.3


class HubAdapter:
    """A hub behind uvicorn, and perdure's client. Override `talk` to test a client of your own.

    client, server: the rules; for tests that plant a defect.
    """

    history = True

    def __init__(self, *, client: Book = CLIENT, server: Book = SERVER) -> None:
        self._client_rules, self._server_rules = client, server
        self.records: list[Record] = []
        """What both sides have decided: judged by conformance at the end of each run."""
        self._identities: dict[str, MemoryIdentity] = {}
        self._handled: list[int] = []

    async def start(self) -> int:
        """Start a hub."""
        self._handled = handled = []
        self._published = 0
        self._hub = hub = Hub(
            settings=SERVER_SETTINGS,
            heartbeat_s=HEARTBEAT_S,
            trace=self.records.append,
            book=self._server_rules,
        )
        hub.snapshot(lambda _session: {"n": self._published})

        @hub.on_send
        async def take(send: Send, _session: HubSession) -> None:
            handled.append(send.data["n"])

        self._served = Served(hub.asgi())
        return await self._served.start()

    async def stop(self) -> None:
        """Stop it, and close what it holds."""
        await self._served.call(self._hub.aclose)
        await self._served.stop()

    async def publish(self, number: int) -> None:
        """Publish to the one session there is."""
        self._published = number
        await self._served.call(self._hub.session(NAME).publish, {"n": number})

    async def handled(self) -> Sequence[int]:
        """What the handler was called with."""
        return tuple(self._handled)

    @asynccontextmanager
    async def talk(self, url: str, tab: str) -> AsyncIterator[Talk]:
        """perdure's client, under an identity that the tab keeps."""
        identity = self._identities.setdefault(tab, MemoryIdentity())
        async with connect(
            url,
            session=NAME,
            identity=identity,
            settings=CLIENT_SETTINGS,
            limits=LIMITS,
            trace=self.records.append,
            book=self._client_rules,
        ) as session:
            yield SessionTalk(session)


class SessionTalk:
    """A session as a conversation in numbers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def send(self, number: int) -> Outcome:
        """Send it, and name what came of it."""
        try:
            await self._session.send({"n": number})
        except SendUncertain:
            return "uncertain"
        except SendFailed:
            return "failed"
        return "delivered"

    async def __aiter__(self) -> AsyncIterator[int | Snapshot]:
        async for item in self._session:
            if isinstance(item, Event):
                yield number_of(item.data)
            elif isinstance(item, Gap):
                yield Snapshot(number_of(item.snapshot))


def number_of(data: Any) -> int:
    """The number that an event or a snapshot carries."""
    return int(data["n"])
