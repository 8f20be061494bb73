"""Dijkstra's termination detection on a ring, EWD 840 (TLA+ examples, ewd840).

TLC takes a guard that is a disjunction for a choice: it generates a successor for each disjunct that is true,
though all are the same state. So do the token's actions here, so that the generated states can be compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from perdure_model.checker import System


def ewd840(n: int, fair: bool = True) -> System:
    """Nodes 0 … n-1 pass a token downwards; node 0 detects that all are inactive."""
    system = System(f"EWD 840, n = {n}")
    active = [system.component(f"active{i}", True) for i in range(n)]
    black = [system.component(f"black{i}", False) for i in range(n)]
    at = system.component("token_at", 0)
    dark = system.component("token_black", True)

    @system.initial(at, *active, *black)
    def start() -> Iterator[tuple[object, ...]]:
        yield from itertools.product(range(n), *[(False, True)] * (2 * n))

    @system.action(at, dark, black[0], fair=fair)
    def initiate(at: int, dark: bool, black: bool) -> Iterator[tuple[int, bool, bool]]:
        for _true in filter(None, (dark, black)) if at == 0 else ():
            yield n - 1, False, False

    for i in range(n):

        @system.action(active[i], name=f"deactivate{i}")
        def deactivate(active: bool) -> Iterator[bool]:
            if active:
                yield False

        for j in set(range(n)) - {i}:

            @system.action(active[i], black[i], active[j], name=f"send{i}to{j}")
            def send(
                active: bool, black: bool, other: bool, up: bool = j > i
            ) -> Iterator[tuple[bool, bool, bool]]:
                if active:
                    yield active, black or up, True

    for i in range(1, n):

        @system.action(at, dark, active[i], black[i], fair=fair, name=f"pass{i}")
        def pass_on(
            at: int, dark: bool, active: bool, black: bool, i: int = i
        ) -> Iterator[tuple[int, bool, bool, bool]]:
            for _true in filter(None, (not active, black, dark)) if at == i else ():
                yield at - 1, dark or black, active, False

    def detected(at: int, dark: bool, black: bool, *active: bool) -> bool:
        return at == 0 and not dark and not black and not active[0]

    def terminated(at: int, dark: bool, black: bool, *active: bool) -> bool:
        return not any(active)

    @system.always(at, dark, black[0], *active)
    def detects_only_termination(at: int, dark: bool, black: bool, *active: bool) -> bool:
        return not detected(at, dark, black, *active) or terminated(at, dark, black, *active)

    system.leads_to(at, dark, black[0], *active, when=terminated, then=detected, name="is detected")

    @system.terminal(*active)
    def at_rest(*active: bool) -> bool:
        return not any(active)

    return system
