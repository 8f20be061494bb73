"""Showing what a check found: text, Mermaid, the ITF format, DOT and SVG.

Law of this folder: it reads reports and systems and returns text; it decides nothing.
"""

from .graph import StateGraph, state_graph
from .itf import to_itf
from .mermaid import sequence_diagram, state_diagram
from .text import summary, trace

__all__ = ["StateGraph", "sequence_diagram", "state_diagram", "state_graph", "summary", "to_itf", "trace"]
