"""Dining philosophers after Chandy and Misra (TLA+ examples, DiningPhilosophers)."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.checker import System

Fork = tuple[int, bool]
"""Who holds it, and whether it is clean."""
Step = tuple[str, bool, Fork, Fork]


def philosophers(n: int, fair: bool = True) -> System:
    """Each hands dirty forks to the neighbour, eats with two clean ones, and thinks."""
    system = System(f"dining philosophers, n = {n}")
    at = [system.component(f"at{i}", "loop") for i in range(n)]
    hungry = [system.component(f"hungry{i}", True) for i in range(n)]
    forks = [system.component(f"fork{i}", (0 if i == 1 else i, False)) for i in range(n)]

    for i in range(n):

        @system.action(at[i], hungry[i], forks[i], forks[(i + 1) % n], name=f"philosopher{i}", fair=fair)
        def step(at: str, hungry: bool, left: Fork, right: Fork, i: int = i) -> Iterator[Step]:
            if at == "think":
                yield "loop", True, left, right
            elif at == "eat":
                yield "loop", False, (left[0], False), (right[0], False)
            else:
                can_eat = left == right == (i, True)
                if left == (i, False):
                    left = ((i - 1) % n, True)
                elif right == (i, False):
                    right = ((i + 1) % n, True)
                yield ("eat" if can_eat else "loop") if hungry else "think", hungry, left, right

        @system.always(at[i], at[(i + 1) % n], name=f"apart{i}")
        def apart(one: str, other: str) -> bool:
            return not one == other == "eat"

        system.leads_to(
            hungry[i], when=lambda hungry: True, then=lambda hungry: not hungry, name=f"{i} eats again"
        )
    return system
