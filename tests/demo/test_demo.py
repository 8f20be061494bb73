"""The demo, whole: three processes, real sockets, every fault."""

from __future__ import annotations

import json
from pathlib import Path

from perdure.demo import run
from perdure.demo.conversation import script
from perdure_model.conformance import conform


def test_nothing_is_lost_through_every_fault(tmp_path: Path) -> None:
    kept = tmp_path / "trace.jsonl"
    result = run(seed=7, record=kept)
    assert result.ok, result
    assert result.sent >= 200
    assert result.published >= 1000
    assert sum(result.faults.values()) >= len(script())
    records = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    assert {record["side"] for record in records} == {"client", "server"}
    assert all({"v", "seq", "t", "input", "effects"} <= record.keys() for record in records)
    found = conform(kept)
    assert found.ok, found.summary()
    assert found.assumed == {}
    assert (
        found.joined > 2 * result.sent
    )  # each post with its answer; events are joined as they came together
