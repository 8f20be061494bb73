"""rules.js decides as the core does: on everything that the checker asks on the client's side."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from perdure.browser import FOLDER
from perdure_model.checker import check
from perdure_model.core.client import CLIENT
from perdure_model.world.models import MODELS

from tests.wild.vectors import Decisions

pytestmark = pytest.mark.wild
TRANSPORT = next(model for model in MODELS if model.name == "T")
REPLAY = Path(__file__).with_name("replay.mjs")
FEW = ("T once", "T garbled", "T return", "T tight", "T stale", "T never", "T watched ends", "T credentials")
"""Worlds of seconds, chosen once: together they ask nearly every rule."""


def decisions(names: Iterable[str]) -> Decisions:
    """Everything that the client's rules are asked in these worlds."""
    found = Decisions(CLIENT)
    for name in names:
        world = TRANSPORT.world("default", name, {CLIENT.side: found.book})
        assert check(world.system, progress=False).complete
    return found


def replay(node: str, found: Decisions, folder: Path, file: Path) -> tuple[int, dict[str, Any]]:
    """The exit code and what replay.mjs says of the modules in `folder`."""
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(f"{line}\n" for line in found.lines())
    done = subprocess.run([node, str(REPLAY), str(folder), str(file)], capture_output=True, text=True)
    assert done.stdout, done.stderr
    return done.returncode, {**json.loads(done.stdout), "told": done.stderr}


@pytest.fixture(scope="module")
def few() -> Decisions:
    return decisions(FEW)


def test_javascript_decides_as_python_does(node: str, few: Decisions, tmp_path: Path) -> None:
    code, said = replay(node, few, FOLDER, tmp_path / "vectors.jsonl.gz")
    assert (code, said["wrong"]) == (0, 0), said["told"]
    assert sum(said["counts"].values()) == len(few.seen) > 3_000


@pytest.mark.long
def test_javascript_decides_everything_that_the_checker_asks(node: str, tmp_path: Path) -> None:
    every = decisions(TRANSPORT.sizes["default"])
    code, said = replay(node, every, FOLDER, tmp_path / "vectors.jsonl.gz")
    assert (code, said["wrong"]) == (0, 0), said["told"]
    assert said["counts"].keys() == {rule.name for rule in CLIENT}
    assert sum(said["counts"].values()) == len(every.seen) > 10_000


MUTATIONS = {
    "a retry that comes too early": ("(1 + chance / 4)", "(1 - chance / 4)"),
    "one send too many": (".retries_max;", ".retries_max + 1;"),
    "a session that is taken for the last": ("last: same(watching.sessions, [i.session])", "last: true"),
    "failures that are kept": ("return [[{ ...link, failures: 0 }], []]", "return [[link], []]"),
    "a doubt that is forgotten": ("doubt: item.doubt || doubt", "doubt"),
    "what was told": ("told: sessions });\n    const cursors", "told: [] });\n    const cursors"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_rule_that_decides_otherwise_is_seen(name: str, node: str, few: Decisions, tmp_path: Path) -> None:
    right, wrong = MUTATIONS[name]
    folder = tmp_path / "browser"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    text = (folder / "rules.js").read_text(encoding="utf-8")
    assert text.count(right) == 1
    (folder / "rules.js").write_text(text.replace(right, wrong), encoding="utf-8")
    code, said = replay(node, few, folder, tmp_path / "vectors.jsonl.gz")
    assert code == 1
    assert said["wrong"] > 0
