"""Hypothesis drives the real client and hub step by step, and finds planted defects."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from perdure.testing.simulation import Broken
from perdure.testing.simulation.stateful import TransportMachine, machine
from perdure_model.core.client import CLIENT
from perdure_model.core.server import SERVER
from perdure_model.world import DEFECTS

SEARCH = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_all_properties_hold() -> None:
    run_state_machine_as_test(TransportMachine, settings=SEARCH)


@pytest.mark.parametrize(
    ("defect", "property"),
    [
        ("T02", "P-RECONVERGE"),
        ("T16", "P-RUNNING"),
        ("T23", "P-EFFECT-ONCE"),
        ("T24", "P-CLOSE"),
        ("T28", "P-OWNER"),
        ("T30", "P-ONE-HOLDER"),
        ("T39", "P-TTL"),
    ],
)
def test_a_planted_defect_is_found(defect: str, property: str) -> None:  # noqa: A002
    planted = DEFECTS[defect].plant({"client": CLIENT, "server": SERVER})
    quick = settings(SEARCH, max_examples=60, phases=[Phase.generate], print_blob=False)
    with pytest.raises(Broken) as raised:
        run_state_machine_as_test(machine(client=planted["client"], server=planted["server"]), settings=quick)
    assert raised.value.property == property
