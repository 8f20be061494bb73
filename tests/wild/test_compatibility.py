"""The table of what was tried says what came of it, and the committed one is of the tests that there are."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.wild import compatibility, programs
from tests.wild.compatibility import FAILS, WORKS, page, result, trial

FOLDER = Path(__file__).parent
TABLE = FOLDER.parents[1] / "docs" / "compatibility.md"
ONE = trial(
    "tests/wild/test_readers.py::test_it[a-1]",
    "Readers",
    [{"what": "curl", "package": "", "http": "1.1", "way": "uvicorn"}, {"case": "comments"}],
)


def test_a_trial_is_told_by_all_its_marks_the_innermost_first() -> None:
    assert (ONE.module, ONE.test, ONE.case) == ("tests/wild/test_readers.py", "[a-1]", "comments")
    inner = trial(
        "m::test_it",
        "",
        [{"case": "gaps"}, {"case": "all", "what": "w", "package": "", "http": "", "way": ""}],
    )
    assert (inner.case, inner.test) == ("gaps", "test_it")


def test_what_failed_or_was_not_run_says_so() -> None:
    other = replace(ONE, case="gaps")
    assert result([ONE, other], {ONE: WORKS, other: WORKS}) == "works"
    assert result([ONE, other], {ONE: WORKS, other: FAILS}) == "FAILS: gaps"
    assert result([ONE, other], {ONE: WORKS}) == "not run: gaps"
    assert (
        result([replace(ONE, limit="held back")], {replace(ONE, limit="held back"): WORKS}) == "no: held back"
    )


def test_trials_of_one_subject_are_one_row() -> None:
    others = [replace(ONE, case="gaps"), replace(ONE, http="2", test="[a-2]")]
    lines = page([ONE, *others], dict.fromkeys([ONE, *others], WORKS)).splitlines()
    assert lines[-2:] == [
        "| curl | 1.1 | uvicorn | comments; gaps | works | tests/wild/test_readers.py `[a-1]` |",
        "| curl | 2 | uvicorn | comments | works | tests/wild/test_readers.py `[a-2]` |",
    ]
    assert "## Readers" in lines


def test_a_program_that_is_missing_fails_the_test_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_more: None)
    with pytest.raises(pytest.fail.Exception, match=r"nginx is not installed: apt-get install .* nginx"):
        programs.program("nginx")


def test_all_that_is_missing_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = dict.fromkeys(programs.PACKAGES, "1.0")
    monkeypatch.setattr(programs, "version_of", lambda name: there[name])
    assert programs.main() == 0
    there |= {"node": "missing", "nginx": "missing"}
    assert programs.main() == 1
    assert "install --no-install-recommends nodejs nginx\n" in capsys.readouterr().err


def cases() -> set[str]:
    """The cases that the marks of the tests in this folder name."""
    found = set()
    for path in FOLDER.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.tried":
                found |= {ast.literal_eval(word.value) for word in node.keywords if word.arg == "case"}
    return found


def test_the_committed_table_is_of_the_tests_that_there_are_and_all_of_it_works() -> None:
    table = TABLE.read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if "tests/wild/" in line]
    assert {case for line in lines for case in line[3].split("; ")} == cases()
    assert [line for line in lines if FAILS in line[4] or compatibility.NOT_RUN in line[4]] == []
    files = set(re.findall(r"tests/wild/(test_\w+\.py)", table))
    assert {name for name in files if not (FOLDER / name).exists()} == set()
