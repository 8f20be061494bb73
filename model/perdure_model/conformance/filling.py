"""Steps that were not recorded, found by search: what can have been where one record of a run is missing.

A candidate is an input of which each field holds a value that the records around speak of, or one that lies
beside it. It fits if the machine can have been told it, and if what was recorded after it then fits, too.
Those that change least are tried first. What is found is one possible story, not the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from itertools import islice, product
from operator import itemgetter
from typing import Any, Final, TypeAlias

from perdure_model.conformance.lines import BadRecord, Record
from perdure_model.conformance.replay import Misfit, Run

AROUND: Final = 8
"""Values come from so many records before and behind."""
BEHIND_MAX: Final = 40
"""So many records that follow have to fit."""
OF_A_KIND_MAX: Final = 1000
OFFERED_MAX: Final = 12
TRIED_MAX: Final = 20_000
Values: TypeAlias = dict[str, list[Any]]
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


def filled(
    run: Run,
    before: Sequence[Record],
    behind: Sequence[Record],
    caused: Callable[[Any], bool],
    offers: Callable[[type], Iterable[Values]],
) -> Any:
    """An input with which the records behind fit; None where none was found.

    `caused` says whether what is heard from the other side can have been; `offers` gives fields of inputs
    of a type that can.
    """
    values = harvested([*behind[:AROUND], *before])
    return Search(values, behind[:BEHIND_MAX], caused, offers).step(run)


class Search:
    """One search; it ends where it has tried enough."""

    def __init__(
        self,
        values: Values,
        behind: Sequence[Record],
        caused: Callable[[Any], bool],
        offers: Callable[[type], Iterable[Values]],
    ) -> None:
        self._values, self._behind, self._caused, self._offers = values, behind, caused, offers
        self._left = TRIED_MAX

    def step(self, run: Run) -> Any:
        """The step with which all fits; None where none was found."""
        for told in (self._likely, self._any):
            for _effects, i, after in sorted(self._possible(run, told(run)), key=itemgetter(0)):
                if fits(after, self._behind):
                    return i
        return None

    def _possible(self, run: Run, told: Iterable[Any]) -> Iterator[tuple[int, Any, Run]]:
        """What of this it can have been told: how many effects it had, the input, and the run after it."""
        for i in told:
            self._left -= 1
            if self._left < 0:
                return
            if not self._caused(i):
                continue
            after = run.fork()
            try:
                effects = after.take(i)
            except (Misfit, BadRecord):
                continue
            yield len(effects), i, after

    def _likely(self, run: Run) -> Iterator[Any]:
        """What an earlier decision has asked for, what timers tell, and what the other side has sent."""
        due = run.due()
        if due is not None:
            yield due
            return
        yield from run.timers()
        for rule in run.side.book:
            for offer in self._offers(rule.input):
                yield from islice(inputs(run, rule.input, {**self._values, **offer}), OFFERED_MAX)

    def _any(self, run: Run) -> Iterator[Any]:
        """Whatever can be made of the values; nothing where it is certain what it must be told."""
        for rule in run.side.book:
            if rule.input is not run.side.opens and run.due() is None:
                yield from islice(inputs(run, rule.input, self._values), OF_A_KIND_MAX)


def inputs(run: Run, kind: type, values: Values) -> Iterator[Any]:
    """Inputs of this type."""
    domains = [domain(one, values) for one in fields(kind)]
    names = [one.name for one in fields(kind)]
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


def fits(run: Run, records: Sequence[Record]) -> bool:
    """Whether these records can follow."""
    after = run.fork()
    try:
        for record in records:
            after.judge(after.read(record))
    except (Misfit, BadRecord):
        return False
    return True
