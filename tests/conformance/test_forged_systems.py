"""Single records of followers, calls and credentials edited, dropped, swapped and told again.

As `test_forged.py` does it with sessions: what cannot have been is rejected, and what can have been is listed
with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from perdure_model.conformance import judge

from tests.conformance.test_forged import CHANGES, other
from tests.conformance.traces import Record, records_in, redecided, renumbered, simulated

SIDES = ("follow", "response", "credential")
TRACES = {"A": (2, 5), "R": (3, 7), "TAR": (1, 4)}
STEPS = 60


def trace(systems: str, seed: int) -> list[Record]:
    return records_in(simulated(seed, STEPS, systems))


def places(systems: str) -> Iterator[tuple[int, int, Record]]:
    """The records of these sides: seed, place, and the record."""
    for seed in TRACES[systems]:
        for at, record in enumerate(trace(systems, seed)):
            if record["side"] in SIDES:
                yield seed, at, record


def decided(record: Record) -> str:
    return ",".join(effect["type"] for effect in record["effects"])


def line_of(records: list[Record]) -> int | None:
    """The line that is rejected; None where the run is one of the model."""
    found = judge(records)
    return found.mismatch.line if found.mismatch else None


both = pytest.mark.parametrize("systems", TRACES)


# -- what was decided ----------------------------------------------------------------------------------


@both
def test_any_other_value_in_an_effect_is_rejected_where_it_stands(systems: str) -> None:
    seen: set[tuple[str, str, str]] = set()
    for seed, at, record in places(systems):
        for place, effect in enumerate(record["effects"]):
            for name in effect:
                key = (record["input"]["type"], effect["type"], name)
                if key not in seen:
                    seen.add(key)
                    records = trace(systems, seed)
                    records[at]["effects"][place][name] = other(effect[name])
                    assert line_of(records) == at + 1, key
    assert len(seen) > 50


@both
def test_an_effect_less_one_more_and_another_order_are_rejected(systems: str) -> None:
    kinds: set[tuple[str, str]] = set()
    for seed, at, record in places(systems):
        kind = (record["side"], record["input"]["type"])
        if kind in kinds or len(record["effects"]) < 2:
            continue
        kinds.add(kind)
        for change in CHANGES:
            records = trace(systems, seed)
            records[at]["effects"] = change(records[at]["effects"])
            assert line_of(records) == at + 1, kind
    assert len(kinds) > 5


# -- what was told -------------------------------------------------------------------------------------

FREE: dict[str, set[str]] = {
    "FollowLost": {"chance"},
    # What a remote state or a submission is answered with nobody records.
    "SnapshotReplied": {"status", "version", "cursor", "serial", "outcome", "chance"},
    "StateArrived": {"version", "cursor"},
    "SubmitReplied": {"status", "outcome", "sent"},
    # It is told for the trace alone.
    "AttemptFailed": {"raised"},
    # The application gives what it likes.
    "TokenReplaced": {"token"},
    # Nothing waited under either name.
    "CallerLeft": {"caller"},
}
"""Fields in which another value is another run, which may be possible. Where the rule would have decided
otherwise, that is seen all the same."""


def edited(systems: str) -> set[tuple[str, str]]:
    """The inputs and fields of which another value is accepted."""
    seen: set[tuple[str, str, str]] = set()
    accepted = set()
    for seed, at, record in places(systems):
        for name in record["input"]:
            key = (record["input"]["type"], name, decided(record))
            if key not in seen:
                seen.add(key)
                records = trace(systems, seed)
                records[at]["input"][name] = other(record["input"][name])
                if line_of(records) is None:
                    accepted.add(key[:2])
    assert len(seen) > 40
    return accepted


@both
def test_any_other_value_in_an_input_is_rejected_but_where_it_makes_another_possible_run(
    systems: str,
) -> None:
    assert {one for one in edited(systems) if one[1] not in FREE.get(one[0], set())} == set()


# -- dropped, swapped and told again -------------------------------------------------------------------


LAST = "it was the last decision of its run that anybody heard of"
ELSEWHERE = "the call may share a credential that is not recorded"
WITHOUT: dict[tuple[str, str], str] = {
    ("TokenReplaced", ""): "another token was given first",
    ("TokenReplaced", "Moved"): "the token was not used before it was replaced again",
    ("TokenReplaced", "Refused"): "it changed nothing",
    ("TokenRefreshed", "Moved,UseToken"): "the credential may be recorded for less long than its calls",
    ("TokenRejected", "Moved,UseToken"): ELSEWHERE,
    ("TokenRejected", "Moved,GiveUpToken"): ELSEWHERE,
    ("CallerLeft", "Refused"): "it had not waited",
    ("FollowLeft", "Refused"): "it had ended",
    ("StateArrived", "Show"): "a stream may lack a state that a later one replaces, and the last one",
    ("SettleDue", "Moved,StartTimer"): LAST,
    ("AttemptFailed", "Moved,Discard,EndAttempt,SurfaceError"): LAST,
    ("AttemptFailed", "Moved,EndAttempt,SurfaceError"): LAST,
    ("AttemptFailed", "Moved,HandOver,EndAttempt,SurfaceError"): LAST,
    ("AttemptFinished", "Moved,FinishCall"): LAST,
    ("CallCancelled", "Moved,LeaveToken"): "the call may be recorded for less long than its credential",
    ("TokenDenied", "Moved,SurfaceError"): LAST,
    ("LiveArrived", "Moved,HandOver"): "an attempt brings what it likes, and only who performs counts it",
}
"""What a run may have been without, by what was decided, and why."""
APART: dict[tuple[str, str], str] = {
    ("StateArrived", "SubmitReplied"): "a submission is not answered on the stream",
    ("SteadyDue", "SubmitRequested"): "a submission needs no stream",
    ("StreamOpened", "SubmitRequested"): "a submission needs no stream",
    ("SubmitReplied", "FollowLost"): "a submission needs no stream",
    ("SubmitReplied", "StreamOpened"): "a submission needs no stream",
    ("SubmitRequested", "StateArrived"): "a submission needs no stream",
    ("LiveArrived", "LiveArrived"): "an attempt brings what it likes, in any order",
    ("TokenRejected", "TokenRejected"): "two callers, of whom neither waits",
    ("TokenRejected", "TokenReplaced"): "it was replaced with what was in use, or not at all",
    ("TokenReplaced", "TokenRejected"): "the replacement was refused, and changed nothing",
    ("CallerLeft", "CallerLeft"): "neither had waited",
    ("CallerLeft", "TokenRejected"): "it had not waited",
    ("TokenRejected", "CallerLeft"): "it had not waited",
    ("CallerLeft", "TokenReplaced"): "it had not waited",
    ("TokenReplaced", "CallerLeft"): "it had not waited",
}
"""Neighbours that may have come the other way round, and why."""
AGAIN: dict[str, str] = {
    "TokenReplaced": "an application may give a token twice",
    "TokenRejected": "a client or the follower of a state, whose names no record tells, may ask twice",
    "CallerLeft": "to leave twice is harmless",
    "FollowLeft": "to leave twice is harmless",
    "CallCancelled": "to leave twice is harmless",
    "StateArrived": "a remote server may say a state twice",
    "SubmitRequested": "an application may ask twice",
    "PrefixArrived": "an attempt brings what it likes, and only who performs counts it",
    "LiveArrived": "an attempt brings what it likes, and only who performs counts it",
}
"""What may come twice in a row, and why."""


@both
def test_a_record_dropped_without_a_gap_is_rejected_unless_nothing_came_of_it(systems: str) -> None:
    accepted, rejected = set[Any](), set[Any]()
    for seed, at, record in places(systems):
        key = (record["side"], record["input"]["type"], decided(record))
        if key in accepted | rejected:
            continue
        records = trace(systems, seed)
        del records[at]
        (accepted if line_of(renumbered(records)) is None else rejected).add(key)
    assert {key[1:] for key in accepted} - WITHOUT.keys() == set()
    assert len(rejected) > 10


@both
def test_neighbours_that_change_places_are_rejected_unless_neither_came_of_the_other(systems: str) -> None:
    accepted, rejected = set[Any](), set[Any]()
    for seed, at, record in places(systems):
        records = trace(systems, seed)
        after = next((k for k in range(at + 1, len(records)) if records[k]["run"] == record["run"]), None)
        if after is None:
            continue
        key = (
            record["input"]["type"],
            records[after]["input"]["type"],
            decided(record),
            decided(records[after]),
        )
        if key in accepted | rejected:
            continue
        records[at], records[after] = records[after], records[at]
        records[at]["t"], records[after]["t"] = records[after]["t"], records[at]["t"]
        (accepted if line_of(renumbered(records)) is None else rejected).add(key)
    assert {key[:2] for key in accepted} - APART.keys() == set()
    assert len(rejected) > 10


@both
def test_what_is_told_again_is_rejected_unless_it_may_come_again(systems: str) -> None:
    """Each record once more right behind itself, and its run as the rules go on from there."""
    accepted, rejected = set[Any](), set[Any]()
    for seed, at, record in places(systems):
        key = (record["side"], record["input"]["type"], decided(record))
        if key in accepted | rejected:
            continue
        records = trace(systems, seed)
        records.insert(at + 1, {**record, "settings": None} if "settings" in record else {**record})
        found = judge(cut(redecided(renumbered(records), record["run"]), at + 1)).mismatch
        if found is not None:
            assert found.line == at + 2, key
        (accepted if found is None else rejected).add(key)
    assert {kind for _side, kind, _decided in accepted} - AGAIN.keys() == set()
    assert len(rejected) > 5


def cut(records: list[Record], at: int) -> list[Record]:
    """The run of this place up to there, and all others."""
    return records[: at + 1] + [one for one in records[at + 1 :] if one["run"] != records[at]["run"]]
