"""The closed worlds: complete, clean, reaching everything; bound to the very rules that production runs."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from perdure_model.core.client import CLIENT
from perdure_model.core.client.effects import ClientEffect
from perdure_model.core.client.inputs import ClientInput
from perdure_model.core.common import Moved, Refused
from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.credential.effects import CredentialEffect
from perdure_model.core.credential.inputs import CredentialInput
from perdure_model.core.follow import FOLLOW
from perdure_model.core.follow.effects import FollowEffect
from perdure_model.core.follow.inputs import FollowInput
from perdure_model.core.response import RESPONSE
from perdure_model.core.response.effects import ResponseEffect
from perdure_model.core.response.inputs import ResponseInput
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER
from perdure_model.core.server.effects import ServerEffect
from perdure_model.core.server.inputs import ServerInput
from perdure_model.world import MODELS, SIZE_NAMES, check_worlds
from perdure_model.world.bind import Binding, World, property_id

pytestmark = pytest.mark.timeout(1200)  # the fixture explores everything, while other tests run beside it

SMALL = {
    "T losses": 11_599,
    "T answers": 4_399,
    "T restart": 2_281,
    "T copied": 6_289,
    "T watching": 8_096,
    "T never": 23,
    "A losses": 3_070,
    "A gone": 412,
    "A submits": 643,
    "A calls": 1_145,
    "R one": 5_070,
    "R two": 4_738,
}
DEFAULT = {
    "T losses": 30_507,
    "T timers": 631_319,
    "T answers": 124_705,
    "T restart": 424_044,
    "T doubled": 3_217,
    "T repeated": 13_119,
    "T kept": 60_589,
    "T once": 257,
    "T ends": 452_588,
    "T forgets": 10_630,
    "T forgets one": 512,
    "T forgets at once": 7_079,
    "T forgets late": 7_161,
    "T unfit": 6_119,
    "T strangers": 248_912,
    "T garbled": 2_433,
    "T stale": 82_285,
    "T tight": 18_092,
    "T away": 315_317,
    "T away late": 34_265,
    "T twice away": 292_399,
    "T restart away": 13_936,
    "T old away": 1_015,
    "T return watching": 460,
    "T return": 3_788,
    "T spare": 44_139,
    "T forgotten": 351,
    "T two": 21_609,
    "T copied": 314_393,
    "T copied return": 351_149,
    "T usurped": 6_088,
    "T watching": 84_703,
    "T unwatched": 205_007,
    "T watched ends": 1_595,
    "T not watched": 3_189,
    "T credentials": 50_068,
    "T dead at the end": 3_848,
    "T taken": 6_754,
    "T taken ends": 5_421,
    "T old": 535_780,
    "T old held": 5_317,
    "T stalls": 243_837,
    "T never": 3_281,
    "T gone": 25,
    "T never stays": 94_715,
    "T outbid": 21,
    "A losses": 2_852,
    "A gone": 677,
    "A endless": 70,
    "A answers": 943,
    "A errors": 3_096,
    "A renewal": 668,
    "A calls": 1_145,
    "A paid": 2_569,
    "A refused": 1_030,
    "A ends": 4_262,
    "A brings": 2_879,
    "A submits": 2_445,
    "A resumes": 3_043,
    "A both": 1_204,
    "A unplaced": 985,
    "A resubmits": 5_234,
    "A once": 53,
    "R one": 7_680,
    "R held": 206,
    "R two": 185_384,
    "R late": 26_838,
    "R older": 8_597,
    "R three": 25_117,
    "R endless": 6_360,
}
"""Distinct states of each world."""

UPDATE = (
    "the worlds or the rules have changed: if you know why, take over the counts of "
    "`perdure check --world {0} --json` here"
)

EVERYTHING = """
import json, sys
import coverage
measured = coverage.Coverage(branch=True, source_pkgs=["perdure_model.core"], data_file=None)
with measured.collect():
    from perdure_model.world import check_worlds
    checked = check_worlds("default", progress=False)
