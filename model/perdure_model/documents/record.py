"""What the searches found, kept beside the drawings, so that the rest is written again without a search.

It is generated and committed. `perdure diagrams` makes it anew; `perdure diagrams --check` searches for every
counterexample again; what the worlds reach is compared by the test that explores them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from perdure_model.world import Finding, Model, check_worlds

NAME = "record.json"
Move = tuple[str, str, str, str]
"""machine, source, event, target"""


class Found(NamedTuple):
    """Where a defect was found, and in how many steps."""

    world: str
    steps: int


@dataclass(frozen=True)
class Record:
    """Of each default world the transitions that it reached; of each defect where it was found."""

    reached: Mapping[str, frozenset[Move]]
    found: Mapping[str, Found]

    def as_json(self) -> str:
        """A text that is the same for the same record, a line for each world and defect."""
        reached = {world: sorted(map(" ".join, moves)) for world, moves in self.reached.items()}
        sections = (_section("reached", reached), _section("found", self.found))
        return "{\n" + ",\n".join(sections) + "\n}\n"

    def of(self, model: Model) -> Mapping[str, frozenset[Move]]:
        """What the worlds of a model reached."""
        return {world: self.reached.get(world, frozenset()) for world in model.sizes["default"]}


def _section(title: str, entries: Mapping[str, object]) -> str:
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in entries.items())
    return f'"{title}": {{\n{lines}\n}}'


def load(folder: Path) -> Record:
    """The record in this folder; an empty one where there is none. Raises ValueError where it is damaged."""
    path = folder / NAME
    if not path.exists():
        return Record({}, {})
    held = json.loads(path.read_text(encoding="utf-8"))
    reached = {world: frozenset(map(_move, moves)) for world, moves in held["reached"].items()}
    return Record(reached, {name: Found(*one) for name, one in held["found"].items()})


def _move(text: str) -> Move:
    machine, source, event, target = text.split(" ")
    return machine, source, event, target


def explore(done: Callable[[str], None] = lambda _world: None, jobs: int = 1) -> dict[str, frozenset[Move]]:
    """Explore every default world, `jobs` at a time: what each reached. `done` hears of each when it ends."""
    return check_worlds(progress=False, told=lambda name, _report: done(name), jobs=jobs).reached


def found(findings: Mapping[str, Finding]) -> dict[str, Found]:
    """What the record keeps of findings; those that were missed are left out."""
    return {name: Found(one.world, one.length) for name, one in findings.items() if one.length is not None}
