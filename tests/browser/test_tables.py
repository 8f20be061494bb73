"""The browser's client: its tables are the core's of today."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from perdure.browser import FOLDER, export
from perdure_model.core.client import CLIENT
from perdure_model.core.client.inputs import Heard
from perdure_model.core.client.parts import ITEM, STATE
from perdure_model.core.rule import Book, Family


def test_the_tables_are_fresh() -> None:
    written = (FOLDER / "tables.js").read_text(encoding="utf-8")
    assert written == export.module(), "run `python -m perdure.browser`"


def test_every_rule_of_the_core_is_told_with_what_it_sees() -> None:
    told = export.rules()
    assert [name for name, _, _ in told.values()] == [rule.name for rule in CLIENT]
    assert told["Heard"] == ["on_heard", [["link", "one", []]], []]
    assert told["Flush"][1][1] == ["item", "every", ["session"], [0]]
    assert told["Started"][1][5] == ["cursor", "each", [], "sessions"]


def test_every_rule_is_written_in_javascript() -> None:
    """That each decides as the core does is shown by `make test-wild`, which needs Node."""
    text = (FOLDER / "rules.js").read_text(encoding="utf-8")
    assert [rule.name for rule in CLIENT if f"\n  {rule.name}(" not in text] == []


def test_another_core_has_other_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    before = export.module()
    monkeypatch.setattr(export, "CLIENT", Book("client", {Heard: CLIENT[Heard]}))
    assert export.module() != before


def test_what_javascript_cannot_spread_is_refused() -> None:
    assert export.spec_of(STATE.one) == ["client", "one", []]
    with pytest.raises(NotImplementedError, match="item"):
        export.spec_of(ITEM.each("session", over="sessions"))
    assert export.spec_of(ITEM.every("key")) == ["item", "every", ["key"], [1]]
    assert export.spec_of(Family("one", ("field",)).each("field", over="all")) == ["one", "each", [], "all"]


def test_the_folder_holds_what_is_served_and_nothing_that_is_built() -> None:
    served = {path.name for path in FOLDER.iterdir() if path.suffix == ".js"}
    assert served >= {"perdure.js", "rules.js", "tables.js"}
    for name in served:
        assert imported(FOLDER / name) <= served, f"{name} imports what is not there"


def test_the_readme_states_the_size() -> None:
    modules = [path.read_bytes() for path in FOLDER.glob("*.js")]
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    told = re.search(r"([0-9]+) kB as written, ([0-9]+) kB gzipped", readme)
    assert told is not None
    written, zipped = sum(map(len, modules)), sum(len(gzip.compress(one)) for one in modules)
    assert abs(int(told[1]) - written / 1000) <= 1, f"{written} bytes as written"
    assert abs(int(told[2]) - zipped / 1000) <= 1, f"{zipped} bytes gzipped"


def imported(path: Path) -> set[str]:
    """The modules that a module imports: files beside it, by their names."""
    found: set[Any] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(("import ", "export {")) and " from " in line:
            name = line.split('"')[1]
            assert name.startswith("./"), f"{path.name} imports {name}"
            found.add(name.removeprefix("./"))
    return found
