"""The README's figures of the checker: the benchmark's own file, condensed."""

from __future__ import annotations

import re

BEGIN, END = "<!-- figures: checker_speed -->\n", "<!-- /figures -->\n"
HEAD = (
    "| million states a second | states | perdure | SPIN's best | minicheck | musil |\n"
    "|---|---:|---:|---:|---:|---:|\n"
)
TOOLS = ("SPIN", "minicheck", "musil")


def condensed(figures: str) -> str:
    """Of `docs/benchmarks/checker_speed.md`: a line for each model, perdure's lead over each tool, n = 10."""
    rows: dict[str, dict[str, list[str]]] = {}
    for line in figures.splitlines():
        if line.startswith("| ") and not line.startswith("| model "):
            model, tool, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            rows.setdefault(model, {})[tool.split()[0]] = cells
    return HEAD + "".join(_line(model, tools) for model, tools in rows.items()) + "\n" + _growth(figures)


def _line(model: str, tools: dict[str, list[str]]) -> str:
    states, _, rate, _ = tools["perdure"]
    leads = (_lead(tools.get(tool)) for tool in TOOLS)
    return f"| {model} | {states} | {rate} | {' | '.join(leads)} |\n"


def _lead(cells: list[str] | None) -> str:
    return f"{cells[2]} ({cells[3]})" if cells else ""


def _growth(figures: str) -> str:
    """The benchmark's line on how the rate holds; empty where it ran without `--big`."""
    found = re.search(r"^Two-phase commit, n = 10: .*\n", figures, re.M)
    return found[0] if found else ""


def put(readme: str, figures: str) -> str:
    """The README with these figures. Raises ValueError where it has no place for them."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no place for figures: {BEGIN.strip()} … {END.strip()}")
    return before + begin + condensed(figures) + end + after
