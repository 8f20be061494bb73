"""Steps that were not recorded, found by search: what can have been where a few records of a run are missing.

A candidate is an input of which each field holds a value that the records around speak of, or one that lies
beside it. It fits if the machine can have been told it, and if what was recorded after it then fits, too.
Those that change least are tried first. Where several are missing in a row, it is what can have come one
after the other. What is found is one possible story, not the only one; and a search that takes too long is
given up, which is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from itertools import islice, product
from operator import itemgetter
from typing import Any, Final, TypeAlias

from perdure_model.conformance.lines import BadRecord, Record
from perdure_model.conformance.replay import Misfit, Run
from perdure_model.core.common import Refused

AROUND: Final = 8
"""Values come from so many records before and behind."""
BEHIND_MAX: Final = 40
"""So many records that follow have to fit."""
OF_A_KIND_MAX: Final = 1000
OFFERED_MAX: Final = 12
FIRST_MAX: Final = 8
TRIED_MAX: Final = 20_000
"""So many inputs are tried that are likely; of others, half as many for each that is missing."""
MISSING_MAX: Final = 3
"""So many records in a row are searched for."""
Values: TypeAlias = dict[str, list[Any]]
Steps: TypeAlias = tuple[Any, ...]
"""Inputs, one after the other."""
Told: TypeAlias = Callable[[Run], Iterable[Any]]
PAIRS: Final = frozenset({"attempt", "generation", "key"})
COUNTS: Final = frozenset({"position", "post", "serial", "refresh", "count"})
USUAL: Final[Values] = {
    "chance": [0.5],
    "fresh": ["unobserved"],
    "status": [200, 0, 503],
    "verdicts": [[]],
    "sent": [True],
    "readable": [True],
    "retry_after_s": [None],
}


class NotFilled(Exception):
    """Nothing was found that can have been there; the message says how far was searched."""


def filled(
    run: Run,
    missing: int,
    before: Sequence[Record],
    behind: Sequence[Record],
    caused: Callable[[Any], bool],
    offers: Callable[[type], Iterable[Values]],
    known: Callable[[Steps], bool],
) -> Steps:
    """So many inputs with which the records behind fit. Raises NotFilled.

    `caused` says whether what is heard from the other side can have been; `offers` gives fields of inputs
    of a type that can; `known` says which steps were tried before, and do not fit later on.
    """
    values = harvested([*behind[:AROUND], *before])
    return Search(values, behind[:BEHIND_MAX], caused, offers, known).steps(run, missing)


class Search:
    """One search; it ends where it has tried enough."""

    def __init__(
        self,
        values: Values,
        behind: Sequence[Record],
        caused: Callable[[Any], bool],
        offers: Callable[[type], Iterable[Values]],
        known: Callable[[Steps], bool],
    ) -> None:
        self._values, self._behind = values, behind
        self._caused, self._offers, self._known = caused, offers, known
        self._left, self._ended = 0, True

    def steps(self, run: Run, missing: int) -> Steps:
        """The steps with which all fits: likely ones, if there are any. Raises NotFilled."""
        for plan in product((self._likely, self._any), repeat=missing):
            self._left = TRIED_MAX if self._any not in plan else TRIED_MAX >> missing
            found = self._along(run, plan, ())
            if found is not None:
                return found
        if self._ended:
            raise NotFilled("no steps were found with which what follows fits")
        raise NotFilled("the search for steps with which what follows fits was given up: there are too many")

    def _along(self, run: Run, plan: tuple[Told, ...], done: Steps) -> Steps | None:
        """The steps, the first of which are these, and the others of such as the plan names."""
        if not plan:
            return done if not self._known(done) and fitting(run, self._behind) == len(self._behind) else None
        ahead = sorted(self._possible(run, plan[0](run)), key=itemgetter(0))
        if len(plan) > 1:  # first those that explain most of what follows
            ahead.sort(key=lambda one: fitting(one[2], self._behind), reverse=True)
        for _effects, i, after in ahead:
            found = self._along(after, plan[1:], (*done, i))
            if found is not None:
                return found
        return None

    def _possible(self, run: Run, told: Iterable[Any]) -> Iterator[tuple[int, Any, Run]]:
        """What of this it can have been told: how many effects it had, the input, and the run after it.

        Of each type of inputs one that is refused is enough, as it changes nothing: unless it ends something.
        """
        refused: set[type] = set()
        for i in told:
            if not self._left:
                self._ended = False
                return
            self._left -= 1
            if type(i) in refused or not self._caused(i):
                continue
            after = run.fork()
            try:
                effects = after.take(i)
            except (Misfit, BadRecord):
                continue
            if {type(effect) for effect in effects} == {Refused} and type(i) not in run.side.on_input:
                refused.add(type(i))
            yield len(effects), i, after

    def _likely(self, run: Run) -> Iterator[Any]:
        """What an earlier decision has asked for; or what timers and requests tell, what the other side has
        sent, and a little of what applications may say."""
        due = run.due()
        if due is not None:
            yield due
            return
        yield from run.timers()
        for kind, said in run.awaited():
            known = {name: [listed(value)] for name, value in said.items()}
            yield from islice(inputs(run, kind, {**self._values, **known}), OFFERED_MAX)
        for rule in run.side.book:
            for offer in self._offers(rule.input):
                yield from islice(inputs(run, rule.input, {**self._values, **offer}), OFFERED_MAX)
            if rule.input not in run.side.on_input and rule.input is not run.side.opens:
                yield from islice(inputs(run, rule.input, self._values), FIRST_MAX)

    def _any(self, run: Run) -> Iterator[Any]:
        """Whatever can be made of the values; nothing where it is certain what it must be told."""
        for rule in run.side.book:
            if rule.input is not run.side.opens and run.due() is None:
                yield from islice(inputs(run, rule.input, self._values), OF_A_KIND_MAX)


def listed(value: Any) -> Any:
    """A value as JSON has it."""
    return [listed(one) for one in value] if isinstance(value, tuple) else value


def inputs(run: Run, kind: type, values: Values) -> Iterator[Any]:
    """Inputs of this type; what counts comes in all its values first."""
    ordered = sorted(fields(kind), key=lambda one: one.name in PAIRS | COUNTS)
    domains = [domain(one, values) for one in ordered]
    names = [one.name for one in ordered]
    for chosen in product(*domains):
        try:
            yield run.side.read_input({"type": kind.__name__, **dict(zip(names, chosen, strict=True))})
        except BadRecord:
            continue


def domain(one: Any, values: Values) -> list[Any]:
    """What this field may hold: as JSON has it."""
    known = [*values.get(one.name, ()), *USUAL.get(one.name, ())]
    if known or one.default is MISSING:
        return known
    return [one.default]


def harvested(records: Iterable[Record]) -> Values:
    """The values that stand in these records under each name, and what lies beside them."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        for said in (record.data["input"], *record.data["effects"]):
            harvest(said, found)
    pairs = {key: pair for name in PAIRS for key, pair in found.get(name, {}).items()}
    for name in PAIRS:
        found[name] = {repr(near): near for pair in pairs.values() for near in beside_pair(pair)}
    for name in COUNTS & found.keys():
        found[name] = {repr(n): n for at in found[name].values() for n in (at, at + 1, at - 1) if n > 0}
    return {name: list(values.values()) for name, values in found.items()}


def harvest(said: dict[str, Any], found: dict[str, dict[str, Any]]) -> None:
    """What stands in an input or effect, and in what it holds."""
    for name, value in said.items():
        if isinstance(value, dict):
            harvest(value, found)
        elif name != "type":
            found.setdefault(name, {})[repr(value)] = value
        if name in ("keys", "verdicts"):
            keys = [one[0] if name == "verdicts" else one for one in value]
            found.setdefault("key", {}).update({repr(key): key for key in keys})
    for name, alias in (("epoch", "fresh"), ("instance", "cid")):
        if isinstance(said.get(name), str):
            found.setdefault(alias, {})[repr(said[name])] = said[name]


def beside_pair(pair: Any) -> list[Any]:
    """An attempt or key, the one before it, and the one behind."""
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], int)):
        return []
    return [pair, [pair[0], pair[1] + 1], *([[pair[0], pair[1] - 1]] if pair[1] > 1 else [])]


def fitting(run: Run, records: Sequence[Record]) -> int:
    """How many of these records can follow."""
    after = run.fork()
    for count, record in enumerate(records):
        try:
            after.judge(after.read(record))
        except (Misfit, BadRecord):
            return count
    return len(records)
