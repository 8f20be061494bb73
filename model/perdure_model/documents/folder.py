"""The generated files: how they are made, written, and compared with what is committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from perdure_model import diagrams
from perdure_model.diagrams import dot_to_svg, file_name
from perdure_model.documents import record as records
from perdure_model.documents.counterexamples import FOLDER, drawings, search
from perdure_model.documents.coverage import coverage_to_dot
from perdure_model.documents.demands import Data
from perdure_model.documents.overview import overview_to_dot, overview_to_mermaid
from perdure_model.documents.record import Found, Move, Record
from perdure_model.documents.spec import specification
from perdure_model.world import DEFECTS, MODELS, Finding

WRITTEN = (".svg", ".mmd", ".json")


@dataclass(frozen=True)
class Made:
    """The drawings by their paths in their folder, and the specification.

    Where the defects were not `searched` for, their drawings are not among them. `missed` are defects
    that were searched for in vain.
    """

    drawings: Mapping[str, str]
    specification: str
    searched: bool
    missed: tuple[str, ...] = ()


def make(
    folder: Path,
    data: Data,
    *,
    search_defects: bool,
    explore_worlds: bool,
    done: Callable[[str], None] = lambda _step: None,
    jobs: int = 1,
) -> Made:
    """Make everything; what is not searched for or explored is taken from the folder's record.

    `done` hears of each defect and world that was searched; `jobs` are at a time.
    """
    findings = search(done=done, jobs=jobs) if search_defects else None
    reached = records.explore(done, jobs) if explore_worlds else None
    record = updated(records.load(folder), reached, findings)
    files = drawn(record) | counterexamples(findings or {})
    missed = tuple(name for name, one in (findings or {}).items() if not one.found)
    return Made(files, specification(record, data), search_defects, missed)


def drawn(record: Record) -> dict[str, str]:
    """All drawings that need no search, and the record. The same on every call and machine."""
    files = dict(diagrams.render())
    for model in MODELS:
        files[f"overview/{model.name}.svg"] = dot_to_svg(overview_to_dot(model))
        files[f"overview/{model.name}.mmd"] = overview_to_mermaid(model)
        for table in model.tables:
            path = f"coverage/{model.name}_{file_name(table.name)}.svg"
            files[path] = dot_to_svg(coverage_to_dot(table, record.of(model)))
    return files | {records.NAME: record.as_json()}


def counterexamples(findings: Mapping[str, Finding]) -> dict[str, str]:
    """The drawings of counterexamples."""
    return {path: text for one in findings.values() for path, text in drawings(one).items()}


def updated(
    held: Record,
    reached: Mapping[str, frozenset[Move]] | None = None,
    findings: Mapping[str, Finding] | None = None,
) -> Record:
    """The record with what was searched for again, and without what there is no more."""
    moves = held.reached if reached is None else reached
    found: Mapping[str, Found] = held.found if findings is None else records.found(findings)
    worlds = [name for model in MODELS for name in model.sizes["default"]]
    return Record(
        {name: moves.get(name, frozenset()) for name in worlds},
        {name: found[name] for name in DEFECTS if name in found},
    )


def stale(made: Made, folder: Path, specification: Path) -> list[str]:
    """What is wrong with the committed files, a line for each: missing, out of date, or of nothing.

    Empty where they are fresh. Only what is written here is looked at: other files may lie beside it.
    """
    there = held(folder)
    lines = [
        *(f"{path} is missing" for path in made.drawings if path not in there),
        *(f"{path} is out of date" for path, text in made.drawings.items() if there.get(path, text) != text),
        *(f"{path} is of nothing any more" for path in former(made, folder)),
    ]
    if not specification.exists():
        return [*lines, f"{specification.name} is missing"]
    fresh = specification.read_text(encoding="utf-8") == made.specification
    return lines if fresh else [*lines, f"{specification.name} is out of date"]


def held(folder: Path) -> dict[str, str]:
    """The drawings in the folder, by their paths."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix in WRITTEN)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def former(made: Made, folder: Path) -> list[str]:
    """The drawings in the folder that are of nothing any more."""
    gone = (path for path in held(folder) if path not in made.drawings)
    return [path for path in gone if made.searched or not _may_stay(path)]


def _may_stay(path: str) -> bool:
    """Whether this is a drawing of a defect that there is: without a search it is not made."""
    return path.startswith(f"{FOLDER}/") and Path(path).stem in DEFECTS


def write(made: Made, folder: Path, specification: Path) -> None:
    """Write all files, and remove those that are of nothing any more."""
    for path in former(made, folder):
        (folder / path).unlink()
    for path, text in made.drawings.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    specification.parent.mkdir(parents=True, exist_ok=True)
    specification.write_text(made.specification, encoding="utf-8")
