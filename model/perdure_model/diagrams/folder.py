"""The drawings of all charts."""

from __future__ import annotations

import re

from perdure_model.charts import CHARTS
from perdure_model.diagrams.graph import chart_to_dot, dot_to_svg
from perdure_model.diagrams.mermaid import chart_to_mermaid
from perdure_model.table import compile_chart, meanings


def render() -> dict[str, str]:
    """File name -> text. The same on every call and machine."""
    files = {}
    for chart in CHARTS:
        table = compile_chart(chart)
        name = file_name(table.name)
        files[f"{name}.svg"] = dot_to_svg(chart_to_dot(table, meanings(chart)))
        files[f"{name}.mmd"] = chart_to_mermaid(table)
    return files


def file_name(chart: str) -> str:
    """A chart's name as its files have it: `client_session`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", chart).lower()
