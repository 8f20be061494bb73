"""A chart as a graph in DOT, and DOT as SVG: by graphviz-pure, so that nothing is installed by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from importlib.metadata import distribution
from pathlib import Path
from textwrap import wrap
from typing import Any

import graphviz
from graphviz.backend import dot_command

from perdure_model.diagrams.edges import Arrow, Label, arrows
from perdure_model.diagrams.style import (
    FINAL_FILL,
    FONT,
    FONTS,
    GUARD,
    INK,
    LIVE_FILL,
    LIVE_LINE,
    MUTED,
    PAPER,
)
from perdure_model.table import Meanings, Table

FINAL = {"peripheries": "2", "color": MUTED, "fillcolor": FINAL_FILL}
ACTIONS_WIDTH = 26  # characters; longer lists go on in the next line
BOLD = 1  # of the characteristics of xdot's operation t


Mark = Callable[[Arrow, str], str]
"""(arrow, event) -> what is written behind the event, as graphviz's HTML."""


def unmarked(_arrow: Arrow, _event: str) -> str:
    """Nothing behind any event."""
    return ""


def chart_to_dot(table: Table, words: Meanings, *, mark: Mark = unmarked, caption: str = "") -> str:
    """The chart in DOT: states with their meanings, and on each arrow its events, guards and actions."""
    graph = graphviz.Digraph(table.name)
    if caption:
        graph.attr(label=caption, labelloc="b", fontname=FONT, fontsize="11", fontcolor=MUTED)
    graph.attr(bgcolor=PAPER, pad="0.2", nodesep="0.4", ranksep="0.5", tooltip=words.summary)
    graph.attr("node", fontname=FONT, fontsize="11", fontcolor=INK, shape="box", style="rounded,filled")
    graph.attr("node", margin="0.14,0.07", penwidth="1.2", color=LIVE_LINE, fillcolor=LIVE_FILL)
    graph.attr("edge", fontname=FONT, fontsize="11", fontcolor=INK, color=MUTED, arrowsize="0.7")
    graph.node("(start)", label="", shape="point", width="0.13", color=INK, fillcolor=INK, tooltip="start")
    loops = {arrow.source: arrow for arrow in arrows(table) if arrow.source == arrow.target}
    for state in table.states:
        loop, final = loops.get(state), FINAL if state in table.final else {}
        graph.node(
            state, label=_state_label(state, loop, mark), tooltip=_state_tip(state, loop, words), **final
        )
    graph.edge("(start)", table.initial, label=_actions(table.initial_actions))
    for arrow in arrows(table):
        if arrow.source != arrow.target:
            label = f"<{_table(_cells(arrow, mark))}>"
            graph.edge(arrow.source, arrow.target, label=label, tooltip=_arrow_tip(arrow, words))
    return str(graph.source)


def _actions(names: tuple[str, ...]) -> str:
    return f"/ {', '.join(names)}" if names else ""


def _arrow_tip(arrow: Arrow, words: Meanings) -> str:
    events = dict.fromkeys(event for label in arrow.labels for event, _ in label.events)
    return "\n".join(f"{event}: {words.events[event]}" for event in events)


def _state_tip(state: str, loop: Arrow | None, words: Meanings) -> str:
    return "\n".join([words.states[state], *([_arrow_tip(loop, words)] if loop else ())])


def _state_label(state: str, loop: Arrow | None, mark: Mark) -> str:
    """The name, and below a line what happens without leaving the state: a loop would be in others' way."""
    name = f'<font point-size="13"><b>{escape(state)}</b></font>'
    if loop is None:
        return f"<{name}>"
    return f"<{_table(f'<tr><td>{name}</td></tr><hr/>{_cells(loop, mark)}')}>"


def _table(rows: str) -> str:
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="3">{rows}</table>'


def _cells(arrow: Arrow, mark: Mark) -> str:
    cells = (
        "".join(f'{line}<br align="left"/>' for line in _lines(arrow, label, mark)) for label in arrow.labels
    )
    return "".join(f'<tr><td align="left" balign="left">{cell}</td></tr>' for cell in cells)


def _lines(arrow: Arrow, label: Label, mark: Mark) -> Iterator[str]:
    for event, guards in label.events:
        guard = f' <font color="{GUARD}">[{escape(" or ".join(guards))}]</font>' if guards else ""
        yield f"<b>{escape(event)}</b>{guard}{mark(arrow, event)}"
    for line in wrap(_actions(label.actions), ACTIONS_WIDTH):
        yield f'<font color="{MUTED}">{escape(line)}</font>'


def dot_to_svg(dot: str) -> str:
    """Lay the graph out and draw it, byte for byte the same everywhere.

    Each text is held to the width that it was laid out with, whatever font the reader has.

    Raises:
        graphviz.CalledProcessError: the DOT is not well formed.
    """
    dot_command.DOT_BINARY = _renderer()
    source = graphviz.Source(dot)
    widths = _text_widths(json.loads(source.pipe(format="json", encoding="utf-8")))

    def held(match: re.Match[str]) -> str:
        attributes, text = match.groups()
        width = widths[_font_size(attributes), "bold" in attributes, unescape(text)]
        return f'<text textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs"{attributes}>{text}</text>'

    svg = re.sub(r"<text( [^>]*)>(.*?)</text>", held, source.pipe(format="svg", encoding="utf-8"))
    svg = svg.replace("Helvetica,sans-Serif", FONTS)
    return re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)


def _font_size(attributes: str) -> float:
    return float(attributes.split('font-size="')[1].split('"')[0])


def _text_widths(laid_out: dict[str, Any]) -> dict[tuple[float, bool, str], float]:
    """(font size, bold, text) -> width, both in points, of every text that was laid out."""
    widths: dict[tuple[float, bool, str], float] = {}
    for thing in (laid_out, *laid_out.get("objects", ()), *laid_out.get("edges", ())):
        size, bold = 0.0, False  # the latter is told where it changes
        for operation in thing.get("_ldraw_", ()):
            match operation:
                case {"op": "F", "size": size}:
                    pass
                case {"op": "t", "fontchar": characteristics}:
                    bold = bool(characteristics & BOLD)
                case {"op": "T", "text": text, "width": width}:
                    widths[float(size), bold, text] = float(width)
    return widths


def _renderer() -> Path:
    files = distribution("graphviz-pure").files or ()
    return next(Path(str(file.locate())).resolve() for file in files if file.stem == "graphviz-pure")
