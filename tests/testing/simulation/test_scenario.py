"""Scenarios: what is written can be read, and what cannot be read says where and why."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure.testing.simulation import VERBS, Scenario, ScenarioError, Step, drawn, parse, read, step
from perdure.testing.simulation.drawing import draw, verbs_of


@given(st.integers(0, 2**32), st.integers(1, 80))
def test_what_is_written_is_read_again(seed: int, steps: int) -> None:
    scenario = drawn(seed, steps, ("T", "A", "R", "TA", "TAR")[seed % 5])
    assert parse(scenario.text("a comment", "another")) == scenario


def test_every_verb_is_drawn() -> None:
    for systems in ("T", "A", "R", "TAR"):
        drawn = [one for seed in range(20) for one in draw(random.Random(seed), 300, systems)]
        assert {one.verb for one in drawn} == set(verbs_of(systems))
    assert {*verbs_of("TAR"), "order"} == set(VERBS)


def test_a_longer_scenario_begins_as_a_shorter_one() -> None:
    assert drawn(7, 60, "TA").steps[:20] == drawn(7, 20, "TA").steps


def test_most_scenarios_are_honest() -> None:
    honest = [seed for seed in range(200) if drawn(seed, 100).honest]
    assert 120 < len(honest) < 180


def test_a_line_is_a_step() -> None:
    assert step("cut a 0.5") == Step("cut", ("a", 0.5))
    assert str(Step("answer", ("b", "send", 503, 2.0))) == "answer b send 503 2"


def test_comments_and_empty_lines_say_nothing() -> None:
    assert parse("\n# why\nseed 3 # of chance\n\nrestart\n") == Scenario(3, (Step("restart"),))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("connect a", "line 1, 'connect a': the first line says the seed"),
        ("seed x", "invalid literal"),
        ("seed 1 RT", "there are no systems 'RT'; say some of TAR, in this order"),
        ("seed 1\nconect a", "line 2, 'conect a': there is no step 'conect'; there are wait, order, connect"),
        ("seed 1\nconnect", "connect takes 1 arguments: tab"),
        ("seed 1\nrestart a", "restart takes 0 arguments: none"),
        ("seed 1\nconnect z", "'z' is none of a, b, c"),
        ("seed 1\nhold a post 3", "'post' is none of send, stream, word"),
        ("seed 1\nwait -1", "not between 0 and 3600"),
        ("seed 1\nwait nan", "not between 0 and 3600"),
        ("seed 1\nsend a 0", "0 is no count"),
        ("seed 1\norder -1", "-1 is no number from 0 to 1679615"),
        ("seed 1\norder 1679616", "1679616 is no number from 0 to 1679615"),
        ("seed 1\nanswer a send 99 0", "99 is no status"),
        ("seed 1\nconnect a\nfollow f", "line 3, 'follow f': it happens in system A, and there is only T; "),
        ("seed 1\nflap f 3\nask x 1", "begin with `seed 1 TAR`"),
        ("seed 7 A\nfollow f\ncut x 0\nwait 3", "line 3, 'cut x 0': it happens in system R, and there is on"),
        ("seed 7 A\nfollow f\ncut x 0\nwait 3", "begin with `seed 7 AR`"),
    ],
)
def test_what_is_no_scenario_says_where_and_why(text: str, says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        parse(text)
    assert says in str(raised.value)


def test_what_happens_in_no_system_may_happen_in_any() -> None:
    steps = "wait 3\nexpire\nrefresh fails\ngive fresh\nhold issuer refresh 2"
    for systems in ("T", "A", "R", "TAR"):
        assert parse(f"seed 1 {systems}\n{steps}").systems == systems


def test_a_file_that_is_no_text_is_no_scenario(tmp_path: Path) -> None:
    file = tmp_path / "scenario.txt"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="it is no text"):
        read(file)
