"""What the fuzzers have found, each by its coordinates."""

from __future__ import annotations

import gc

import anyio
import httpx2
import pytest
from perdure import ClientSettings, Hub, HubLimits, Limits, SessionFailed, StreamBroken, connect

from tests.fuzz.answers import Answer, Answering, Block, Ends, event, raw, welcome
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


def stream_of(*blocks: Block, ends: Ends) -> list[Answer]:
    """Two streams, each with a welcome and these blocks in one piece: the second for the one attempt more."""
    header = [(b"content-type", b"text/event-stream")]
    return [Answer(None, False, 200, header, [welcome({}), *blocks], 1 << 16, ends) for _ in range(2)]


UNREADABLE = event("end", {"outcome": "what"})
TOO_LARGE = raw(b"data: " + b"x" * 3000 + b"\n\n")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answers", [stream_of(UNREADABLE, ends="breaks"), stream_of(UNREADABLE, TOO_LARGE, ends="hangs")]
)
async def test_an_event_that_cannot_be_read_ends_its_stream_only_whatever_stands_behind(
    answers: list[Answer],
) -> None:
    """A break that is met while the stream is unwound; an event of the same chunk that is too large."""
    quick, small = ClientSettings(attempts_max=1), Limits(event_bytes_max=2000)
    async with (
        httpx2.AsyncClient(transport=Answering(list(answers))) as http,
        connect("http://hub", session="chat", http=http, settings=quick, limits=small) as session,
    ):
        with pytest.raises(SessionFailed) as caught:
            await anext(session)
    assert isinstance(caught.value.__cause__, StreamBroken)
    assert "cannot be read" in str(caught.value)
