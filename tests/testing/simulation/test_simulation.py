"""The simulator: the properties hold, runs repeat byte for byte, and planted defects are found."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio.to_thread
import pytest
from perdure import routes
from perdure.testing.simulation import (
    Broken,
    Run,
    Scenario,
    Simulation,
    Tally,
    drawn,
    parse,
    replay,
    shortened,
    simulate,
    step,
)
from perdure_model.conformance import conform
from perdure_model.core.client import CLIENT
from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.follow import FOLLOW
from perdure_model.core.response import RESPONSE
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER
from perdure_model.world import DEFECTS

DIGESTS = """
import gc
from perdure.testing.simulation import drawn, replay
gc.set_threshold({threshold})
for seed in range(1, 6):
    print(seed, replay(drawn(seed, 60, {systems!r})).digest)
"""


def digests(hash_seed: str, threshold: int, systems: str) -> str:
    """What five runs come to, in a process of its own."""
    program = [sys.executable, "-c", DIGESTS.format(threshold=threshold, systems=systems)]
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(program, env=env, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("systems", ["T", "TAR"])
def test_one_seed_is_one_trace_in_any_process(systems: str) -> None:
    here = "".join(f"{seed} {replay(drawn(seed, 60, systems)).digest}\n" for seed in range(1, 6))
    assert digests("0", 700, systems) == here
    assert digests("4711", 31, systems) == here
    assert len(set(here.split()[1::2])) == 5


def test_the_seed_decides_what_the_steps_leave_open() -> None:
    steps = drawn(1, 30).steps
    assert replay(Scenario(1, steps)).trace != replay(Scenario(2, steps)).trace


def test_all_properties_hold_and_every_fault_strikes() -> None:
    tally = simulate(1, 3000)
    assert tally.failed is None, tally.as_json()
    assert tally.steps == 3000
    struck = {"cut", "cut late", "half-open", "late close", "down", "restart", "kill", "copied tab"}
    on_requests = {"answer", "double", "hold", "lose request", "lose response"}
    struck |= {f"{fault} {kind}" for fault in on_requests for kind in ("send", "stream")}
    struck |= {
        "visit",
        "stranger",
        "stall",
        "skip",
        "expire",
        "hold word",
        "answer word",
        "old-hub",
    }
    struck |= {"refresh same", "refresh older", "refresh fails"}
    assert struck <= set(tally.faults), struck - set(tally.faults)
    assert {name for name, count in tally.accounts.items() if count} == {
        "sends", "delivered", "failed", "uncertain", "killed", "published", "handed", "gaps"
    }  # fmt: skip
    assert not unheard(tally, client=CLIENT, server=SERVER) - NEVER_HEARD
    answers = {told.rpartition(" ")[2] for told in tally.heard}
    assert {"0", "200", "204", "401", "404", "409", "425"} <= answers
    assert len({"429", "500", "503"} & answers) > 1  # of many more runs all


NEVER_HEARD = {"server LogLost"}
"""A log that is lost while its hub lives is another host's: there is none in a simulated world."""


def unheard(tally: Tally, **books: Book) -> set[str]:
    """What the rules of these sides take, and no run had."""
    taken = {f"{side} {rule.input.__name__}" for side, book in books.items() for rule in book}
    return taken - {" ".join(told.split()[:2]) for told in tally.heard}


def test_every_rule_of_the_followers_is_heard() -> None:
    tally = simulate(1, 1200, systems="A")
    assert tally.failed is None, tally.as_json()
    slow = "slow f snapshot 15\n" * 6
    tally.add(replay(parse(f"seed 1 A\nfollow f\nwait 2\n{slow}cut f 0\nwait 90")))
    assert not unheard(tally, follow=FOLLOW)


def test_every_rule_of_the_callers_is_heard() -> None:
    tally = simulate(1, 1200, systems="R")
    assert tally.failed is None, tally.as_json()
    assert not unheard(tally, response=RESPONSE, credential=CREDENTIAL)


