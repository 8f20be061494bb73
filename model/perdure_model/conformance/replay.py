"""One run, replayed: each of its decisions is taken again, and must come out the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from perdure_model.conformance.clock import Clock, Early
from perdure_model.conformance.lines import BadRecord, Record
from perdure_model.conformance.parts import Parts
from perdure_model.conformance.sides import SIDES, TABLES, TIMER, Side
from perdure_model.conformance.tickets import NoTicket, Tickets
from perdure_model.conformance.values import are_alike
from perdure_model.core.client.effects import Renamed
from perdure_model.core.client.inputs import Started
from perdure_model.core.common import Moved, Refused

MOVE_OF_HEAD = itemgetter("machine", "instance", "event", "from", "to")
MOVE = itemgetter("machine", "instance", "event", "source", "target")
NOWHERE = (None,) * 5
GENERATIONS = ("generation", "attempt", "post", "refresh")
"""The fields of an input that say which generation it is of."""
ALWAYS = (Moved, Refused)


class Misfit(Exception):
    """A record does not fit: why, what was recorded, and what the model would have allowed."""

    def __init__(self, why: str, recorded: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.why, self.recorded, self.allowed = why, recorded, allowed


@dataclass(slots=True)
class Decision:
    """A record with its input as a value of the rules; its effects, too, once it has been judged."""

    record: Record
    input: Any
    effects: tuple[Any, ...] = ()
    filled: bool = False
    """It was not recorded: the search has found that it can have been."""


class Run:
    """One life of one machine, as far as it has been replayed."""

    def __init__(self, name: str, side: str) -> None:
        self.name, self.side_name = name, side
        self.side: Side = SIDES[side]
        self.broken = False
        """Something of it is missing: from there on its parts are not known."""
        self._parts: Parts | None = None
        self._tickets, self._clock = Tickets(), Clock(self.side)
        self._on_input, self._on_effect = self.side.takes_on_input, self.side.takes_on_effect
        self._opens, self._followers, self._notable = self.side.opens, self.side.followers, self.side.notable
        self._cid: Any = None
        self._named = side == "client"
        """Whether all its records are under its own client id, and not under that of who is spoken of."""
        self._next: deque[Any] = deque()
        self._states: dict[tuple[str, Any], str] = {}

    def read(self, record: Record) -> Decision:
        """The record's input. Raises BadRecord."""
        if record.side != self.side_name:
            raise BadRecord(f"its run is a {self.side_name}'s, and its side {record.side!r}")
        return Decision(record, self.side.read_input(record.data["input"]))

    def judge(self, decision: Decision) -> None:
        """Take the decision again, if it can be done. Raises Misfit where it does not fit, and BadRecord."""
        if decision.filled:
            decision.effects = self.take(decision.input)
            return
        try:
            self._clock.goes_on(decision.record.t)
            if self.broken:
                self._possible(decision)
            else:
                self._replay(decision)
        except Early as early:
            raise Misfit(str(early), (repr(decision.input),)) from None
        check_head(decision.record.data)

    def _replay(self, decision: Decision) -> None:
        i = decision.input
        if self._parts is None:
            self._parts = self._begin(decision)
        elif type(i) is self._opens:
            self._open_again(i)
        if decision.record.cid != (self._cid if self._named else getattr(i, "cid", None)):
            raise self._misnamed(decision)
        self._told(i)
        allowed = decision.effects = self._decided(self._parts, i)
        said = decision.record.data["effects"]
        if not are_alike(said, allowed):
            raise Misfit(
                f"on {i!r} the rule decides otherwise",
                tuple(map(repr, self._effects(said))) or ("nothing",),
                tuple(map(repr, allowed)) or ("nothing",),
            )
        notable = self._notable
        for effect in allowed:
            if type(effect) in notable:
                self._asked(effect)

    # -- where records are missing ---------------------------------------------------------------------

    def fork(self) -> Run:
        """The same run, to go on otherwise."""
        other = copy(self)
        other._tickets, other._next = self._tickets.copy(), self._next.copy()  # noqa: SLF001 - its own kind
        other._clock = self._clock.copy()  # noqa: SLF001
        other._states, other._parts = {**self._states}, self._parts and self._parts.copy()  # noqa: SLF001
        return other

    def take(self, i: Any) -> tuple[Any, ...]:
        """Go on as if this had been recorded. Raises Misfit where it cannot have been told this."""
        if self._parts is None:
            raise Misfit("nothing is known before the beginning")
        self._told(i, filled=True)
        effects = self._decided(self._parts, i)
        for effect in effects:
            self._asked(effect, filled=True)
        return effects

    def due(self) -> Any:
        """What it must be told next; None where that is open."""
        return self._next[0] if self._next else None

    def timers(self) -> list[Any]:
        """What the timers that run would tell it."""
        return [ticket[1] for ticket in self._tickets.of(TIMER)]

    def awaited(self) -> Iterator[tuple[type, dict[str, Any]]]:
        """What it may be told by the tickets that it holds: types of inputs, and some of their fields."""
        for kind, steps in self.side.on_input.items():
            step = next((one for one in steps if one.names and one.verb != "gives"), None)
            for _, of in self._tickets.of(step.kind) if step else ():
                values = of if step and len(step.names) > 1 else (of,)
                yield kind, dict(zip(step.names if step else (), values, strict=True))

    def cid_of(self, i: Any) -> str | None:
        """The client id that a record of this would stand under."""
        cid: str | None = self._cid if self._named else getattr(i, "cid", None)
        return cid

    def _effects(self, said: list[Any]) -> tuple[Any, ...]:
        return tuple([self.side.read_effect(effect) for effect in said])

    def _asked(self, effect: Any, *, filled: bool = False) -> None:
        """What an effect begins or gives up."""
        kind = type(effect)
        take = self._on_effect.get(kind)
        if take is not None:
            self._tickets.take(effect, take)
            self._clock.asked(effect, filled=filled)
        elif kind is self.side.follows:
            self._next.append(effect.input)
        elif kind is Renamed:
            self._cid = effect.cid

    def _begin(self, decision: Decision) -> Parts:
        side, i = self.side, decision.input
        if type(i) is not side.opens:
            first = side.opens.__name__
            raise Misfit(f"a {self.side_name} is told {first} first", (repr(i),), (f"{first}(...)",))
        if isinstance(i, Started):
            self._cid = i.fresh if i.kept is None else i.kept
        if side.settings is None:
            return Parts(side.book, {})
        said = decision.record.data.get("settings")
        if said is None:
            raise BadRecord("the first record of a run holds its settings, and this one does not")
        return Parts(side.book, {side.settings[0]: side.read_settings(said)})

    def _open_again(self, i: Any) -> None:
        """What a run begins with is told once more."""
        if self.side.goes_on(i):
            self._tickets = Tickets()
            self._clock.forget()
        elif not self.side.again:
            raise Misfit(f"a run begins with {type(i).__name__}, and only once")

    def _misnamed(self, decision: Decision) -> Misfit:
        said, cid = decision.record.cid, self.cid_of(decision.input)
        return Misfit("the record is under another client id", (str(said),), (str(cid),))

    def _told(self, i: Any, *, filled: bool = False) -> None:
        """Whether it can have been told this now."""
        if self._next:
            due = self._next.popleft()
            if due != i:
                raise Misfit("an earlier decision asked for another one first", (repr(i),), (repr(due),))
        elif type(i) in self._followers:
            raise Misfit("no decision asked for this one", (repr(i),))
        take = self._on_input.get(type(i))
        if take is not None:
            try:
                self._tickets.take(i, take)
            except NoTicket as no:
                raise self._unasked(i, no) from None
            self._clock.told(i, filled=filled)

    @staticmethod
    def _unasked(i: Any, no: NoTicket) -> Misfit:
        return Misfit(
            f"there is not ({no.lacking[0]}) of which it could be told this",
            (repr(i),),
            tuple(f"for {one[0]} {one[1]!r}" for one in no.there[:5]) or ("nothing of the kind",),
        )

    @staticmethod
    def _decided(parts: Parts, i: Any) -> tuple[Any, ...]:
        try:
            return parts.decided(i)
        except Exception as error:  # a rule may fail in any way on what cannot be
            raise Misfit(
                f"the rule cannot decide on this: it is about something that is not there ({error!r})",
                (repr(i),),
            ) from error

    # -- where the parts are not known -----------------------------------------------------------------

    def _possible(self, decision: Decision) -> None:
        """Whether the rule may ask for such effects at all, and the charts have such transitions."""
        rule = self.side.book[type(decision.input)]
        decision.effects = self._effects(decision.record.data["effects"])
        for effect in decision.effects:
            if not isinstance(effect, (*rule.emits, *ALWAYS)):
                raise Misfit(
                    f"{rule.name} never asks for this",
                    (repr(effect),),
                    tuple(kind.__name__ for kind in (*rule.emits, *ALWAYS)),
                )
            if isinstance(effect, Moved):
                self._moved(effect)

    def _moved(self, move: Moved) -> None:
        table, machine = TABLES.get(move.machine), (move.machine, move.instance)
        before = self._states.get(machine, move.source)
        rows = table.rows.get((move.source, move.event), ()) if table else ()
        if before != move.source or move.target not in {row.target for row in rows}:
            raise Misfit(
                f"the chart has no such transition out of {before!r}",
                (repr(move),),
                tuple(f"{move.source!r} to {row.target!r} on {move.event!r}" for row in rows),
            )
        self._states[machine] = move.target


def generation_of(said: dict[str, Any]) -> Any:
    """Which generation an input is of."""
    for name in GENERATIONS:
        if name in said:
            return said[name]
    return None


def check_head(data: dict[str, Any]) -> None:
    """Whether what stands at the head of a record is what its input and effects say. Raises BadRecord."""
    move = NOWHERE
    for effect in data["effects"]:
        if effect["type"] == "Moved":
            move = MOVE(effect)
            break
    try:
        fits = MOVE_OF_HEAD(data) == move and data["generation"] == generation_of(data["input"])
    except KeyError as error:
        raise BadRecord(f"its {error} is missing") from None
    if not fits:
        raise BadRecord("its machine, instance, event, from, to or generation is not what its effects say")
