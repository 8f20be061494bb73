"""The trace: each decision with its input and effects, and nothing that is secret."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from perdure import Hub, JsonLines, connect, wire
from perdure.trace import Clock, Recorder, digest, plain
from perdure_model.core.client.inputs import Resumed
from perdure_model.core.common import Cursor, Moved
from perdure_model.core.server.inputs import StreamRequested

from tests.runtime.serving import QUICK, SHORT, Serve

KEYS = [
    "v",
    "run",
    "seq",
    "t",
    "side",
    "cid",
    "machine",
    "instance",
    "generation",
    "event",
    "from",
    "to",
    "input",
    "effects",
]


def test_time_goes_on_whatever_the_clock_of_the_machine_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set back by an hour it would otherwise seem that timers run out before they should."""
    day = iter([1000.0, 1001.0, -2600.0, -2599.0, 5000.0])
    ticks = (float(second) for second in range(1, 6) for _ in range(2))
    monkeypatch.setattr(time, "time", lambda: next(day))
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    clock = Clock()
    assert [clock() for _ in range(5)] == [1000.0, 1001.0, 1002.0, 1003.0, 5000.0]


@pytest.mark.anyio
async def test_both_sides_write_their_decisions_down_without_secrets(serve: Serve, tmp_path: Path) -> None:
    server_file, client_file = tmp_path / "server", tmp_path / "client"
    with JsonLines(server_file) as server_trace, JsonLines(client_file) as client_trace:
        hub = Hub(trace=server_trace, authenticate=lambda _request: ("user", "principal-secret"))
        server = serve(hub)
        async with connect(
            server.url,
            session="chat-1",
            credential="credential-secret",
            settings=QUICK,
            limits=SHORT,
            trace=client_trace,
        ) as session:
            receipt = await session.send("payload-secret")
            await server.call(hub.session("chat-1").publish, "event-secret")
            with anyio.fail_after(5):
                await anext(session)
        await anyio.to_thread.run_sync(server.stop)
    records = [read(server_file), read(client_file)]
    for side, lines in zip(["server", "client"], records, strict=True):
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        assert [list(line) for line in lines] == [[*KEYS, "settings"], *[KEYS] * (len(lines) - 1)]
        assert all(line["v"] == 1 and line["side"] == side for line in lines)
        assert len({line["run"] for line in lines}) == 1
        assert {line["cid"] for line in lines} - {None} == {session.connection_id}
        assert "secret" not in json.dumps(lines)
    assert records[0][0]["run"] != records[1][0]["run"]
    assert [lines[0]["settings"]["type"] for lines in records] == ["ServerSettings", "ClientSettings"]
    assert records[1][0]["settings"]["retry_first_s"] == QUICK.retry_first_s
    kinds = [[line["input"]["type"] for line in lines] for lines in records]
    assert kinds[0][:2] == ["ServerStarted", "StreamRequested"]
    assert kinds[1][0] == "Started"
    assert {"PostArrived", "Published", "EventsDue", "CloseRequested"} <= set(kinds[0])
    assert {"Welcomed", "SendRequested", "PostReplied", "EventArrived", "Left"} <= set(kinds[1])
    life = wire.parse_pair(receipt.key)[0]
    welcomed = next(line for line in records[1] if line["input"]["type"] == "Welcomed")
    assert (welcomed["machine"], welcomed["event"]) == ("ClientSession", "welcomed")
    assert (welcomed["from"], welcomed["to"], welcomed["generation"]) == ("connecting", "awaiting", [life, 1])


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_principals_appear_as_digests_that_keep_equal_what_is_equal() -> None:
    assert digest(None) is None
    assert digest("ann") == digest("ann") != digest("bob")
    assert "ann" not in str(digest("ann"))
    recorder = Recorder("server", lambda _record: None)
    record = recorder.record(StreamRequested("cid-1", (1, 1), "ann", (), "fresh"), ())
    assert record["input"]["principal"] == digest("ann")


def test_a_value_without_fields_is_told_by_its_type_as_others_are() -> None:
    assert plain(Resumed()) == {"type": "Resumed"}
    assert plain((Resumed(), Cursor("e", 2), None, 1.5)) == [{"type": "Resumed"}, ["e", 2], None, 1.5]
    assert plain(frozenset({1})) == "frozenset({1})"


def test_a_sink_that_fails_is_named_in_the_log_and_disturbs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    records: list[dict[str, Any]] = []

    def sink(record: dict[str, Any]) -> None:
        records.append(record)
        if len(records) == 1:
            raise OSError("the disk is full")

    recorder = Recorder("client", sink, "cid-1")
    for _ in range(2):
        recorder(object(), (Moved("M", ("item", (1, 1)), "go", "a", "b"),))
    assert "the disk is full" in caplog.text
    assert [record["seq"] for record in records] == [1, 2]
    assert records[1]["instance"] == ["item", [1, 1]]
