"""How many steps a second the state machines do, beside what Hypothesis costs for rules that do nothing.

A step is one verb of the simulator (`cut a 0.5`), but for `order`. Most rules take one, a plot or a stretch
several: both are counted.
Each machine runs so many examples; an example's beginning, its end and all that is demanded there count, too.
Rates are of processor time, and of the clock on the wall, which says less where others use the machine.
Run it alone on the machine:  python tests/benchmarks/stateful.py [EXAMPLES]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, run_state_machine_as_test
from perdure.testing.simulation.scenario import Step
from perdure.testing.simulation.stateful import (
    PLOT,
    SEED,
    FollowMachine,
    ResponseMachine,
    TransportMachine,
    WholeMachine,
    WorldMachine,
)

STEPS = 50
EXAMPLES = 60
REQUIRED = 1000
COUNT: Counter[str] = Counter()


class Counted(WorldMachine):
    """Counts its steps and rules."""

    def _step(self, one: Step) -> None:
        COUNT["steps"] += one.verb != "order"
        super()._step(one)

    @invariant()
    def one_rule_more(self) -> None:
        """Called before the first rule, and after each."""
        COUNT["rules"] += 1


class Hollow(Counted):
    """Draws the same, and does nothing: in no world."""

    @initialize(seed=SEED, plot=st.none() | PLOT)
    def begin(self, seed: int, plot: int | None) -> None:
        """No world."""

    def _step(self, one: Step) -> None:
        """Nothing."""

    def teardown(self) -> None:
        """Nothing is left."""


def mixed(first: type[WorldMachine], kind: type[WorldMachine]) -> type[WorldMachine]:
    """The machine, counted or hollow."""
    return type(kind.__name__, (first, kind), {})


@dataclass
class Rates:
    """Of one search: how many steps and rules in how many seconds of the processor and on the wall."""

    steps: int
    rules: int
    cpu_s: float
    wall_s: float


def measured(kind: type[RuleBasedStateMachine], examples: int) -> Rates:
    """Search once."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    COUNT.clear()
    begun = time.process_time(), time.perf_counter()
    run_state_machine_as_test(kind, settings=chosen)
    ended = time.process_time(), time.perf_counter()
    return Rates(COUNT["steps"], COUNT["rules"], ended[0] - begun[0], ended[1] - begun[1])


def main() -> None:
    """Print a line for each machine."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES
    print(f"{examples} examples of {STEPS} rules; required: {REQUIRED:,} steps a second")
    print(f"{'':18}{'steps/s':>9}{'(wall)':>9}{'rules/s':>9}{'rules/s if they do nothing':>29}")
    for kind in (TransportMachine, FollowMachine, ResponseMachine, WholeMachine):
        measured(mixed(Counted, kind), 2)  # imports
        ours, bare = measured(mixed(Counted, kind), examples), measured(mixed(Hollow, kind), examples)
        rates = ours.steps / ours.cpu_s, ours.steps / ours.wall_s, ours.rules / ours.cpu_s
        print(f"{kind.__name__:18}{''.join(f'{one:9,.0f}' for one in rates)}{bare.rules / bare.cpu_s:29,.0f}")


if __name__ == "__main__":
    main()
