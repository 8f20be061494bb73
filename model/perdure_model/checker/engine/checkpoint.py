"""A search that was cut short, on disk: so that it can go on another day, with other limits.

A file holds the packed states and, pickled, what their bits mean. It is for the model that wrote it:
another one is refused. As with any pickle, open only files that you trust.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from perdure_model.checker.errors import EngineError
from perdure_model.checker.system import System

from .answers import DEADLOCK, Watched, watched
from .search import Level, Search
from .store import Range, Store

VERSION = 1
PLAIN = (int, str, bytes, bool, float, tuple, frozenset, type(None))


def save(search: Search, path: Path) -> None:
    """Write what is known so far. Raises EngineError if a local state cannot be pickled."""
    head = pickle_head(search)
    arrays: dict[str, Any] = {
        f"region{n}": search.store.states[a:b] for n, (a, b) in enumerate(search.store.ranges())
    }
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        np.savez(file, head=np.frombuffer(head, np.uint8), **arrays)
    os.replace(beside, path)


def pickle_head(search: Search) -> bytes:
    """All but the states."""
    out, cut_at_depth = search.out, search.out.stopped == "max_depth"
    levels = search.levels[:-1] if search.partial else search.levels
    now = out.generated, np.array(out.fired), levels[-1].rest
    generated, fired, rest = search.before_last if cut_at_depth else now
    head = {
        "version": VERSION,
        "model": fingerprint(search),
        "layout": search.tables.layout,
        "region": search.store.region,
        "values": search.interner.values,
        "generated": generated,
        "fired": fired,
        "met": out.met,
        "seen": [{v: at for v, at in seen.items() if at <= len(levels)} for seen in out.seen],
        "levels": [level.ranges for level in levels],
        "rest": rest,
        "opened": search.opened,
        "alarms": {_name(prop): row for prop, row in search.alarms.items()},
    }
    try:
        return pickle.dumps(head)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise EngineError(
            f"the search cannot be saved: {error}; define the classes of local states at the top of a module"
        ) from error


def resume(search: Search, path: Path) -> None:
    """Make a new search what the saved one was. Raises EngineError for a file that does not fit."""
    try:
        with np.load(path) as file:
            head = pickle.loads(file["head"].tobytes())
            regions = [file[f"region{n}"] for n in range(len(file.files) - 1)]
    except (OSError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise EngineError(f"{path} is not a saved search ({error}); delete it to start anew") from error
    if head["version"] != VERSION or head["model"] != fingerprint(search):
        raise EngineError(
            f"{path} was saved by another model, or another version of this one or of Python; "
            "delete it to start anew"
        )
    _restore(search, head, regions)


def _restore(search: Search, head: dict[str, Any], regions: list[Any]) -> None:
    for component, values in enumerate(head["values"]):
        for value in values:
            search.interner.id(component, value)
    out = search.out
    out.generated, out.met, out.seen = head["generated"], head["met"], head["seen"]
    search.fired = head["fired"]
    properties = {_name(prop): prop for prop in search.system.properties} | {_name(None): None}
    search.alarms = {properties[name]: row for name, row in head["alarms"].items()}
    alive = [w for w in [*watched(search.system), DEADLOCK] if not _settled(search, w)]
    search.new_tables(alive)
    search.store, move = _refill(search, head, regions)
    search.levels = [Level([move(r) for r in ranges]) for ranges in head["levels"]]
    search.levels[-1].rest = [move(r) for r in head["rest"]]
    search.alarms = {prop: move((row, row + 1))[0] for prop, row in search.alarms.items()}
    opened = [move((at, at))[0] for at in head["opened"]]
    search.opened = opened + search.store.ends[len(opened) :]


def _settled(search: Search, w: Watched) -> bool:
    return w.prop in search.alarms if w.violation else w.prop is not None and w.prop.name in search.out.met


def _refill(
    search: Search, head: dict[str, Any], regions: list[Any]
) -> tuple[Store, Callable[[Range], Range]]:
    """The states in a store of today's budget and workers, and how their old row numbers become new ones."""
    workers, old_region = max(search.workers, len(regions)), head["region"]
    store = Store(head["layout"].words, workers, search.budget_bytes)
    total = sum(map(len, regions))
    while store.room() < total:
        if not store.grow(search.pool):
            raise EngineError(
                f"{total:,} saved states do not fit into the memory budget; give a bigger memory_bytes"
            )
    for worker, rows in enumerate(regions):
        first = worker * store.region
        store.states[first : first + len(rows)] = rows
        store.ends[worker] = first + len(rows)

    def move(rows: Range) -> Range:
        shift = rows[0] // old_region * (store.region - old_region)
        return rows[0] + shift, rows[1] + shift

    return store.relaid(head["layout"], search.tables.layout, search.pool), move


def fingerprint(search: Search) -> str:
    """A hash of what the model is: names, footprints, initial states, functions, and the symmetry."""
    digest = hashlib.sha256()
    for part in _described(search.system):
        digest.update(_stable(part).encode())
    digest.update(repr((sys.version_info[:2], search.orbits.orbits)).encode())
    return digest.hexdigest()


def _described(system: System) -> Iterator[object]:
    yield system.name
    for component in system.components:
        yield component.name, component.initial
    for action in system.actions:
        yield action.name, action.components, action.fairness, _function(action.function)
    for prop in [*system.properties, *system.terminals]:
        yield prop.name, prop.kind, prop.components, [_function(f) for f in prop.functions]
    for start in system.starts:
        yield start.name, start.components, _function(start.function)


def _function(function: Callable[..., object]) -> object:
    """A function's code and the plain values that it closes over."""
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__qualname__", type(function).__qualname__)
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    closed = [value if isinstance(value, PLAIN) else type(value).__qualname__ for value in cells]
    return _code(code), closed, getattr(function, "__defaults__", None)


def _stable(value: object) -> str:
    """A representation that is the same in every process: no order of a set, no address."""
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_stable, value))})"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(_stable, value)))}}}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return f"{type(value).__qualname__}{_stable(told)}"
    shown = repr(value)
    return type(value).__qualname__ if " at 0x" in shown else shown


def _code(code: types.CodeType) -> object:
    constants = [_code(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    return code.co_code, constants, code.co_names


def _name(prop: object) -> str:
    return "" if prop is None else str(prop.name)  # type: ignore[attr-defined]
