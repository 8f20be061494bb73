"""A chart compiled to a table: how a machine runs.

Law of this folder: what a table says is what the chart would have done, target and ordered actions; a
chart of which that cannot be said is refused, by name, with the reason and the remedy. Knows
python-statemachine, and nothing else of this package.
"""

from perdure_model.table.compiler import compile_chart
from perdure_model.table.errors import (
    ChartError,
    DeadRowError,
    MeaningError,
    MissingFactError,
    UnknownEventError,
    UnknownNameError,
    UnknownStateError,
    UnsupportedFeatureError,
)
from perdure_model.table.meanings import Meanings, meanings
from perdure_model.table.rows import NO_FACTS, Row, Table

__all__ = [
    "NO_FACTS",
    "ChartError",
    "DeadRowError",
    "MeaningError",
    "Meanings",
    "MissingFactError",
    "Row",
    "Table",
    "UnknownEventError",
    "UnknownNameError",
    "UnknownStateError",
    "UnsupportedFeatureError",
    "compile_chart",
    "meanings",
]
