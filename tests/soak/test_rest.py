"""What is left behind is counted: a task, a socket, a stream that is held, and what a hub keeps."""

from __future__ import annotations

import socket

import anyio
import pytest
from perdure import Hub

from tests.runtime.asgi import stream
from tests.soak import rest
from tests.soak.rest import Counts, at_rest, hub_counts, process_counts

pytestmark = pytest.mark.anyio


def more(before: Counts, now: Counts) -> Counts:
    return {name: n - before[name] for name, n in now.items() if n != before[name]}


async def test_a_task_and_a_socket_are_counted() -> None:
    before = process_counts()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        await anyio.sleep(0)
        with socket.create_server(("127.0.0.1", 0)):
            assert more(before, process_counts()) == {"tasks": 1, "sockets": 1}
        group.cancel_scope.cancel()
    assert more(before, process_counts()) == {}


async def test_what_a_hub_holds_for_a_stream_is_counted_and_gone_at_rest() -> None:
    hub = Hub()
    before = hub_counts(hub)
    async with stream(hub.asgi()) as call:
        await call.until(1)
        held = more(before, hub_counts(hub))
        assert {"hub: streams", "hub: connection parts", "hub: watch parts"} <= held.keys()
    await hub.aclose()
    assert "hub: streams" not in more(before, hub_counts(hub))


async def test_what_does_not_go_away_is_told_after_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "SETTLE_S", 0.5)
    assert await at_rest({"tasks": 1, "sockets": 2}, lambda: {"tasks": 3, "sockets": 1}) == {"tasks": 2}
    assert await at_rest({"tasks": 1}, lambda: {"tasks": 1}) == {}
