"""Checks all worlds of a size, and tells what was reached; checks that each defect is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field

from perdure_model.checker import Report, Violation, check
from perdure_model.world.bind import World, property_id
from perdure_model.world.defect import Defect
from perdure_model.world.model import Model
from perdure_model.world.models import DEFECTS, MODELS, model_of
from perdure_model.world.side_by_side import side_by_side


@dataclass
class Checked:
    """The reports of several worlds, and what they reached together."""

    models: tuple[Model, ...] = MODELS
    reports: dict[str, Report] = field(default_factory=dict)
    reached: dict[str, frozenset[tuple[str, str, str, str]]] = field(default_factory=dict)
    """The transitions that each world took: machine, source, event, target."""
    rules: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)

    @property
    def moves(self) -> set[tuple[str, str, str, str]]:
        """The transitions that some world took."""
        return {move for moves in self.reached.values() for move in moves}

    @property
    def complete(self) -> bool:
        """Every world was explored to its end."""
        return all(report.complete for report in self.reports.values())

    @property
    def distinct(self) -> int:
        """Distinct states of all worlds together."""
        return sum(report.distinct for report in self.reports.values())

    @property
    def statements(self) -> dict[str, str]:
        """What is checked: the first line of each property's text, by id."""
        told = {n: (d.__doc__ or "").strip() for model in self.models for n, d in model.properties.items()}
        return {name: text.splitlines()[0] for name, text in told.items()}

    @property
    def uncovered(self) -> dict[str, list[str]]:
        """What no world reached: transitions of the charts, actions, rules, and each missed `sometimes`."""
        moves = {move for model in self.models for move in model.moves}
        rules = {rule for model in self.models for rule in model.rules}
        return {
            "transitions": [" ".join(move) for move in sorted(moves - self.moves)],
            "actions": sorted(self.actions - self.fired),
            "rules": sorted(rules - self.rules),
            "occasions": [
                f"{model.name} {name}"
                for model in self.models
                for name in model.properties
                if not self.has_occasion(model, name)
            ],
        }

    def has_occasion(self, model: Model, name: str) -> bool:
        """Whether some world of the model met the property's `sometimes`; True if it has none."""
        title = f"{name} has occasion"
        met = [self.reports[world].coverage.sometimes.get(title) for world in self._worlds_of(model)]
        return True in met or all(one is None for one in met)

    def _worlds_of(self, model: Model) -> list[str]:
        return [name for name in self.reports if name.partition(" ")[0] == model.name]

    @property
    def violations(self) -> Iterator[tuple[str, Violation]]:
        """World and violation; a `sometimes` missed by one world counts only if all miss it."""
        for name, report in self.reports.items():
            for violation in report.violations:
                if not violation.property.endswith(" has occasion"):
                    yield name, violation

    @property
    def ok(self) -> bool:
        """Complete, nothing violated, everything covered."""
        return self.complete and not any(self.violations) and not any(self.uncovered.values())

    def verdict(self, name: str) -> str:
        """violated, unknown (a search was cut short), or holds."""
        if any(property_id(violation.property) == name for _, violation in self.violations):
            return "violated"
        return "holds" if self.complete else "unknown"


@dataclass(frozen=True)
class Seen:
    """What the search of one world has shown."""

    report: Report
    reached: frozenset[tuple[str, str, str, str]]
    rules: frozenset[str]
    actions: frozenset[str]
    fired: frozenset[str]


