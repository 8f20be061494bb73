"""Reports, traces and graphs, shown."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterator
from typing import Any

import pytest
from perdure_model.checker import CheckerError, Report, System, Violation, check
from perdure_model.checker.contract import Snapshot
from perdure_model.checker.progress import describe, progress_for
from perdure_model.checker.show import (
    sequence_diagram,
    state_diagram,
    state_graph,
    summary,
    to_itf,
    trace,
)
from perdure_model.checker.show.itf import encode

from .models.two_phase_commit import two_phase_commit


def lamp() -> System:
    system = System("lamp")
    light, clicks = system.component("light", "off"), system.component("clicks", 0)

    @system.action(light, fair=True)
    def toggle(light: str) -> Iterator[str]:
        yield "on" if light == "off" else "off"

    @system.action(light, clicks)
    def first_click(light: str, clicks: int) -> Iterator[tuple[str, int]]:
        if not clicks:
            yield light, 1

    system.eventually(clicks, name="clicked")(lambda clicks: clicks == 1)
    system.always(light, clicks, name="no click in the light")(
        lambda light, clicks: light == "off" or not clicks
    )
    return system


def found(name: str) -> Violation:
    return next(v for v in check(lamp(), engine="plain").violations if v.property == name)


def test_a_summary_reads_well() -> None:
    text = summary(check(lamp(), engine="plain"))
    head, counts, *rest = text.splitlines()
    assert head == "lamp: 2 violations, all states explored"
    assert counts.startswith("  4 distinct states, 7 generated, depth 3, ")
    assert "  violated clicked" in rest
    assert "  holds    deadlock" in rest
    assert "always 'no click in the light': does not hold in the last state" in rest


def test_a_trace_shows_what_changes() -> None:
    assert trace(found("clicked")).splitlines() == [
        "eventually 'clicked': need never hold",
        "  1  initially: light='off', clicks=0",
        "  2  toggle: light='on'",
        "  3  toggle: light='off'",
        "  and is back at 1, from where it goes round for ever",
    ]


def test_a_trace_that_stops_says_so() -> None:
    stops = System("stops")
    n = stops.component("n", 0)
    stops.action(n, name="go")(lambda n: [n])
    stops.eventually(n, name="moves")(lambda n: n == 1)
    (violation,) = check(stops, engine="plain").violations
    assert trace(violation).splitlines()[-1] == "  and stops there for ever: no fair action is enabled"
    assert "s0 --> s0: stops for ever" in state_diagram(violation)


def test_an_unmet_sometimes_has_no_trace() -> None:
    system = lamp()
    system.sometimes(system["clicks"], name="twice")(lambda n: n == 2)
    violation = next(v for v in check(system, engine="plain").violations if v.property == "twice")
    assert trace(violation) == "sometimes 'twice': no reachable state satisfies it"
    assert to_itf(violation)["states"] == []
    assert state_diagram(violation) == "stateDiagram-v2\n"
    assert sequence_diagram(violation) == "sequenceDiagram\n"


def test_a_sequence_diagram_has_a_lifeline_for_what_changes_and_closes_its_loop() -> None:
    assert sequence_diagram(found("clicked")).splitlines() == [
        "sequenceDiagram",
        "    participant P0 as light",
        "    loop for ever",
        "    Note over P0: toggle",
        "    Note over P0: light = 'on'",
        "    Note over P0: toggle",
        "    Note over P0: light = 'off'",
        "    end",
    ]
    joined = sequence_diagram(found("no click in the light"), {"light": "lamp", "clicks": "lamp"})
    assert "participant P0 as lamp" in joined
    assert "participant P1" not in joined


def test_a_state_diagram_closes_its_loop() -> None:
    lines = state_diagram(found("clicked")).splitlines()
    assert lines == [
        "stateDiagram-v2",
        "    state \"light='off', clicks=0\" as s0",
        "    state \"light='on'\" as s1",
        "    [*] --> s0",
        "    s0 --> s1: toggle",
        "    s1 --> s0: toggle",
    ]


def test_mermaid_takes_hostile_names_as_text() -> None:
    system = System()
    odd = system.component('a "b"; c', 0)
    system.action(odd, name="x: y\n#z<br>")(lambda n: [n + 1] if n < 1 else None)
    (violation,) = check(system, engine="plain").violations
    for text in (sequence_diagram(violation), state_diagram(violation)):
        assert '"b"' not in text
        assert "<br>" not in text
        assert "x#58; y #35;z#lt;br#gt;" in text


def test_itf_is_what_apalache_and_quint_read() -> None:
    told = json.loads(json.dumps(to_itf(found("clicked"), source="lamp.py")))
    assert told["vars"] == ["light", "clicks", "action"]
    assert told["loop"] == 0
    assert told["#meta"]["format"] == "ITF"
    assert told["states"] == [
        {"#meta": {"index": 0}, "light": "off", "clicks": 0, "action": ""},
        {"#meta": {"index": 1}, "light": "on", "clicks": 0, "action": "toggle"},
    ]
    assert "loop" not in to_itf(found("no click in the light"))


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass(frozen=True)
class Message:
    kind: str
    number: int


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (True, True),
        (3, 3),
        (2**60, {"#bigint": str(2**60)}),
        ("x", "x"),
        ((1, 2), [1, 2]),
        ((), []),
        ((1, "a"), {"#tup": [1, "a"]}),
        (frozenset({2, 1}), {"#set": [1, 2]}),
        (Colour.RED, "RED"),
        (Message("ack", 1), {"tag": "Message", "value": {"kind": "ack", "number": 1}}),
        (None, {"#unserializable": "None"}),
    ],
)
def test_local_states_in_itf(value: object, encoded: Any) -> None:
    assert encode(value) == encoded


def test_a_small_graph_is_drawn_whole() -> None:
    graph = state_graph(lamp())
    assert len(graph.nodes) == 4
    assert sum(graph.edges.values()) == 6
    dot = graph.dot(found("no click in the light"))
    assert dot.count("color=red") == 5
    assert dot.count("penwidth=2") == 1
    svg = graph.svg()
    assert svg.lstrip().startswith(("<?xml", "<svg"))
    assert "first_click" in svg


def test_a_big_graph_is_projected() -> None:
    system, members = two_phase_commit(4)
    with pytest.raises(CheckerError, match=r"1,568 nodes .* name fewer components"):
        state_graph(system).dot()
    graph = state_graph(system, members[0][0])
    assert sum(graph.nodes.values()) == 1_568
    assert set(graph.nodes) == {("working",), ("prepared",), ("committed",), ("aborted",)}
    assert {(a[0], b[0]) for a, _, b in graph.edges} == {
        ("working", "prepared"),
        ("working", "aborted"),
        ("prepared", "committed"),
        ("prepared", "aborted"),
    }
    with pytest.raises(CheckerError, match="more than 100 states"):
        state_graph(system, states_max=100)


def test_dot_takes_hostile_names_as_text() -> None:
    system = System('a "quoted" \\ name')
    n = system.component("n", 'say "hi"\n')
    system.action(n, name='"act"')(lambda n: [n])
    assert state_graph(system).svg()


def test_progress_reads_well() -> None:
    line = describe(Snapshot(2_000_000, 9_000_000, 12, 345_678, 4.0, 512 << 20))
    assert line == "exploring: 2,000,000 states, 500,000/s, depth 12, frontier 345,678, 512 MiB, 4 s"


def test_progress_is_quiet_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_for("x", None) as tell:
        assert tell is None
    with progress_for("x", False) as tell:
        assert tell is None
    assert capfd.readouterr() == ("", "")
    with progress_for("x", True) as tell:
        assert tell is not None
        tell(Snapshot(1, 1, 1, 1, 1.0, 1))


def test_an_incomplete_report_is_never_ok() -> None:
    report = check(lamp().without("eventually", "always"), engine="plain", max_depth=1)
    assert isinstance(report, Report)
    assert not report.ok
    assert report.summary().startswith("lamp: no violation so far, INCOMPLETE: max_depth was reached")
    with pytest.raises(AssertionError, match="INCOMPLETE"):
        report.assert_ok()
