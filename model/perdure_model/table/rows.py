"""The table itself: immutable rows, and the one question that is put to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import NamedTuple

from perdure_model.table.errors import ChartError, MissingFactError, UnknownEventError, UnknownStateError

NO_FACTS: Mapping[str, bool] = MappingProxyType({})


class Row(NamedTuple):
    """One transition: taken where every guard has the value that stands beside it."""

    guards: tuple[tuple[str, bool], ...]
    target: str
    actions: tuple[str, ...]
    """In the order in which the chart would run them: before, exit, on, enter, after."""


@dataclass(frozen=True, slots=True)
class Table:
    """A compiled chart. Every pair of a state and an event is a key of `rows`, in document order."""

    name: str
    initial: str
    initial_actions: tuple[str, ...]
    """What entering the initial state runs, before any event."""
    states: tuple[str, ...]
    final: tuple[str, ...]
    events: tuple[str, ...]
    guards: tuple[str, ...]
    actions: tuple[str, ...]
    rows: Mapping[tuple[str, str], tuple[Row, ...]]

    def step(self, state: str, event: str, facts: Mapping[str, bool] = NO_FACTS) -> Row | None:
        """The first row of this state and event whose guards hold; None where nothing follows (refused).

        `facts` has a value for each guard that has to be read on the way to that row; more do no harm.

        Raises:
            UnknownStateError, UnknownEventError: the chart has no such state, or no such event.
            MissingFactError: a guard had to be read, and `facts` does not have it.
        """
        rows = self.rows.get((state, event))
        if rows is None:
            raise self._unknown(state, event)
        try:
            for row in rows:
                for guard, wanted in row.guards:
                    if (not facts[guard]) is wanted:
                        break
                else:
                    return row
        except KeyError as missing:
            raise MissingFactError(
                f"{self.name}: in {state!r} the event {event!r} depends on the guard {missing}: "
                f"give step() its fact, True or False; given: {sorted(facts) or 'none'}"
            ) from missing
        return None

    def _unknown(self, state: str, event: str) -> ChartError:
        if state not in self.states:
            return UnknownStateError(f"{self.name} has no state {state!r}{hint(state, self.states)}")
        return UnknownEventError(f"{self.name} has no event {event!r}{hint(event, self.events)}")


def hint(name: str, known: tuple[str, ...]) -> str:
    """The end of an error about an unknown name: the likeliest one, or all there are."""
    close = get_close_matches(str(name), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(known) or 'none'}"
