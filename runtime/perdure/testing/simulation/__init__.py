"""The simulator: the real client and the real hub in a world of their own, in virtual time, in one process.

Law of this package: nothing in it decides what client and hub do; they run unchanged, with a network between
them that fails in every way, and with a clock, chance and order of tasks that one seed decides. The same
scenario gives the same trace, byte for byte, in any process. Only `stepper` knows trio's private parts; only
`chance` replaces anything of Python's own, and puts it back.

A `Simulation` is driven step by step, from code that is not async:

    with Simulation(seed=1) as world:
        world.perform(step("connect a"))
        world.perform(step("send a 3"))
        world.perform(step("cut a 0.5"))
        world.finish()        # the faults stop; all must be well again, and then nothing may be left

`perform` and `finish` raise `Broken` as soon as something does not fit that both sides' applications have
seen: nothing lost, doubled or reordered, each send settled once and truly; and nothing is shown to them (a
status, an error, what becomes of a send) that was not decided, nor late, nor twice, nor left out. uvicorn,
real sockets and threads are outside virtual time: for those there is `perdure.testing.FaultProxy`.

Needs trio (the extra `check`).
"""

from perdure.testing.simulation.accounts import Accounts, Broken, Life, Verdict
from perdure.testing.simulation.runs import Run, Tally, drawn, replay, shortened, simulate
from perdure.testing.simulation.scenario import Scenario, ScenarioError, Step, parse, read, step, systems_of
from perdure.testing.simulation.simulation import Simulation
from perdure.testing.simulation.stepper import Chosen, Livelock, Order, Stepper
from perdure.testing.simulation.verbs import VERBS

__all__ = [
    "VERBS",
    "Accounts",
    "Broken",
    "Chosen",
    "Life",
    "Livelock",
    "Order",
    "Run",
    "Scenario",
    "ScenarioError",
    "Simulation",
    "Step",
    "Stepper",
    "Tally",
    "Verdict",
    "drawn",
    "parse",
    "read",
    "replay",
    "shortened",
    "simulate",
    "step",
    "systems_of",
]