def test_what_is_left_of_clients_and_of_sessions_that_are_over_is_a_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("perdure.testing.simulation.simulation.REST_S", 2.0)
    run = replay(parse("seed 1\nconnect a\nwait 1\nend-aside succeeded"))
    assert str(run.broken) == ("P-NO-LEAK: long after all have left, the hub holds {'over': ['aside-1']}")
    run = replay(parse("seed 1\nconnect a\nwait 1\nkill a"))
    assert run.broken is not None
    assert "'connections': ['cid-" in run.broken.says


@pytest.mark.parametrize("seed", [seed for seed in range(1, 9) if drawn(seed, 60).honest])
def test_what_is_recorded_is_a_run_of_the_model(seed: int, tmp_path: Path) -> None:
    run = replay(drawn(seed, 60))
    run.write(tmp_path / "trace.jsonl")
    judged = conform(tmp_path / "trace.jsonl")
    assert judged.mismatch is None, judged.summary()
    assert judged.complete


def test_python_is_as_it_was_after_a_run() -> None:
    random.seed(5)
    before = random.getstate(), os.urandom, vars(routes)["urandom"], anyio.to_thread.run_sync
    replay(drawn(1, 30))
    after = random.getstate(), os.urandom, vars(routes)["urandom"], anyio.to_thread.run_sync
    assert after == before


def test_no_garbage_is_collected_while_a_world_lasts() -> None:
    with Simulation(1) as world:
        before = gc.get_stats()
        for line in ("connect a", "send a 8", "publish 15", "wait 30"):
            world.perform(step(line))
        assert gc.get_stats() == before
    assert gc.isenabled()


def test_a_collector_that_rested_before_a_world_rests_after_it() -> None:
    gc.disable()
    try:
        with Simulation(1):
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_quiet_world_has_no_faults_and_loses_nothing() -> None:
    run = replay(parse("seed 1\nconnect a\nsend a 3\npublish 2\nwait 5\nleave a\nwait 60"))
    assert run.broken is None
    assert run.faults == Counter()
    assert (run.accounts["delivered"], run.accounts["handed"], run.accounts["gaps"]) == (3, 5, 0)


def test_a_killed_tab_comes_back_and_sees_everything_from_its_beginning() -> None:
    run = replay(parse("seed 1\nconnect a\npublish 3\nwait 5\nkill a\npublish 2\nconnect a\nwait 5"))
    assert run.broken is None
    assert run.accounts["handed"] == 3 + 5 + 2  # the probe's event, and the answer to its send


def test_who_is_behind_a_restart_is_told_of_a_gap() -> None:
    run = replay(parse("seed 1\nconnect a\npublish 3\nwait 5\nrestart\npublish 1\nwait 30"))
    assert run.broken is None
    assert run.accounts["gaps"] == 1


def books(defect: str) -> dict[str, Book]:
    planted = DEFECTS[defect].plant({"client": CLIENT, "server": SERVER})
    return {side: planted[side] for side in ("client", "server")}


def first_broken(defect: str, seeds: int) -> Run | None:
    """The first run in which a planted defect shows."""
    for seed in range(1, seeds + 1):
        run = replay(drawn(seed, 60), **books(defect))
        if run.broken is not None:
            return run
    return None


@pytest.mark.parametrize("defect", ["T03", "T09", "T12", "T31"])
def test_a_planted_defect_is_found_and_shortened(defect: str) -> None:
    found = first_broken(defect, 40)
    assert found is not None
    shortest = shortened(found, **books(defect))
    assert len(shortest.scenario.steps) < len(found.scenario.steps) / 2
    assert shortest.broken is not None
    again = replay(parse(shortest.scenario.text()), **books(defect))
    assert (str(again.broken), again.digest) == (str(shortest.broken), shortest.digest)
    assert replay(shortest.scenario).broken is None


