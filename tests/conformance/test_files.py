"""Files that are damaged, cut off, mixed, out of order or no traces at all get a clear answer."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from perdure.cli import FOUND, GOOD, INCOMPLETE, USAGE, app
from perdure_model.conformance import Conformance, NoTrace, check, conform
from perdure_model.conformance.lines import size_of
from perdure_model.conformance.shares import shares
from perdure_model.conformance.survey import Head, Survey, heads, survey
from typer.testing import CliRunner

from tests.conformance.traces import Record, busy, busy_text, first, judged, records_in, simulated, text_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


def one_damage(found: Conformance) -> str:
    assert found.mismatch is None, found.summary()
    assert not found.ok
    assert not found.complete
    (damage,) = found.damages
    return str(damage)


# -- what can be put right -----------------------------------------------------------------------------


def test_the_lines_of_many_runs_may_be_mixed_in_any_way(path: Path) -> None:
    """Each run keeps its order; that of the others to it is another one each time."""
    for seed in range(8):
        rest: dict[str, list[Record]] = {}
        for record in busy():
            rest.setdefault(record["run"], []).append(record)
        mixed, chance = [], random.Random(seed)
        while rest:
            run = chance.choice(sorted(rest))
            mixed.append(rest[run].pop(0))
            rest = {run: records for run, records in rest.items() if records}
        found = judged(path, mixed)
        assert found.ok, f"seed {seed}: {found.summary()}"
        assert not found.notes


def test_traces_that_are_put_one_behind_the_other_are_judged_together(path: Path) -> None:
    for sides in (("client", "server"), ("server", "client")):
        found = judged(path, [record for side in sides for record in busy() if record["side"] == side])
        assert found.ok, found.summary()
        assert found.joined > 50


def test_records_out_of_order_are_put_in_order_and_that_is_said(path: Path) -> None:
    records = busy()
    random.Random(3).shuffle(records)
    found = judged(path, records)
    assert found.ok, found.summary()
    assert any("stood behind later ones; put in order" in note for note in found.notes)


def test_a_record_that_stands_there_twice_is_taken_once(path: Path) -> None:
    records = busy()
    found = judged(path, [*records[:9], records[4], *records[9:]])
    assert found.ok, found.summary()
    assert any("1 records stood there more than once" in note for note in found.notes)


def test_two_records_of_one_number_that_differ_are_rejected(path: Path) -> None:
    records = busy()
    at = first(records, "Welcomed")
    another = {**records[at], "t": 0.5, "input": {**records[at]["input"], "epoch": "x"}}
    found = judged(path, [*records, another])
    assert found.mismatch is not None
    assert found.mismatch.why == "another record of the run has this number"
    assert found.mismatch.line == len(records) + 1


def test_empty_lines_and_another_way_of_writing_json_do_no_harm(path: Path) -> None:
    path.write_text(
        "\n" + "\n \n".join(json.dumps(dict(reversed(one.items())), indent=None) for one in busy())
    )
    found = conform(path)
    assert found.ok, found.summary()
    assert found.joined == judged(path, busy()).joined


# -- what is missing -----------------------------------------------------------------------------------


def test_a_torn_last_line_is_told_and_the_rest_judged(path: Path) -> None:
    lines = text_of(records_in(simulated(3))).splitlines(keepends=True)
    said = judged(path, "".join(lines[:-1]) + lines[-1][:-20])
    assert any("the last line is torn" in str(damage) for damage in said.damages)
    assert said.mismatch is None
    assert said.records == len(lines) - 1


def test_a_damaged_line_is_told_by_its_number(path: Path) -> None:
    records = busy()
    lines = text_of(records).splitlines(keepends=True)
    at = first(records, "Published")
    lines[at] = lines[at][:40] + "?" + lines[at][50:]
    found = judged(path, "".join(lines))
    assert found.mismatch is None, found.summary()
    (broken,) = map(str, found.damages)
    assert broken.startswith(f"line {at + 1}: it is no JSON")
    (filled,) = found.filled
    assert f"record {records[at]['seq']}: Published(session='chat'" in filled


@pytest.mark.parametrize(
    ("of", "into"),
    [
        (b'"t":', b'"t":1.2.'),
        (b'"t":', b'"t":e'),
        (b'"seq":', b'"seq":' + b"9" * 5000),
        (b'"run":"', b'"run":"\xff'),
        (b'"cid":"', b'"cid":"\xff'),
        (b'"side":"', b'"side":"\\'),
        (b'"effects":', b'"effects":\x00'),
    ],
)
def test_a_head_that_was_damaged_is_told_wherever_it_was(of: bytes, into: bytes, path: Path) -> None:
    """The first look, that of a share and the second one see the same damage, and none stumbles over it."""
    lines = busy_text().encode().splitlines(keepends=True)
    at = first(busy(), "EventsDue")
    assert of in lines[at]
    lines[at] = lines[at].replace(of, into, 1)
    path.write_bytes(b"".join(lines))
    found = conform(path)
    assert not found.complete
    assert f"line {at + 1}: " in found.summary()
    surveyed = survey(heads(path, size_of(path)))
    parts = [check.judged_share(path, size_of(path), surveyed, one) for one in shares(surveyed, 2)]
    assert not all(one.ok for one in parts)


def test_lines_of_other_programs_are_told(path: Path) -> None:
    said = one_damage(judged(path, '{"level": "info"}\n' + busy_text()))
    assert said.startswith("line 1: it is JSON, and no record of a trace; restore the line, or remove")


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_run_that_lacks_its_beginning_is_judged_by_its_charts(side: str, path: Path) -> None:
    records = busy()
    run = next(record["run"] for record in records if record["side"] == side)
    late = [one for one in records if one["run"] != run or one["seq"] > 2]
    said = one_damage(judged(path, late))
    assert f"{side} run {run}: records 1 to 2 are missing; without its beginning nothing is known" in said
    move = next(one for one in late if one["run"] == run and one["machine"] is not None)
    move["to"] = move["effects"][0]["target"] = "elsewhere"
    found = judged(path, late)
    assert found.mismatch is not None
    assert "the chart has no such transition" in found.mismatch.why


def test_an_effect_that_a_rule_never_asks_for_is_seen_without_the_beginning(path: Path) -> None:
    records = [one for one in busy() if one["side"] == "server" and one["seq"] > 1]
    append = next(effect for one in records for effect in one["effects"] if effect["type"] == "Append")
    records[first(records, "StreamClosed")]["effects"].append(append)
    found = judged(path, records)
    assert found.mismatch is not None
    assert found.mismatch.why == "on_stream_closed never asks for this"


def test_a_hole_ends_what_is_replayed_and_not_what_is_judged(path: Path) -> None:
    records = busy()
    at = next(at for at, one in enumerate(records) if one["side"] == "server" and one["seq"] == 10)
    hole = {records[at]["run"], *range(10, 15)}
    holed = [one for one in records if not {one["run"], one["seq"]} <= hole]
    found = judged(path, holed)
    assert found.mismatch is None, found.summary()
    assert "records 10 to 14 are missing; more than 3 in a row are not searched" in one_damage(found)
    assert any("a server that is not recorded as a whole" in what for what in found.assumed)
    before = next(at for at, one in enumerate(holed) if one["side"] == "server" and one["effects"])
    holed[before]["effects"].append(holed[before]["effects"][0])
    assert judged(path, holed).mismatch is not None


@pytest.mark.parametrize("side", ["client", "server"])
def test_one_side_alone_is_judged_and_what_it_heard_assumed(side: str, path: Path) -> None:
    found = judged(path, [record for record in busy() if record["side"] == side])
    assert found.ok, found.summary()
    (what,) = found.assumed
    other = {"client": "server", "server": "client"}[side]
    assert what == f"what a {side} heard from a {other} that is not recorded"
    assert found.joined == 0


def test_a_recording_may_be_cut_anywhere(path: Path) -> None:
    """Lines stand in the order in which they were decided: what is cut off has caused nothing before it."""
    lines = busy_text().splitlines(keepends=True)
    for count in range(1, len(lines), 5):
        found = judged(path, "".join(lines[:count]))
        assert found.ok, found.summary()


def test_a_side_that_is_recorded_for_less_long_is_told(path: Path) -> None:
    records = busy()
    at = first(records, "PostReplied")
    short = [one for one in records if one["side"] == "client" or one["t"] < records[at]["t"] - 0.2]
    found = judged(path, short)
    assert found.mismatch is None, found.summary()
    assert any("is recorded for less long" in str(damage) for damage in found.damages)
    assert any("after the recording of its server had ended" in what for what in found.assumed)


# -- what is no trace, or of another kind --------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n\n", "no trace\n", "[]\n", '{"a": 1}\n', "\xff\n"])
def test_what_is_no_trace_is_told(text: str, path: Path) -> None:
    path.write_text(text, encoding="latin-1")
    with pytest.raises(NoTrace, match="it holds no record of a trace: give a file that"):
        conform(path)


def test_what_is_written_while_a_file_is_judged_is_left_to_the_next_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, later = busy_text(), simulated(3)

    def and_then_it_grows(heads: Iterable[Head]) -> Survey:
        found = survey(heads)
        path.write_text(text + later)
        return found

    path.write_text(text + later[:50])
    whole = conform(path)
    path.write_text(text + later[:50])
    monkeypatch.setattr(check, "survey", and_then_it_grows)
    found = conform(path)
    assert (found.records, found.runs, found.damages) == (whole.records, whole.runs, whole.damages)
    assert "the last line is torn" in one_damage(found)


def test_what_cannot_be_read_twice_is_told(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(NoTrace, match="it is no regular file, and a trace is read more than once: save it"):
        conform(path)
    code, said = perdure(str(path))
    assert code == USAGE
    assert "it is no regular file" in said


def test_another_version_is_told(path: Path) -> None:
    records = busy()
    records[3]["v"] = 2
    with pytest.raises(NoTrace, match="line 4 is of version 2 of the trace, and this perdure reads 1: use"):
        judged(path, records)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("side", "server", "its run is a client's, and its side 'server'"),
        ("seq", "4", "its seq is missing, or of the wrong kind"),
        ("input", None, "its input is missing, or of the wrong kind"),
        ("input", {"type": "Hello"}, "{'type': 'Hello'} is none of Abandon, Bar, "),
        (
            "input",
            {"type": "Heard"},
            "Heard holds attempt, and not {'type': 'Heard'}: was it recorded by another",
        ),
        ("input", {"type": "Heard", "attempt": "1"}, "Heard.attempt: '1' is no list"),
        ("input", {"type": "Heard", "attempt": [1]}, "Heard: [1] has not 2 items"),
        ("input", {"type": "Heard", "attempt": [1, "2"]}, "Heard: '2' is no whole number"),
        ("effects", [7], "7 is none of AskCredential"),
    ],
)
def test_a_record_that_no_recorder_writes_is_rejected(name: str, value: object, why: str, path: Path) -> None:
    records = busy()
    at = first(records, "Welcomed")
    records[at][name] = value
    found = judged(path, records)
    assert found.mismatch is not None
    assert why in found.mismatch.why
    assert found.mismatch.line == at + 1


def test_a_side_that_is_none_is_rejected(path: Path) -> None:
    found = judged(path, [{**record, "side": "proxy"} for record in busy()])
    assert found.mismatch is not None
    assert found.mismatch.why == "its side 'proxy' is none of client, server, follow, response, credential"


# -- the command line ----------------------------------------------------------------------------------


def perdure(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["conform", *words])
    return result.exit_code, result.output


def test_the_exit_code_is_the_answer(path: Path) -> None:
    records = busy()
    text = text_of(records)
    path.write_text(text)
    code, said = perdure(str(path))
    assert (code, said.splitlines()[-1]) == (GOOD, "a run of the model")
    path.write_text(text[:-20])
    code, said = perdure(str(path))
    assert (code, said.splitlines()[-1]) == (INCOMPLETE, "a run of the model as far as it could be judged")
    records[9]["effects"] = []
    path.write_text(text_of(records)[:-20])
    code, said = perdure(str(path))
    assert code == FOUND
    assert "this is no run of the model:\nline 10, record " in said
    assert "    allowed:  " in said


def test_the_answer_as_data(path: Path) -> None:
    path.write_text(busy_text())
    code, said = perdure(str(path), "--json")
    found = json.loads(said)
    assert (code, found["ok"], found["complete"], found["mismatch"]) == (GOOD, True, True, None)
    assert found["runs"] == {"client": 4, "server": 1, "credential": 1}
    assert found["records"] == len(busy())
    assert found["records_per_second"] > 0
    records = busy()
    records[9]["effects"] = []
    path.write_text("?\n" + text_of(records))
    code, said = perdure(str(path), "--json")
    found = json.loads(said)
    assert (code, found["ok"], found["complete"]) == (FOUND, False, False)
    assert found["mismatch"]["line"] == 11
    assert found["damages"][0]["line"] == 1


def test_wrong_usage_says_what_to_do(path: Path) -> None:
    assert perdure(str(path))[0] == USAGE
    assert perdure()[0] == USAGE
    path.write_text("hello")
    assert perdure(str(path))[0] == USAGE
