"""The whole path: hub and client over real sockets, the client under asyncio and trio."""

from __future__ import annotations

import anyio
import pytest
from perdure import Event, Hub, HubSession, Receipt, Send, connect

from tests.runtime.serving import BRIEF, QUICK, SHORT, Serve

pytestmark = pytest.mark.anyio


def echo_hub() -> Hub:
    hub = Hub(settings=BRIEF, heartbeat_s=0.5)

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish({"text": send.data["text"].upper()})

    return hub


async def test_a_send_is_handled_and_its_answer_arrives(serve: Serve) -> None:
    server = serve(echo_hub())
    with anyio.fail_after(10):
        async with connect(server.url, session="chat-1", settings=QUICK, limits=SHORT) as session:
            assert await session.send({"text": "hello"}) == Receipt("1.1")
            assert await anext(session) == Event({"text": "HELLO"}, 1)
