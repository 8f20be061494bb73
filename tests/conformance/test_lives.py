"""Lives after a crash: a client that kept its identity and its sends, a server that kept what it knew."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from perdure import Hub, HubSession, Returned, Send
from perdure_model.conformance import check
from perdure_model.conformance.lines import size_of
from perdure_model.conformance.shares import Share, heard_by, shares
from perdure_model.conformance.survey import heads, survey

from tests.conformance.traces import Record, busy, first, judged, records_in, text_of, told, told_then
from tests.runtime.serving import BRIEF, Server, Uvicorn
from tests.runtime.test_journal import Killed, client

# -- a client that was killed --------------------------------------------------------------------------


@cache
def killed_and_back() -> str:
    """A client is killed with one send taken and one that waits; its next life brings both to their ends."""
    records: list[Record] = []
    hub = Hub(settings=BRIEF, heartbeat_s=0.5, trace=records.append)

    @hub.on_send
    async def reply(send: Send, session: HubSession) -> None:
        await session.publish(send.data)

    server = Server(hub, Uvicorn(hub.asgi()))
    with TemporaryDirectory() as folder:
        anyio.run(two_lives, server, Path(folder), records)
    server.stop()
    return text_of(records)


async def two_lives(server: Server, folder: Path, records: list[Record]) -> None:
    kept, mine, told_of = folder / "kept", list[Record](), list[Returned]()
    kept.mkdir()
    async with (
        Killed(taken=True) as http,
        client(server, folder / "me", http=http, trace=mine.append) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(session.send, "one")
        with anyio.fail_after(5):
            await http.posted.wait()
        group.start_soon(session.send, "two")
        while session.pending < 2:
            await anyio.sleep(0.005)
        for name in ("me", "me.unsent"):
            (kept / name).write_bytes((folder / name).read_bytes())
        records += mine  # what comes after this is no life any more
        group.cancel_scope.cancel()
    async with client(server, kept / "me", on_returned=told_of.append, trace=records.append) as session:
        await session.send("three")
    assert [(one.data, one.outcome) for one in told_of] == [("one", "delivered"), ("two", "delivered")]


def lives() -> list[Record]:
    return records_in(killed_and_back())


def second(records: list[Record]) -> int:
    """Where the life after the crash begins."""
    return first(records, "Started", lambda said: said["unsent"])


def clients_alone(records: list[Record]) -> list[Record]:
    """Without the server, which would have seen other requests."""
    return [record for record in records if record["side"] == "client"]


def test_a_life_that_goes_on_after_a_crash_conforms(tmp_path: Path) -> None:
    found = judged(tmp_path / "trace", lives())
    assert found.ok, found.summary()
    assert found.runs == {"client": 2, "server": 1}
    assert not found.assumed
    left = lives()[second(lives())]["input"]["unsent"]
    assert [epoch is None for _session, _key, epoch, _size in left] == [False, True]


def another_key(left: list[Any]) -> None:
    left[1][1][1] += 7


def another_session(left: list[Any]) -> None:
    left[1][0] = "elsewhere"


def another_epoch(left: list[Any]) -> None:
    left[0][2] = "another"


def posted_before_its_time(left: list[Any]) -> None:
    left[1][2] = left[0][2]


NEVER, OTHERWISE = "was asked for this send", "posted this send under this epoch"
FORGED: dict[Callable[[list[Any]], None], str] = {
    another_key: NEVER,
    another_session: NEVER,
    another_epoch: OTHERWISE,
    posted_before_its_time: OTHERWISE,
}


def forged(forge: Callable[[list[Any]], None]) -> list[Record]:
    """The life after the crash is only just begun: what follows fits none of these."""
    records = clients_alone(lives())
    at = second(records)
    records = records[: at + 1]
    left = records[at]["input"]["unsent"]
    forge(left)
    return told(records, at, unsent=left)


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_what_no_earlier_life_left_is_rejected(forge: Callable[[list[Any]], None], tmp_path: Path) -> None:
    path = tmp_path / "trace"
    found = judged(path, forged(forge))
    assert found.mismatch is not None
    assert FORGED[forge] in found.mismatch.why
    assert found.mismatch.line == second(forged(forge)) + 1
    surveyed = survey(heads(path, size_of(path)))
    parts = [check.judged_share(path, size_of(path), surveyed, one) for one in shares(surveyed, 2)]
    assert not all(one.ok for one in parts)


def test_what_a_life_that_is_not_recorded_left_is_taken_as_said(tmp_path: Path) -> None:
    records = forged(another_key)
    run = records[second(records)]["run"]
    found = judged(tmp_path / "trace", [record for record in records if record["run"] == run])
    assert found.ok, found.summary()


def test_a_life_hears_of_earlier_ones_that_are_in_another_share(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    for records, fits in ((lives(), True), (forged(another_key), False)):
        path.write_text(text_of(records))
        surveyed = survey(heads(path, size_of(path)))
        life = records[second(records)]["run"]
        others = {record["run"] for record in records} - {life}
        assert heard_by({life}, surveyed) == others
        parts = [Share(frozenset({life}), frozenset(others)), Share(frozenset(others), frozenset({life}))]
        found = [check.judged_share(path, size_of(path), surveyed, part) for part in parts]
        assert [one.ok for one in found] == [fits, fits]


# -- a server that kept what it knew ---------------------------------------------------------------------


def last_of_server(records: list[Record]) -> int:
    return max(at for at, record in enumerate(records) if record["side"] == "server")


def test_a_server_that_goes_on_with_what_it_kept_conforms(tmp_path: Path) -> None:
    at = first(busy(), "EventsDue")
    records = [one for one in busy()[: at + 1] if one["side"] == "server"]
    records = told_then(records, last_of_server(records), type="ServerStarted", kept=True)
    effects = [effect["type"] for effect in records[-1]["effects"]]
    assert "StartGrace" in effects
    due = records[-1]["effects"][effects.index("StartGrace")]["due"]
    grace_s = records[-1]["effects"][effects.index("StartGrace")]["seconds"]
    assert judged(tmp_path / "trace", records).ok
    records = told_then(records, last_of_server(records), **due)
    assert "before its timer can have run out" in judged(tmp_path / "trace", records).summary()
    records[-1]["t"] += grace_s
    found = judged(tmp_path / "trace", records)
    assert found.ok, found.summary()
    assert any(effect["type"] == "Moved" for effect in records[-1]["effects"])


def test_the_streams_of_before_have_no_end_after_a_restart_that_kept_the_rest(tmp_path: Path) -> None:
    at = first(busy(), "StreamClosed")
    records = [one for one in busy()[: at + 1] if one["side"] == "server"]
    closed = records.pop()["input"]
    records = told_then(records, last_of_server(records), type="ServerStarted", kept=True)
    records = told_then(records, last_of_server(records), **closed)
    found = judged(tmp_path / "trace", records)
    assert found.mismatch is not None
    assert "there is not (a stream)" in found.mismatch.why


def test_a_server_that_has_forgotten_all_begins_another_run(tmp_path: Path) -> None:
    records = told_then(busy(), last_of_server(busy()), type="ServerStarted", kept=False)
    found = judged(tmp_path / "trace", records)
    assert found.mismatch is not None
    assert found.mismatch.why == "a run begins with ServerStarted, and only once"


def test_a_run_that_begins_with_what_another_one_kept_is_judged_by_its_charts(tmp_path: Path) -> None:
    records = busy()
    records[first(records, "ServerStarted")]["input"]["kept"] = True
    found = judged(tmp_path / "trace", records)
    assert found.mismatch is None
    (damage,) = map(str, found.damages)
    assert "it begins with what an earlier run has kept, which no record holds; without its begin" in damage
    records[first(records, "StreamRequested")]["effects"].append({"type": "Append"})
    assert judged(tmp_path / "trace", records).mismatch is not None
