"""`check`: pick an engine, run it, and tell what it found."""

from __future__ import annotations

import dataclasses
import importlib.util
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal

from . import plain, witness
from .contract import Options, Outcome, Snapshot
from .errors import DeclarationError, EngineError
from .progress import progress_for
from .report import Coverage, Report, Verdict, Violation, violation_of
from .symmetry import Declared, Symmetry
from .system import LIVENESS, System

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
    if checkpoint is not None and chosen == "plain":
        raise EngineError(
            "only the compiled engine saves searches: pip install 'perdure[check]', or no checkpoint"
        )
    for name, limit in (("max_states", max_states), ("max_depth", max_depth), ("workers", workers)):
        if limit is not None and limit < 1:
            raise DeclarationError(f"{name}={limit}: give at least 1, or None")
    system.refuse_changed_variables()
    with progress_for(system.name, progress) as tell:
        options = Options(
            max_states=max_states,
            max_depth=max_depth,
            workers=workers,
            memory_bytes=memory_bytes,
            stop_at_first=stop_at_first,
            symmetry=Symmetry(system.without(*LIVENESS), symmetry) if symmetry else None,
            progress=tell,
            checkpoint=Path(checkpoint) if checkpoint else None,
        )
        outcome = _reduced(system, options, explore) if symmetry else explore(system, options)
    witness.confirm(system, outcome.found)
    return _report(system, chosen, outcome, time.perf_counter() - started)


def _reduced(system: System, options: Options, explore: Explore) -> Outcome:
    """Search with the symmetry, and decide liveness without it: fairness tells who from who."""
    assert options.symmetry is not None
    outcome = explore(options.symmetry.system, options)
    options.symmetry.spread(outcome)
    liveness = system.of_kind(*LIVENESS)
    if not liveness or outcome.stopped:
        why = f"the search was cut short: {outcome.stopped}"
        outcome.undecided.update({prop.name: why for prop in liveness})
        return outcome
    whole = explore(
        system.without("always", "sometimes", "always_possible"),
        dataclasses.replace(options, symmetry=None, checkpoint=None, stop_at_first=False),
    )
    outcome.found += [found for found in whole.found if found.prop]
    outcome.met |= whole.met
    outcome.undecided.update(whole.undecided)
    outcome.timings["liveness"] = sum(whole.timings.values())
    return outcome


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
    violations = [violation_of(system, found) for found in outcome.found]
    if outcome.stopped is None:
        unmet = [prop.name for prop in system.of_kind("sometimes") if prop.name not in outcome.met]
        violations += [Violation(name, "sometimes", []) for name in unmet]
    whole = outcome.stopped is None and not outcome.undecided
    return Report(
        system=system.name,
        complete=whole,
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
        verdicts=_verdicts(system, outcome, {violation.property for violation in violations}),
        undecided=outcome.undecided,
        stopped=outcome.stopped,
        workers=outcome.workers,
        levels=outcome.levels,
        timings=outcome.timings,
    )


def _verdicts(system: System, outcome: Outcome, violated: Collection[str]) -> dict[str, Verdict]:
    def judge(name: str, met: bool) -> Verdict:
        if name in violated:
            return "violated"
        known = outcome.stopped is None and name not in outcome.undecided
        return "holds" if known or met else "unknown"

    verdicts = {
        prop.name: judge(prop.name, prop.kind == "sometimes" and prop.name in outcome.met)
        for prop in system.properties
    }
    return {**verdicts, "deadlock": judge("deadlock", False)}
