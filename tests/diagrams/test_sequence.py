"""A trace as a sequence diagram: what changed, in which lane, at which step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from perdure_model.diagrams import trace_to_mermaid, trace_to_svg
from perdure_model.diagrams.sequence import GAP, MONO_CHAR, MONO_SIZE, PAD
from perdure_model.diagrams.trace import LENGTH_MAX, Change, Moment, lanes, moments, show

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Step:
    """As the checker reports it."""

    action: str | None
    state: dict[str, Any]


@dataclass(frozen=True)
class Link:
    """A part with a field that has no default, and two that have one."""

    attempt: int
    open: bool = False
    epoch: str | None = None


class Post(NamedTuple):
    """A message on a wire."""

    number: int
    status: int | None = None


TRACE = [
    Step(None, {"client.link": Link(1), "client.next": (), "wire": frozenset(), "server": None, "budget": 1}),
    Step(
        "ask",
        {
            "client.link": Link(2, open=True),
            "client.next": ("flush",),
            "wire": frozenset({Post(2), Post(1, 200)}),
            "server": None,
            "budget": 1,
        },
    ),
    Step(
        "answer",
        {
            "client.link": Link(2, open=True),
            "client.next": ("flush",),
            "wire": frozenset({Post(1, 200)}),
            "server": "active",
            "budget": 0,
        },
    ),
]


def side(component: str) -> str | None:
    return None if component == "budget" else component.split(".")[0]


def test_what_a_step_changed() -> None:
    assert moments(TRACE, side) == [
        Moment(
            1,
            "ask",
            (
                Change("client", "client.link", ("attempt: 1 → 2", "open: False → True")),
                Change("client", "client.next", ("+ flush",)),
                Change("wire", "wire", ("+ Post(1, status=200)", "+ Post(2)")),
            ),
        ),
        Moment(
            2, "answer", (Change("wire", "wire", ("- Post(2)",)), Change("server", "server", ("= active",)))
        ),
    ]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ((1, 2, 3), (1,), ("- 2", "- 3")),
        ((1, 2), (2, 1), ("(1, 2) → (2, 1)",)),
        (Link(1), None, ("= none",)),
        (Link(1), Post(1), ("Link(1) → Post(1)",)),
        (Post(1), Post(1, 200), ("status: none → 200",)),
        ("a", "b", ("a → b",)),
        (0, 1, ("0 → 1",)),
        (frozenset("ab"), frozenset("bc"), ("- a", "+ c")),
    ],
)
def test_differences(before: Any, after: Any, lines: tuple[str, ...]) -> None:
    (moment,) = moments([Step(None, {"x": before}), Step("go", {"x": after})])
    assert moment.changes == (Change("x", "x", lines),)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "none"),
        ("text", "text"),
        (1, "1"),
        ((1,), "(1,)"),
        ((), "()"),
        ((1, "a"), "(1, a)"),
        (frozenset({"b", "a"}), "{a, b}"),
        (Link(3, epoch="e"), "Link(3, epoch=e)"),
        ("x" * 99, "x" * (LENGTH_MAX - 1) + "…"),
    ],
)
def test_values_in_few_words(value: Any, shown: str) -> None:
    assert show(value) == shown


def test_lanes_are_those_in_which_something_happens() -> None:
    assert lanes(TRACE) == ["client.link", "client.next", "wire", "server", "budget"]
    assert lanes(TRACE, side) == ["client", "wire", "server"]
    assert lanes(TRACE[:1], side) == []


def test_the_picture_shows_each_action_and_change_once() -> None:
    svg = ElementTree.fromstring(trace_to_svg(TRACE, lane=side, loop=1))
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    expected = [
        *("client", "wire", "server"),
        *("1. ask", "client.link", "attempt: 1 → 2", "open: False → True", "client.next", "+ flush"),
        *("+ Post(1, status=200)", "+ Post(2)"),
        *("2. answer", "- Post(2)", "= active"),
        "↻ and from here again as after step 1",
    ]
    assert texts == expected


def test_long_texts_stay_in_their_boxes_and_boxes_do_not_overlap() -> None:
    long = "a_rather_long_name_of_something(" + ", ".join(str(n) for n in range(30)) + ")"
    trace = [Step(None, {"one": "", "two": ""})]
    actions = ("short", "short", long)
    trace += [Step(action, {"one": f"{n}{long}", "two": str(n)}) for n, action in enumerate(actions)]
    svg = ElementTree.fromstring(trace_to_svg(trace))
    paper, *boxes = (
        [float(box.get(k, 0)) for k in ("x", "y", "width", "height")] for box in svg.iter(f"{SVG}rect")
    )
    assert len(boxes) == 6
    for text in (text for text in svg.iter(f"{SVG}text") if text.get("font-size") == str(MONO_SIZE)):
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        inside = [b for b in boxes if b[0] < x < b[0] + b[2] and b[1] < y < b[1] + b[3]]
        assert len(inside) == 1
        left, _, width, _ = inside[0]
        assert x + len(text.text or "") * MONO_CHAR <= left + width - PAD / 2
    columns = [sorted(box for box in boxes if box[0] == left) for left in sorted({box[0] for box in boxes})]
    assert [len(column) for column in columns] == [3, 3]
    for column in columns:
        bottoms = [y + height for _, y, _, height in column]
        assert all(bottom + GAP <= below[1] for bottom, below in zip(bottoms, column[1:], strict=False))
        assert bottoms[-1] <= paper[3]
    assert max(float(text.attrib["y"]) for text in svg.iter(f"{SVG}text")) <= paper[3]


def test_many_lanes_make_the_picture_wider() -> None:
    trace = [Step(None, {f"c{n}": 0 for n in range(9)}), Step("go", {f"c{n}": 1 for n in range(9)})]
    svg = ElementTree.fromstring(trace_to_svg(trace))
    assert int(svg.attrib["width"]) > 9 * 140


def test_mermaid() -> None:
    assert trace_to_mermaid(TRACE, lane=side, loop=1).splitlines() == [
        "sequenceDiagram",
        "    participant L0 as client",
        "    participant L1 as wire",
        "    participant L2 as server",
        "    Note over L0,L1: 1. ask",
        "    Note over L0: client.link<br/>attempt: 1 → 2<br/>open: False → True<br/>client.next<br/>+ flush",
        "    Note over L1: + Post(1, status=200)<br/>+ Post(2)",
        "    Note over L1,L2: 2. answer",
        "    Note over L1: - Post(2)",
        "    Note over L2: = active",
        "    Note over L0: and again as after step 1",
    ]


def test_what_would_be_read_as_markup_is_escaped() -> None:
    trace = [Step(None, {"<x>": "a"}), Step("send; #1 & more", {"<x>": "<b>"})]
    assert trace_to_mermaid(trace).splitlines() == [
        "sequenceDiagram",
        "    participant L0 as #lt;x#gt;",
        "    Note over L0: 1. send#59; #35;1 & more",
        "    Note over L0: a → #lt;b#gt;",
    ]
    texts = [text.text for text in ElementTree.fromstring(trace_to_svg(trace)).iter(f"{SVG}text")]
    assert texts == ["<x>", "1. send; #1 & more", "a → <b>"]


def test_a_trace_in_which_nothing_changes_gives_its_actions() -> None:
    trace = [Step(None, {"x": 1}), Step("wait", {"x": 1})]
    assert "1. wait" in trace_to_svg(trace)
    assert "1. wait" in trace_to_mermaid(trace)
