"""What the fuzzers have found, each by its coordinates."""

from __future__ import annotations

import gc

import anyio
import httpx2
import pytest
from perdure import Hub, HubLimits, SessionFailed, connect

from tests.fuzz.requests import Request
from tests.fuzz.test_endpoints import Asked
from tests.runtime.asgi import CID, post, stream


@pytest.mark.anyio
async def test_a_body_that_is_refused_in_its_midst_is_left_closed() -> None:
    """trio tells of an async generator that is left to the garbage collector."""
    hub = Hub(limits=HubLimits(body_bytes=10))
    json_type = [(b"content-type", b"application/json")]
    call = Asked(Request("POST", "/send", b"", json_type, [b"x" * 11, b"x"], True), "")
    await call.run(hub.asgi())
    gc.collect()
    assert call.status == 413


@pytest.mark.anyio
async def test_a_stream_of_a_closed_connection_does_not_end_the_one_that_has_its_number_now() -> None:
    """The connection is forgotten, so its client may count from 1 again, before the old stream has ended."""
    hub = Hub()
    app = hub.asgi()
    async with stream(app, 1) as before:
        await before.until(1)
        before.reads = anyio.Event()  # so that it lingers
        await hub.session("chat").publish(1)
        assert (await post(app, "/close", {"cid": CID, "attempt": "1.1"}))[0] == 204
        async with stream(app, 1) as after:
            await after.until(1)
            before.reads.set()
            before.gone.set()
            await before.ended()
            await hub.session("chat").publish(2)
            assert [event.data for event in (await after.until(3))[1:]] == ["1", "2"]
    await hub.aclose()


@pytest.mark.anyio
async def test_an_answer_that_was_read_before_by_a_transport_for_tests_is_one() -> None:
    """As `httpx2.MockTransport` gives it: for the stream and for the send."""
    transport = httpx2.MockTransport(lambda request: httpx2.Response(404, json={}, request=request))
    async with (
        httpx2.AsyncClient(transport=transport) as http,
        connect("http://hub", session="chat", http=http) as session,
    ):
        with pytest.raises(SessionFailed) as caught:
            await anext(session)
    assert caught.value.status == 404
