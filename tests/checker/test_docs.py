"""The page's examples run, in order, and show what it says they show."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "checker.md"
SECONDS = re.compile(r"[\d.]+ s.*")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def run_examples() -> None:
    """All of them, each with the names of those before it."""
    names: dict[str, object] = {}
    for number, block in enumerate(blocks("python")):
        exec(compile(block, f"{PAGE.name}, example {number + 1}", "exec"), names)


def test_the_pages_examples_run_on_the_compiled_engine() -> None:
    pytest.importorskip("numba")
    run_examples()


def test_the_pages_examples_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As without numba: of several shortest traces, the engines may show different ones."""
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "numba" else found(name))
    run_examples()
    shown = SECONDS.sub("", capsys.readouterr().out)
    (promised,) = blocks("text")
    assert SECONDS.sub("", promised) in shown
