"""What a machine may be told, and when: by tickets.

A rule takes whatever it is told. That a timer can only run out once it was started, and a request only end
once it was made, is up to who performs; so a ticket is given where something begins, shown by what comes of
it, used by its end, and torn where it is given up for certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, TypeAlias

Ticket: TypeAlias = tuple[Any, ...]
"""Its kind, then what it is for."""
UNBOUNDED = 1 << 60


@dataclass(frozen=True, slots=True)
class Step:
    """What an input or an effect does with one ticket."""

    verb: Literal["gives", "shows", "uses", "tears"]
    kind: str
    of: Callable[[Any], Any]
    most: int = UNBOUNDED
    """How many equal ones are held at most: giving another one changes nothing."""
    names: tuple[str, ...] = ()
    """The attributes that it is about, if it is about some as they are."""


Steps: TypeAlias = Mapping[type, tuple[Step, ...]]


def gives(kind: str, *names: str, most: int = UNBOUNDED) -> Step:
    """Something begins."""
    return Step("gives", kind, named(names), most, names)


def shows(kind: str, *names: str) -> Step:
    """Only while it lasts."""
    return Step("shows", kind, named(names), names=names)


def uses(kind: str, *names: str) -> Step:
    """Its end, once."""
    return Step("uses", kind, named(names), names=names)


def tears(kind: str, *names: str) -> Step:
    """It is given up, and has no end."""
    return Step("tears", kind, named(names), names=names)


def named(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """These attributes; without names, the input itself."""
    return attrgetter(*names) if names else lambda said: said


class NoTicket(Exception):
    """What was told cannot have come: the ticket that it lacks, and those of this kind that there are."""

    def __init__(self, lacking: Ticket, there: list[Ticket]) -> None:
        super().__init__(lacking)
        self.lacking, self.there = lacking, there


class Tickets:
    """The tickets that are held."""

    def __init__(self) -> None:
        self._held: dict[Ticket, int] = {}

    def take(self, said: object, steps: tuple[Step, ...]) -> None:
        """Do what an input or effect does. Raises NoTicket."""
        held = self._held
        for step in steps:
            verb, ticket = step.verb, (step.kind, step.of(said))
            if verb == "tears":
                held.pop(ticket, None)
                continue
            count = held.get(ticket, 0)
            if verb == "gives":
                held[ticket] = count + 1 if count < step.most else count
            elif not count:
                raise NoTicket(ticket, list(self.of(step.kind)))
            elif verb == "uses":
                self._use(ticket, count)

    def _use(self, ticket: Ticket, count: int) -> None:
        if count == 1:
            del self._held[ticket]
        else:
            self._held[ticket] = count - 1

    def copy(self) -> Tickets:
        """The same tickets, to be changed apart from these."""
        other = Tickets()
        other._held = dict(self._held)
        return other

    def of(self, kind: str) -> Iterator[Ticket]:
        """Those of one kind."""
        return (ticket for ticket in self._held if ticket[0] == kind)