def test_a_step_that_makes_no_sense_now_does_nothing() -> None:
    with Simulation(1) as world:
        for line in ("kill a", "send b 1", "cut c 1", "resume a", "copy b c", "leave c"):
            world.perform(step(line))
        world.finish()
        assert not world.network.struck


def test_an_application_that_asks_a_client_that_is_done_for_more_is_refused_seed_1004470() -> None:
    """The same credential as the refused one ends the client; its application has not looked yet."""
    lines = "connect a; stall a 35; publish 1; expire; end-aside succeeded; look-back a; refresh same"
    run = replay(parse(f"seed 1004470 TAR; {lines}; wait 2; watch a".replace("; ", "\n")))
    assert run.broken is None
    refused = [
        record["effects"][0].get("why") for record in run.records if record["input"]["type"] == "WatchAsked"
    ]
    assert "the client is done with all its sessions" in refused


def test_what_the_code_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("perdure.server.block", fail)
    run = replay(parse("seed 1\nconnect a\nwait 5"))
    assert isinstance(run.broken, Broken)
    assert run.broken.property == "P-ERRORS"
    assert "ZeroDivisionError('planted')" in run.broken.says


def test_a_task_that_is_left_is_a_finding() -> None:
    async def leave(world: Simulation) -> None:
        world.network.tasks.start_soon(anyio.sleep, 1e6)

    with Simulation(1) as world:
        world.run(leave, world)
        with pytest.raises(Broken, match="P-NO-LEAK: at rest there are still 1 tasks"):
            world.finish()


def test_two_live_tabs_of_one_id_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulation(1) as world:
        for line in ("connect a", "connect b", "wait 5"):
            world.perform(step(line))
        monkeypatch.setattr("perdure.client.Session.connection_id", "cid-of-both")
        with pytest.raises(Broken, match="P-ONE-HOLDER: two live tabs use one id"):
            world.finish()


def test_what_does_not_come_well_again_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.testing.simulation.simulation.RECONVERGE_S", 8.0)
    with Simulation(1) as world:
        for line in ("connect a", "wait 5", "half-open a 60", "publish 1"):
            world.perform(step(line))
        monkeypatch.setattr(world.network, "heal", lambda: None)
        with pytest.raises(Broken, match="P-RECONVERGE: 8 s once the faults had stopped: tab a, life 1 is"):
            world.finish()


def test_what_is_skipped_right_before_an_end_is_no_finding() -> None:
    """Somebody on the way takes the last event, and the end has no position: that is not the hub's loss."""
    steps = "connect c; watch c; wait 1; publish-aside 1; wait 1; garble c skip; publish-aside 1"
    run = replay(parse("\n".join(["seed 1", *steps.split("; "), "end-aside failed", "wait 2"])))
    assert run.faults["skip"] == 1
    assert run.broken is None, str(run.broken)


def test_what_is_said_late_is_waited_for_before_all_is_looked_at() -> None:
    """Seed 314139: the last event of a session came before the word that it is watched no longer."""
    steps = ("end-aside failed", "wait 6", "look-back a", "hold a word 1.602", "unwatch a")
    run = replay(parse("\n".join(("seed 314139", "connect a", "end-aside succeeded", *steps))))
    assert run.faults["hold word"] == 1
    assert run.broken is None, str(run.broken)


def test_what_a_stranger_knows_of_a_tab_it_knows_of_its_copies() -> None:
    """The id is the stranger's, who came first to a hub that had forgotten it: its copy is refused, too."""
    steps = "connect b; wait 1; stranger b; leave b; copy b c; wait 2"
    runs = strangers(steps)
    assert [str(run.broken) for run in runs if run.broken] == []
    refused = "client StreamLost 403"
    assert any(run.heard[refused] for run in runs)


def strangers(steps: str) -> list[Run]:
    return [replay(parse("\n".join([f"seed {seed}", *steps.split("; ")]))) for seed in range(1, 9)]
