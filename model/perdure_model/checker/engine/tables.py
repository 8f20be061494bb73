"""The lookup tables that stand between a packed state and its successors.

They belong to one layout. A row is filled when a reached state first needs it, from `Answers`; when the
layout changes they are thrown away and filled again, without asking the model a second time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perdure_model.checker.system import Action

from . import kernels
from .answers import DEADLOCK, Answers, Ids, Watched
from .bundles import Bundle, bundle_up, reading_order
from .layout import Layout, arrange, gather, widths_for
from .memory import Words

DENSE_BITS_MAX = 18
"""Up to this key a bundle's rows are an array, above a map."""
MAP_SIZE_MIN = 64
ASKED_MAX = 1 << 14
FLAG = 1 << 63
PRESENT = 1 << 62

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row's word without its flag, and the predicates that would flag it."""

    word: int
    alarms: tuple[Watched, ...]


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """An action of a bundle: how its ids are picked from the bundle's, and where its deltas go."""

    number: int
    action: Action
    pick: Callable[[Ids], Ids]
    positions: list[int]


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """How a bundle's key is taken apart."""

    components: tuple[int, ...]
    places: list[tuple[int, int]]
    words: int
    actions: list[ActionPlan]
    watched: list[tuple[Watched, Callable[[Ids], Ids]]]

    def ids(self, words: Sequence[int]) -> Ids:
        """The ids in a key."""
        key = words[0]
        for w in range(1, self.words):
            key |= words[w] << (64 * w)
        return tuple([key >> shift & mask for shift, mask in self.places])


def picker(components: Sequence[int], wanted: Sequence[int]) -> Callable[[Ids], Ids]:
    """A function that takes the ids of `wanted` out of those of `components`."""
    at = [components.index(c) for c in wanted]
    if not at:
        return lambda _: ()
    if len(at) == 1:
        return operator.itemgetter(slice(at[0], at[0] + 1))
    return operator.itemgetter(*at)


