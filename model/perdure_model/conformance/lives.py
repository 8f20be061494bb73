"""What a client that was killed left to its next life: that an earlier one asked for it, and posted it so.

Each life is a run of its own. What stands at the beginning of one comes from a file, or wherever else the
client keeps its identity; so it is looked at once all runs have been replayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from perdure_model.conformance.lines import Record
from perdure_model.conformance.replay import Misfit
from perdure_model.core.client import effects as ce
from perdure_model.core.client import inputs as ci

KEEPING: Final = frozenset({ci.Started, ci.SendRequested})
"""The inputs of which something is kept here."""
KEPT_NAMES: Final = frozenset(kind.__name__ for kind in KEEPING)
KEPT: Final = re.compile("|".join(f'"type":"{name}"' for name in sorted(KEPT_NAMES)).encode())
"""What the line of one has in it, as a recorder writes it."""


class Lives:
    """What the lives of all clients asked for, and what they began with."""

    def __init__(self) -> None:
        self._incarnations: dict[str, int] = {}
        """Of each run. They are drawn, so that another client rarely has the same."""
        self._asked: set[tuple[str, Any, Any]] = set()
        self._begun: list[tuple[Record, ci.Started]] = []

    def tell(self, record: Record, i: Any) -> None:
        """Something of which a part is kept."""
        if type(i) is ci.SendRequested:
            self._asked.add((record.run, i.session, i.key))
            return
        self._incarnations[record.run] = i.attempt[0]
        if i.unsent:
            self._begun.append((record, i))

    def misfits(
        self, earlier: Callable[[Any, list[str]], list[str]], posts: Iterable[tuple[str, ce.Post]]
    ) -> Iterator[tuple[Record, Misfit]]:
        """Each beginning that has a send which no earlier life left.

        `earlier` gives those of some runs that are of a client, if all of these are recorded as wholes.
        """
        if not self._begun:
            return
        posted = {(run, key, str(post.epoch)) for run, post in posts for key in post.keys}
        for record, i in self._begun:
            before = [run for run, one in self._incarnations.items() if one < i.attempt[0]]
            for left in i.unsent:
                lives = earlier(i.kept, [run for run in before if self._incarnations[run] == left.key[0]])
                said = None if left.epoch is None else str(left.epoch)
                if lives and not any((run, left.session, left.key) in self._asked for run in lives):
                    yield (
                        record,
                        Misfit("no earlier life of the client was asked for this send", (repr(left),)),
                    )
                elif lives and said and not any((run, left.key, said) in posted for run in before):
                    why = "no earlier life of the client posted this send under this epoch"
                    yield record, Misfit(why, (repr(left),))
