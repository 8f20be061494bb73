"""Hypothesis drives the real client and hub step by step, and finds planted defects."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from perdure.testing.simulation import Broken
from perdure.testing.simulation.planted import DEFECTS, books
from perdure.testing.simulation.stateful import (
    FollowMachine,
    ResponseMachine,
    TransportMachine,
    WholeMachine,
    WorldMachine,
    machine,
)

SEARCH = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


MACHINES = {"T": TransportMachine, "A": FollowMachine, "R": ResponseMachine}


@pytest.mark.parametrize("kind", [*MACHINES.values(), WholeMachine])
def test_all_properties_hold(kind: type[WorldMachine]) -> None:
    run_state_machine_as_test(kind, settings=SEARCH)


@pytest.mark.parametrize(
    ("system", "defect", "property"),
    [
        ("T", "T03", "P-TTL"),
        ("T", "T16", "P-RUNNING"),
        ("T", "T23", "P-EFFECT-ONCE"),
        ("T", "T28", "P-OWNER"),
        ("T", "T39", "P-TTL"),
        ("A", "A02b", "P-ERRORS"),
        ("A", "A04", "P-ONE-CLOSE"),
        ("A", "A14", "P-SPACED"),
        ("R", "R01", "P-REFRESH"),
        ("R", "R02", "P-NO-PHANTOM"),
    ],
)
def test_a_planted_defect_is_found(system: str, defect: str, property: str) -> None:  # noqa: A002
    quick = settings(SEARCH, max_examples=60, phases=[Phase.generate], print_blob=False)
    planted = machine(MACHINES[system], **books(DEFECTS[defect]))
    with pytest.raises(Broken) as raised:
        run_state_machine_as_test(planted, settings=quick)
    assert raised.value.property == property
