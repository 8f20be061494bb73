"""The load's accounts find each thing that can be wrong with a conversation, and nothing where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.soak.accounts import Accounts, Seen, compared

GOOD: dict[str, Any] = {
    "outcomes": {"1": "delivered", "2": "failed", "3": "uncertain", "4": "delivered"},
    "outcome": "succeeded",
    **vars(Seen(events=6, life=1, last=6)),
}


def wrong(took: list[int], published: int = 6, **told: Any) -> dict[str, int]:
    return compared(took, (1, published), GOOD | told).wrong


def test_a_good_conversation_has_nothing_wrong() -> None:
    assert wrong([1, 4]) == {}
    assert wrong([1, 3, 4]) == {}, "an uncertain one may have been taken, or not"
    found = compared([1, 3, 4], (1, 6), GOOD)
    assert (found.conversations, found.sends, found.delivered) == (1, 4, 2)
    assert (found.failed, found.uncertain, found.events) == (1, 1, 6)


@pytest.mark.parametrize(
    ("took", "name"),
    [
        ([1, 4, 4], "taken_twice"),
        ([4, 1], "taken_out_of_order"),
        ([1], "told_wrong"),
        ([1, 2, 4], "told_wrong"),
        ([1, 4, 5], "told_wrong"),
    ],
)
def test_what_the_server_took_wrongly_is_seen(took: list[int], name: str) -> None:
    assert wrong(took) == {name: 1}


@pytest.mark.parametrize(
    ("events", "name"),
    [([1, 3], "lost"), ([1, 2, 2, 3], "doubled"), ([1, 2, 3, 1], "reordered"), ([1, 2], "lost")],
)
def test_events_that_came_wrongly_are_seen(events: list[int], name: str) -> None:
    seen = Seen()
    for k in events:
        seen.event(1, k)
    assert wrong([1, 4], 3, **vars(seen)) == {name: 1}


def test_a_gap_and_another_outcome_are_seen() -> None:
    assert wrong([1, 4], gaps=1) == {"gaps": 1}
    assert wrong([1, 4], outcome="failed") == {"ended_otherwise": 1}


def test_an_account_is_closed_and_forgotten_once_both_sides_have_told_theirs() -> None:
    accounts = Accounts()
    accounts.begun("a")
    accounts.took("a", 1)
    accounts.took("a", 4)
    accounts.client_over("a", GOOD)
    assert len(accounts) == 1
    accounts.server_over("a", (1, 6))
    assert len(accounts) == 0
    assert accounts.end().wrong == {}


def test_a_conversation_that_never_ends_is_seen_and_named() -> None:
    accounts = Accounts()
    accounts.begun("a")
    assert accounts.end().wrong == {"never_closed": 1}
    assert accounts.notes[0].startswith("a: ")


def test_what_was_accepted_when_the_server_was_killed_is_no_loss() -> None:
    """Sends 2 and 3 were, right behind what was taken last; what was in between, or is behind, is wrong."""
    told = GOOD | {"outcomes": dict.fromkeys(map(str, range(1, 7)), "delivered")}
    found = compared([1, 4, 5, 6], (1, 6), told, [1])
    assert (found.wrong, found.crashed) == ({}, 2)
    assert compared([1, 4, 5, 6], (1, 6), told, []).wrong == {"told_wrong": 2}
    assert compared([1, 4, 6], (1, 6), told, [1]).wrong == {"told_wrong": 1}
    assert compared([1, 2, 4, 5, 6], (1, 6), told, [3]).wrong == {"told_wrong": 1}
    assert compared([1, 2, 3, 4, 5, 6, 2], (1, 6), told, [6]).wrong["taken_twice"] == 1


def test_a_crash_is_in_the_account_of_whoever_it_meets() -> None:
    accounts = Accounts()
    accounts.took("a", 1)
    accounts.crashed()
    accounts.took("a", 4)
    accounts.client_over("a", GOOD | {"outcomes": GOOD["outcomes"] | {"2": "delivered"}})
    accounts.server_over("a", (1, 6))
    assert accounts.end().wrong == {}
    assert accounts.totals.crashed == 1


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ([(1, 1), (1, 2), "gap 2 0", (2, 1)], {"restarts": 1}),
        ([(1, 1), "gap 2 3", (2, 4)], {"restarts": 1}),
        ([(2, 1), (2, 2)], {}),
        ([(1, 1), (2, 1)], {"gaps": 1}),
        ([(1, 1), "gap 2 0", (2, 2)], {"restarts": 1, "lost": 1}),
        ([(1, 1), "gap 1 3", (1, 4)], {"gaps": 1}),
        (["gap 1 3", (1, 4)], {"gaps": 1}),
    ],
)
def test_who_was_there_before_a_restart_is_told_of_it(came: list[Any], expected: dict[str, int]) -> None:
    seen = Seen()
    for one in came:
        if isinstance(one, str):
            seen.gap(*map(int, one.split()[1:]))
        else:
            seen.event(*one)
    counts = {
        name: n for name, n in vars(seen).items() if name in ("restarts", "gaps", "lost", "doubled") and n
    }
    assert counts == expected


def test_who_was_not_told_that_the_server_which_ended_it_is_another_has_lost_its_events() -> None:
    assert compared([1, 4], (2, 6), GOOD).wrong == {"lost": 6}
    assert compared([1, 4], (2, 6), GOOD | {"life": 2, "last": 4}).wrong == {"lost": 2}
