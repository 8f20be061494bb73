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


def test_who_follows_or_calls_is_held_to_the_model_whoever_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their servers are not recorded, so what was garbled is as good as sent; of tabs nothing is asked."""
    steps = "seed 1 TAR\nconnect a\nfollow f\nask x 2\nwait 1\ngarble f repeat\nchange f 2\nwait 2"
    told = simulation.Simulation._told

    def otherwise(self: simulation.Simulation, who: str, record: dict[str, object]) -> None:
        told(self, who, {**record, "effects": []} if record["input"]["type"] == "StateArrived" else record)  # type: ignore[index]

    assert parse(steps).honest
    assert replay(parse(steps)).broken is None
    monkeypatch.setattr(simulation.Simulation, "_told", otherwise)
    for lie in ("", "\ngarble a repeat", "\nstranger a"):
        assert parse(steps + lie).honest == (lie == "")
        broken = replay(parse(steps + lie)).broken
        assert broken is not None
        assert broken.property == "conformance"


def test_a_planted_defect_has_to_break_a_property() -> None:
    planted = DEFECTS["T25"].plant({"server": SERVER})
    assert replay(parse(STEPS), server=planted["server"]).broken is None
