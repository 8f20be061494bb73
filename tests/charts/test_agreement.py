"""Table and chart agree: for every state, event and guard valuation, in target and ordered actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from perdure_model.charts.base import Chart
from perdure_model.table import Row, Table, compile_chart


def test_table_and_chart_agree(chart: type[Chart], behaviour: Any) -> None:
    table = compile_chart(chart)
    played = behaviour(chart, table)
    assert len(played.outcomes) == len(table.states) * len(table.events) * 2 ** len(table.guards)
    assert played.differences(table) == {}


def test_each_row_is_taken_by_the_chart(chart: type[Chart], behaviour: Any) -> None:
    """Otherwise the agreement above would be one about refusals."""
    table = compile_chart(chart)
    played = behaviour(chart, table)
    taken = {
        (state, event, table.rows[state, event].index(row))
        for (state, event, facts), outcome in played.outcomes.items()
        if outcome is not None and (row := table.step(state, event, dict(facts))) is not None
    }
    assert taken == {(*pair, i) for pair, rows in table.rows.items() for i in range(len(rows))}


def test_starting_a_chart_runs_what_the_table_says(chart: type[Chart]) -> None:
    table = compile_chart(chart)
    machine = chart()
    assert (machine.current_state_value, tuple(machine.ran)) == (table.initial, table.initial_actions)
    assert set(table.final) == {state.id for state in chart.final_states}


def corruptions(table: Table) -> Iterator[tuple[str, Table]]:
    """The table with one thing wrong: each row in turn, in each way that matters."""
    for pair, rows in table.rows.items():
        for i, row in enumerate(rows):
            for what, wrong in corrupted_rows(table, row):
                changed = (*rows[:i], *wrong, *rows[i + 1 :])
                yield f"{pair} row {i}: {what}", replace(table, rows={**table.rows, pair: changed})
        if not rows:
            added = (Row((), table.initial, ()),)
            yield f"{pair}: a row too many", replace(table, rows={**table.rows, pair: added})


def corrupted_rows(table: Table, row: Row) -> Iterator[tuple[str, tuple[Row, ...]]]:
    yield "removed", ()
    other = next(state for state in table.states if state != row.target)
    yield "another target", (row._replace(target=other),)
    yield "an action too many", (row._replace(actions=(*row.actions, "extra")),)
    if row.actions:
        yield "an action too few", (row._replace(actions=row.actions[1:]),)
    if len(row.actions) > 1:
        yield "another order", (row._replace(actions=row.actions[::-1]),)
    for i, (guard, wanted) in enumerate(row.guards):
        flipped = (*row.guards[:i], (guard, not wanted), *row.guards[i + 1 :])
        yield f"{guard} flipped", (row._replace(guards=flipped),)
        yield f"{guard} forgotten", (row._replace(guards=row.guards[:i] + row.guards[i + 1 :]),)


def test_a_corrupted_table_is_told_apart(chart: type[Chart], behaviour: Any) -> None:
    table = compile_chart(chart)
    played = behaviour(chart, table)
    missed = [what for what, wrong in corruptions(table) if not played.differences(wrong)]
    assert missed == []


def test_an_exchanged_pair_of_rows_is_told_apart(behaviour: Any) -> None:
    from perdure_model.charts.response_stream import ResponseStream

    table = compile_chart(ResponseStream)
    pair = ("holding", "auth_error")
    exchanged = replace(table, rows={**table.rows, pair: table.rows[pair][::-1]})
    assert behaviour(ResponseStream, table).differences(exchanged)


@pytest.mark.parametrize("state", ["inactive", "expired"])
def test_a_chart_that_starts_elsewhere_starts_there(state: str) -> None:
    from perdure_model.charts.server_connection import ServerConnection

    assert ServerConnection(state=state).current_state_value == state
