"""All properties of data, and all defects of data code: one line here for each file of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perdure.testing.data import failures, following, framing, ids, names, notices, waiting
from perdure.testing.data.property import DataDefect, DataProperty
from perdure.testing.data.search import EXAMPLES_MAX, DataFinding, find_defect

FILES = (framing, following, ids, names, failures, notices, waiting)

DATA_PROPERTIES: tuple[DataProperty, ...] = tuple(one for file in FILES for one in file.PROPERTIES)


def by_id(defects: Iterable[DataDefect]) -> dict[str, DataDefect]:
    """The defects by their ids. Raises ValueError where an id is taken."""
    found: dict[str, DataDefect] = {}
    for one in defects:
        if one.id in found:
            raise ValueError(f"there is a defect {one.id} already: {found[one.id].says}")
        found[one.id] = one
    return found


DATA_DEFECTS: dict[str, DataDefect] = by_id(one for file in FILES for one in file.DEFECTS)


def find_data_defects(
    ids: Iterable[str] = tuple(DATA_DEFECTS), examples_max: int = EXAMPLES_MAX
) -> Iterator[DataFinding]:
    """Search for each defect with the property that it breaks."""
    for id in ids:  # noqa: A001 - the word for it
        yield find_defect(DATA_DEFECTS[id], DATA_PROPERTIES, examples_max)
