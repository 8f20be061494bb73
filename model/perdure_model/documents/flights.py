"""What travels in a counterexample: from the step that sent it to the step that took it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from perdure_model.documents import words
from perdure_model.documents.deeds import Deed, Flag, Sign, Token


@dataclass(frozen=True)
class Flight:
    """Sent in step `start`; taken in step `end`, or lost in it; under way to the last where `end` is None."""

    token: Token
    effect: Any
    start: int
    end: int | None
    lost: bool = False

    def label(self, quiet: Set[str] = words.QUIET) -> str:
        """The effect that sent it, or what it is where a fault did."""
        if self.effect is None:
            return words.token(self.token, quiet)
        return words.said(self.effect, quiet)


def flights(done: Sequence[Deed]) -> list[Flight]:
    """All that travels, as it was sent; of equal things the first that was sent is the first to be taken."""
    waiting: dict[Token, list[tuple[int, Any]]] = {}
    found = []
    for deed in done:
        for tokens, lost in ((deed.taken, False), (deed.lost, True)):
            for one in tokens:
                if waiting.get(one):
                    start, effect = waiting[one].pop(0)
                    found.append(Flight(one, effect, start, deed.number, lost))
        for old, new in deed.remade:
            if waiting.get(old):
                waiting.setdefault(new, []).append(waiting[old].pop(0))
        for one in [one for one in waiting if isinstance(one.value, Sign) and one.component in deed.touched]:
            found += [Flight(one, effect, start, deed.number) for start, effect in waiting.pop(one)]
        for one, effect in deed.put:
            waiting.setdefault(one, []).append((deed.number, effect))
    found += [Flight(one, effect, start, None) for one, held in waiting.items() for start, effect in held]
    sides = {deed.number: deed.side for deed in done}
    told = (one for one in found if _is_told(one, sides))
    return sorted(told, key=lambda one: (one.start, one.end or len(done) + 1))


def _is_told(one: Flight, sides: dict[int, str | None]) -> bool:
    """Of what a wire only shows, what somebody read; of signs, those that another acted on."""
    if isinstance(one.token.value, Sign):
        return one.end is not None and sides[one.end] != sides[one.start]
    return not isinstance(one.token.value, Flag) or (one.end is not None and not one.lost)
