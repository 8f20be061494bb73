"""The drawings say what the charts say, and can be read everywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from xml.etree import ElementTree

import graphviz
import pytest
from perdure_model.charts import CHARTS, ClientSession, SendItem, ServerConnection
from perdure_model.charts.base import Chart
from perdure_model.diagrams import chart_to_dot, chart_to_mermaid, dot_to_svg
from perdure_model.diagrams.edges import Arrow, Label, arrows
from perdure_model.table import Meanings, Row, Table, compile_chart, meanings

SVG = "{http://www.w3.org/2000/svg}"
README_WIDTH_PX = 838
PX_PER_PT = 96 / 72
SMALLEST_PX = 11


def svg_of(chart: type[Chart]) -> ElementTree.Element:
    return ElementTree.fromstring(dot_to_svg(chart_to_dot(compile_chart(chart), meanings(chart))))


def test_a_chart_that_changes_changes_its_drawings() -> None:
    table, words = compile_chart(SendItem), meanings(SendItem)
    rows = {**table.rows, ("queued", "post"): (Row((), "sending", ()),)}
    changed = replace(table, rows=rows)
    assert chart_to_dot(changed, words) != chart_to_dot(table, words)
    assert chart_to_mermaid(changed) != chart_to_mermaid(table)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
def test_every_name_is_visible(chart: type[Chart]) -> None:
    table = compile_chart(chart)
    texts = " ".join(text.text or "" for text in svg_of(chart).iter(f"{SVG}text"))
    mermaid = chart_to_mermaid(table)
    for name in (*table.states, *table.events, *table.guards, *table.actions):
        assert re.search(rf"\b{name}\b", texts), name
        assert re.search(rf"\b{name}\b", mermaid), name


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
def test_start_and_ends_are_marked(chart: type[Chart]) -> None:
    table = compile_chart(chart)
    groups = {
        str(group.findtext(f"{SVG}title")): list(group.iter(f"{SVG}path"))
        for group in svg_of(chart).iter(f"{SVG}g")
        if group.get("class") in ("node", "edge")
    }
    assert f"(start)->{table.initial}" in groups
    double = {state for state in table.states if len([p for p in groups[state] if p.get("stroke")]) == 2}
    assert double == set(table.final)
    mermaid = chart_to_mermaid(table).splitlines()
    assert f"    [*] --> {table.initial}" in mermaid
    assert {f"    {state} --> [*]" for state in table.final} == {x for x in mermaid if x.endswith("--> [*]")}


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
def test_legible_at_readme_width_on_any_page(chart: type[Chart]) -> None:
    svg = svg_of(chart)
    scale = min(1, README_WIDTH_PX / (float(svg.attrib["width"].removesuffix("pt")) * PX_PER_PT))
    for text in svg.iter(f"{SVG}text"):
        assert float(text.attrib["font-size"]) * PX_PER_PT * scale >= SMALLEST_PX
        assert text.get("textLength"), "a reader's font may be wider than the one laid out with"
    paper = next(svg.iter(f"{SVG}polygon"))
    assert paper.get("fill") == "#ffffff", "dark pages must not shine through"


def test_what_states_and_events_mean_is_a_tooltip() -> None:
    svg = unescape(dot_to_svg(chart_to_dot(compile_chart(ServerConnection), meanings(ServerConnection))))
    words = meanings(ServerConnection)
    for said in (words.summary, *words.states.values(), *words.events.values()):
        assert said in svg


def test_rows_that_go_the_same_way_and_do_the_same_are_joined() -> None:
    table = compile_chart(SendItem)
    (arrow,) = (arrow for arrow in arrows(table) if (arrow.source, arrow.target) == ("sending", "dropped"))
    events = (
        ("refused", ()),
        ("failed", ("orphaned", "spent")),
        ("unknown", ("orphaned", "spent")),
        ("denied", ("else",)),
        ("abandon", ("else",)),
    )
    assert arrow.labels == (Label(events, ("report",)),)


def test_no_transition_is_left_out() -> None:
    for chart in CHARTS:
        table = compile_chart(chart)
        drawn = {
            (a.source, a.target, event) for a in arrows(table) for x in a.labels for event, _ in x.events
        }
        assert drawn == {(s, row.target, e) for (s, e), rows in table.rows.items() for row in rows}


DOOR = Table(
    name="Door",
    initial="note",
    initial_actions=("ring", "light"),
    states=("note", "end"),
    final=("end",),
    events=("push",),
    guards=("locked", "a"),
    actions=("ring", "light"),
    rows={
        ("note", "push"): (
            Row((("locked", True), ("a", False)), "note", ()),
            Row((), "end", ("ring",)),
        ),
        ("end", "push"): (),
    },
)


def test_negated_guards_the_rest_and_entry_actions() -> None:
    assert list(arrows(DOOR)) == [
        Arrow("note", "note", (Label((("push", ("locked and not a",)),), ()),)),
        Arrow("note", "end", (Label((("push", ("else",)),), ("ring",)),)),
    ]
    assert "/ ring, light" in chart_to_mermaid(DOOR)


def test_mermaid_does_not_trip_over_its_own_words() -> None:
    assert chart_to_mermaid(DOOR).splitlines() == [
        "stateDiagram-v2",
        "    direction TB",
        '    state "note" as note_',
        '    state "end" as end_',
        "    [*] --> note_ : / ring, light",
        "    note_ --> note_ : push [locked and not a]",
        "    note_ --> end_ : push [else]<br/>/ ring",
        "    end_ --> [*]",
    ]


def test_what_is_marked_stands_behind_its_event() -> None:
    dot = chart_to_dot(
        DOOR, Meanings("", {"note": "", "end": ""}, {"push": ""}, {}, {}), mark=marked, caption="said below"
    )
    texts = [text.text for text in ElementTree.fromstring(dot_to_svg(dot)).iter(f"{SVG}text")]
    assert {" note-note", " note-end", "said below"} <= set(texts)


def marked(arrow: Arrow, _event: str) -> str:
    return f" {arrow.source}-{arrow.target}"


def test_drawing_is_the_same_each_time() -> None:
    dot = chart_to_dot(compile_chart(ClientSession), meanings(ClientSession))
    assert dot_to_svg(dot) == dot_to_svg(dot)
    assert "<!--" not in dot_to_svg(dot), "no version, no date"


def test_dot_that_is_not_well_formed_is_an_error() -> None:
    with pytest.raises(graphviz.CalledProcessError):
        dot_to_svg("digraph {")
