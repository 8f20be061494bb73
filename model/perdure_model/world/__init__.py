"""The closed systems for checking: the core's rules, the wires between them, and the faults.

Laws of this folder: a part is changed by a rule and by nothing else. `bind` makes a checker action out of
a rule; an action that is not a `bind` touches only wires, timers, budgets and the application. What a
rule may do in production it may do here, and what it asks for arrives on the wires of `transport`.
"""

from perdure_model.world.catalogue import DEFECTS, Defect
from perdure_model.world.run import Checked, Finding, check_worlds, find_defects
from perdure_model.world.sizes import SIZES, worlds
from perdure_model.world.transport import Bounds, Transport

__all__ = [
    "DEFECTS",
    "SIZES",
    "Bounds",
    "Checked",
    "Defect",
    "Finding",
    "Transport",
    "check_worlds",
    "find_defects",
    "worlds",
]
