"""A file that is judged in shares gets the same answer as in one piece, and what is wrong in it is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure_model.conformance import Conformance, check, conform
from perdure_model.conformance.lines import size_of
from perdure_model.conformance.shares import conversed, shares
from perdure_model.conformance.survey import Survey, heads, survey

from tests.conformance.test_forged import FORGED, Forge
from tests.conformance.traces import busy, busy_text, first, judged, simulated, text_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


def surveyed(path: Path) -> Survey:
    return survey(heads(path, size_of(path)))


def in_shares(path: Path, count: int) -> list[Conformance]:
    """The judgement of each share, made one after the other in this process."""
    found = surveyed(path)
    return [check.judged_share(path, size_of(path), found, share) for share in shares(found, count)]


def text_of_several() -> str:
    """Conversations that have nothing to do with each other, and a run of another system."""
    return simulated(3) + busy_text() + simulated(2, 80, "R")


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("text", [busy_text, text_of_several], ids=["one hub", "several"])
def test_the_shares_of_a_run_of_the_model_add_up_to_the_whole(text: object, count: int, path: Path) -> None:
    assert callable(text)
    path.write_text(text())
    whole, added = conform(path), Conformance()
    parts = in_shares(path, count)
    assert 1 < len(parts) <= count
    for one in parts:
        assert one.ok, one.summary()
        added.add(one)
    added.seconds = whole.seconds
    assert added == whole


def test_what_is_one_conversation_is_parted_only_where_it_is_too_large_for_a_share(path: Path) -> None:
    path.write_text(text_of_several())
    found = surveyed(path)
    conversations = list(conversed(found))
    assert sorted(run for runs in conversations for run in runs) == sorted(found.runs)
    parted = [runs for runs in conversations if not any(runs <= share.own for share in shares(found, 2))]
    assert len(parted) <= 1
    assert all(found.records(runs) * 2 > sum(map(found.records, conversations)) for runs in parted)


def test_the_runs_of_a_large_conversation_hear_of_each_other(path: Path) -> None:
    path.write_text(busy_text())
    one, two = shares(surveyed(path), 2)
    assert not one.own & two.own
    assert one.heard <= two.own
    assert two.heard <= one.own
    assert one.heard


def test_shares_hear_little_of_each_other_where_servers_and_clients_come_and_go() -> None:
    heads = []
    for nth in range(20):  # each client meets two servers, so that all is one conversation
        client, server = f"client {nth}", f"server {nth}"
        heads += [(client, seq, float(nth), "client", client) for seq in range(1, 11)]
        heads += [(server, seq, float(nth), "server", f"client {nth - seq % 2}") for seq in range(1, 11)]
    found = survey(heads)
    assert len(list(conversed(found))) == 1
    one, two = shares(found, 2)
    assert found.records(one.own) == found.records(two.own) == 200
    assert found.records(one.heard) == found.records(two.heard) == 10


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_what_was_forged_is_found_in_a_share(forge: Forge, path: Path) -> None:
    path.write_text(text_of(forge(busy())))
    assert not all(one.ok for one in in_shares(path, 2))


def test_a_line_that_is_no_record_is_told_by_every_share(path: Path) -> None:
    path.write_text('{"level":"info"}\n' + busy_text())
    assert [str(one.damages[0]).partition(";")[0] for one in in_shares(path, 2)] == [
        "line 1: it is JSON, and no record of a trace"
    ] * 2


# -- in processes ----------------------------------------------------------------------------------------


@pytest.fixture
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any file is large enough for another process."""
    monkeypatch.setattr(check, "SMALL_BYTES", 0)


@pytest.mark.usefixtures("_large")
def test_two_processes_say_what_one_says(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(busy_text())
    whole = conform(path)
    monkeypatch.setattr(check, "alone", lambda *_asked: pytest.fail("nothing is to be judged again"))
    found = conform(path, jobs=2)
    found.seconds = whole.seconds
    assert found == whole


@pytest.mark.usefixtures("_large")
def test_two_processes_find_the_first_step_that_does_not_fit(path: Path) -> None:
    records = busy()
    at = first(records, "EventArrived")
    records[at]["effects"][0]["position"] += 1
    whole = judged(path, records)
    found = conform(path, jobs=2)
    assert found.mismatch == whole.mismatch
    assert found.mismatch is not None
    assert found.mismatch.line == at + 1


def test_no_processes_are_refused(path: Path) -> None:
    path.write_text(busy_text())
    with pytest.raises(ValueError, match="jobs=0: give a count, at least 1"):
        conform(path, jobs=0)
