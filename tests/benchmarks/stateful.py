"""How many steps a second the state machines do, beside what Hypothesis costs for rules that do nothing.

Each machine runs so many examples; an example's beginning, its end and all that is demanded there count, too.
Run it alone on the machine:  python tests/benchmarks/stateful.py [EXAMPLES]
"""

from __future__ import annotations

import sys
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from perdure.testing.simulation.scenario import Step
from perdure.testing.simulation.stateful import (
    ORDER,
    TAB,
    FollowMachine,
    ResponseMachine,
    TransportMachine,
    WholeMachine,
    WorldMachine,
)

STEPS = 50
REQUIRED = 1000
COUNT = {"steps": 0}


class EmptyMachine(RuleBasedStateMachine):
    """Rules that draw what ours draw, and do nothing."""

    @rule(order=ORDER, tab=TAB, count=st.integers(1, 6))
    def one(self, **_drawn: object) -> None:
        COUNT["steps"] += 1

    @rule(order=ORDER, tab=TAB)
    def other(self, **_drawn: object) -> None:
        COUNT["steps"] += 1


def counted(kind: type[WorldMachine]) -> type[RuleBasedStateMachine]:
    """The machine, whose steps are counted."""

    def count(self: WorldMachine, one: Step) -> None:
        COUNT["steps"] += 1
        kind._step(self, one)

    return type(kind.__name__, (kind,), {"_step": count})


def rate(kind: type[RuleBasedStateMachine], examples: int) -> float:
    """Steps for each second of processor time."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    COUNT["steps"] = 0
    begun = time.process_time()
    run_state_machine_as_test(kind, settings=chosen)
    return COUNT["steps"] / (time.process_time() - begun)


def main() -> None:
    """Print a line for each machine."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    run_state_machine_as_test(EmptyMachine, settings=settings(max_examples=2, database=None))  # imports
    empty = rate(EmptyMachine, examples)
    print(f"{'empty rules':18} {empty:8,.0f} steps/s: what Hypothesis itself costs")
    for kind in (TransportMachine, FollowMachine, ResponseMachine, WholeMachine):
        rate(counted(kind), 2)
        ours = rate(counted(kind), examples)
        print(f"{kind.__name__:18} {ours:8,.0f} steps/s, {ours / empty:.2f} of it; required: {REQUIRED:,}")


if __name__ == "__main__":
    main()
