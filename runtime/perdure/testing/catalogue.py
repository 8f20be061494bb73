"""Every defect that there is, of the model and of data code, in one order; and the searches without any.

Needs the extra `check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from perdure_model.world import DEFECTS as MODEL_DEFECTS
from perdure_model.world import Checked, Defect, Finding, check_worlds, find_defects
from perdure_model.world.models import by_number

from perdure.testing.data import DATA_DEFECTS, DATA_PROPERTIES, DataDefect, DataFinding, falsify, find_defect

AnyDefect: TypeAlias = Defect | DataDefect
AnyFinding: TypeAlias = Finding | DataFinding
CONTROL_EXAMPLES = 200


def together(*catalogues: dict[str, Defect] | dict[str, DataDefect]) -> dict[str, AnyDefect]:
    """All defects, in the order of their ids. Raises ValueError where two have the same."""
    found: dict[str, AnyDefect] = {}
    for catalogue in catalogues:
        if taken := found.keys() & catalogue.keys():
            raise ValueError(f"defects of the model and of data code have the same ids: {sorted(taken)}")
        found |= catalogue
    return {id: found[id] for id in by_number(found)}  # noqa: A001 - the word for it


DEFECTS: dict[str, AnyDefect] = together(MODEL_DEFECTS, DATA_DEFECTS)


def find(ids: Iterable[str], jobs: int = 1) -> Iterator[AnyFinding]:
    """Plant each defect, and search for it: the default worlds, `jobs` defects at a time, or the cases of its
    property of data."""
    named = list(ids)
    in_worlds = find_defects([one for one in named if one in MODEL_DEFECTS], progress=False, jobs=jobs)
    for one in named:
        defect = DEFECTS[one]
        yield find_defect(defect, DATA_PROPERTIES) if isinstance(defect, DataDefect) else next(in_worlds)


def units(finding: AnyFinding) -> tuple[str, str]:
    """What a finding's length counts, and what was searched."""
    return ("values", "cases") if isinstance(finding, DataFinding) else ("steps", "states")


def smallest_case(finding: AnyFinding) -> str:
    """The shrunk case that broke a property of data, as Python would write it; "" where there is none."""
    found = finding.counterexample if isinstance(finding, DataFinding) else None
    return f"{found.statement.name}: {found.case!r}" if found else ""


@dataclass(frozen=True)
class Control:
    """What was found where no defect is planted: nothing, if all is well. `says` is what was searched."""

    says: str
    broken: tuple[str, ...]
    complete: bool


def without_defects(findings: Sequence[AnyFinding] | None = None, jobs: int = 1) -> Control:
    """Search without a defect: all default worlds and properties of data, or only where these were found."""
    checked = check_worlds(names=None if findings is None else worlds_of(findings), progress=False, jobs=jobs)
    ids = (
        None if findings is None else {one.defect.breaks for one in findings if isinstance(one, DataFinding)}
    )
    stated = [one for one in DATA_PROPERTIES if ids is None or one.id in ids]
    broken = [one.name for one in stated if falsify(one, CONTROL_EXAMPLES).counterexample]
    return Control(said(checked, len(stated)), (*violated(checked), *broken), checked.complete)


def worlds_of(findings: Iterable[AnyFinding]) -> set[str]:
    """The worlds in which the findings were made."""
    return {one.world for one in findings if isinstance(one, Finding)}


def violated(checked: Checked) -> list[str]:
    """Each property that is violated, and in which world."""
    return [f"{violation.property} in world {name!r}" for name, violation in checked.violations]


def said(checked: Checked, statements: int) -> str:
    """What was searched."""
    names = list(checked.reports)
    worlds = ", ".join(names) if len(names) < 4 else f"{len(names)} worlds"
    parts = [f"{checked.distinct:,} states of {worlds}"] if worlds else []
    if statements:
        parts.append(f"{CONTROL_EXAMPLES} cases for each statement about data, of which {statements}")
    return "; ".join(parts)
