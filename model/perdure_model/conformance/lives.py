"""What a client that was killed left to its next life: that an earlier one asked for it, and posted it so.

Each life is a run of its own. What stands at the beginning of one comes from a file, or wherever else the
client keeps its identity; so it is looked at once all runs have been replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from perdure_model.conformance.lines import Record
from perdure_model.conformance.replay import Misfit
from perdure_model.core.client import effects as ce
from perdure_model.core.client import inputs as ci

KEEPING: Final = frozenset({ci.Started, ci.SendRequested})
"""The inputs of which something is kept here."""
KEPT_NAMES: Final = frozenset(kind.__name__ for kind in KEEPING)


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
        of_incarnation: dict[int, list[str]] = {}
        for run, incarnation in self._incarnations.items():
            of_incarnation.setdefault(incarnation, []).append(run)
        posted = self._posted(posts)
        for record, i in self._begun:
            for left in i.unsent:
                before = left.key[0] < i.attempt[0]
                lives = earlier(i.kept, of_incarnation.get(left.key[0], []) if before else [])
                said = None if left.epoch is None else str(left.epoch)
                if lives and not any((run, left.session, left.key) in self._asked for run in lives):
                    yield (
                        record,
                        Misfit("no earlier life of the client was asked for this send", (repr(left),)),
                    )
                elif lives and said and not posted.get((left.key, said), i.attempt[0]) < i.attempt[0]:
                    why = "no earlier life of the client posted this send under this epoch"
                    yield record, Misfit(why, (repr(left),))

    def _posted(self, posts: Iterable[tuple[str, ce.Post]]) -> dict[tuple[Any, str], int]:
        """The first incarnation that posted a send, by its key and the epoch that it was posted under."""
        first: dict[tuple[Any, str], int] = {}
        for run, post in posts:
            incarnation = self._incarnations.get(run)
            if incarnation is not None:
                for key in post.keys:
                    by = key, str(post.epoch)
                    first[by] = min(incarnation, first.get(by, incarnation))
        return first
