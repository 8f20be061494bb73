"""What several tests of charts need: the five, and a chart's own behaviour as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import TypeAlias

import pytest
from perdure_model.charts.base import Chart
from perdure_model.charts.client_session import ClientSession
from perdure_model.charts.credential import Credential
from perdure_model.charts.response_stream import ResponseStream
from perdure_model.charts.send_item import SendItem
from perdure_model.charts.server_connection import ServerConnection
from perdure_model.table import Table, compile_chart

CHARTS: tuple[type[Chart], ...] = (ClientSession, ServerConnection, SendItem, ResponseStream, Credential)

Case: TypeAlias = tuple[str, str, tuple[tuple[str, bool], ...]]
Outcome: TypeAlias = tuple[str, tuple[str, ...]] | None


@pytest.fixture(params=CHARTS, ids=lambda chart: chart.__name__)
def chart(request: pytest.FixtureRequest) -> type[Chart]:
    """Each of the five charts in turn."""
    return request.param  # type: ignore[no-any-return]


class Behaviour:
    """A chart played through every state, event and valuation of its guards, each in a new instance."""

    def __init__(self, chart: type[Chart], table: Table) -> None:
        self.outcomes = {case: self._play(chart, *case) for case in self._cases(table)}

    @staticmethod
    def _cases(table: Table) -> Iterator[Case]:
        for values in product((True, False), repeat=len(table.guards)):
            facts = tuple(zip(table.guards, values, strict=True))
            yield from ((state, event, facts) for state in table.states for event in table.events)

    @staticmethod
    def _play(chart: type[Chart], state: str, event: str, facts: tuple[tuple[str, bool], ...]) -> Outcome:
        machine = chart(dict(facts), state=state)
        machine.ran.clear()
        try:
            machine.send(event)
        except machine.TransitionNotAllowed:
            assert machine.current_state_value == state
            assert machine.ran == []
            return None
        return machine.current_state_value, tuple(machine.ran)

    def differences(self, table: Table) -> Mapping[Case, tuple[Outcome, Outcome]]:
        """Where the table says something else than the chart did: case -> (chart, table)."""
        found = {}
        for (state, event, facts), outcome in self.outcomes.items():
            row = table.step(state, event, dict(facts))
            answer = row and (row.target, row.actions)
            if answer != outcome:
                found[state, event, facts] = outcome, answer
        return found


@pytest.fixture(scope="session")
def behaviour() -> Callable[[type[Chart], Table], Behaviour]:
    """The player; the five charts are played once."""
    kept = {chart: Behaviour(chart, compile_chart(chart)) for chart in CHARTS}
    return lambda chart, table: kept.get(chart) or Behaviour(chart, table)
