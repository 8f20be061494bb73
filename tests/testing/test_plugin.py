"""The pytest plugin: its fixtures work, and a failure says its seed and what was done."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from perdure.testing import CutStream, LoseRequest
from perdure.testing.fixtures import Faults, Simulations
from perdure.testing.simulation import Broken, ScenarioError, step
from perdure_model.core.client import CLIENT
from perdure_model.core.follow import FOLLOW
from perdure_model.core.server import SERVER
from perdure_model.world import DEFECTS
from perdure_model.world.follow import FOLLOWED

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _nothing_left_open() -> None:
    """In place of the folder's above: no test here has a socket but those in runs of their own."""


def outcome(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    """What a run of these tests, with the plugin, comes to."""
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess("-p", "perdure_pytest", "-p", "no:cacheprovider", *options)


FAILS = """
from perdure.testing.simulation import step

def test_it(perdure_simulation, perdure_seed):
    world = perdure_simulation.world()
    world.perform(step("connect a"))
    world.perform(step("send a 2"))
    assert world.seed == perdure_seed == 0
"""


def test_a_failure_says_its_seed_and_what_was_done(pytester: pytest.Pytester) -> None:
    result = outcome(pytester, FAILS, "--perdure-seed=77")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- perdure -*", "again: pytest --perdure-seed=77", "*for perdure simulate --replay:", "    seed 77"]
    )
    result.stdout.fnmatch_lines(["    connect a", "    send a 2"])


def test_a_test_that_passes_says_nothing(pytester: pytest.Pytester) -> None:
    result = outcome(pytester, FAILS.replace("== 0", "== 1"), "-rA")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*perdure-seed*")


def test_a_random_seed_is_another_each_time_and_one_in_a_run(pytester: pytest.Pytester) -> None:
    text = "\n".join(f"def test_{n}(perdure_seed):\n    assert perdure_seed is None" for n in range(2))
    seeds = [
        [line for line in outcome(pytester, text, "--perdure-seed=random").outlines if "again:" in line]
        for _ in range(2)
    ]
    assert [len(one) for one in seeds] == [2, 2]
    assert [len(set(one)) for one in seeds] == [1, 1]
    assert seeds[0] != seeds[1]


def test_a_seed_that_is_no_number_is_refused(pytester: pytest.Pytester) -> None:
    result = outcome(pytester, "def test_it(perdure_seed): ...", "--perdure-seed=seven")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*--perdure-seed=seven: a whole number is expected, or 'random'"])


FAULTS = """
import anyio
import pytest
from perdure.testing import CutStream, LoseRequest

async def serve_nothing(port, faults):
    async with faults(port, LoseRequest(), CutStream()) as proxy:
        stream = await anyio.connect_tcp("127.0.0.1", proxy.port)
        async with stream:
            await stream.send(b"POST /send HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n")
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()

def test_it(perdure_faults):
    anyio.run(serve_nothing, 1, perdure_faults)
    assert False
"""


def test_a_failure_tells_what_the_proxies_did_and_did_not(pytester: pytest.Pytester) -> None:
    result = outcome(pytester, FAULTS)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "again: pytest --perdure-seed=1",
            "proxy 1: 2 faults",
            "    LoseRequest(*",
            "*send 1: request lost*",
            "    has not struck: CutStream(*",
        ]
    )


def test_a_run_of_pytest_that_asks_for_nothing_imports_nothing_of_perdure() -> None:
    code = "import sys, perdure_pytest; assert not [one for one in sys.modules if one.startswith('perdure.')]"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- what the fixtures give ----------------------------------------------------------------------------


def test_drawn_faults_are_the_seeds_and_strike_later_and_later() -> None:
    drawn = Faults(5).drawn(12)
    assert drawn == Faults(5).drawn(12)
    assert drawn != Faults(6).drawn(12)
    requests = [fault.nth for fault in drawn if isinstance(fault, LoseRequest) and fault.nth]
    assert all(one < two for one, two in pairwise(requests))
    assert len({type(one) for one in Faults(1).drawn(60)}) == 6


def test_a_proxy_that_was_not_entered_has_a_script_and_no_log() -> None:
    faults = Faults(1)
    faults(1, CutStream(after_events=3))
    assert next(faults.says()) == "proxy 1: 1 faults"
    assert list(faults.says())[-1].startswith("    has not struck: CutStream(")


def test_steps_may_stand_in_a_line_and_a_run_is_repeated_by_its_seed() -> None:
    with Simulations(3) as simulations:
        run = simulations.run("connect a; send a 2; wait 5")
        assert run.accounts["delivered"] == 3
        assert simulations.scenario == run.scenario
        assert simulations.run("connect a\nsend a 2\nwait 5").digest == run.digest
        with pytest.raises(ScenarioError, match="there is no step 'conect'"):
            simulations.run("conect a")


def test_any_systems_can_be_chosen_and_the_scenario_names_them() -> None:
    with Simulations(3) as simulations:
        simulations.world(systems="A").perform(step("follow f"))
        assert list(simulations.says())[1:] == ["    seed 3 A", "    follow f"]
        run = simulations.run("follow f; ask x 2; wait 5", systems="AR")
        assert run.accounts["states"] > 0 < run.accounts["calls"]
        assert "sends" not in run.accounts
        assert list(simulations.says())[1] == "    seed 3 AR"
        with pytest.raises(ScenarioError, match="begin with `seed 3 TA`"):
            simulations.run("follow f; wait 5")
        with pytest.raises(ScenarioError, match="there are no systems 'RT'"):
            simulations.search(systems="RT")


def test_a_search_among_other_systems_shows_their_scenario() -> None:
    planted = FOLLOWED.defects["A14"].plant({"follow": FOLLOW})["follow"]
    with Simulations(1) as simulations:
        with pytest.raises(Broken, match="P-SPACED"):
            simulations.search(runs=20, systems="A", follow=planted)
        assert list(simulations.says())[1].endswith(" A")


def test_another_world_closes_the_one_before() -> None:
    with Simulations(3) as simulations:
        assert simulations.scenario is None
        assert list(simulations.says()) == []
        simulations.world().perform(step("connect a"))
        simulations.world().perform(step("connect b"))
        assert simulations.scenario is not None
        assert [str(one) for one in simulations.scenario.steps] == ["connect b"]


def test_a_search_finds_a_planted_defect_and_shows_its_shortest_scenario() -> None:
    planted = DEFECTS["T03"].plant({"client": CLIENT, "server": SERVER})
    with Simulations(1) as simulations:
        simulations.search(runs=1, steps=20)
        with pytest.raises(Broken, match="P-TTL"):
            simulations.search(runs=20, server=planted["server"])
        assert simulations.scenario is not None
        assert len(simulations.scenario.steps) <= 10  # of 60; how many, the order of tasks decides
        assert list(simulations.says())[1].startswith("    seed ")


DOCS = Path(__file__).parents[2] / "docs" / "testing.md"


def test_what_the_documentation_shows_runs(pytester: pytest.Pytester) -> None:
    shown = re.findall(r"<!-- runs: pytest -->\n```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(shown) == 1
    outcome(pytester, shown[0]).assert_outcomes(passed=3)
