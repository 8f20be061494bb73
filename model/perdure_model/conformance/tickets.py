"""What a machine may be told, and when: by tickets.

A rule takes whatever it is told. That a timer can only run out once it was started, and a request only end
once it was made, is up to who performs; so a ticket is given where something begins, shown by what comes of
it, used by its end, and torn where it is given up for certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias

from perdure_model.conformance.values import written

Ticket: TypeAlias = tuple[Any, ...]
"""Its kind, then what it is for."""
Held: TypeAlias = dict[Ticket, int]
"""How many of each."""
Take: TypeAlias = Callable[[Held, Any], None]
"""Does what an input or effect does with the tickets that are held. Raises NoTicket."""
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


def no_ticket(held: Held, lacking: Ticket) -> NoTicket:
    """That this ticket is not held."""
    return NoTicket(lacking, [ticket for ticket in held if ticket[0] == lacking[0]])


VERBS: Final = {
    "gives": ("count = held.get(ticket, 0)", "if count < {most}: held[ticket] = count + 1"),
    "shows": ("if ticket not in held: raise no_ticket(held, ticket)",),
    "uses": (
        "count = held.get(ticket, 0)",
        "if not count: raise no_ticket(held, ticket)",
        "if count == 1: del held[ticket]",
        "else: held[ticket] = count - 1",
    ),
    "tears": ("held.pop(ticket, None)",),
}
"""What each verb does with a ticket among those that are held, of which there can be several alike."""


def taking(steps: Sequence[Step]) -> Take:
    """The function that does these steps: written out, as the same few are taken in nearly every record."""
    known: dict[str, Any] = {"no_ticket": no_ticket}
    lines = []
    for at, step in enumerate(steps):
        known[f"of{at}"] = step.of
        lines.append(f"ticket = {step.kind!r}, {about(step.names) or f'of{at}(said)'}")
        lines += [line.format(most=step.most) for line in VERBS[step.verb]]
    return written("take", "held, said", lines, known)


def about(names: Sequence[str]) -> str:
    """The text of these attributes: of one alone, or a tuple of several."""
    text = ", ".join([f"said.{name}" for name in names])
    return f"({text})" if len(names) > 1 else text


class Tickets:
    """The tickets that are held."""

    def __init__(self) -> None:
        self._held: Held = {}

    def take(self, said: object, take: Take) -> None:
        """Do what an input or effect does. Raises NoTicket."""
        take(self._held, said)

    def copy(self) -> Tickets:
        """The same tickets, to be changed apart from these."""
        other = Tickets()
        other._held = dict(self._held)
        return other

    def of(self, kind: str) -> Iterator[Ticket]:
        """Those of one kind."""
        return (ticket for ticket in self._held if ticket[0] == kind)
