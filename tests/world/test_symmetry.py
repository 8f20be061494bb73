"""Clients with ids of their own are interchangeable: the factor that this saves on perdure's own world."""

from __future__ import annotations

import pytest
from perdure_model.checker import check
from perdure_model.checker.errors import SymmetryError
from perdure_model.world.transport import TRANSPORT, Bounds, Transport


def world(tabs: int, *, copied: bool = False) -> Transport:
    bounds = Bounds(tabs=tabs, sends=1, events=0, cuts=1 if tabs == 2 else 0, lost=0, late=0, copied=copied)
    built = Transport(bounds, "T", {book.side: book for book in TRANSPORT.books})
    TRANSPORT.hold_all(built)
    return built


@pytest.mark.parametrize(("tabs", "states", "orbits"), [(2, 21_609, 10_811), (3, 5_665, 1_067)])
def test_interchangeable_clients_are_explored_once(tabs: int, states: int, orbits: int) -> None:
    """Nearly 2! and 3! times fewer; the occasions ask one client alone, and are left to the whole search."""
    plain = check(world(tabs).system, progress=False)
    same = world(tabs)
    folded = check(same.system.without("sometimes"), symmetry=same.symmetry(), progress=False)
    assert (plain.distinct, folded.distinct) == (states, orbits)
    assert plain.complete
    assert folded.complete
    assert list(folded.violations) == []


def test_clients_are_not_interchangeable_where_a_property_asks_one_alone() -> None:
    asked = world(2)
    with pytest.raises(SymmetryError, match="has no counterpart"):
        check(asked.system, symmetry=asked.symmetry(), progress=False)


def test_copies_of_one_client_are_told_apart_by_their_lives() -> None:
    assert world(2, copied=True).symmetry() == []
