"""The engine's entry: search, judge liveness, tell paths."""

from __future__ import annotations

import time

from perdure_model.checker.contract import Found, Options, Outcome
from perdure_model.checker.system import System

from .interrupts import Interrupts
from .search import Search
from .trace import path_to


def explore(system: System, options: Options) -> Outcome:
    """Explore a system."""
    started = time.perf_counter()
    with Interrupts() as interrupts:
        search = Search(system, options)
        search.run(interrupts)
    out = search.out
    out.timings["explore"] = time.perf_counter() - started
    out.found = [Found(prop, path_to(search, row)) for prop, row in search.alarms.items()]
    if options.symmetry:
        options.symmetry.probe(*search.answers.told())
    out.timings["trace"] = time.perf_counter() - started - out.timings["explore"]
    search.pool.shutdown()
    return out
