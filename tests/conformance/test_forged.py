"""Single records of good traces edited, dropped, swapped and forged: what cannot have been is rejected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.traces import (
    Record,
    busy,
    first,
    judged,
    records_in,
    renumbered,
    simulated,
    told,
    told_also,
    told_less,
    told_then,
)

Forge = Callable[[list[Record]], list[Record]]


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case [*items]:
            return [other(items[0]), *items[1:]] if items else [["chat", [None, 0]]]
        case {"type": _}:
            name = next((name for name in value if name != "type"), "type")
            return {**value, name: other(value[name])}
    return "x"


# -- what was decided ----------------------------------------------------------------------------------


def test_any_other_value_in_an_effect_is_rejected_where_it_stands(tmp_path: Path) -> None:
    """A sample of every kind of effect, each of its fields in turn."""
    seen: set[tuple[str, str, str]] = set()
    for at, record in enumerate(busy()):
        for place, effect in enumerate(record["effects"]):
            for name in effect:
                key = (record["input"]["type"], effect["type"], name)
                if key not in seen:
                    seen.add(key)
                    records = busy()
                    records[at]["effects"][place][name] = other(effect[name])
                    assert rejected_at(records, at, tmp_path), (at, key)
    assert len(seen) > 150


def rejected_at(records: list[Record], at: int, folder: Path) -> bool:
    found = judged(folder / "trace", records)
    return found.mismatch is not None and found.mismatch.line == at + 1


CHANGES: list[Callable[[list[Any]], list[Any]]] = [
    lambda effects: effects[1:],
    lambda effects: effects[::-1],
    lambda effects: effects * 2,
]


def test_an_effect_less_one_more_and_another_order_are_rejected(tmp_path: Path) -> None:
    kinds: set[str] = set()
    for at, record in enumerate(busy()):
        kind = record["input"]["type"]
        if kind in kinds or len(record["effects"]) < 2:
            continue
        kinds.add(kind)
        for change in CHANGES:
            records = busy()
            records[at]["effects"] = change(records[at]["effects"])
            assert rejected_at(records, at, tmp_path), kind
    assert len(kinds) > 10


@pytest.mark.parametrize("more", [True, False])
@pytest.mark.parametrize("of", ["input", "effects"])
def test_a_field_too_many_or_too_few_is_rejected(of: str, more: bool, tmp_path: Path) -> None:
    records = busy()
    at = first(records, "StreamRequested")
    said = records[at][of] if of == "input" else records[at][of][0]
    if more:
        said["more"] = 1
    else:
        said.popitem()
    assert rejected_at(records, at, tmp_path)


@pytest.mark.parametrize("name", ["cid", "machine", "instance", "generation", "event", "from", "to"])
def test_a_head_that_does_not_fit_the_rest_is_rejected(name: str, tmp_path: Path) -> None:
    at = first(busy(), "Welcomed")
    records = busy()
    records[at][name] = other(records[at][name])
    assert rejected_at(records, at, tmp_path)
    records = busy()
    del records[at][name]
    assert rejected_at(records, at, tmp_path)


# -- what was told -------------------------------------------------------------------------------------

FREE: dict[str, set[str]] = {
    "StreamLost": {"status", "token", "fresh", "readable", "retry_after_s", "chance"},
    "PostReplied": {"status", "token", "sent", "retry_after_s", "chance"},
    "WatchReplied": {"status", "chance"},
    "EventArrived": {"chance"},
    "TakenOver": {"fresh", "chance"},
    "Started": {"fresh", "token"},
    "StreamRequested": {"fresh", "principal", "made"},
    "PostArrived": {"fresh", "principal"},
    "WatchRequested": {"fresh", "principal"},
    "Published": {"fresh"},
    "Ended": {"fresh", "outcome"},
    "SendRequested": {"size"},
    "ServerStarted": {"kept"},
    "CloseRequested": {"principal"},
    "SuspendRequested": {"principal"},
    "FarewellReplied": {"status"},
    "TokenReplaced": {"token"},
    "CallerLeft": {"caller"},
}
"""Fields in which another value is another run, which may be possible: chance, fresh ids, what applications
and proxies may say, and who asks. Where the rule would have decided otherwise, that is seen all the same."""


def test_any_other_value_in_an_input_is_rejected_but_where_it_makes_another_possible_run(
    tmp_path: Path,
) -> None:
    seen: set[tuple[str, str, str]] = set()
    accepted = []
    for at, record in enumerate(busy()):
        for name in record["input"]:
            decided = ",".join(effect["type"] for effect in record["effects"])
            key = (record["input"]["type"], name, decided)
            if key in seen:
                continue
            seen.add(key)
            records = busy()
            records[at]["input"][name] = other(record["input"][name])
            if judged(tmp_path / "trace", records).mismatch is None:
                accepted.append((at, *key))
    assert len(seen) > 150
    assert [one for one in accepted if one[2] not in FREE.get(one[1], set())] == []


# -- dropped and swapped -------------------------------------------------------------------------------


def test_a_record_that_is_dropped_is_missed_or_filled_in(tmp_path: Path) -> None:
    for at in range(0, len(busy()), 7):
        records = busy()
        del records[at]
        found = judged(tmp_path / "trace", records)
        last = not any(record["run"] == busy()[at]["run"] for record in records[at:])
        assert not found.ok or found.filled or last, at
        assert found.mismatch is None, found.summary()


WITHOUT: dict[str, str] = {
    "Heard": "a sign of life changes nothing but a count of failures",
    "EventsDue": "there was nothing to write, or nobody read what was written",
    "StreamClosed": "it came too late to change anything",
    "StreamLost": "it came too late to change anything",
    "PostReplied": "nothing was sent after it",
    "SuspendRequested": "the connection had no time to expire",
    "GapArrived": "the stream was the last one, or what followed it did not build on it",
    "CloseRequested": "nothing was asked of the connection after it",
    "GraceElapsed": "nothing was asked of the connection after it",
    "CallerLeft": "it had not waited",
    "FarewellReplied": "it was heard",
    "EventArrived": "it was the last one",
    "Abandon": "it was the last decision",
    "Left": "it was the last decision that anybody heard of",
    "Published": "it was the last event, which nobody was sent",
}
"""What a run may have been without, and why."""


def test_a_record_dropped_without_a_gap_is_rejected_unless_nothing_came_of_it(tmp_path: Path) -> None:
    accepted = []
    for at in range(len(busy())):
        records = busy()
        dropped = records.pop(at)
        if judged(tmp_path / "trace", renumbered(records)).mismatch is None:
            accepted.append(dropped["input"]["type"])
    assert set(accepted) <= set(WITHOUT)
    assert sum(kind != "Heard" for kind in accepted) < len(busy()) / 8


def test_two_records_of_a_run_that_change_places_are_rejected_unless_neither_came_of_the_other(
    tmp_path: Path,
) -> None:
    records, rejected = busy(), 0
    for at, record in enumerate(records):
        after = next((k for k in range(at + 1, len(records)) if records[k]["run"] == record["run"]), None)
        if after is None:
            continue
        swapped = busy()
        swapped[at], swapped[after] = swapped[after], swapped[at]
        found = judged(tmp_path / "trace", renumbered(swapped))
        assert found.mismatch or not causes(record, records[after]), (record, records[after])
        rejected += found.mismatch is not None
    assert rejected > 80


CAUSES = {
    "Flush": "Next",
    "Abandon": "Next",
    "Desynced": "Next",
    "RetryDue": "StartTimer",
    "ReconnectDue": "StartTimer",
    "GraceElapsed": "StartGrace",
    "PostReplied": "Post",
    "Welcomed": "OpenStream",
    "StreamLost": "OpenStream",
}


def causes(one: Record, two: Record) -> bool:
    """Whether the second was told what the first one asked for."""
    asked = [effect for effect in one["effects"] if effect["type"] == CAUSES.get(two["input"]["type"])]
    return any(about(effect) == about(two["input"]) for effect in asked)


def about(said: dict[str, Any]) -> Any:
    """Which timer, request or stream it is about."""
    of = said.get("due") or said.get("input") or said
    return (
        [of.get(name) for name in ("session", "post")]
        if "post" in of
        else of.get("attempt", of.get("session"))
    )


# -- when ----------------------------------------------------------------------------------------------


def test_no_record_is_of_an_earlier_time_than_the_one_before_it(tmp_path: Path) -> None:
    for at in range(1, len(busy()), 9):
        records = busy()
        before = [one for one in records[:at] if one["run"] == records[at]["run"]]
        if before:
            records[at]["t"] = before[-1]["t"]
            fits = judged(tmp_path / "trace", records).mismatch
            assert fits is None or fits.line != at + 1 or "its timer" in fits.why
            records[at]["t"] = before[-1]["t"] - 0.000_001
            assert rejected_at(records, at, tmp_path)


def test_a_time_that_is_no_number_is_rejected(tmp_path: Path) -> None:
    for t in (float("nan"), None, "1.5"):
        records = busy()
        records[3]["t"] = t
        assert not judged(tmp_path / "trace", records).ok


def test_order_is_told_by_the_numbers_and_not_by_the_place(tmp_path: Path) -> None:
    records = busy()
    records[3:8] = records[7:2:-1]
    assert judged(tmp_path / "trace", records).mismatch is None


TIMERS = {"ReconnectDue": "T", "RetryDue": "T", "GraceElapsed": "T", "ForgetDue": "T", "AgainDue": "A"}


@pytest.mark.parametrize("kind", TIMERS)
def test_what_a_timer_feeds_is_rejected_where_it_comes_early_and_not_where_it_comes_late(
    kind: str, tmp_path: Path
) -> None:
    def moved(at: int, seconds: float) -> bool:
        """Whether the run fits in which this record, and all that follows in its run, comes so much later."""
        records = records_in(text)
        for one in records[at:]:
            one["t"] += seconds if one["run"] == records[at]["run"] else 0.0
        found = judged(tmp_path / "trace", records).mismatch
        assert found is None or (found.line == at + 1 and "its timer" in found.why), found
        return found is None

    text, at = with_timer(kind, TIMERS[kind])
    assert moved(at, 0.0)
    assert moved(at, -0.004)
    assert moved(at, 1_000.0)
    assert not moved(at, -0.006)


def with_timer(kind: str, systems: str) -> tuple[str, int]:
    """A trace, and where in it a timer feeds this, with nothing else told to its run for a while before."""
    for seed in range(1, 30):
        text = simulated(seed, systems=systems)
        records = records_in(text)
        for at, one in enumerate(records):
            before = [two["t"] for two in records[:at] if two["run"] == one["run"]]
            if one["input"]["type"] == kind and before and one["t"] - before[-1] > 0.01:
                return text, at
    raise AssertionError(kind)


# -- forged: right in itself, and never heard of by the other side -------------------------------------


def welcomed_by_nobody(records: list[Record]) -> list[Record]:
    return told(records, first(records, "Welcomed"), epoch="another")


def welcomed_twice(records: list[Record]) -> list[Record]:
    at = first(records, "Welcomed")
    return told_then(records, at, **records[at]["input"])


def read_what_was_not_written(records: list[Record]) -> list[Record]:
    at = max(at for at, one in enumerate(records) if one["input"]["type"] == "EventArrived")
    said = records[at]["input"]
    return told_then(records, at, **said | {"position": said["position"] + 1})


def read_twice(records: list[Record]) -> list[Record]:
    at = first(records, "EventArrived")
    return told_then(records, at, **records[at]["input"])


def told_of_an_end(records: list[Record]) -> list[Record]:
    said = records[first(records, "EventArrived")]["input"]
    end = {
        "type": "EndArrived",
        "attempt": said["attempt"],
        "session": said["session"],
        "outcome": "failed",
        "verdicts": [],
    }
    return told_then(records, first(records, "EventArrived"), **end)


def told_of_a_takeover(records: list[Record]) -> list[Record]:
    at = first(records, "Heard")
    said = {"attempt": records[at]["input"]["attempt"], "fresh": "cid-fresh", "chance": 0.5}
    return told_also(records, at, type="TakenOver", **said)


def told_of_a_gap(records: list[Record]) -> list[Record]:
    at = first(records, "EventArrived")
    said = records[at]["input"]
    names = ("attempt", "session", "epoch")
    return told_also(records, at, type="GapArrived", position=9, **{name: said[name] for name in names})


def given_another_receipt(records: list[Record]) -> list[Record]:
    at = first(records, "PostReplied", lambda said: said["verdicts"])
    verdicts = [[key, "the session is over"] for key, _ in records[at]["input"]["verdicts"]]
    return told(records, at, verdicts=verdicts)


def replied_to_what_was_not_posted(records: list[Record]) -> list[Record]:
    at = first(records, "PostReplied")
    return told_also(records, at, **records[at]["input"] | {"post": 99})


def replied_to_twice(records: list[Record]) -> list[Record]:
    at = first(records, "PostReplied")
    return told_then(records, at, **records[at]["input"])


def asked_by_nobody(records: list[Record]) -> list[Record]:
    at = first(records, "StreamRequested")
    incarnation, count = records[at]["input"]["attempt"]
    return told_then(records, at, **records[at]["input"] | {"attempt": [incarnation, count + 5]})


def asked_from_elsewhere(records: list[Record]) -> list[Record]:
    at = first(records, "StreamRequested")
    said = records[at]["input"]
    return told(records, at, cursors=[[session, ["an epoch", 1]] for session, _ in said["cursors"]])


def posted_by_nobody(records: list[Record]) -> list[Record]:
    at = first(records, "PostArrived")
    said = records[at]["input"]
    return told_then(records, at, **said | {"keys": [[key[0], key[1] + 50] for key in said["keys"]]})


def closed_by_nobody(records: list[Record]) -> list[Record]:
    at = first(records, "PostArrived")
    said = records[at]["input"]
    return told_also(
        records, at, type="CloseRequested", **{n: said[n] for n in ("cid", "attempt", "principal")}
    )


def suspended_by_nobody(records: list[Record]) -> list[Record]:
    at = first(records, "PostArrived")
    said = records[at]["input"]
    names = ("cid", "attempt", "principal")
    return told_also(records, at, type="SuspendRequested", **{name: said[name] for name in names})


def a_stream_closed_that_was_none(records: list[Record]) -> list[Record]:
    at = first(records, "StreamClosed")
    incarnation, count = records[at]["input"]["generation"]
    return told_also(records, at, **records[at]["input"] | {"generation": [incarnation, count + 7]})


def a_stream_closed_twice(records: list[Record]) -> list[Record]:
    at = first(records, "StreamClosed")
    return told_then(records, at, **records[at]["input"])


def a_stream_stalled_that_was_closed(records: list[Record]) -> list[Record]:
    at = first(records, "StreamClosed")
    return told_then(records, at, **records[at]["input"] | {"type": "StreamStalled"})


def due_without_being_woken(records: list[Record]) -> list[Record]:
    at = first(records, "EventsDue", lambda said: not any("Wake" in one["type"] for one in said["effects"]))
    records = told_then(records, at, **records[at]["input"])
    return told_then(records, at, **records[at]["input"])


def a_timer_that_was_not_started(records: list[Record]) -> list[Record]:
    at = first(records, "EventArrived")
    return told_also(records, at, type="ReconnectDue", attempt=records[at]["input"]["attempt"])


def a_timer_that_runs_out_twice(records: list[Record]) -> list[Record]:
    at = first(records, "RetryDue")
    return told_then(records, at, **records[at]["input"])


def a_timer_that_was_cancelled(records: list[Record]) -> list[Record]:
    at = next(at for at, one in enumerate(records) if "CancelGrace" in asked_by(one))
    due = records[at]["effects"][asked_by(records[at]).index("CancelGrace")]["due"]
    return told_then(records, at, **due)


def asked_by(record: Record) -> list[str]:
    return [effect["type"] for effect in record["effects"]]


def flushed_unasked(records: list[Record]) -> list[Record]:
    at = first(records, "PostReplied")
    return told_also(records, at, type="Flush", session=records[at]["input"]["session"], new_stream=True)


def not_flushed_first(records: list[Record]) -> list[Record]:
    return told_less(records, first(records, "Flush"))


def begun_twice(records: list[Record]) -> list[Record]:
    at = first(records, "Started")
    return told_also(records, first(records, "Welcomed"), **records[at]["input"])


def not_begun(records: list[Record]) -> list[Record]:
    at = first(records, "ServerStarted")
    settings, run = records[at]["settings"], records[at]["run"]
    records = renumbered(records[:at] + records[at + 1 :])
    next(record for record in records if record["run"] == run)["settings"] = settings
    return [record for record in records if record["side"] == "server"]


def without_settings(records: list[Record]) -> list[Record]:
    del records[first(records, "Started")]["settings"]
    return records


FORGED: dict[Forge, str] = {
    welcomed_by_nobody: "sent before",
    welcomed_twice: "there is not (a stream to welcome)",
    read_what_was_not_written: "sent before",
    read_twice: "sent before",
    told_of_an_end: "sent before",
    told_of_a_takeover: "sent before",
    told_of_a_gap: "sent before",
    given_another_receipt: "sent before",
    replied_to_what_was_not_posted: "there is not (a POST)",
    replied_to_twice: "there is not (a POST)",
    asked_by_nobody: "sent before",
    asked_from_elsewhere: "sent before",
    posted_by_nobody: "sent before",
    closed_by_nobody: "sent before",
    suspended_by_nobody: "sent before",
    a_stream_closed_that_was_none: "there is not (a stream)",
    a_stream_closed_twice: "there is not (a stream)",
    a_stream_stalled_that_was_closed: "there is not (a stream)",
    due_without_being_woken: "there is not (a stream woken)",
    a_timer_that_was_not_started: "there is not (a timer)",
    a_timer_that_runs_out_twice: "there is not (a timer)",
    a_timer_that_was_cancelled: "there is not (a timer)",
    flushed_unasked: "no decision asked for this one",
    not_flushed_first: "an earlier decision asked for another one first",
    begun_twice: "a run begins with Started, and only once",
    not_begun: "a server is told ServerStarted first",
    without_settings: "the first record of a run holds its settings",
}


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_what_was_forged_is_rejected_and_says_why(forge: Forge, tmp_path: Path) -> None:
    found = judged(tmp_path / "trace", forge(busy()))
    assert found.mismatch is not None
    assert FORGED[forge] in found.mismatch.why, found.summary()


def test_the_first_step_that_does_not_fit_is_shown_with_what_would_have_been_allowed(tmp_path: Path) -> None:
    records = busy()
    at = first(records, "EventArrived")
    records[at]["effects"][0]["position"] += 1
    found = judged(tmp_path / "trace", records)
    assert found.mismatch is not None
    where, recorded, allowed = found.mismatch.lines()
    assert where.startswith(
        f"line {at + 1}, record {records[at]['seq']} of client run {records[at]['run']}: on "
    )
    assert recorded.startswith("    recorded: Deliver(session='chat'")
    position = records[at]["input"]["position"]
    assert allowed.startswith("    allowed:  Deliver(session='chat'")
    assert f"position={position + 1}" in recorded
    assert f"position={position}," in allowed
