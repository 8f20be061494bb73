"""The arrows of a chart: what a drawing says, before anything says how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from perdure_model.table import Row, Table


class Label(NamedTuple):
    """What leads along an arrow and does the same: events, each with its guards, and the actions."""

    events: tuple[tuple[str, tuple[str, ...]], ...]
    actions: tuple[str, ...]


class Arrow(NamedTuple):
    """All transitions from one state to one other."""

    source: str
    target: str
    labels: tuple[Label, ...]


def arrows(table: Table) -> Iterator[Arrow]:
    """The table's rows in document order, joined where they go the same way and do the same."""
    joined: dict[tuple[str, str], dict[tuple[str, ...], dict[str, list[str]]]] = {}
    for (state, event), rows in table.rows.items():
        for place, row in enumerate(rows):
            alike = joined.setdefault((state, row.target), {}).setdefault(row.actions, {})
            alike.setdefault(event, []).extend(_guard(row, place))
    for (source, target), groups in joined.items():
        labels = (
            Label(tuple((event, tuple(guards)) for event, guards in events.items()), actions)
            for actions, events in groups.items()
        )
        yield Arrow(source, target, tuple(labels))


def _guard(row: Row, place: int) -> Iterator[str]:
    if row.guards:
        yield " and ".join(name if wanted else f"not {name}" for name, wanted in row.guards)
    elif place:
        yield "else"
