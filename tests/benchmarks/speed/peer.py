"""Runs one Python peer on one model, in the peer's own interpreter; prints what it found as JSON.

python peer.py {minicheck,musil} {two_phase_commit,alternating_bit,world} max_states [number…]
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.benchmarks.speed import models
from tests.benchmarks.speed.models import Flat, Row


def minicheck(flat: Flat, max_states: int) -> int:
    """Distinct states that minicheck finds. Its model is a function to labelled successors."""
    from minicheck import Protocol, check_safety  # type: ignore[import-not-found]

    def one_by_one(row: Row) -> Iterator[tuple[str, Row]]:
        for name, enabled, apply in flat.moves:
            if enabled(row):
                yield name, apply(row)

    fields = tuple(f"f{n}" for n in range(len(flat.start)))

    def invariant(state: dict[str, Any]) -> bool:
        return flat.invariant(tuple(state.values()))

    protocol = Protocol("model", True, fields, flat.start, flat.steps or one_by_one, {"invariant": invariant})
    return int(check_safety(protocol, max_states)["reachable_states"])


def musil(flat: Flat, max_states: int) -> int:
    """Distinct states that musil finds. Its model is a list of guarded actions."""
    from musil import Action, Model, check  # type: ignore[import-not-found]

    actions = [Action(name, enabled, apply) for name, enabled, apply in flat.moves]
    model = Model([flat.start], actions, {"invariant": flat.invariant}, terminal=lambda _: True)
    return int(check(model, max_states=max_states).states_explored)


def flattened(system: Any) -> Flat:
    """perdure's own world for the peers: the same functions, a move for each choice; results are kept."""
    choices: dict[tuple[int, Row], list[Row]] = {}

    def results(number: int, row: Row) -> list[Row]:
        action = system.actions[number]
        key = number, tuple(row[c] for c in action.components)
        if key not in choices:
            wide = len(action.components) > 1
            yielded = action.function(*key[1]) or ()
            choices[key] = [each if wide else (each,) for each in yielded]
        return choices[key]

    def move(number: int, choice: int) -> models.Move:
        components = system.actions[number].components

        def apply(row: Row) -> Row:
            return models.put(row, *zip(components, results(number, row)[choice], strict=True))

        return models.Move(system.actions[number].name, lambda r: len(results(number, r)) > choice, apply)

    kept = [(p.components, p.functions[0]) for p in system.properties if p.kind == "always"]

    def invariant(row: Row) -> bool:
        return all(function(*[row[c] for c in components]) for components, function in kept)

    start = tuple(component.initial for component in system.components)
    return Flat(start, [move(n, c) for n in range(len(system.actions)) for c in range(3)], invariant)


def main() -> None:
    """Run and tell."""
    warnings.simplefilter("ignore")
    tool, model, limit, *numbers = sys.argv[1:]
    builders: dict[str, Callable[..., Flat]] = {
        "two_phase_commit": models.flat_two_phase_commit,
        "alternating_bit": models.flat_alternating_bit,
        "world": lambda: flattened(models.world()),
    }
    run = {"minicheck": minicheck, "musil": musil}[tool]
    flat = builders[model](*map(int, numbers))
    started = time.perf_counter()
    distinct = run(flat, int(limit))
    print(json.dumps({"distinct": distinct, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
