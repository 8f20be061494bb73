"""The compiled engine: the same answers as the oracle, many million states a second.

Law of this folder: `kernels` holds all compiled code and knows of arrays only; Python runs a model's
functions once for each projection that is reached (`answers`), and between the kernel's rounds.

From the bottom up: `layout` and `bundles` (bits, and what is looked up together), `memory`, `interning`,
`answers`, `kernels`, `tables` (rows of successors), `store` (the states), `orbits` (symmetry), `search`,
`trace`, `liveness`, `checkpoint`, `driver`. numpy and numba are imported with `driver`, not before.
"""

from __future__ import annotations

from perdure_model.checker.contract import Options, Outcome
from perdure_model.checker.system import System


def explore(system: System, options: Options) -> Outcome:
    """Explore a system, as `contract` demands. Raises EngineError where numba is not installed."""
    from .driver import explore as compiled

    return compiled(system, options)
