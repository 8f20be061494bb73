"""The committed files say what the model says.

What takes a search is held where the search is made: by tests/world/test_worlds.py what the worlds reach, by
test_defects.py each counterexample.
"""

from __future__ import annotations

from pathlib import Path

from perdure_model.documents.folder import Made, stale, write
from perdure_model.documents.record import load
from perdure_model.world import DEFECTS

from .conftest import DRAWINGS, SPECIFICATION


def test_the_committed_files_are_fresh(made: Made) -> None:
    assert stale(made, DRAWINGS, SPECIFICATION) == [], "run `perdure diagrams`"


def test_staleness_is_told(made: Made, tmp_path: Path) -> None:
    folder, text = tmp_path / "drawings", tmp_path / "spec.md"
    write(made, folder, text)
    (folder / "README.md").write_text("other files may lie beside them")
    assert stale(made, folder, text) == []
    (folder / "send_item.svg").write_text("old")
    (folder / "overview/T.mmd").unlink()
    (folder / "former_chart.svg").write_text("<svg/>")
    (folder / "defects").mkdir()
    (folder / "defects/T02.svg").write_text("of a defect that there is")
    (folder / "defects/X99.svg").write_text("of one that there is no more")
    text.write_text("old")
    assert stale(made, folder, text) == [
        "overview/T.mmd is missing",
        "send_item.svg is out of date",
        "defects/X99.svg is of nothing any more",
        "former_chart.svg is of nothing any more",
        "spec.md is out of date",
    ]
    write(made, folder, text)
    assert stale(made, folder, text) == []
    assert (folder / "defects/T02.svg").exists()
    assert (folder / "README.md").exists()


def test_a_folder_that_is_not_there_is_stale(made: Made, tmp_path: Path) -> None:
    nothing = tmp_path / "nowhere"
    told = stale(made, nothing, nothing / "spec.md")
    assert len(told) == len(made.drawings) + 1
    assert all(line.endswith(" is missing") for line in told)


def test_without_a_record_nothing_is_claimed(tmp_path: Path) -> None:
    assert load(tmp_path).found == {}
    assert load(tmp_path).reached == {}


def test_a_record_that_is_written_is_read_again(tmp_path: Path) -> None:
    record = load(DRAWINGS)
    (tmp_path / "record.json").write_text(record.as_json(), encoding="utf-8")
    assert load(tmp_path) == record
    assert len(record.found) == len(DEFECTS)
