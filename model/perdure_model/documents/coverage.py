"""Each chart with its coverage: behind every event, by how many of the system's worlds it was taken there."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.charts import CHARTS, Chart
from perdure_model.diagrams import chart_to_dot
from perdure_model.diagrams.edges import Arrow
from perdure_model.documents.record import Move
from perdure_model.table import Table, meanings

TAKEN, MISSED = "#1a7f37", "#cf222e"


def chart_of(table: Table) -> type[Chart]:
    """The chart that a table was compiled from. Raises LookupError where the folder of charts lacks it."""
    for chart in CHARTS:
        if chart.__name__ == table.name:
            return chart
    raise LookupError(
        f"the chart {table.name} is not among CHARTS: enter it in perdure_model/charts/__init__.py"
    )


def taken_by(reached: Mapping[str, frozenset[Move]], move: Move) -> int:
    """How many worlds took a transition."""
    return sum(move in moves for moves in reached.values())


def coverage_to_dot(table: Table, reached: Mapping[str, frozenset[Move]]) -> str:
    """The chart with its coverage, in DOT; `reached` is of each world of one system what it took."""

    def mark(arrow: Arrow, event: str) -> str:
        count = taken_by(reached, (table.name, arrow.source, event, arrow.target))
        return f' <font color="{TAKEN if count else MISSED}"><b>{count}</b></font>'

    caption = f"Behind each event: how many of {len(reached)} worlds take it there."
    return chart_to_dot(table, meanings(chart_of(table)), mark=mark, caption=caption)
