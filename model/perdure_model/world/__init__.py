"""The closed systems for checking: the core's rules, the wires between them, and the faults.

Laws of this folder: a part is changed by a rule and by nothing else. `bind` makes a checker action out of
a rule; an action that is not a `bind` touches only wires, timers, budgets and the application. What a
rule may do in production it may do here, and what it asks for arrives on the wires of its world.

Each system has a folder with its world (wires and faults), its bounds by size, its properties and its
defects; `models.py` lists them.
"""

from perdure_model.world.defect import Defect
from perdure_model.world.model import Model
from perdure_model.world.models import DEFECTS, MODELS, SIZE_NAMES, statements
from perdure_model.world.run import Checked, Finding, check_worlds, find_defects

__all__ = [
    "DEFECTS",
    "MODELS",
    "SIZE_NAMES",
    "Checked",
    "Defect",
    "Finding",
    "Model",
    "check_worlds",
    "find_defects",
    "statements",
]
