"""The figures: costs beside perdure's, as a table, as bars for the chart, and condensed for the README."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.benchmarks.speed.chart import Bar

BEGIN, END = "<!-- figures: runtime_speed -->\n", "<!-- /figures -->\n"
COLUMNS = (
    "| measure | tool | cost | times perdure's | required | of it server, client |\n"
    "|---|---|---:|---:|---:|---:|\n"
)


class Cost(NamedTuple):
    """What a measure costs one tool: less is better. `required`: the least multiple of perdure's cost;
    `busy`: the processor time that it took the server and the client."""

    measure: str
    tool: str
    amount: float
    unit: str
    required: float | None = None
    busy: tuple[float, float] | None = None

    def times(self, costs: Sequence[Cost]) -> float:
        """How many times perdure's cost it is."""
        ours = next(one for one in costs if one.measure == self.measure and one.tool == "perdure")
        return self.amount / ours.amount

    def missed(self, costs: Sequence[Cost], floor: float = 1.0) -> bool:
        """Whether it is less than `floor` times what is required."""
        return self.required is not None and self.times(costs) < floor * self.required


def table(costs: Sequence[Cost]) -> str:
    """All of it as Markdown."""
    return COLUMNS + "".join(line(cost, costs) for cost in costs)


def line(cost: Cost, costs: Sequence[Cost]) -> str:
    """One line of the table."""
    beside = "" if cost.tool == "perdure" else f"{cost.times(costs):.2f} x"
    least = f"{cost.required:.2f} x" if cost.required else ""
    busy = f"{cost.busy[0]:,.0f}, {cost.busy[1]:,.0f} {cost.unit}" if cost.busy else ""
    return (
        f"| {cost.measure} | {cost.tool} | {cost.amount:,.1f} {cost.unit} | {beside} | {least} | {busy} |\n"
    )


def bars(costs: Sequence[Cost]) -> list[Bar]:
    """Bars of the costs, perdure's being 1."""
    return [
        Bar(cost.measure, cost.tool, 0, 0, complete=True, told=cost.times(costs), unit="x") for cost in costs
    ]


def condensed(text: str) -> str:
    """Of `docs/benchmarks/runtime_speed.md`: its tables, and what was lost."""
    _, _, figures = text.partition("runtime_speed.svg)\n\n")
    return figures


def put(readme: str, text: str) -> str:
    """The README with these figures. Raises ValueError where it has no place for them."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no place for figures: {BEGIN.strip()} … {END.strip()}")
    return before + begin + condensed(text) + end + after
