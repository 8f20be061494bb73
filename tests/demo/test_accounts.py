"""The demo's accounts: each thing that must not happen is told when it has happened."""

from __future__ import annotations

from typing import Any

import pytest
from perdure.demo.accounts import Life, Result, settle

PUBLISHED = [(n, part) for n in (1, 2, 3) for part in (0, 1)]


def life(**changes: Any) -> Life:
    whole: dict[str, Any] = {
        "outcomes": dict.fromkeys((1, 2, 3), ("delivered", "")),
        "asked": [1, 2, 3],
        "events": list(PUBLISHED),
        "cid": "cid-a",
        "outcome": "succeeded",
    }
    return Life(**(whole | changes))


def result(*lives: Life, handled: tuple[int, ...] = (1, 2, 3), missed: tuple[str, ...] = ()) -> Result:
    return settle(
        list(lives), list(handled), PUBLISHED, faults={}, faults_missed=list(missed), reconnects=0, seconds=0
    )


def test_all_is_well_where_both_sides_agree() -> None:
    assert result(life()).ok


@pytest.mark.parametrize(
    ("account", "field"),
    [
        (result(life(events=PUBLISHED[:-1])), "lost"),
        (result(life(events=PUBLISHED[:2] + PUBLISHED[3:])), "lost"),
        (result(life(events=[*PUBLISHED, PUBLISHED[-1]])), "duplicated"),
        (result(life(events=[PUBLISHED[1], PUBLISHED[0], *PUBLISHED[2:]])), "out_of_order"),
        (result(life(), handled=(1, 2, 2, 3)), "taken_twice"),
        (result(life(), handled=(1, 2)), "told_wrong"),
        (result(life(outcomes={1: ("failed", "status 404")})), "told_wrong"),
        (result(life(killed=True, events=PUBLISHED[1:3]), life()), "lost"),
    ],
)
def test_what_must_not_happen_is_counted(account: Result, field: str) -> None:
    assert getattr(account, field) == 1
    assert not account.ok


def test_a_killed_life_owes_only_what_came_before_its_last_event() -> None:
    assert result(life(killed=True, events=PUBLISHED[:3], outcome=None), life()).ok
    assert result(life(killed=True, events=[], outcome=None), life()).ok


def test_a_fault_that_did_not_happen_another_id_or_another_outcome_is_no_success() -> None:
    assert not result(life(), missed=("CutStream()",)).ok
    assert not result(life(cid="cid-b"), life()).ok
    assert not result(life(outcome="failed")).ok


def test_what_was_open_at_the_kill_is_neither_delivered_nor_dropped() -> None:
    told = result(
        life(killed=True, outcomes={1: ("delivered", "")}, outcome=None), life(asked=[], outcomes={})
    )
    assert (told.sent, told.delivered, told.unknown_at_kill) == (3, 1, 2)
