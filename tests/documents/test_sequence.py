"""The pictures of counterexamples: generations visible, nothing outside, every step there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from perdure_model.core.client.inputs import PostReplied, StreamLost
from perdure_model.core.common import START, Cursor
from perdure_model.documents import words
from perdure_model.documents.deeds import Flag, Token
from perdure_model.documents.script import story_to_mermaid
from perdure_model.documents.sequence import ELSEWHERE, Story, story_to_svg
from perdure_model.world import DEFECTS

from .conftest import DRAWINGS

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_step_is_there_with_its_generation(late_close: Story) -> None:
    found = texts(story_to_svg(late_close))
    for expected in (
        f"T02: {DEFECTS['T02'].says}",
        "client",
        "server",
        "1. Started 1.1 token=0",
        "2. a: the stream is cut",
        "3. StreamRequested a 1.1",
        "5. ReconnectDue 1.1",
        "6. StreamRequested a 1.2",
        "7. StreamClosed a 1.1",
        "connection[a]: state active →",
    ):
        assert expected in found, expected
    assert any(text.startswith("OpenStream 1.2") for text in found)
    assert any(text.startswith("This breaks P-STALE-CLOSE: ") for text in found)


def test_the_same_in_mermaid(late_close: Story) -> None:
    lines = [line.strip() for line in story_to_mermaid(late_close).splitlines()]
    assert lines[:6] == [
        "---",
        f'title: "T02: {DEFECTS["T02"].says}"',
        "---",
        "sequenceDiagram",
        "participant L0 as client",
        "participant L1 as server",
    ]
    assert "Note over L0,L1: 2. a: the stream is cut" in lines
    assert "L0->>L1: 3. StreamRequested a 1.1 (of step 1)" in lines
    assert "L0->>L0: 5. ReconnectDue 1.1 (of step 4)" in lines
    assert "L1->>L1: 7. StreamClosed a 1.1 (of step 3)" in lines


def test_a_lasso_says_how_it_goes_on(late_close: Story) -> None:
    again = replace(late_close, loop=3)
    assert "And again from after step 3, for ever." in texts(story_to_svg(again))
    assert "And again from after step 3, for ever." in story_to_mermaid(again)
    stays = replace(late_close, loop=len(late_close.deeds))
    assert "And there it stays: nothing more is sure to come." in texts(story_to_svg(stays))


def test_who_is_alone_gets_a_lane_for_all_around(late_close: Story) -> None:
    alone = replace(late_close, deeds=late_close.deeds[:2])
    assert alone.lanes == ["client", ELSEWHERE]
    assert late_close.lanes == ["client", "server"]


@pytest.mark.parametrize("name", DEFECTS)
def test_nothing_lies_outside_and_no_text_leaves_its_box(name: str) -> None:
    svg = ElementTree.fromstring((DRAWINGS / f"defects/{name}.svg").read_text(encoding="utf-8"))
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    for box in svg.iter(f"{SVG}rect"):
        x, y = float(box.get("x", 0)), float(box.get("y", 0))
        assert x >= 0
        assert x + float(box.attrib["width"]) <= width
        assert y + float(box.attrib["height"]) <= height
    for text in svg.iter(f"{SVG}text"):
        size = float(text.get("font-size", 13))
        long = len(text.text or "") * size * (0.61 if text.get("font-family") else 0.5)
        assert float(text.attrib["y"]) <= height
        if text.get("text-anchor") == "start":
            assert float(text.attrib["x"]) + long <= width, text.text


@pytest.mark.parametrize("name", DEFECTS)
def test_every_step_and_what_it_breaks_are_in_both_drawings(name: str) -> None:
    svg = "\n".join(texts((DRAWINGS / f"defects/{name}.svg").read_text(encoding="utf-8")))
    mermaid = (DRAWINGS / f"defects/{name}.mmd").read_text(encoding="utf-8")
    steps = [int(number) for number in re.findall(r"^(\d+)\. ", svg, re.M)]
    assert steps
    assert sorted(steps) == list(range(1, len(steps) + 1))
    assert [int(n) for n in re.findall(r": (\d+)\. ", mermaid)] == sorted(steps)
    assert f"This breaks {DEFECTS[name].breaks}:" in svg
    assert f"This breaks {DEFECTS[name].breaks}:" in mermaid


def test_no_drawing_is_of_a_defect_that_there_is_not() -> None:
    assert {Path(path).stem for path in (DRAWINGS / "defects").iterdir()} == set(DEFECTS)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (StreamLost((1, 2), 0), "StreamLost 1.2 status=0"),
        (StreamLost((1, 2), 500, readable=False), "StreamLost 1.2 status=500 readable=False"),
        (
            PostReplied("s", 3, 200, verdicts=(((1, 1), "in"),)),
            "PostReplied post=3 status=200 verdicts=[[1.1, in]]",
        ),
        (Cursor((1, 1), 4), "1.1@4"),
        (START, "start"),
        (None, "-"),
        (frozenset({"b", "a"}), "{a, b}"),
        (7, "7"),
    ],
)
def test_few_words(value: object, said: str) -> None:
    assert words.said(value) == said


def test_what_travels_without_an_effect() -> None:
    assert words.token(Token("wire.stream", Flag("cut", True))) == "cut"
    assert words.token(Token("wire.stream", Flag("status", 409))) == "status 409"
    assert words.token(Token("wire.closes", (1, 1))) == "closes 1.1"
    assert words.token(Token("wire.stream", StreamLost((1, 1), 0))) == "StreamLost 1.1 status=0"


def test_what_became_of_a_part() -> None:
    assert words.changed("item[s][(1, 2)]", None, Cursor(None, 0)) == "item[s][1.2]: - → start"
    assert words.changed("owner[s]", True, None) == "owner[s]: gone"
    lost, again = StreamLost((1, 1), 0), StreamLost((1, 2), 0)
    assert words.changed("x", lost, again) == "x: attempt 1.1 → 1.2"
    assert words.changed("x", None, again) == "x: 1.2 status=0"
