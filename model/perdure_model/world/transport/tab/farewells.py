"""What a client says when it goes, and when it goes away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.client import effects as up
from perdure_model.core.client import inputs as ask
from perdure_model.world.bind import Arrival
from perdure_model.world.transport.tab.noted import AWAY, BACK, LIVE, Parting
from perdure_model.world.transport.wires import Farewell, Step

if TYPE_CHECKING:
    from perdure_model.world.transport.tab.tab import Tab


def farewell_sinks(tab: Tab) -> None:
    """Say where farewells go."""

    def saying(word: str) -> Any:
        def say(e: Any, _to: object, farewells: Any, _before: Parting) -> Step:
            yield farewells | {Farewell(word, e.attempt, e.cid)}, Parting(word, e.attempt)

        return say

    tab.sink(up.SayGoodbye, tab.farewells, tab.parting)(saying("close"))
    tab.sink(up.SaySuspended, tab.farewells, tab.parting)(saying("suspend"))

    @tab.sink(up.NotTaken, tab.parting)
    def not_taken(e: up.NotTaken, _to: object, parting: Parting) -> Step:
        yield (parting._replace(told=e.word == parting.word),)


def away_rules(tab: Tab) -> None:
    """Bind that a client goes away, and comes back."""

    def suspending(opened: tuple[int, str], left: int) -> Iterator[Arrival]:
        if opened[1] in (LIVE, AWAY) and left:
            yield ask.Suspended(), ((opened[0], AWAY), left - 1), None

    def resuming(opened: tuple[int, str], away: str, _said: Parting) -> Iterator[Arrival]:
        if opened[1] == AWAY:
            yield ask.Resumed(), ((opened[0], LIVE), BACK if away else "", Parting()), None

    def replied(farewells: frozenset[Farewell], parting: Parting) -> Iterator[Arrival]:
        for said in sorted(farewells):
            if said.under_way:
                continue
            latest = (said.kind, said.attempt) == (parting.word, parting.attempt)
            after = parting._replace(said_no=True) if latest and said.status != 200 else parting
            i = ask.FarewellReplied(said.kind, said.attempt, said.status)  # type: ignore[arg-type]
            yield i, (farewells - {said}, after), None

    if tab.world.bounds.suspends:
        tab.bind(ask.Suspended, [tab.opened, tab.world.budget["suspends"]], suspending, fair=False)
        tab.bind(ask.Resumed, [tab.opened, tab.away, tab.parting], resuming, fair=False)
        tab.bind(ask.FarewellReplied, [tab.farewells, tab.parting], replied)
