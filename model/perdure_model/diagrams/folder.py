"""The committed folder of drawings, and whether it still shows the charts as they are."""

from __future__ import annotations

import re
from pathlib import Path

from perdure_model.charts import CHARTS
from perdure_model.diagrams.graph import chart_to_dot, dot_to_svg
from perdure_model.diagrams.mermaid import chart_to_mermaid
from perdure_model.table import compile_chart, meanings

DRAWINGS = (".svg", ".mmd")


def render() -> dict[str, str]:
    """Everything that belongs in the folder: file name -> text. The same on every call and machine."""
    files = {}
    for chart in CHARTS:
        table = compile_chart(chart)
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", table.name).lower()
        files[f"{name}.svg"] = dot_to_svg(chart_to_dot(table, meanings(chart)))
        files[f"{name}.mmd"] = chart_to_mermaid(table)
    return files


def stale(folder: Path) -> list[str]:
    """What is wrong with the folder, a line for each file: missing, out of date, or of no chart.

    Empty when the folder is fresh. Only drawings are looked at: other files may lie beside them.
    """
    drawn = render()
    there = {
        path.name: path.read_text(encoding="utf-8") for path in folder.glob("*") if path.suffix in DRAWINGS
    }
    return [
        *(f"{name} is missing" for name in drawn if name not in there),
        *(f"{name} is out of date" for name, text in drawn.items() if there.get(name, text) != text),
        *(f"{name} is of no chart" for name in sorted(there) if name not in drawn),
    ]
