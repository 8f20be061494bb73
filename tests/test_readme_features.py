"""Each yes of perdure in the README's table of features names the test that shows it; a no is plain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PEERS = ["Ably", "SignalR", "Socket.IO", "Centrifugo", "MCP transport", "LaunchDarkly", "sse-starlette"]
SHOWN = re.compile(r'\[yes[^]]*\]\((?P<file>[^ )]+) "(?P<test>test_\w+)"\)')


def rows(readme: str) -> list[list[str]]:
    """The table's rows, the head first."""
    (table,) = re.findall(r"<!-- features -->\n(.*?)<!-- /features -->", readme, re.S)
    lines = [line for line in table.splitlines() if not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def unshown(feature: str, said: str) -> str:
    """What is wrong with what perdure says of itself in a row; "" if nothing is."""
    if said == "no":
        return ""
    link = SHOWN.fullmatch(said)
    if link is None:
        return f"{feature}: {said!r} is neither a plain no nor a yes with a link to its test"
    file = ROOT / link["file"]
    if not file.is_file() or f"def {link['test']}(" not in file.read_text(encoding="utf-8"):
        return f"{feature}: there is no {link['test']} in {link['file']}"
    return ""


def test_every_peer_has_a_column_and_every_row_says_something_of_each() -> None:
    head, *features = rows(README)
    assert head == ["", "perdure", *PEERS]
    assert len(features) > 10
    assert [row for row in features if len(row) != len(head) or "" in row] == []


def test_each_yes_names_the_test_that_shows_it_and_some_are_no() -> None:
    _, *features = rows(README)
    assert [wrong for feature, said, *_ in features if (wrong := unshown(feature, said))] == []
    assert "no" in {said for _, said, *_ in features}


@pytest.mark.parametrize(
    "said",
    [
        "yes",
        "mostly",
        "no, but soon",
        '[yes](tests/runtime/test_session.py "test_that_there_is_not")',
        '[yes](tests/nowhere.py "test_a_send_is_handled_and_its_answer_arrives")',
    ],
)
def test_a_yes_that_nothing_shows_is_seen(said: str) -> None:
    assert unshown("a feature", said)
