"""A table answers: the first row that holds, or why there is no answer. A docstring is read as written."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from perdure_model.charts.base import Chart
from perdure_model.charts.server_connection import ServerConnection
from perdure_model.table import (
    MissingFactError,
    Row,
    Table,
    UnknownEventError,
    UnknownStateError,
    compile_chart,
    meanings,
)
from statemachine.exceptions import InvalidDefinition

DOOR = Table(
    name="Door",
    initial="shut",
    initial_actions=(),
    states=("shut", "open", "broken"),
    final=("broken",),
    events=("push",),
    guards=("locked", "strong"),
    actions=("creak",),
    rows={
        ("shut", "push"): (
            Row((("locked", False),), "open", ("creak",)),
            Row((("locked", True), ("strong", True)), "broken", ()),
        ),
        ("open", "push"): (Row((), "open", ()),),
        ("broken", "push"): (),
    },
)


@pytest.mark.parametrize(
    ("facts", "target"),
    [
        ({"locked": False, "strong": False}, "open"),
        ({"locked": False, "strong": True}, "open"),
        ({"locked": True, "strong": True}, "broken"),
        ({"locked": True, "strong": False}, None),
    ],
)
def test_the_first_row_whose_guards_hold(facts: dict[str, bool], target: str | None) -> None:
    row = DOOR.step("shut", "push", facts)
    assert (row and row.target) == target


def test_nothing_follows_in_a_final_state() -> None:
    assert DOOR.step("broken", "push") is None


def test_no_facts_are_needed_where_no_guard_is_read() -> None:
    assert DOOR.step("open", "push") == Row((), "open", ())


def test_a_fact_that_need_not_be_read_need_not_be_given() -> None:
    assert DOOR.step("shut", "push", {"locked": False}) == Row((("locked", False),), "open", ("creak",))


@pytest.mark.parametrize(("truthy", "target"), [(1, "broken"), (0, "open"), ("yes", "broken"), ("", "open")])
def test_facts_count_as_the_chart_counts_them(truthy: Any, target: str) -> None:
    row = DOOR.step("shut", "push", {"locked": truthy, "strong": True})
    assert row is not None
    assert row.target == target


def test_a_missing_fact_is_named() -> None:
    with pytest.raises(
        MissingFactError, match=r"Door: in 'shut' the event 'push' .* 'strong'.*given: .'locked"
    ):
        DOOR.step("shut", "push", {"locked": True})


def test_an_unknown_state_is_named() -> None:
    with pytest.raises(UnknownStateError, match="Door has no state 'opne'; did you mean 'open'"):
        DOOR.step("opne", "push")


def test_an_unknown_event_is_named() -> None:
    with pytest.raises(UnknownEventError, match="Door has no event 'kick'; there are: push"):
        DOOR.step("open", "kick")


def test_a_table_cannot_be_changed() -> None:
    table: Any = compile_chart(ServerConnection)
    with pytest.raises(FrozenInstanceError):
        table.initial = "inactive"
    with pytest.raises(TypeError):
        table.rows["active", "lost"] = ()
    with pytest.raises(AttributeError):
        table.rows["active", "lost"][0].target = "expired"


def test_a_table_says_what_the_chart_declares() -> None:
    table = compile_chart(ServerConnection)
    assert table.states == ("active", "inactive", "expired")
    assert (table.initial, table.initial_actions, table.final) == ("active", (), ("expired",))
    assert table.rows["active", "lost"] == (
        Row((("current", True), ("fleeting", True)), "expired", ("release",)),
        Row((("current", True),), "inactive", ("start_grace",)),
    )
    assert table.rows["inactive", "lost"] == ()
    assert set(table.rows) == {(state, event) for state in table.states for event in table.events}
    assert replace(table, name="Other") != table


class Spoken(Chart):
    """What is said of the parts
    of a door.

    Prose: may hold colons, and is not read.

        nor: is this, outside a section

    States:
        shut: closed,
            and perhaps locked: who knows

        open: not
          so

    More prose.

    Actions:
        creak: a sound
    """


def test_meanings_are_read_as_written() -> None:
    words = meanings(Spoken)
    assert words.summary == "What is said of the parts of a door."
    assert words.states == {"shut": "closed, and perhaps locked: who knows", "open": "not so"}
    assert (words.events, words.guards, words.actions) == ({}, {}, {"creak": "a sound"})


def test_a_chart_asks_for_the_fact_it_needs() -> None:
    with pytest.raises(MissingFactError, match="'current' is needed here"):
        ServerConnection(state="active").send("lost")


def test_a_chart_reads_its_facts_at_each_event() -> None:
    facts = {"current": False, "fleeting": False}
    machine = ServerConnection(facts)
    with pytest.raises(machine.TransitionNotAllowed):
        machine.send("lost")
    facts["current"] = True
    machine.send("lost")
    assert (machine.current_state_value, machine.ran) == ("inactive", ["start_grace"])


def test_a_chart_without_states_does_not_run() -> None:
    with pytest.raises(InvalidDefinition):
        Spoken()
