"""Checks all worlds of a size, and tells what was reached; checks that each defect is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from perdure_model.checker import Report, Violation, check
from perdure_model.core.client import CLIENT
from perdure_model.core.client.book import ITEM_TABLE, SESSION_TABLE
from perdure_model.core.server import SERVER
from perdure_model.core.server.book import CONNECTION_TABLE
from perdure_model.world.catalogue import DEFECTS, Defect
from perdure_model.world.properties import PROPERTIES
from perdure_model.world.sizes import worlds
from perdure_model.world.transport import Transport

Move = tuple[str, str, str, str]
TABLES = (SESSION_TABLE, ITEM_TABLE, CONNECTION_TABLE)


@dataclass
class Checked:
    """The reports of several worlds, and what they reached together."""

    reports: dict[str, Report] = field(default_factory=dict)
    moves: set[Move] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Every world was explored to its end."""
        return all(report.complete for report in self.reports.values())

    @property
    def distinct(self) -> int:
        """Distinct states of all worlds together."""
        return sum(report.distinct for report in self.reports.values())

    @property
    def uncovered(self) -> dict[str, list[str]]:
        """What no world reached: transitions of the charts, actions, rules, and each missed `sometimes`."""
        reached = {(machine, source, event, target) for machine, source, event, target in self.moves}
        missed = [" ".join(move) for move in all_moves() if move not in reached]
        everything = {f"{book.side}.{rule.name}" for book in (CLIENT, SERVER) for rule in book}
        return {
            "transitions": missed,
            "actions": sorted(self.actions - self.fired),
            "rules": sorted(everything - self.rules),
            "occasions": sorted(name for name in PROPERTIES if not self.has_occasion(name)),
        }

    def has_occasion(self, name: str) -> bool:
        """Whether some world met the property's `sometimes`; True if it has none."""
        title = f"{name} has occasion"
        met = [report.coverage.sometimes.get(title) for report in self.reports.values()]
        return True in met or all(one is None for one in met)

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
        if any(violation.property == name for _, violation in self.violations):
            return "violated"
        return "holds" if self.complete else "unknown"


def all_moves() -> list[Move]:
    """Every transition of the charts whose machines run in these worlds."""
    return sorted(
        {
            (table.name, source, event, row.target)
            for table in TABLES
            for (source, event), rows in table.rows.items()
            for row in rows
        }
    )


def check_worlds(
    size: str = "default",
    *,
    defect: Defect | None = None,
    progress: bool | None = None,
    told: Callable[[str, Report], None] = lambda _name, _report: None,
) -> Checked:
    """Check every world of a size, with a defect planted if one is given; `told` hears of each as it ends."""
    client, server = (defect.client, defect.server) if defect else (CLIENT, SERVER)
    checked = Checked()
    for name, world in worlds(size, client=client, server=server).items():
        report = check(world.system, progress=progress)
        checked.reports[name] = report
        checked.moves |= world.moves
        checked.rules |= world.bound
        checked.actions |= {action.name for action in world.system.actions}
        checked.fired |= world.reached | fired(report)
        told(name, report)
    return checked


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


def find_defects(
    ids: Iterable[str] = tuple(DEFECTS), size: str = "default", progress: bool | None = None
) -> Iterator[Finding]:
    """Search the worlds for each defect, with its property alone, until it is found."""
    for id in ids:  # noqa: A001
        yield find(DEFECTS[id], size, progress)


def find(defect: Defect, size: str = "default", progress: bool | None = None) -> Finding:
    """Search the worlds for one defect; the shortest counterexample of the first world that has one."""
    started, states, name = time.perf_counter(), 0, ""

    def alone(world: Transport) -> None:
        PROPERTIES[defect.breaks](world)
        world.system.terminal(world.opened, name="anywhere")(lambda _opened: True)

    built = worlds(size, client=defect.client, server=defect.server, declare=alone)
    for name in sorted(built, key=lambda name: name != defect.where):
        world = built[name]
        report = check(world.system.without("sometimes"), stop_at_first=True, progress=progress)
        states += report.distinct
        for violation in report.violations:
            if violation.property == defect.breaks:
                return Finding(defect, name, violation, states, time.perf_counter() - started)
    return Finding(defect, name, None, states, time.perf_counter() - started)
