"""The charts as the page shows them: states and arrows alone, so that four fit beside each other.

`python -m perdure.demo.web.charts`, which needs the extra `diagrams`, writes them from the charts; they are
served as they were written. States and arrows carry their names as data, so that the page can light them, and
no colours: those are the page's own.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from perdure_model.charts import Chart, ClientSession, ResponseStream, SendItem, ServerConnection
from perdure_model.table import Meanings, Table, compile_chart, meanings

FOLDER: Final = Path(__file__).parent / "page" / "charts"
SHOWN: Final[tuple[type[Chart], ...]] = (ClientSession, ServerConnection, SendItem, ResponseStream)
SVG: Final = "{http://www.w3.org/2000/svg}"
START: Final = "(start)"
KEPT: Final = frozenset({"d", "points", "cx", "cy", "rx", "ry", "x", "y", "textLength", "lengthAdjust"})


def render() -> dict[str, str]:
    """File name -> SVG, of all that the page shows; the same on every machine."""
    from perdure_model.diagrams import dot_to_svg, file_name

    return {
        f"{file_name(table.name)}.svg": bare(dot_to_svg(dot(table)), table, meanings(chart))
        for chart, table in ((chart, compile_chart(chart)) for chart in SHOWN)
    }


def dot(table: Table) -> str:
    """The chart in DOT, without what leads nowhere else and without words on the arrows."""
    rings = {state: 1 + (state in table.final) for state in table.states}
    lines = [
        'rankdir="LR"; pad="0.05"; nodesep="0.3"; ranksep="0.42"',
        'node [fontname="Helvetica", fontsize="15", shape="box", style="rounded", margin="0.12,0.06"]',
        f'"{START}" [label="", shape="point", width="0.12"]',
        f'"{START}" -> "{table.initial}"',
        *(f'"{state}" [label=<<b>{state}</b>>, peripheries={count}]' for state, count in rings.items()),
        *(f'"{source}" -> "{target}"' for source, target in events(table)),
        *(f"{{rank=same; {'; '.join(map(quoted, level))}}}" for level in levels(table)),
    ]
    return f"digraph {table.name} {{ {'; '.join(lines)} }}"


def quoted(state: str) -> str:
    """A name in DOT."""
    return f'"{state}"'


def levels(table: Table) -> list[list[str]]:
    """The states that go on, by how many steps from the initial one they are: side by side, not behind."""
    near, level = {table.initial}, [table.initial]
    found = []
    while level:
        found.append(level)
        following = {target for source, target in events(table) if source in level}
        level = [one for one in table.states if one in following - near - set(table.final)]
        near |= set(level)
    return found


def events(table: Table) -> dict[tuple[str, str], list[str]]:
    """(source, target) -> the events that may lead there, of all arrows from one state to another."""
    leading: dict[tuple[str, str], dict[str, None]] = {}
    for (source, event), rows in table.rows.items():
        for row in rows:
            if row.target != source:
                leading.setdefault((source, row.target), {})[event] = None
    return {way: list(names) for way, names in leading.items()}


def bare(svg: str, table: Table, words: Meanings) -> str:
    """The drawing as shapes that say what they are: `data-state`, or `data-source` and `data-target`."""
    drawn = ElementTree.fromstring(svg)
    leading = events(table)
    width, height = (float(size) for size in drawn.attrib["viewBox"].split()[2:])
    made = ElementTree.Element("svg", xmlns=SVG[1:-1], viewBox=f"0 0 {width:g} {height:g}")
    made.set("data-chart", table.name)
    made.set("data-initial", table.initial)
    moved = ElementTree.SubElement(made, "g", transform=shift(drawn))
    for group in drawn.iter(f"{SVG}g"):
        name = group.findtext(f"{SVG}title", "")
        source, arrow, target = name.partition("->")
        if group.get("class") == "node":
            said = {"class": "state", "data-state": name} if name != START else {"class": "start"}
            add(moved, group, said, f"{name}: {words.states[name]}" if name != START else "start")
        elif arrow:
            said = {"class": "arrow", "data-source": source, "data-target": target}
            add(moved, group, said, ", ".join(leading.get((source, target), ["start"])))
    return ElementTree.tostring(made, encoding="unicode") + "\n"


def shift(drawn: ElementTree.Element) -> str:
    """How the drawing is moved into its view."""
    graph = next(group for group in drawn.iter(f"{SVG}g") if group.get("class") == "graph")
    found = re.search(r"translate\([^)]*\)", graph.get("transform", ""))
    assert found is not None, "Graphviz moves every graph"
    return found[0]


def add(to: ElementTree.Element, group: ElementTree.Element, said: dict[str, str], title: str) -> None:
    """Add a group's shapes and texts, without their looks, under a title."""
    made = ElementTree.SubElement(to, "g", said)
    ElementTree.SubElement(made, "title").text = title
    for shape in group.iter():
        name = shape.tag.removeprefix(SVG)
        if name in {"path", "polygon", "ellipse", "text"}:
            kept = {key: value for key, value in shape.attrib.items() if key in KEPT}
            ElementTree.SubElement(made, name, kept).text = shape.text


def main() -> None:
    """Write the files."""
    for name, text in render().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(SHOWN)} charts written to {FOLDER}\n")


if __name__ == "__main__":
    main()
