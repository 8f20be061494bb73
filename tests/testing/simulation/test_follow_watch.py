"""What a followed session's decisions show of it: up, or not, exactly when it is."""

from __future__ import annotations

from typing import Any

import pytest
from perdure.testing.simulation.follow_watch import FollowWatch
from perdure.testing.simulation.follower import SETTINGS

Told = dict[str, Any]


def told(kind: str, **fields: Any) -> Told:
    return {"type": kind, **fields}


def record(i: Told, *effects: Told) -> Told:
    return {"t": 0.0, "input": i, "effects": list(effects)}


def move(target: str) -> Told:
    return told("Moved", machine="FollowSession", target=target)


def snapshot(status: int, attempt: int = 1) -> Told:
    said = {"status": status, "chance": 1.0, "retry_after_s": None, "outcome": None}
    return told("SnapshotReplied", attempt=attempt, **said)


AGAIN = told("StartTimer", due=told("AgainDue", attempt=2), seconds=1.0)
CLOSED = told("StreamClosed", attempt=1)
LEFT = told("Finish", outcome="closed")
REPORT = told("Report", status=0)
START = record(told("FollowStarted"), told("OpenStream", attempt=1))
OPENED = record(told("StreamOpened", attempt=1), told("AskSnapshot", attempt=1))
UP = record(snapshot(200), move("awaiting"))
LOST = told("FollowLost", attempt=1, status=0, chance=1.0, retry_after_s=None)
DOWN = record(LOST, move("reconnecting"), CLOSED, REPORT, AGAIN)
DUE = record(told("AgainDue", attempt=2), told("OpenStream", attempt=2))
OPENED_AGAIN = record(told("StreamOpened", attempt=2), told("AskSnapshot", attempt=2))
UP_AGAIN = record(snapshot(200, 2), move("awaiting"))


def found(records: list[Told]) -> list[str]:
    broken: list[str] = []
    watch = FollowWatch("follower f", SETTINGS, renews=True, breaks=lambda one, _: broken.append(one))
    for one in records:
        watch(one)
    return broken


@pytest.mark.parametrize("records", [
    [START, OPENED, UP, DOWN, DUE, OPENED_AGAIN, UP_AGAIN],
    [START, DOWN, DUE],
    [START, OPENED, record(snapshot(500), move("reconnecting"), CLOSED, REPORT, AGAIN), DUE],
    [START, OPENED, UP, record(told("FollowLeft"), move("terminal"), CLOSED, LEFT)],
    [record(told("FollowStarted"), told("AskSnapshot", attempt=1)),
     record(snapshot(200), told("OpenStream", attempt=1)),
     record(told("StreamOpened", attempt=1), move("awaiting"))],
])  # fmt: skip
def test_a_session_that_shows_what_is_so_breaks_nothing(records: list[Told]) -> None:
    assert found(records) == []


@pytest.mark.parametrize("records", [
    [record(told("FollowStarted"), told("OpenStream", attempt=1), move("reconnecting"))],
    [START, record(told("StreamOpened", attempt=1), told("AskSnapshot", attempt=1), move("awaiting"))],
    [START, OPENED, record(snapshot(200))],
    [START, OPENED, UP, record(LOST, CLOSED, REPORT, AGAIN)],
    [START, OPENED, UP, DOWN, record(told("SettleDue", submit=1), move("awaiting"))],
    [START, OPENED, record(snapshot(500), REPORT, AGAIN)],
])  # fmt: skip
def test_what_is_shown_of_a_stream_and_is_not_so_is_told(records: list[Told]) -> None:
    assert found(records) == ["P-VISIBLE"]
