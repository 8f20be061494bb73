"""`check`: pick an engine, run it, and tell what it found."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from . import plain
from .contract import Options, Outcome, Snapshot
from .errors import DeclarationError, EngineError
from .report import Coverage, Report, Step, Verdict, Violation
from .symmetry import Declared, Symmetry
from .system import System

Engine = Literal["compiled", "plain"]
Explore = Callable[[System, Options], Outcome]


def check(
    system: System,
    *,
    max_states: int | None = None,
    max_depth: int | None = None,
    workers: int | None = None,
    memory_bytes: int | None = None,
    symmetry: Declared = (),
    stop_at_first: bool = False,
    progress: bool | Callable[[Snapshot], None] | None = None,
    checkpoint: str | Path | None = None,
    engine: Engine | None = None,
) -> Report:
    """Explore every reachable state of a system and decide its properties.

    `max_states`, `max_depth` (levels, the initial one is 1) and `memory_bytes` (default: half of what
    is free) end the search early; its report is then not complete, and never ok. `workers` defaults to
    all cores. `symmetry` names sets of interchangeable groups of components. `progress` None shows
    progress on a terminal, True always, False never; a function is called with each `Snapshot`.
    `checkpoint` names a file to which a search that is cut short is saved, and from which it goes on.
    `engine` insists on "compiled" or "plain"; by default the compiled one runs where numba is installed.

    Raises DeclarationError, FunctionError, SymmetryError or EngineError, each of them a CheckerError,
    for what is wrong with the model or the call. A violated property is in the report.
    """
    started = time.perf_counter()
    chosen, explore = _engine(engine)
    for name, limit in (("max_states", max_states), ("max_depth", max_depth), ("workers", workers)):
        if limit is not None and limit < 1:
            raise DeclarationError(f"{name}={limit}: give at least 1, or None")
    options = Options(
        max_states=max_states,
        max_depth=max_depth,
        workers=workers,
        memory_bytes=memory_bytes,
        stop_at_first=stop_at_first,
        symmetry=Symmetry(system, symmetry) if symmetry else None,
        progress=progress if callable(progress) else None,
        checkpoint=Path(checkpoint) if checkpoint else None,
    )
    outcome = explore(system, options)
    return _report(system, chosen, outcome, time.perf_counter() - started)


def _engine(wanted: Engine | None) -> tuple[Engine, Explore]:
    """The engine to run. The compiled one is imported only here: it takes its time."""
    there = importlib.util.find_spec("numba") and importlib.util.find_spec(f"{__package__}.engine")
    if wanted == "plain" or (wanted is None and not there):
        return "plain", plain.explore
    if wanted not in (None, "compiled"):
        raise EngineError(f"engine={wanted!r} is neither 'compiled' nor 'plain'")
    if not there:
        raise EngineError("the compiled engine needs numba: pip install 'perdure[check]'")
    module = importlib.import_module(f"{__package__}.engine")
    explore: Explore = module.explore
    return "compiled", explore


def _report(system: System, engine: Engine, outcome: Outcome, seconds: float) -> Report:
    violations = [
        Violation(
            found.prop.name if found.prop else "deadlock",
            found.prop.kind if found.prop else "deadlock",
            _trace(system, found.path),
            found.loop,
        )
        for found in outcome.found
    ]
    complete = outcome.stopped is None and not outcome.undecided
    unmet = [p.name for p in system.of_kind("sometimes") if p.name not in outcome.met]
    if outcome.stopped is None:
        violations += [Violation(name, "sometimes", []) for name in unmet]
    violated = {violation.property for violation in violations}
    verdicts: dict[str, Verdict] = {}
    for name in [prop.name for prop in system.properties] + ["deadlock"]:
        known = outcome.stopped is None and name not in outcome.undecided
        met = name in outcome.met and system_kind(system, name) == "sometimes"
        verdicts[name] = "violated" if name in violated else "holds" if known or met else "unknown"
    return Report(
        system=system.name,
        complete=complete,
        distinct=outcome.distinct,
        generated=outcome.generated,
        depth=outcome.depth,
        seconds=seconds,
        engine=engine,
        violations=violations,
        coverage=Coverage(
            actions={a.name: n for a, n in zip(system.actions, outcome.fired, strict=True)},
            local_states={c.name: s for c, s in zip(system.components, outcome.seen, strict=True)},
            sometimes={p.name: p.name in outcome.met for p in system.of_kind("sometimes")},
            triggered={p.name: p.name in outcome.met for p in system.of_kind("leads_to")},
        ),
        verdicts=verdicts,
        undecided=outcome.undecided,
        stopped=outcome.stopped,
        workers=outcome.workers,
        levels=outcome.levels,
        timings=outcome.timings,
    )


def system_kind(system: System, name: str) -> str | None:
    return next((prop.kind for prop in system.properties if prop.name == name), None)


def _trace(system: System, path: object) -> list[Step]:
    names = [component.name for component in system.components]
    steps: list[Step] = []
    for action, state in path:  # type: ignore[attr-defined]
        local = dict(zip(names, state, strict=True))
        changed = tuple(n for n in names if steps and steps[-1].state[n] != local[n])
        steps.append(Step(action, local, changed))
    return steps
