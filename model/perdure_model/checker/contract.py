"""What an engine is asked and what it answers: the seam between `check` and the engines.

An engine is one function, `explore(system, options) -> Outcome`; `plain.explore` is the oracle and
`engine.explore` (the package `engine/`) the compiled one. The oracle's behaviour is the meaning:

- A state is the tuple of local states in the order of `system.components`; two are the same if they
  are equal. Initial states come from `calls.initial_states`; functions are run only by `calls`.
- `generated` counts the initial states and every yield; `distinct` states; `depth` levels, initial = 1.
- A state is a deadlock if no action yields anything for it (a yield equal to the state counts as a
  successor) and no terminal accepts it.
- Exploring goes on past violations. For each violated property (and for deadlock) the engine gives
  one `Found` with a shortest path. With `stop_at_first` it stops at the first safety violation.
- `max_states`: no state is added beyond that number; wanting to add one stops the search.
  `max_depth`: the states of the last allowed level are expanded, too, but nothing new is added; the
  search is cut only if there was something new. A search that found all states is not cut.
- `always_possible`, `eventually` and `leads_to` are decided after a search that was not cut;
  otherwise, and beyond the size that the engine can decide, they go to `undecided` with the reason.
- `sometimes` that were not met are no `Found`: `check` derives them from `met`.
- KeyboardInterrupt during the search is caught: `stopped="interrupted"`.
- With `symmetry`, states are replaced by `symmetry.canonical(state)`; initial states, too. The paths
  are then paths of canonical states; `check` makes real ones of them. `symmetry.probe(...)` must
  have accepted every projection that was tabulated, before the outcome is returned. `check` hands no
  liveness property together with a symmetry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .system import Local, Property, State

if TYPE_CHECKING:
    from .symmetry import Symmetry

Stopped = Literal["max_states", "max_depth", "memory", "interrupted", "violation", "liveness size"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a running search has come. `memory_bytes` is what the search holds."""

    distinct: int
    generated: int
    depth: int
    frontier: int
    seconds: float
    memory_bytes: int
    phase: str = "exploring"


@dataclass(frozen=True, slots=True)
class Options:
    """What `check` asks of an engine. None means no limit, and for `workers` all cores."""

    max_states: int | None = None
    max_depth: int | None = None
    workers: int | None = None
    memory_bytes: int | None = None
    stop_at_first: bool = False
    symmetry: Symmetry | None = None
    progress: Callable[[Snapshot], None] | None = None
    """Called a few times a second at most, from the thread that called `explore`."""
    checkpoint: Path | None = None
    """Resume from this file if it exists; write it when the search is cut short."""


@dataclass(frozen=True, slots=True)
class Found:
    """A counterexample. `prop` is None for a deadlock.

    `path` starts in an initial state with action None; each further pair is the action's name and the
    state that it leads to. A lasso ends in the very state that stands at `loop`, so that its last step
    closes the loop; where a path stops for ever, `loop` is the index of its last state.
    """

    prop: Property | None
    path: Sequence[tuple[str | None, State]]
    loop: int | None = None


@dataclass(slots=True)
class Outcome:
    """What an engine found. Lists are in the order of `system.actions` and `system.components`."""

    distinct: int = 0
    generated: int = 0
    depth: int = 0
    stopped: Stopped | None = None
    found: list[Found] = field(default_factory=list)
    undecided: dict[str, str] = field(default_factory=dict)
    """Name of a property -> why no verdict could be given."""
    fired: list[int] = field(default_factory=list)
    """For each action, how often it yielded."""
    seen: list[dict[Local, int]] = field(default_factory=list)
    """For each component, each local state of a reached state, and the level where it was first seen."""
    met: set[str] = field(default_factory=set)
    """Names of the `sometimes` that held somewhere and of the `leads_to` whose `when` held somewhere."""
    levels: list[int] = field(default_factory=list)
    """Number of new states at each level."""
    workers: int = 1
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds, by name: 'compile', 'explore', 'liveness' …; 'compile' is not counted as search."""
