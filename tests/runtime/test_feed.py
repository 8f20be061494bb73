"""The one function: gathers, decides, stores, traces, performs; in order, and knowing no protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from perdure.feed import Feed
from perdure_model.core.rule import Book, Decision, Family, Key, UnknownInput

COUNT = Family("count")
SEAT = Family("seat", ("room", "row"))
SETTINGS = Family("settings")


@dataclass(frozen=True)
class Add:
    n: int


@dataclass(frozen=True)
class Take:
    room: str
    row: int
    who: str | None


@dataclass(frozen=True)
class Clear:
    room: str
    keep: int = -1


@dataclass(frozen=True)
class Swap:
    room: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Show:
    row: int


@dataclass(frozen=True)
class Say:
    what: Any


def book() -> Book:
    rules = Book("test")

    @rules.rule(Add, COUNT.one, reads=(SETTINGS.one,), emits=(Say,))
    def on_add(i: Add, count: int | None, step: int) -> Decision:
        total = (count or 0) + i.n * step
        return (total,), (Say(total),)

    @rules.rule(Take, SEAT.one)
    def on_take(i: Take, _who: str | None) -> Decision:
        return (i.who,), ()

    @rules.rule(Clear, SEAT.every("room"), emits=(Say,))
    def on_clear(i: Clear, seats: Mapping[Key, str]) -> Decision:
        return ({key: who for key, who in seats.items() if key[1] == i.keep},), (Say(dict(seats)),)

    @rules.rule(Swap, SEAT.each("row", over="rows"))
    def on_swap(i: Swap, seats: Mapping[Key, str | None]) -> Decision:
        return (dict(zip(seats, reversed(list(seats.values())), strict=True)),), ()

    @rules.rule(Show, SEAT.every("row"), SEAT.every(), emits=(Say,))
    def on_show(i: Show, row: Mapping[Key, str], every: Mapping[Key, str]) -> Decision:
        return (row, every), (Say((list(row), list(every))),)

    return rules


class Machine:
    """A feed, what it performed, and what it traced."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, Any]] = []
        self.traced: list[tuple[object, tuple[Any, ...]]] = []
        self.feed: Feed[Any, Say] = Feed(
            book(), self.perform, {SETTINGS: 10}, lambda i, effects: self.traced.append((i, effects))
        )

    def perform(self, effect: Say, cargo: Any) -> None:
        self.said.append((effect.what, cargo))


@pytest.fixture
def machine() -> Machine:
    return Machine()


def taken(machine: Machine) -> dict[Key, Any]:
    return machine.feed.parts(SEAT)


def test_a_decision_is_stored_traced_and_performed_with_its_cargo(machine: Machine) -> None:
    machine.feed(Add(1), "a")
    machine.feed(Add(2), "b")
    assert machine.feed.part(COUNT) == 30
    assert machine.said == [(10, "a"), (30, "b")]
    assert machine.traced == [(Add(1), (Say(10),)), (Add(2), (Say(30),))]


def test_none_removes_a_part_and_its_place_in_every_index(machine: Machine) -> None:
    machine.feed(Take("red", 1, "ann"))
    machine.feed(Take("red", 2, "bob"))
    machine.feed(Take("red", 1, None))
    machine.feed(Take("red", 7, None))
    assert taken(machine) == {("red", 2): "bob"}
    assert machine.feed.parts(SEAT, row=1) == {}
    assert machine.feed.parts(SEAT, room="red") == {("red", 2): "bob"}


def test_every_sees_what_agrees_in_the_order_of_coming_to_be(machine: Machine) -> None:
    for room, row in [("red", 2), ("blue", 1), ("red", 1), ("blue", 2)]:
        machine.feed(Take(room, row, "x"))
    machine.feed(Take("red", 2, "y"))  # a change keeps the place
    machine.feed(Show(2))
    assert machine.said[-1][0] == (
        [("red", 2), ("blue", 2)],
        [("red", 2), ("blue", 1), ("red", 1), ("blue", 2)],
    )
    machine.feed(Take("red", 2, None))
    machine.feed(Take("red", 2, "z"))  # one that comes back is the last
    machine.feed(Show(2))
    assert machine.said[-1][0][0] == [("blue", 2), ("red", 2)]


def test_what_a_returned_every_mapping_lacks_is_removed_and_nothing_else(machine: Machine) -> None:
    for room, row in [("red", 1), ("red", 2), ("blue", 1)]:
        machine.feed(Take(room, row, f"{room}{row}"))
    machine.feed(Clear("red", keep=2))
    assert taken(machine) == {("red", 2): "red2", ("blue", 1): "blue1"}
    machine.feed(Clear("red"))
    machine.feed(Clear("red"))
    assert machine.said[-1][0] == {}
    assert taken(machine) == {("blue", 1): "blue1"}


def test_each_sees_one_part_for_each_element_there_or_not(machine: Machine) -> None:
    machine.feed(Take("red", 1, "ann"))
    machine.feed(Swap("red", (1, 2)))
    assert taken(machine) == {("red", 2): "ann"}


def test_an_input_fed_while_another_is_performed_waits_its_turn() -> None:
    said: list[int] = []

    def perform(effect: Say, _cargo: object) -> None:
        said.append(effect.what)
        if effect.what == 10:
            feed(Add(2))
            feed(Add(3))
            said.append(-1)

    feed: Feed[Any, Say] = Feed(book(), perform, {SETTINGS: 10})
    feed(Add(1))
    assert said == [10, -1, 30, 60]


def test_what_follows_comes_after_the_effects_and_before_everything_else() -> None:
    said: list[int] = []

    def perform(effect: Say, _cargo: object) -> None:
        said.append(effect.what)
        if effect.what == 10:
            feed(Add(100))
            feed.follow(Add(2))
            feed.follow(Add(3))

    feed: Feed[Any, Say] = Feed(book(), perform, {SETTINGS: 10})
    feed(Add(1))
    assert said == [10, 30, 60, 1060]


def test_a_planted_defect_decides_instead() -> None:
    said: list[int] = []
    wrong = book().override(on_add=lambda i, _count, _step: ((0,), (Say(-i.n),)))
    feed: Feed[Any, Say] = Feed(wrong, lambda effect, _cargo: said.append(effect.what), {SETTINGS: 10})
    feed(Add(4))
    assert said == [-4]


def test_an_input_without_a_rule_is_refused_by_name(machine: Machine) -> None:
    with pytest.raises(UnknownInput, match="no rule for str"):
        machine.feed("what?")
    machine.feed(Add(1))
    assert machine.said == [(10, None)]