class Tables:
    """Rows of all bundles for one layout."""

    def __init__(
        self,
        answers: Answers,
        watched: Sequence[Watched],
        workers: int,
        blocks: Iterable[Sequence[int]] = (),
        frozen: Layout | None = None,
    ) -> None:
        """Begin with empty tables.

        `watched`: what to look out for. `blocks`: components that must lie side by side. With `frozen`, the
        layout of another search's states, they are only judged.
        """
        system = answers.system
        self.answers = answers
        self.alive = list(watched)
        self.predicates = [w for w in watched if w.prop is not None]
        self.actions = [] if frozen else system.actions
        counts = answers.interner.counts()
        widths = widths_for(counts, answers.interner.bounds())
        footprints = [a.components for a in self.actions]
        self.bundles = bundle_up(footprints, [w.components for w in self.predicates], widths)
        self.layout = frozen or arrange(widths, reading_order(self.bundles, len(counts), blocks))
        self.capacity = [1 << field.width for field in self.layout.fields]
        self.last = self.all = len(self.bundles)
        if DEADLOCK in watched:
            self.bundles.append(Bundle(frozenset(c for t in system.terminals for c in t.components)))
            self.all += 1
        self.gathers = [gather(self.layout, bundle.components) for bundle in self.bundles]
        self.plans = [self._plan(b) for b in range(self.all)]
        self._lay_out(workers)

    def _plan(self, bundle: int) -> BundlePlan:
        gathered = self.gathers[bundle]
        acting = [
            ActionPlan(
                number,
                self.actions[number],
                picker(gathered.components, self.actions[number].components),
                [self.layout.fields[c].position for c in self.actions[number].components],
            )
            for number in self.bundles[bundle].actions
        ]
        watched = [self.predicates[number] for number in self.bundles[bundle].predicates]
        if bundle >= self.last:
            watched = [DEADLOCK]
        picks = [(w, picker(gathered.components, self.answers.named(w))) for w in watched]
        return BundlePlan(gathered.components, gathered.places(), gathered.words, acting, picks)

    def _lay_out(self, workers: int) -> None:
        width = max([1, *(g.words for g in self.gathers)])
        self.book = np.zeros((max(1, self.all), 5), np.int64)
        dense = maps = segment = 0
        plans = [g.extracts if kernels.EXTRACTS else g.segments for g in self.gathers]
        for b, plan in enumerate(self.gathers):
            is_dense = plan.bits <= DENSE_BITS_MAX
            size = 0 if is_dense else MAP_SIZE_MIN
            base = dense if is_dense else maps
            self.book[b] = segment, segment + len(plans[b]), base, size, plan.words
            segment += len(plans[b])
            dense, maps = dense + (1 << plan.bits) * is_dense, maps + size
        pieces = [piece for plan in plans for piece in plan]
        self.segments: Words = np.array(pieces or [(0,) * 5], np.uint64)
        self.rows: Words = np.zeros(max(1, dense), np.uint64)
        self.keys: Words = np.zeros((max(1, maps), width + 1), np.uint64)
        self.keys_used = maps
        self.used = np.zeros(max(1, self.all), np.int64)
        self.deltas: Words = np.zeros((1024, self.layout.words), np.uint64)
        self.delta_action = np.zeros(1024, np.int64)
        self.delta_row = np.zeros(1024, np.int64)
        self.delta_count = 0
        self.hits: Counts = np.zeros((workers, 1024), np.int64)
        self.asked: Words = np.zeros((ASKED_MAX, 2 + width), np.uint64)
        self.flagged: Counts = np.zeros((ASKED_MAX, 2), np.int64)
        self._alarmed: list[tuple[int, Words, _Row]] = []

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        held = (self.rows, self.keys, self.deltas, self.delta_action, self.delta_row, self.hits)
        return sum(array.nbytes for array in held)

    # ----------------------------------------------------------------- filling

    def answer(self, states: Words, deferred: Counts) -> tuple[bool, list[tuple[int, Watched]]]:
        """Fill the rows that these states lack, and say which of the states raise which alarm.

        The first result is False if a component has more local states than its bits can tell apart: then
        the layout must change.
        """
        alarms: list[tuple[int, Watched]] = []
        done = 0
        while done < len(deferred):
            n_asked, n_flagged, looked, full = kernels.ask(
                states, deferred[done:], self.all, self.last, self.book, self.segments, self.rows,
                self.keys, self.used, self.asked, self.flagged,
            )  # fmt: skip
            if not self._fill(self.asked[:n_asked]):
                return False, alarms
            for row, bundle in self.flagged[:n_flagged].tolist():
                alarms += [(row, alarm) for alarm in self._raised(bundle, states[row].tolist())]
            if full >= 0:
                self._grow_map(full)
            done += looked
        return True, alarms

    def _fill(self, asked: Words) -> bool:
        """Ask the model first, and only then write: a value may have been new, and too many."""
        requests = []
        for bundle, place, *words in asked.tolist():
            plan = self.plans[bundle]
            ids = plan.ids(words)
            answered = [
                (part, sub, found)
                for part in plan.actions
                if (found := self.answers.successors(part.action, sub := part.pick(ids)))
            ]
            requests.append((bundle, place, words, ids, answered))
        if any(c > most for c, most in zip(self.answers.interner.counts(), self.capacity, strict=True)):
            return False
        for bundle, place, words, ids, answered in requests:
            row = self._row(bundle, ids, answered)
            self._write(bundle, place, row)
            if row.alarms:
                self._alarmed.append((bundle, np.array([[*words, 0]], np.uint64), row))
        return True

    def _row(
        self, bundle: int, ids: Ids, answered: Iterable[tuple[ActionPlan, Ids, tuple[Ids, ...]]]
    ) -> _Row:
        first = self.delta_count
        for part, before, successors in answered:
            for after in successors:
                delta = 0
                for position, old, new in zip(part.positions, before, after, strict=True):
                    if old != new:
                        delta |= (old ^ new) << position
                self._append(delta, part.number, first)
        watched = self.plans[bundle].watched
        alarms = tuple(w for w, pick in watched if self.answers.alarms(w, pick(ids))) if watched else ()
        count = self.delta_count - first
        if count >= 1 << 22:
            raise OverflowError(f"{count:,} successors for one combination of local states")
        return _Row(PRESENT | count << 40 | first, alarms)

    def _append(self, delta: int, action: int, first: int) -> None:
        if self.delta_count == len(self.deltas):
            self._double()
        self.deltas[self.delta_count] = self.layout.words_of(delta)
        self.delta_action[self.delta_count] = action
        self.delta_row[self.delta_count] = first
        self.delta_count += 1

    def _double(self) -> None:
        more = len(self.deltas)
        self.deltas = np.concatenate([self.deltas, np.zeros_like(self.deltas)])
        self.delta_action = np.concatenate([self.delta_action, np.zeros(more, np.int64)])
        self.delta_row = np.concatenate([self.delta_row, np.zeros(more, np.int64)])
        self.hits = np.concatenate([self.hits, np.zeros_like(self.hits)], axis=1)

    def _write(self, bundle: int, place: int, row: _Row) -> None:
        flag = FLAG if any(alarm in self.alive for alarm in row.alarms) else 0
        if self.book[bundle, 3]:
            self.keys[place, -1] = np.uint64(row.word | flag)
        else:
            self.rows[place] = np.uint64(row.word | flag)

    def _grow_map(self, bundle: int) -> None:
        base, size, width = (int(self.book[bundle, i]) for i in (2, 3, 4))
        bigger = size * 4
        if self.keys_used + bigger > len(self.keys):
            room = np.zeros((2 * (self.keys_used + bigger), self.keys.shape[1]), np.uint64)
            room[: len(self.keys)] = self.keys
            self.keys = room
        kernels.move_map(self.keys, base, size, self.keys, self.keys_used, bigger, width)
        self.book[bundle, 2:4] = self.keys_used, bigger
        self.keys_used += bigger

    # ----------------------------------------------------------------- alarms

    def _raised(self, bundle: int, row: Sequence[int]) -> list[Watched]:
        plan = self.plans[bundle]
        everything = self.layout.unpack(row)
        ids = tuple(everything[c] for c in plan.components)
        return [w for w, pick in plan.watched if w in self.alive and self.answers.alarms(w, pick(ids))]

    def discard(self, watched: Watched) -> None:
        """Watch no longer for what was found."""
        self.alive.remove(watched)
        if watched is DEADLOCK:
            self.all = self.last
        for bundle, key, row in self._alarmed:
            if watched in row.alarms:
                self._write(bundle, self._place(bundle, key), row)

    def _place(self, bundle: int, key: Words) -> int:
        _, _, base, size, width = self.book[bundle].tolist()
        return int(kernels.find_key(self.keys, base, size, width, key)) if size else base + int(key[0, 0])

    # ----------------------------------------------------------------- what is told

    def fired(self) -> Counts:
        """How often each action yielded, by its index."""
        of_row = self.hits.sum(axis=0)[self.delta_row[: self.delta_count]]
        total = np.zeros(len(self.answers.system.actions), np.int64)
        np.add.at(total, self.delta_action[: self.delta_count], of_row)
        return total
