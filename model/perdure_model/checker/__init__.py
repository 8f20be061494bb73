"""An explicit-state model checker for protocols written in Python.

Law of this folder: it is generic. It imports nothing of perdure and knows nothing of sessions; and
importing it is cheap, so numba, numpy, scipy, rich and graphviz are imported where they are used.

From the bottom up: `errors`, `system` (what a model is), `calls` (the one place that runs a model's
functions), `report` (what is told), `contract` (what an engine is asked and answers), `plain` and
`liveness` (the oracle), `engine/` (the compiled one), `symmetry`, `check` (picks, runs, tells) with
`witness` (walks every counterexample again), `simulate` (random walks), `show/` (text and drawings).
"""

from .check import check
from .errors import CheckerError, DeclarationError, FunctionError, SymmetryError
from .report import Coverage, Report, Step, Violation
from .simulate import Simulation, simulate
from .system import Component, System

__all__ = [
    "CheckerError",
    "Component",
    "Coverage",
    "DeclarationError",
    "FunctionError",
    "Report",
    "Simulation",
    "Step",
    "SymmetryError",
    "System",
    "Violation",
    "check",
    "simulate",
]
