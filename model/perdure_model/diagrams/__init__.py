"""Charts and traces as pictures: DOT, SVG and Mermaid.

Law of this folder: a picture is made from the chart (or the trace) and from nothing else, is the same on
every machine, and can be read on white and on dark pages. Needs the extra `diagrams`.
"""

from perdure_model.diagrams.folder import file_name, render
from perdure_model.diagrams.graph import chart_to_dot, dot_to_svg
from perdure_model.diagrams.mermaid import chart_to_mermaid
from perdure_model.diagrams.sequence import trace_to_mermaid, trace_to_svg

__all__ = [
    "chart_to_dot",
    "chart_to_mermaid",
    "dot_to_svg",
    "file_name",
    "render",
    "trace_to_mermaid",
    "trace_to_svg",
]
