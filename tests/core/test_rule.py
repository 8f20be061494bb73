"""What a rule sees of the parts, and what a book refuses."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from perdure_model.core.client import CLIENT
from perdure_model.core.rule import Book, Decision, Family, UnknownInput
from perdure_model.core.server import SERVER

SEAT = Family("seat", ("room", "row"))
ALONE = Family("alone")


@dataclass(frozen=True)
class Sit:
    room: str = "red"
    row: int = 1
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Leave:
    room: str = "red"


def sit(_i: Sit, seat: str | None) -> Decision:
    """Take the seat.

    The rest of the docstring is for whoever reads the code.
    """
    return ("taken",), ()


def book() -> Book:
    rules = Book("theatre")
    rules.rule(Sit, SEAT.one, reads=(ALONE.one,), emits=(str,))(sit)
    return rules


def test_one_is_the_part_under_the_inputs_own_key() -> None:
    assert SEAT.one.keys(Sit("red", 2)) == [("red", 2)]
    assert ALONE.one.keys(Sit()) == [()]


def test_every_is_what_agrees_in_the_named_fields() -> None:
    in_room, anywhere = SEAT.every("room"), SEAT.every()
    assert in_room.matches(Leave("red"), ("red", 7))
    assert not in_room.matches(Leave("red"), ("blue", 7))
    assert anywhere.matches(Leave("red"), ("blue", 7))
    both = SEAT.every("room", "row")
    assert both.matches(Sit("red", 1), ("red", 1))
    assert not both.matches(Sit("red", 1), ("red", 2))


def test_each_is_one_part_for_each_element_in_order() -> None:
    spec = SEAT.each("row", over="rows")
    assert spec.keys(Sit("red", rows=(3, 1, 2))) == [("red", 3), ("red", 1), ("red", 2)]
    assert spec.keys(Sit("red", rows=())) == []


def test_a_rule_knows_its_name_input_parts_and_effects() -> None:
    rule = book()[Sit]
    assert (rule.name, rule.input) == ("sit", Sit)
    assert (rule.parts, rule.reads, rule.emits) == ((SEAT.one,), (ALONE.one,), (str,))
    assert rule.specs == (SEAT.one, ALONE.one)
    assert rule.says == "Take the seat."


def test_the_decorated_function_stays_a_function() -> None:
    assert book()[Sit].decide is sit


def test_a_second_rule_for_an_input_is_refused_by_the_first_ones_name() -> None:
    with pytest.raises(ValueError, match="Sit has a rule already: sit"):
        book().rule(Sit)(sit)


def test_an_input_without_a_rule_is_refused_by_name_and_side() -> None:
    with pytest.raises(UnknownInput, match="the theatre has no rule for Leave"):
        book()[Leave]


def test_an_override_decides_instead_and_leaves_the_book_as_it_was() -> None:
    right = book()

    def stand(_i: Sit, seat: str | None) -> Decision:
        return (seat,), ()

    wrong = right.override(sit=stand)
    assert wrong[Sit].decide is stand
    assert right[Sit].decide is sit
    assert (wrong[Sit].parts, wrong[Sit].emits, wrong.side) == (right[Sit].parts, right[Sit].emits, "theatre")


def test_an_override_of_a_rule_that_is_not_there_says_which_are() -> None:
    with pytest.raises(ValueError, match="the theatre has no rule 'sti'; it has sit"):
        book().override(sti=sit)


@pytest.mark.parametrize("side", [CLIENT, SERVER], ids=lambda book: book.side)
def test_every_rule_says_what_it_decides(side: Book) -> None:
    assert [rule.name for rule in side if not rule.says] == []
