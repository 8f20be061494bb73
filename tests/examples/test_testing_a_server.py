"""The worked example: a naive server fails in the ways in which it should, and is shown why."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from perdure.testing.remote import PROBES, replay
from perdure.testing.simulation import parse

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The example's module, which imports the naive server's beside it."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield importlib.import_module("testing_a_server")
    finally:
        sys.path.remove(str(EXAMPLES))


def test_the_naive_server_has_fifty_lines() -> None:
    lines = (EXAMPLES / "naive_server.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 50


SHOWN = {
    "nothing happens": "",
    "events of an absence": "P-NO-LOSS",
    "a lost answer": "P-EFFECT-ONCE",
    "a lost request": "",
    "an order that must hold": "P-FIFO",
    "a late close": "P-STALE-CLOSE",
}


@pytest.mark.parametrize("probe", SHOWN)
def test_the_naive_server_fails_as_it_should(probe: str, example: Any) -> None:
    scenario = parse("\n".join(["seed 0", *PROBES[probe].split(";")]))
    done = replay(scenario, example.NaiveAdapter, settle_s=1.5)
    assert (done.broken.property if done.broken else "") == SHOWN[probe]
    line = example.table({probe: done})
    assert line.startswith(f"    {probe}")
    assert line.endswith("holds") == (not SHOWN[probe])
