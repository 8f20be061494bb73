"""Every simulated run is held to the model at its end: what does not fit breaks it, unless somebody lies."""

from __future__ import annotations

import pytest
from perdure.testing.simulation import Run, parse, replay, simulation
from perdure_model.core.server import SERVER
from perdure_model.world import DEFECTS

STEPS = "seed 1\nconnect a\nwait 1\nsend a 1\nwait 2"


def forged(monkeypatch: pytest.MonkeyPatch, steps: str) -> Run:
    """A run in which the hub's decisions are recorded otherwise than they were."""
    told = simulation.Simulation._told

    def otherwise(self: simulation.Simulation, who: str, record: dict[str, object]) -> None:
        told(self, who, {**record, "effects": []} if record["input"]["type"] == "PostArrived" else record)  # type: ignore[index]

    monkeypatch.setattr(simulation.Simulation, "_told", otherwise)
    return replay(parse(steps))


def test_a_run_that_is_none_of_the_model_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = forged(monkeypatch, STEPS).broken
    assert broken is not None
    assert broken.property == "conformance"
    assert "the rule decides otherwise" in str(broken)


def test_where_somebody_lies_it_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert forged(monkeypatch, f"{STEPS}\ngarble a repeat").broken is None


def test_a_planted_defect_has_to_break_a_property() -> None:
    planted = DEFECTS["T25"].plant({"server": SERVER})
    assert replay(parse(STEPS), server=planted["server"]).broken is None