measured.json_report(outfile=sys.argv[1])
print(json.dumps({
    "distinct": {name: report.distinct for name, report in checked.reports.items()},
    "complete": checked.complete,
    "violations": [(name, one.property) for name, one in checked.violations],
    "uncovered": checked.uncovered,
    "reached": {name: sorted(map(" ".join, moves)) for name, moves in checked.reached.items()},
}))
"""


def test_the_small_worlds_are_complete_and_clean() -> None:
    checked = check_worlds("small", progress=False)
    assert checked.complete
    assert list(checked.violations) == []
    assert {name: report.distinct for name, report in checked.reports.items()} == SMALL, UPDATE.format(
        "small"
    )


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One search of the default worlds, in a process of its own, with the branches of `core/` measured.

    The workers of one test run share it: who comes second waits for it.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    own = tmp_path_factory.mktemp("coverage")
    folder = tmp_path_factory.getbasetemp().parent / f"coverage-{run}" if run else own
    folder.mkdir(exist_ok=True)
    found = folder / "found.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            found.write_text(json.dumps(searched(own / "core.json")))
    everything: dict[str, Any] = json.loads(found.read_text())
    return everything


def searched(report: Path) -> dict[str, Any]:
    """What the search and the measuring give."""
    command = [sys.executable, "-c", EVERYTHING, str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=report.parent)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"files": json.loads(report.read_text())["files"]}


def test_the_default_worlds_are_complete_and_clean(everything: dict[str, Any]) -> None:
    assert everything["complete"]
    assert everything["violations"] == []


def test_the_default_worlds_reach_everything(everything: dict[str, Any]) -> None:
    assert everything["uncovered"] == {"transitions": [], "actions": [], "rules": [], "occasions": []}


def test_the_drawings_of_coverage_tell_what_is_reached(everything: dict[str, Any]) -> None:
    record = json.loads((Path(__file__).parents[2] / "diagrams/record.json").read_text(encoding="utf-8"))
    assert record["reached"] == everything["reached"], "run `perdure diagrams`"


def test_the_default_worlds_have_as_many_states_as_ever(everything: dict[str, Any]) -> None:
    assert everything["distinct"] == DEFAULT, UPDATE.format("default")


def test_the_check_alone_takes_every_branch_of_the_rules(everything: dict[str, Any]) -> None:
    """But for `rule.py`, which decides nothing; what a book refuses is held by its own tests."""
    files = {path.partition("perdure_model/")[2]: told for path, told in everything["files"].items()}
    rules = {path: told for path, told in files.items() if path != "core/rule.py"}
    assert {"core/client/outbox.py", "core/server/connection.py", "core/common.py"} <= set(rules)
    missed = {
        path: (told["missing_lines"], told["missing_branches"])
        for path, told in rules.items()
        if told["missing_lines"] or told["missing_branches"]
    }
    assert missed == {}
    assert sum(told["summary"]["num_branches"] for told in rules.values()) > 50


# -- the same rules ------------------------------------------------------------------------------------


def all_worlds(size: str) -> dict[str, World]:
    return {name: world for model in MODELS for name, world in model.worlds(size).items()}


def test_the_worlds_bind_exactly_the_rules_that_production_runs() -> None:
    for size in ("default", "large"):
        for model in MODELS:
            bound = set().union(*(world.bound for world in model.worlds(size).values()))
            assert bound == model.rules, (size, model.name)


def test_no_world_binds_a_rule_of_its_own() -> None:
    for size in SIZE_NAMES:
        for model in MODELS:
            assert all(world.bound <= model.rules for world in model.worlds(size).values())


def test_every_bound_function_is_a_books_own() -> None:
    decides = {rule.decide for model in MODELS for book in model.books for rule in book}
    for world in all_worlds("small").values():
        bindings = [a.function for a in world.system.actions if isinstance(a.function, Binding)]
        assert {binding.rule.decide for binding in bindings} <= decides


@pytest.mark.parametrize(
    ("book", "inputs", "effects"),
    [
        (CLIENT, ClientInput, ClientEffect),
        (SERVER, ServerInput, ServerEffect),
        (FOLLOW, FollowInput, FollowEffect),
        (RESPONSE, ResponseInput, ResponseEffect),
        (CREDENTIAL, CredentialInput, CredentialEffect),
    ],
    ids=lambda one: one.side if isinstance(one, Book) else "",
)
def test_the_unions_of_inputs_and_effects_are_closed(book: Book, inputs: Any, effects: Any) -> None:
    assert {rule.input for rule in book} == set(get_args(inputs))
    declared = {effect for rule in book for effect in rule.emits}
    assert declared | {Moved, Refused} == set(get_args(effects))


# -- what is not a rule touches no part ----------------------------------------------------------------


def test_an_action_that_is_no_rule_names_no_part() -> None:
    seen = 0
    for world in all_worlds("default").values():
        parts = {component.index for held in world.parts.values() for component in held.values()}
        others = [a for a in world.system.actions if not isinstance(a.function, Binding)]
        seen += len(others)
        assert {a.name: parts & set(a.components) for a in others} == {a.name: set() for a in others}
    assert seen > 50


def test_a_binding_touches_sources_parts_and_sinks_only() -> None:
    for world in all_worlds("default").values():
        for action in world.system.actions:
            if isinstance(binding := action.function, Binding):
                sinks = [world.sink_of(e, binding.rule, binding.address) for e in binding.rule.emits]
                sunk = [sink.components for sink in sinks]
                due = {c.index for c in binding.sources}
                due |= {c.index for seen in binding.sees for c in seen.values()}
                due |= {c.index for components in sunk for c in components}
                assert set(action.components) == due, action.name


# -- properties ----------------------------------------------------------------------------------------


def test_every_property_is_stated_in_a_world_of_its_model_under_its_id() -> None:
    """In every world where it is a matter of safety; what must happen in the end, where that is decided."""
    for model in MODELS:
        stated = {
            property_id(one.name)
            for world in model.worlds("default").values()
            for one in world.system.properties
        }
        assert set(model.properties) <= stated
        assert all((declare.__doc__ or "").strip() for declare in model.properties.values())


def test_every_property_has_an_occasion_in_its_model() -> None:
    """Without one it might hold for want of anything that could break it."""
    for model in MODELS:
        stated = {one.name for world in model.worlds("default").values() for one in world.system.properties}
        assert [name for name in model.properties if f"{name} has occasion" not in stated] == [], model.name


def test_this_file_runs_the_sources_beside_it() -> None:
    import perdure_model

    assert Path(perdure_model.__file__).is_relative_to(Path(__file__).parents[2])
