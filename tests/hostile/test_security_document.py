"""SECURITY.md names tests that there are, and each test of hostility stands behind something that it says."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

from perdure import HubLimits

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)


def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_")}


def missing(named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(path, name) for path, name in named if not (ROOT / path).exists() or name not in names_in(path)]


def test_each_promise_names_a_test_that_there_is() -> None:
    assert len(NAMED) > 30
    assert missing(NAMED) == []


def test_a_test_that_there_is_not_is_seen() -> None:
    gone = [("tests/hostile/test_gone.py", "test_x"), (NAMED[0][0], "test_that_there_is_not")]
    assert missing(gone) == gone


def test_each_row_of_promises_names_a_test() -> None:
    promises = DOCUMENT.partition("## What is promised")[2].partition("## What is not promised")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| ") and "| shown by |" not in line]
    assert len(rows) > 20
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py::\w+`", row)] == []


def test_each_limit_of_a_hub_is_named() -> None:
    named = set(re.findall(r"`(?:HubLimits\.)?(\w+)`", DOCUMENT))
    assert {field.name for field in fields(HubLimits)} - named == set()