def check_worlds(
    size: str = "default",
    *,
    defect: Defect | None = None,
    models: tuple[Model, ...] = MODELS,
    names: Container[str] | None = None,
    progress: bool | None = None,
    told: Callable[[str, Report], None] = lambda _name, _report: None,
    jobs: int = 1,
) -> Checked:
    """Check every world of a size, or those of these names; `told` hears of each as it ends.

    With a defect, the worlds of its model alone, with the defect planted. `jobs`: how many worlds at a time,
    each in a process of its own (see `side_by_side`); that is for models and defects of the catalogue.
    """
    models = (model_of(defect),) if defect else models
    checked = Checked(models)
    asked = [(m, one) for m in models for one in m.sizes[size] if names is None or one in names]
    alone = jobs == 1
    searches = [
        (
            size,
            model if alone else model.name,
            name,
            defect if alone or defect is None else defect.id,
            None if alone else 1,
            progress if alone else False,
        )
        for model, name in asked
    ]
    for (_, name), seen in zip(asked, side_by_side(see, searches, jobs), strict=True):
        checked.reports[name], checked.reached[name] = seen.report, seen.reached
        checked.rules |= seen.rules
        checked.actions |= seen.actions
        checked.fired |= seen.fired
        told(name, seen.report)
    return checked


def see(
    size: str,
    model: Model | str,
    name: str,
    defect: Defect | str | None,
    workers: int | None,
    progress: bool | None,
) -> Seen:
    """Search one world, without a defect or with one; another process is asked by their names."""
    model = next(one for one in MODELS if one.name == model) if isinstance(model, str) else model
    defect = DEFECTS[defect] if isinstance(defect, str) else defect
    books = {book.side: book for book in model.books}
    world = model.world(size, name, defect.plant(books) if defect else books, model.hold_all)
    report = check(world.system, progress=progress, workers=workers)
    kinds = {world.kind(one.name) for one in world.system.actions}
    reached = {world.kind(one) for one in world.reached | fired(report)}
    return Seen(
        report,
        frozenset(world.moves),
        frozenset(world.bound),
        frozenset(f"{model.name} {kind}" for kind in kinds),
        frozenset(f"{model.name} {kind}" for kind in reached),
    )


def fired(report: Report) -> set[str]:
    """The actions that fired at least once."""
    return set(report.coverage.actions) - set(report.coverage.never_fired)


@dataclass(frozen=True)
class Finding:
    """What became of the search for a defect: its violation, if it was found by its property."""

    defect: Defect
    world: str
    violation: Violation | None
    states: int
    seconds: float

    @property
    def found(self) -> bool:
        """By its own property."""
        return self.violation is not None

    @property
    def length(self) -> int | None:
        """The steps of the shortest counterexample."""
        return len(self.violation.trace) - 1 if self.violation else None


def find_defects(
    ids: Iterable[str] = tuple(DEFECTS), size: str = "default", progress: bool | None = None, jobs: int = 1
) -> Iterator[Finding]:
    """Search the worlds for each defect, with its property alone, until it is found; `jobs` at a time."""
    names = list(ids)
    searches = [(name, size, progress if jobs == 1 else False) for name in names]
    for name, found in zip(names, side_by_side(_found, searches, jobs), strict=True):
        yield Finding(DEFECTS[name], *found)


def _found(id: str, size: str, progress: bool | None) -> tuple[str, Violation | None, int, float]:  # noqa: A002
    """A finding without its defect, whose functions stay in their process."""
    finding = find(DEFECTS[id], size, progress)
    return finding.world, finding.violation, finding.states, finding.seconds


def find(defect: Defect, size: str = "default", progress: bool | None = None) -> Finding:
    """Search the worlds for one defect; the shortest counterexample of the first world that has one."""
    started, states, name = time.perf_counter(), 0, ""
    model = model_of(defect)

    def alone(world: World) -> None:
        model.properties[defect.breaks](world)
        world.system.terminal(next(iter(world.system.components)), name="anywhere")(lambda _any: True)

    books = defect.plant({book.side: book for book in model.books})
    names = sorted(model.sizes[size], key=lambda name: name != defect.where)
    for name in names:
        world = model.world(size, name, books, alone)
        alone_in_it = world.system.without("sometimes")  # and one worker: of several shortest ways the same
        report = check(alone_in_it, stop_at_first=True, workers=1, progress=progress)
        states += report.distinct
        for violation in report.violations:
            if property_id(violation.property) == defect.breaks:
                return Finding(defect, name, violation, states, time.perf_counter() - started)
    return Finding(defect, name, None, states, time.perf_counter() - started)
