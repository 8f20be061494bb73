"""The command line: what it prints, as data and for people, and how it exits."""

from __future__ import annotations

import functools
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from perdure.cli import FOUND, GOOD, INCOMPLETE, USAGE, app, exit_code
from perdure.testing import catalogue
from perdure.testing.data import DATA_DEFECTS, DATA_PROPERTIES, DataProperty
from perdure_model.checker import check
from perdure_model.documents import counterexamples
from perdure_model.world import DEFECTS, MODELS, check_worlds, statements
from perdure_model.world.models import by_number
from rich.console import Console
from typer.testing import CliRunner, Result

SMALL = [name for model in MODELS for name in model.sizes["small"]]

ROOT = Path(__file__).parents[1]


def perdure(*words: str) -> Result:
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def as_json(*words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the one JSON document that is all of standard output."""
    result = perdure(*words, "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, found


def limit_states(monkeypatch: pytest.MonkeyPatch, max_states: int) -> None:
    limited = functools.partial(check, max_states=max_states)
    monkeypatch.setattr("perdure_model.world.run.check", limited)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test patches is not patched in other processes."""
    monkeypatch.setattr("perdure.cli.common.processors", lambda: 1)


@pytest.fixture
def cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search ends after a few states."""
    limit_states(monkeypatch, 5)


# -- check ---------------------------------------------------------------------------------------------


def test_a_good_check_exits_0_and_tells_everything_as_data() -> None:
    code, found = as_json("check", "--world", "small")
    assert code == GOOD
    assert list(found) == ["ok", "complete", "distinct", "worlds", "properties", "violations", "coverage"]
    assert (found["ok"], found["complete"], found["violations"]) == (True, True, [])
    assert [world["name"] for world in found["worlds"]] == SMALL
    assert found["distinct"] == sum(world["distinct"] for world in found["worlds"])
    for world in found["worlds"]:
        assert set(world) == {"name", "distinct", "generated", "depth", "engine", "seconds", "complete"}
        assert world["engine"] in ("compiled", "plain")
    assert found["properties"] == [{"name": name, "verdict": "holds"} for name in statements()]
    assert set(found["coverage"]) == {"transitions", "actions", "rules", "occasions"}


def test_a_good_check_has_a_line_for_each_world_and_property() -> None:
    result = perdure("check", "--world", "small")
    assert result.exit_code == GOOD
    lines = result.stdout.splitlines()
    for name in SMALL:
        (line,) = [line for line in lines if line.startswith(name)]
        assert "distinct" in line
        assert line.endswith("complete")
    for name in statements():
        assert len([line for line in lines if line.startswith(f"holds    {name} ")]) == 1
    assert "transitions not reached:" in lines  # small worlds leave some out, and say so
    assert lines[-1].endswith(f"{len(SMALL)} worlds; exit 0")


@pytest.mark.parametrize(("defect", "breaks"), [("T02", "P-STALE-CLOSE"), ("T03", "P-TTL")])
def test_a_planted_defect_exits_1_with_a_readable_counterexample(defect: str, breaks: str) -> None:
    result = perdure("check", "--world", "small", "--defect", defect)
    assert result.exit_code == FOUND
    lines = result.stdout.splitlines()
    assert [line for line in lines if line.startswith(f"violated {breaks} ")]
    start = next(n for n, line in enumerate(lines) if re.match(rf"{breaks}( \(\d+\))? in world 'T ", line))
    steps = [line for line in lines[start + 1 :] if line[:3].strip().isdigit() and line[3:5] == ". "]
    assert re.fullmatch(r"  1\. (\w+: )?on_started", steps[0])
    assert any(re.search(r"on_stream_closed|is seen closed", step) for step in steps)
    assert any(re.match(r"        connection\[\w+\]: ", line) for line in lines[start + 1 :])


@pytest.mark.parametrize(("defect", "breaks"), [("T02", "P-STALE-CLOSE"), ("T03", "P-TTL")])
def test_a_counterexample_is_data_too(defect: str, breaks: str) -> None:
    code, found = as_json("check", "--world", "small", "--defect", defect)
    assert (code, found["ok"]) == (FOUND, False)
    assert {"name": breaks, "verdict": "violated"} in found["properties"]
    violation = next(one for one in found["violations"] if one["property"] == breaks)
    assert set(violation) == {"property", "kind", "world", "loop", "trace"}
    assert (violation["kind"], violation["loop"]) == ("always", None)
    assert violation["world"] in SMALL
    first, *rest = violation["trace"]
    assert first["action"] is None
    assert all(step["action"] and step["changed"] for step in rest)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["check", "--world", "huge"], "no world size 'huge'; there are small, default, large"),
        (["check", "--defect", "T99"], "no defect 'T99'; there are T01, T02, "),
        (["defects", "--only", "T99"], "no defect 'T99'; there are T01, T02, "),
        (["check", "--wrold", "small"], "No such option"),
        (["chekc"], "No such command"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_there_is(words: list[str], says: str) -> None:
    result = perdure(*words)
    assert result.exit_code == USAGE
    assert says in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("cut_short")
def test_a_search_that_was_cut_short_exits_3_and_claims_nothing() -> None:
    code, found = as_json("check", "--world", "small")
    assert code == INCOMPLETE
    assert (found["ok"], found["complete"]) == (False, False)
    assert {one["verdict"] for one in found["properties"]} == {"unknown"}
    assert "INCOMPLETE" in perdure("check", "--world", "small").stdout


def test_a_finding_beats_a_search_that_was_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_states(monkeypatch, 5_000)
    code, found = as_json("check", "--world", "small", "--defect", "T02")
    assert (code, found["complete"]) == (FOUND, False)


def test_what_the_default_worlds_do_not_reach_is_a_finding() -> None:
    small = check_worlds("small", progress=False)
    assert any(small.uncovered.values())
    assert exit_code(small, whole=True) == FOUND
    assert exit_code(small, whole=False) == GOOD


# -- defects -------------------------------------------------------------------------------------------


def test_a_defect_that_is_found_exits_0() -> None:
    code, found = as_json("defects", "--only", "T02")
    assert code == GOOD
    assert set(found) == {"ok", "defects"}
    (one,) = found["defects"]
    assert list(one) == ["id", "says", "property", "found", "length", "states", "seconds"]
    assert (one["id"], one["property"], one["found"]) == ("T02", "P-STALE-CLOSE", True)
    assert one["says"] == DEFECTS["T02"].says
    assert (one["length"], found["ok"]) == (7, True)


def test_a_defect_that_is_found_is_told_in_one_line_and_the_control_in_another() -> None:
    found, control = perdure("defects", "--only", "T02").stdout.splitlines()
    assert found.startswith("found T02   P-STALE-CLOSE ")
    assert found.endswith(DEFECTS["T02"].says)
    assert control.startswith("clean without a defect: ")
    assert control.endswith(" states of T losses")


def test_a_defect_of_data_code_stands_in_the_same_table() -> None:
    code, found = as_json("defects", "--only", "A05")
    assert (code, found["ok"]) == (GOOD, True)
    (one,) = found["defects"]
    assert list(one) == ["id", "says", "property", "found", "length", "states", "seconds"]
    assert (one["id"], one["property"], one["found"], one["length"]) == ("A05", "P-FRAMING", True, 7)
    told, case, control = perdure("defects", "--only", "A05").stdout.splitlines()
    assert told.startswith("found A05   P-FRAMING          7 values ")
    assert case.strip() == (
        "P-FRAMING parsing_equals_the_specification: [b'd', b'a', b't', b'a', b':', b'\\r', b'\\n']"
    )
    assert control.startswith("clean without a defect: 200 cases for each statement about data")


def test_the_defects_of_model_and_data_are_in_one_order() -> None:
    assert list(catalogue.DEFECTS) == by_number({*DEFECTS, *DATA_DEFECTS})


def test_an_id_is_of_the_model_or_of_data() -> None:
    with pytest.raises(ValueError, match="have the same ids"):
        catalogue.together(DATA_DEFECTS, DATA_DEFECTS)


@pytest.mark.usefixtures("cut_short")
def test_a_defect_that_is_missed_exits_1() -> None:
    code, found = as_json("defects", "--only", "T02")
    assert (code, found["ok"]) == (FOUND, False)
    assert (found["defects"][0]["found"], found["defects"][0]["length"]) == (False, None)
    assert perdure("defects", "--only", "T02").stdout.startswith("MISSED T02")


def test_a_control_that_was_cut_short_exits_3(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_states(monkeypatch, 5_000)
    assert as_json("defects", "--only", "T02")[0] == INCOMPLETE
    assert "INCOMPLETE without a defect: " in perdure("defects", "--only", "T02").stdout


def test_what_is_found_without_a_defect_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    (right,) = (one for one in DATA_PROPERTIES if one.id == "P-FRAMING")
    never = DataProperty(right.id, right.cases, lambda _case: False, ())
    monkeypatch.setattr(catalogue, "DATA_PROPERTIES", (never,))
    code, found = as_json("defects", "--only", "A05")
    assert (code, found["ok"], found["defects"][0]["found"]) == (FOUND, False, True)
    _, _, control, *broken = perdure("defects", "--only", "A05").stdout.splitlines()
    assert control.startswith("NOT CLEAN without a defect: ")
    assert broken == [f"    {never.name}"]


def test_the_control_of_all_defects_is_every_default_world(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_states(monkeypatch, 5)
    control = catalogue.without_defects()
    worlds = sum(len(model.sizes["default"]) for model in MODELS)
    assert f" states of {worlds} worlds; " in control.says
    assert control.says.endswith(f" of which {len(DATA_PROPERTIES)}")
    assert (control.broken, control.complete) == ((), False)


def test_without_hypothesis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("perdure.testing", "hypothesis"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(sys.modules["perdure"], "testing", raising=False)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    result = perdure("defects", "--only", "A05")
    assert result.exit_code == USAGE
    assert result.stderr == "perdure: hypothesis is not installed: pip install 'perdure[check]'\n"


def test_on_a_terminal_a_bar_goes_over_the_defects(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr("perdure.cli.common.console", Console(file=screen, force_terminal=True, width=100))
    perdure("defects", "--only", "A05")
    for part in ("0/2", "1/2", "A05", "without a defect"):
        assert part in screen.getvalue()
    assert screen.getvalue().count("found") == 1


def test_as_data_no_bar_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr("perdure.cli.common.console", Console(file=screen, force_terminal=True))
    assert as_json("defects", "--only", "A05")[0] == GOOD
    assert screen.getvalue() == ""


# -- diagrams ------------------------------------------------------------------------------------------


def written(folder: Path) -> tuple[str, ...]:
    """Where the command is to write, rather than in the repository."""
    return ("--folder", str(folder / "diagrams"), "--spec", str(folder / "docs/spec.md"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what is generated."""
    shutil.copytree(ROOT / "diagrams", tmp_path / "diagrams")
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/spec.md", tmp_path / "docs/spec.md")
    return tmp_path


def test_what_is_stale_or_missing_exits_1_and_is_written_again(repository: Path) -> None:
    (repository / "diagrams/send_item.mmd").write_text("stale\n")
    (repository / "diagrams/credential.svg").unlink()
    (repository / "docs/spec.md").write_text("stale\n")
    result = perdure("diagrams", "--check", "--quick", *written(repository))
    assert result.exit_code == FOUND
    assert "credential.svg is missing" in result.stdout
    assert "3 of " in result.stdout.splitlines()[-1]
    assert (repository / "diagrams/send_item.mmd").read_text() == "stale\n"  # a check writes nothing
    assert perdure("diagrams", "--quick", *written(repository)).exit_code == GOOD
    result = perdure("diagrams", "--check", "--quick", *written(repository))
    assert (result.exit_code, result.stdout.strip()) == (GOOD, "all fresh")


@pytest.fixture
def one_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only T02 is searched for, and no world explored."""
    few = {"T02": DEFECTS["T02"]}
    for module in ("folder", "demands"):
        monkeypatch.setattr(f"perdure_model.documents.{module}.DEFECTS", few)
    monkeypatch.setattr(
        "perdure_model.documents.folder.search", functools.partial(counterexamples.search, few)
    )
    monkeypatch.setattr("perdure_model.documents.record.explore", lambda _done, _jobs: {})


@pytest.mark.usefixtures("one_defect")
def test_a_check_searches_again(tmp_path: Path) -> None:
    assert perdure("diagrams", *written(tmp_path)).exit_code == GOOD
    drawing = tmp_path / "diagrams/defects/T02.svg"
    assert drawing.read_text() == (ROOT / "diagrams/defects/T02.svg").read_text()
    assert perdure("diagrams", "--check", *written(tmp_path)).exit_code == GOOD
    drawing.write_text("stale\n")
    assert perdure("diagrams", "--check", "--quick", *written(tmp_path)).exit_code == GOOD
    result = perdure("diagrams", "--check", *written(tmp_path))
    assert result.exit_code == FOUND
    assert "defects/T02.svg is out of date" in result.stdout


@pytest.mark.usefixtures("one_defect", "cut_short")
def test_a_defect_that_is_missed_has_no_drawing(tmp_path: Path) -> None:
    result = perdure("diagrams", *written(tmp_path))
    assert result.exit_code == FOUND
    assert "T02 was not found: there is nothing to draw" in result.stdout
    assert not (tmp_path / "diagrams/defects").exists()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("perdure_model.diagrams", "perdure_model.documents")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(sys.modules["perdure_model"], "diagrams", raising=False)
    monkeypatch.delattr(sys.modules["perdure_model"], "documents", raising=False)
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setitem(sys.modules, "graphviz.backend", None)
    result = perdure("diagrams", "--check")
    assert result.exit_code == USAGE
    assert "pip install 'perdure[diagrams]'" in result.stderr


# -- as a program --------------------------------------------------------------------------------------


def test_the_installed_command_runs_and_helps() -> None:
    assert importlib.util.find_spec("perdure.cli") is not None
    command = [sys.executable, "-c", "from perdure.cli import main; main()", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for name in ("check", "defects", "demo", "diagrams"):
        assert name in done.stdout
