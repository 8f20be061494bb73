"""Followed sessions in the simulator: what they are shown, and how they end."""

from __future__ import annotations

import pytest
from perdure.testing.simulation import Run, Simulation, drawn, parse, replay, simulate, step
from perdure.testing.simulation.following import Following


def played(*lines: str) -> Run:
    return replay(parse("\n".join(("seed 3 A", *lines))))


@pytest.mark.parametrize("name", ["f", "g", "h"])
def test_each_way_of_following_sees_all_states(name: str) -> None:
    run = played(f"follow {name}", "wait 1", f"change {name} 3", "wait 1", f"cut {name} 0", "wait 20")
    assert run.broken is None, str(run.broken)
    assert run.accounts["states"] >= 5


def test_all_properties_hold_and_much_happens() -> None:
    runs = [replay(drawn(seed, 60, "A")) for seed in range(1, 61)]
    assert [str(run.broken) for run in runs if run.broken] == []
    assert sum(run.accounts["states"] for run in runs) > 300
    assert sum(run.accounts["submissions"] for run in runs) > 50
    faults = {fault for run in runs for fault in run.faults}
    kinds = {f"{how} {kind}" for how in ("answer", "double", "hold", "lose request", "lose response")
             for kind in ("stream", "snapshot", "submit")}  # fmt: skip
    assert kinds | {"flap", "error fatal", "error passing", "error garbled", "down", "expire"} <= faults


def test_one_seed_is_one_trace() -> None:
    first, again = (replay(drawn(5, 60, "A")) for _ in range(2))
    assert first.digest == again.digest


def outcome_after(*lines: str) -> list[str]:
    with Simulation(3, systems="A") as world:
        for line in lines:
            world.perform(step(line))
        world.finish()
        following = world.systems["A"]
        assert isinstance(following, Following)
        return following.followers["f"].outcomes


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (("follow f", "wait 1", "conclude f succeeded", "wait 1"), "succeeded"),
        (("follow f", "wait 1", "conclude f expired", "wait 1"), "expired"),
        (("follow f", "wait 1", "err f fatal", "wait 1"), "failed"),
        (("follow f", "wait 1", "remote-down 100", "wait 90"), "failed"),
        (("follow f", "wait 1", "flap f 9", "cut f 0", "wait 90"), "failed"),
        (("follow f", "wait 1", "answer f stream 410 0", "cut f 0", "wait 20"), "expired"),
        (("follow f", "wait 1", "refresh fails", "expire", "cut f 0", "wait 20"), "expired"),
        (("follow f", "wait 1", "expire", "cut f 0", "wait 20"), "closed"),
        (("follow f", "wait 1", "err f passing", "err f garbled", "wait 20"), "closed"),
    ],
)
def test_how_a_session_ends(lines: tuple[str, ...], outcome: str) -> None:
    assert outcome_after(*lines) == [outcome]


def test_a_drawn_search_goes_through_all_systems() -> None:
    tally = simulate(1, 120, systems="A")
    assert tally.ok, tally.as_json()
    assert tally.accounts["states"] > 0


def test_a_snapshot_that_overtakes_states_without_versions_is_no_finding() -> None:
    """Three states are on their way, and the snapshot with the third is sooner: nobody could tell."""
    steps = (
        "connect a; follow f; ask x 2; ask z 8; old-hub; wait 1; wait 30; wait 20; follow h; kill c; copy b c"
    )
    run = replay(parse("\n".join(["seed 6000964 TAR", *steps.split("; "), "change h 3"])))
    assert run.broken is None, str(run.broken)
    h = [
        record["input"]
        for record in run.records
        if record["side"] == "follow" and "serial" in record["input"]
    ]
    assert [one["type"] for one in h][-4:].count("StateArrived") >= 3


def test_a_last_state_that_is_skipped_comes_to_light_with_the_next_stream() -> None:
    run = played("follow f", "wait 1", "change f 2", "garble f skip", "conclude f succeeded", "wait 1")
    assert run.faults["skip"] == 1
    assert run.broken is None, str(run.broken)
