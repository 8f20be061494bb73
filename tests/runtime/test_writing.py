"""How a stream is written and an inbox is read: together what comes together, and who is cancelled stops."""

from __future__ import annotations

import tracemalloc

import anyio
import pytest
from perdure import HubLimits, HubSession, Limits, ServerSettings
from perdure.errors import PayloadError
from perdure.inbox import CHECKED_EACH, Inbox
from perdure.outgoing import REST_S, Numbered, Outgoing, pieces
from perdure.server import PUBLISHED_A_TURN, Hub
from perdure_model.core.common import Cursor
from trio.testing import MockClock

from tests.runtime.asgi import CID, Call

RESTLESS = pytest.mark.parametrize(
    "anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})], ids=["trio"]
)


def stream(**cursors: Cursor) -> Outgoing:
    """A stream that stands at these places."""
    return Outgoing("cid", (1, 1), cursors, heartbeat_s=15, stall_s=30, write_bytes=1 << 16)


def id_of(line: bytes) -> str:
    return line.decode().removeprefix("id: ").removesuffix("\n")


@pytest.mark.anyio
async def test_an_id_names_its_own_session_first_and_where_the_others_stand() -> None:
    out = stream(a=Cursor("x", 3), b=Cursor("y", 5))
    assert id_of(out.id_line("b", Cursor("y", 6))) == "b:y:6,a:x:3"
    assert id_of(out.id_line("b", Cursor("y", 7))) == "b:y:7,a:x:3"
    assert id_of(out.id_line("a", Cursor("x", 4))) == "a:x:4,b:y:7"
    out.add("c d", Cursor("z", 9))
    assert id_of(out.id_line("a", Cursor("x", 5))) == "a:x:5,b:y:7,c%20d:z:9"
    out.drop("b")
    assert id_of(out.id_line("a", Cursor("w", 1))) == "a:w:1,c%20d:z:9"


@pytest.mark.anyio
async def test_events_written_together_have_the_ids_of_their_places_and_the_last_is_reached() -> None:
    out = stream(a=Cursor("x", 3), b=Cursor("y", 5))
    out.write_events("a", Cursor("x", 5), 4, [b"data: 1\n\n", b"data: 2\n\n"])
    (events,) = out._chunks
    assert isinstance(events, Numbered)
    assert list(events) == [b"id: a:x:4,b:y:5\ndata: 1\n\n", b"id: a:x:5,b:y:5\ndata: 2\n\n"]
    assert b"".join(events) == events.whole()
    assert len(events.whole()) <= events.bytes_most
    assert id_of(out.id_line("b", Cursor("y", 6))) == "b:y:6,a:x:5"


@pytest.mark.anyio
@RESTLESS
async def test_what_is_published_while_a_stream_rests_goes_out_in_one_write() -> None:
    hub = Hub()
    call = Call("GET", "/events", [("cid", CID), ("attempt", "1.1"), ("session", "main")])
    async with anyio.create_task_group() as group:
        group.start_soon(call.run, hub.asgi())
        await anyio.sleep(1)
        written = len(call.writes)
        for number in range(3):
            await hub.session("main").publish(number)
            await anyio.sleep(REST_S / 4)
        assert len(call.writes) == written + 1, "the first event waits for nothing"
        await anyio.sleep(1)
        assert len(call.writes) == written + 2
        assert [write.count(b"\n\n") for write in call.writes[written:]] == [1, 2]
        call.gone.set()


@pytest.mark.anyio
async def test_who_publishes_without_pause_lets_others_run() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    session = Hub().session("main")
    async with anyio.create_task_group() as group:
        group.start_soon(other)
        for number in range(5 * PUBLISHED_A_TURN):
            await session.publish(number)
        group.cancel_scope.cancel()
    assert turns >= 4  # of five: trio may run the publisher first in the last one


@pytest.mark.anyio
async def test_a_cancelled_reader_of_a_full_inbox_stops_soon() -> None:
    inbox: Inbox[int] = Inbox(10_000)
    for number in range(1_000):
        inbox.put(number)
    taken = 0
    with anyio.CancelScope() as scope:
        while await inbox.get() is not None:
            taken += 1
            if taken == 100:
                scope.cancel()
    assert 100 <= taken <= 100 + CHECKED_EACH
    assert len(inbox) == 1_000 - taken


def test_of_many_large_events_no_more_is_made_than_is_written_next() -> None:
    """Of eight clients that do not read, each with 256 events of 100 kB to come."""
    events, bytes_max = [b"x" * 100_000] * 256, 1 << 18
    tracemalloc.start()
    try:
        written = [pieces([Numbered(b"id: a:x:", b"\n", 1, events)], bytes_max) for _ in range(8)]
        assert all(len(next(one)) <= bytes_max for one in written)
        assert tracemalloc.get_traced_memory()[1] < 8 * 3 * bytes_max
    finally:
        tracemalloc.stop()
    assert sum(map(len, written[0])) > 253 * 100_000


@pytest.mark.anyio
async def test_an_event_that_no_client_would_take_is_refused_when_it_is_published() -> None:
    hub = Hub(limits=HubLimits(event_bytes=100))
    session = hub.session("chat")
    with pytest.raises(PayloadError, match="takes 209 bytes; of this hub, at most 100"):
        await session.publish("x" * 199)
    assert await session.publish("x" * 80) == 1
    assert Limits().event_bytes_max - HubLimits().event_bytes >= 1 << 20  # for the id
    await hub.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("late", [False, True])
async def test_a_snapshot_that_no_client_would_take_is_named_in_the_log(
    late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub(settings=ServerSettings(log_max=1), limits=HubLimits(event_bytes=100))

    async def slow(_session: HubSession) -> str:
        return "x" * 200

    hub.snapshot(slow if late else lambda _session: "x" * 200)
    for n in range(3):
        await hub.session("main").publish(n)
    call = Call("GET", "/events", [("cid", CID), ("attempt", "1.1"), ("session", "main")])
    with anyio.fail_after(5):
        await call.run(hub.asgi())  # it is cut
    assert b"event: gap" not in b"".join(call.writes)
    assert "of this hub, at most 100" in caplog.text
    await hub.aclose()
