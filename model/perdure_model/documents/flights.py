"""What travels in a counterexample: from the step that sent it to the step that took it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perdure_model.documents import words
from perdure_model.documents.deeds import Deed, Flag, Token


@dataclass(frozen=True)
class Flight:
    """Sent in step `start`; taken in step `end`, or lost in it; under way to the last where `end` is None."""

    token: Token
    effect: Any
    start: int
    end: int | None
    lost: bool = False

    @property
    def label(self) -> str:
        """The effect that sent it, or what it is where a fault did."""
        return words.token(self.token) if self.effect is None else words.said(self.effect)


def flights(done: Sequence[Deed]) -> list[Flight]:
    """All that travels, in the order in which it was sent; of equal things the first sent is the first taken.

    Of what a wire only shows, what somebody read.
    """
    waiting: dict[Token, list[tuple[int, Any]]] = {}
    found = []
    for deed in done:
        for tokens, lost in ((deed.taken, False), (deed.lost, True)):
            for one in tokens:
                if waiting.get(one):
                    start, effect = waiting[one].pop(0)
                    found.append(Flight(one, effect, start, deed.number, lost))
        for one, effect in deed.put:
            waiting.setdefault(one, []).append((deed.number, effect))
    found += [Flight(one, effect, start, None) for one, held in waiting.items() for start, effect in held]
    read = (one for one in found if not isinstance(one.token.value, Flag) or (one.end and not one.lost))
    return sorted(read, key=lambda one: (one.start, one.end or len(done) + 1))
