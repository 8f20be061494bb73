"""Which fault strikes when, without a socket; and what a script refuses."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import anyio
import pytest
from anyio.abc import SocketAttribute
from perdure.testing import (
    Answer,
    CutStream,
    DelayClose,
    Fault,
    HalfDead,
    HoldRequest,
    Kind,
    LoseRequest,
    LoseResponse,
)
from perdure.testing import ledger as ledgers
from perdure.testing.faults import Script
from perdure.testing.ledger import Ledger, Stream
from perdure.testing.messages import answer
from perdure.testing.peer import Peer
from perdure.testing.proxy import kind_by_path
from perdure.testing.relay import Connection


async def never() -> Peer:
    raise AssertionError("nobody connects here")


class TestRequests:
    def test_the_nth_of_its_kind_once(self) -> None:
        fault = Answer(nth=2)
        script = Script([fault])
        assert script.for_request("send", 1) is None
        assert script.for_request("stream", 2) is None
        assert script.for_request("send", 2) is fault
        assert script.for_request("send", 2) is None
        assert script.waiting == ()

    def test_without_a_number_the_next_one(self) -> None:
        script = Script([LoseRequest(on="stream")])
        assert script.for_request("send", 8) is None
        assert script.for_request("stream", 9) == LoseRequest(on="stream")

    def test_the_first_in_the_script_comes_first(self) -> None:
        script = Script([LoseResponse(nth=5), LoseRequest(), HoldRequest()])
        taken = [script.for_request("send", number) for number in (4, 5, 6)]
        assert taken == [LoseRequest(), LoseResponse(nth=5), HoldRequest()]


class TestStreams:
    def test_events_of_all_streams_or_of_one(self) -> None:
        script = Script([CutStream(after_events=5), HalfDead(after_events=5, stream=2)])
        assert script.due_on(1, 4, 4) is None
        assert script.due_on(1, 1, 5) == CutStream(after_events=5)
        script.take(CutStream(after_events=5))
        assert script.due_on(1, 5, 10) is None
        assert script.due_on(2, 4, 10) is None
        assert script.due_on(2, 5, 11) == HalfDead(after_events=5, stream=2)

    def test_a_fault_that_is_due_waits_until_it_is_taken(self) -> None:
        script = Script([CutStream()])
        assert script.due_on(1, 0, 0) == script.due_on(1, 0, 0) == CutStream()
        assert script.awaits_events()
        script.take(CutStream())
        assert not script.awaits_events()

    def test_a_delay_belongs_to_its_stream(self) -> None:
        script = Script([DelayClose(stream=2)])
        assert script.for_close(1) is None
        assert script.for_close(2) == DelayClose(stream=2)
        assert script.for_close(2) is None

    def test_an_event_without_end_is_no_longer_counted_and_that_is_noted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledgers, "_EVENT_BYTES_MAX", 20)
        ledger = Ledger([])
        monkeypatch.setattr(ledger, "note", lambda *entry: entries.append(entry[:2]))
        entries: list[tuple[str, str]] = []
        stream = Stream(ledger, 1, lambda: None)
        stream.count(b"data: 1\n\ndata: " + b"x" * 100)
        stream.count(b"\n\ndata: 3\n\n")
        assert (stream.events, ledger.events) == (1, 1)
        assert entries == [("events no longer counted", "stream 1")]


@pytest.mark.anyio
class TestWaiting:
    @pytest.mark.parametrize(
        ("kind", "number", "goes_on"), [("send", 4, True), ("send", 2, False), ("stream", 4, False)]
    )
    async def test_only_a_later_request_of_the_kind_overtakes(
        self, kind: Kind, number: int, goes_on: bool
    ) -> None:
        ledger = Ledger([])
        over = anyio.Event()

        async def wait() -> None:
            await ledger.wait("send", 3, inf)
            over.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            ledger.passed(kind, number)
            await anyio.wait_all_tasks_blocked()
            assert over.is_set() is goes_on
            tasks.cancel_scope.cancel()

    async def test_a_client_that_leaves_just_before_a_cut_leaves_the_cut_to_the_next_stream(self) -> None:
        """The log must not claim a fault that nobody could see."""
        ledger = Ledger([CutStream()])
        stream = Stream(ledger, 1, lambda: None)
        assert stream.is_struck()
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            port = listener.extra(SocketAttribute.local_port)
            async with await anyio.connect_tcp("127.0.0.1", port) as socket:
                peer = Peer(socket)
                connection = Connection(ledger, peer, never, kind_by_path)
                await connection._end(stream, peer, "client closed")
        assert ledger.script.waiting == (CutStream(),)
        assert ledger.log == []

    async def test_a_release_ends_every_wait(self) -> None:
        ledger = Ledger([])
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ledger.wait, "stream", 1, inf)
                tasks.start_soon(ledger.wait, None, 1, inf)
                await anyio.wait_all_tasks_blocked()
                ledger.release()

    async def test_a_wait_of_no_time_is_over(self) -> None:
        with anyio.fail_after(5):
            await Ledger([]).wait("send", 1, 0)


REFUSED: dict[str, Callable[[], Fault]] = {
    "nth=0": lambda: Answer(nth=0),
    "nth=-1": lambda: LoseResponse(nth=-1),
    "on='post'": lambda: LoseRequest(on="post"),  # type: ignore[arg-type]
    "status=100": lambda: Answer(status=100),
    "status=600": lambda: Answer(status=600),
    "HoldRequest(for_s=-1)": lambda: HoldRequest(for_s=-1),
    "HalfDead(for_s=-1)": lambda: HalfDead(for_s=-1),
    "DelayClose(for_s=-1)": lambda: DelayClose(for_s=-1),
    "DelayClose(stream=0)": lambda: DelayClose(stream=0),
    "after_events=-1": lambda: CutStream(after_events=-1),
    "CutStream(stream=0)": lambda: CutStream(stream=0),
    "server_learns_after_s=-1": lambda: CutStream(server_learns_after_s=-1),
}


@pytest.mark.parametrize(("says", "make"), REFUSED.items(), ids=REFUSED.keys())
def test_a_wrong_value_is_named(says: str, make: Callable[[], Fault]) -> None:
    with pytest.raises(ValueError, match=r".+: .+") as caught:
        make()
    assert says in str(caught.value)


def test_what_is_no_fault_is_refused() -> None:
    with pytest.raises(TypeError, match="'cut' is no fault"):
        Script(["cut"])  # type: ignore[list-item]


def test_an_answer_says_how_long_its_body_is() -> None:
    head, _, body = answer(418, content_type="text/plain", body=None, retry_after_s=None).partition(
        b"\r\n\r\n"
    )
    assert b"content-length: %d" % len(body) in head
    assert b"retry-after" not in head
