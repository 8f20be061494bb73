"""A short load: nothing is lost and nothing left, and a planted defect is found."""

from __future__ import annotations

import anyio
import pytest

from tests.soak.load import Load, Result, run

pytestmark = pytest.mark.long
MINUTES = 0.15  # too short to tell of memory: `make soak` does


def loaded(defect: str = "") -> Result:
    result = anyio.run(run, Load(MINUTES, clients=16, seed=1, fault_each_s=0.1, defect=defect, kills=1))
    assert len(result.faults) > 5
    assert result.totals.conversations > 20
    assert result.totals.restarts > 0
    return result


def test_a_short_load_loses_doubles_and_leaves_nothing() -> None:
    result = loaded()
    assert result.totals.wrong == {}, result.notes
    assert result.missing == []
    assert result.left == {"server": {}, "asyncio": {}, "trio": {}}


def test_receipts_that_are_not_looked_up_are_found_as_sends_taken_twice() -> None:
    assert loaded("T23").totals.wrong["taken_twice"] > 0
