"""The engine's entry: search, decide liveness, tell paths."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perdure_model.checker.contract import Found, Options, Outcome
from perdure_model.checker.system import System

from .checkpoint import resume, save
from .graph import NODES_MAX, Graph, bytes_needed
from .interrupts import Interrupts
from .liveness import decide
from .search import Search
from .trace import path_to


def explore(system: System, options: Options) -> Outcome:
    """Explore a system, as `contract` demands."""
    with Interrupts() as interrupts:
        search = Search(system, options)
        out = search.out
        with search.pool:
            with _timed(out, "explore"):
                _run(search, options.checkpoint, interrupts)
            interrupts.asked = False  # answered by ending the search; a second Ctrl-C ends the judging
            with interrupts.may_break():
                _judge(search)
    return out


def _run(search: Search, checkpoint: Path | None, interrupts: Interrupts) -> None:
    if checkpoint is None:
        search.run(interrupts)
        return
    if checkpoint.exists():
        resume(search, checkpoint)
    search.run(interrupts)
    if search.out.stopped:
        save(search, checkpoint)
    else:
        checkpoint.unlink(missing_ok=True)


def _judge(search: Search) -> None:
    """What can only be said after the search: paths, liveness, whether the symmetry is one."""
    out, symmetry = search.out, search.options.symmetry
    started = time.perf_counter()
    out.found = [Found(prop, path_to(search, row)) for prop, row in search.alarms.items()]
    if symmetry:
        symmetry.probe(*search.answers.told())
        out.found = [
            Found(found.prop, [(name, symmetry.canonical(state)) for name, state in found.path])
            for found in out.found
        ]
    out.timings["trace"] = time.perf_counter() - started
    late = search.system.of_kind("always_possible", "eventually", "leads_to")
    if late:
        with _timed(out, "liveness"):
            reason = _undecidable(search)
            if reason is None:
                out.found += decide(Graph(search))
            else:
                out.undecided = {prop.name: reason for prop in late}


def _undecidable(search: Search) -> str | None:
    """Why liveness cannot be decided on what was found, or None."""
    if search.out.stopped:
        return f"the search was cut short: {search.out.stopped}"
    free = search.budget_bytes - search.store.nbytes
    needed = bytes_needed(search)
    if needed > free or len(search.store) > NODES_MAX:
        return (
            f"a graph of {len(search.store):,} states and {search.out.generated:,} steps takes up to "
            f"{needed / 1e9:.1f} GB, and {max(0, free) / 1e9:.1f} GB of the memory budget are left; "
            "give a bigger memory_bytes"
        )
    return None


@contextmanager
def _timed(out: Outcome, name: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        out.timings[name] = time.perf_counter() - started
