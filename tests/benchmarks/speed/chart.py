"""A bar chart as SVG, on a logarithmic scale, and the table beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

COLOURS = {"perdure": "#2a6f97", "SPIN": "#8d99ae", "minicheck": "#c9ada7", "musil": "#d9c5a0"}
OTHER = "#8d99ae"
LEFT, WIDTH, BAR, GAP, GROUP = 150, 760, 18, 4, 22


class Bar(NamedTuple):
    """One tool on one model."""

    model: str
    tool: str
    distinct: int
    seconds: float
    complete: bool
    told: float = 0
    unit: str = "M/s"

    @property
    def rate(self) -> float:
        """Distinct states a second, or what is told instead."""
        return self.told or self.distinct / self.seconds

    @property
    def label(self) -> str:
        """The rate as it stands beside the bar."""
        return f"{self.rate:.3g} {self.unit}" if self.told else f"{self.rate / 1e6:.3g} {self.unit}"


def svg(bars: Sequence[Bar], title: str, left: int = LEFT) -> str:
    """Bars grouped by model; `left` is the room for the tools' names."""
    low = 10 ** math.floor(math.log10(min(bar.rate for bar in bars)))
    high = 10 ** math.ceil(math.log10(max(bar.rate for bar in bars)))
    scale = (WIDTH - left - 110) / math.log10(high / low)
    parts, y, model = [], 40, ""
    for bar in bars:
        if bar.model != model:
            model, y = bar.model, y + GROUP
            parts.append(f'<text x="12" y="{y - 5}" font-weight="600">{escape(model)}</text>')
        colour = COLOURS.get(bar.tool.split()[0], OTHER)
        length = max(2.0, math.log10(bar.rate / low) * scale)
        parts += [
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(bar.tool)}</text>',
            f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{left + length + 6:.1f}" y="{y + 13}">{bar.label}</text>',
        ]
        y += BAR + GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 20}" '
        f'viewBox="0 0 {WIDTH} {y + 20}" font-family="sans-serif" font-size="12" fill="#222">'
        '<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def table(bars: Sequence[Bar]) -> str:
    """The same as Markdown; the last column is perdure's rate over the tool's."""
    lines = [
        "| model | tool | distinct states | seconds | million states/s | perdure is faster by |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for bar in bars:
        ours = next(other for other in bars if other.model == bar.model and other.tool == "perdure")
        factor = "" if bar is ours else f"{ours.rate / bar.rate:.1f} x"
        cut = "" if bar.complete else " (cut)"
        lines.append(
            f"| {bar.model} | {bar.tool} | {bar.distinct:,}{cut} | {bar.seconds:.2f} | "
            f"{bar.rate / 1e6:.3f} | {factor} |"
        )
    return "\n".join(lines) + "\n"
