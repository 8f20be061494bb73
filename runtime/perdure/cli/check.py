"""`perdure check`: explore the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from perdure.cli import common
from perdure.cli.common import FOUND, GOOD, INCOMPLETE, AsJson, put_json, wrong

if TYPE_CHECKING:
    from perdure_model.checker import Report, Violation
    from perdure_model.world import Checked


def check(
    world: Annotated[str, typer.Option(help="small, default or large")] = "default",
    defect: Annotated[str | None, typer.Option(help="plant this defect, such as T02")] = None,
    as_json: AsJson = False,
) -> None:
    """Explore the model: every reachable state of each world, every property.

    What is about data rather than interleavings (framing, ids, errors) is tried by `perdure defects`.
    """
    from perdure_model import world as worlds

    if world not in worlds.SIZE_NAMES:
        raise wrong(f"there is no world size {world!r}; there are {', '.join(worlds.SIZE_NAMES)}")
    if defect is not None and defect not in worlds.DEFECTS:
        raise wrong(f"there is no defect {defect!r}; there are {', '.join(worlds.DEFECTS)}")
    planted = worlds.DEFECTS[defect] if defect else None
    told = (lambda _name, _report: None) if as_json else say_world
    progress = False if as_json else None
    jobs = 1 if world == "large" else common.processors()  # large ones need the memory for one at a time
    checked = worlds.check_worlds(world, defect=planted, told=told, progress=progress, jobs=jobs)
    code = exit_code(checked, whole=world != "small" and planted is None)
    if as_json:
        put_json(check_json(checked, ok=code == GOOD))
    else:
        say_check(checked, code)
    raise typer.Exit(code)


def exit_code(checked: Checked, *, whole: bool) -> int:
    """1 for a violation, or where what should be reached (`whole`) is not; 3 for a search cut short."""
    if any(checked.violations):
        return FOUND
    if not checked.complete:
        return INCOMPLETE
    return FOUND if whole and any(checked.uncovered.values()) else GOOD


def say_world(name: str, report: Report) -> None:
    """A line for a world."""
    ends = "complete" if report.complete else "INCOMPLETE"
    common.console.print(
        f"{name:12} {report.distinct:>11,} distinct {report.generated:>12,} generated  "
        f"depth {report.depth:>3}  {report.engine:8} {report.seconds:6.1f} s  {ends}",
        soft_wrap=True,
    )


def say_check(checked: Checked, code: int) -> None:
    """A line for each property, what is not covered, then the traces."""
    common.console.print()
    for name, says in checked.statements.items():
        verdict = checked.verdict(name)
        colour = {"holds": "green", "violated": "bold red"}.get(verdict, "yellow")
        common.console.print(f"[{colour}]{verdict:8}[/] {name:16} {says}", soft_wrap=True)
    common.console.print()
    for kind, missed in checked.uncovered.items():
        common.console.print(
            f"[green]all {kind} reached[/]" if not missed else f"[yellow]{kind} not reached:[/]"
        )
        for one in missed:
            common.console.print(f"    {one}")
    for name, violation in shortest(checked):
        say_trace(name, violation)
    common.console.print(
        f"\n{checked.distinct:,} distinct states in {len(checked.reports)} worlds; exit {code}"
    )


def shortest(checked: Checked) -> list[tuple[str, Violation]]:
    """Of each violated property the shortest counterexample, with its world."""
    from perdure_model.world.bind import property_id

    best: dict[str, tuple[str, Violation]] = {}
    for name, violation in checked.violations:
        id_ = property_id(violation.property)
        known = best.get(id_)
        if known is None or len(violation.trace) < len(known[1].trace):
            best[id_] = (name, violation)
    return list(best.values())


def say_trace(world: str, violation: Violation) -> None:
    """The shortest counterexample: each step with what it changed."""
    from perdure_model.world.show import steps

    common.console.print(
        f"\n[bold red]{violation.property}[/] in world {world!r}, {len(violation.trace) - 1} steps:"
    )
    for line in steps(violation):
        common.console.print(line, markup=False, soft_wrap=True)


def check_json(checked: Checked, *, ok: bool) -> dict[str, Any]:
    """The result of a check as data."""
    return {
        "ok": ok,
        "complete": checked.complete,
        "distinct": checked.distinct,
        "worlds": [
            {
                "name": name,
                "distinct": report.distinct,
                "generated": report.generated,
                "depth": report.depth,
                "engine": report.engine,
                "seconds": round(report.seconds, 3),
                "complete": report.complete,
            }
            for name, report in checked.reports.items()
        ],
        "properties": [{"name": name, "verdict": checked.verdict(name)} for name in checked.statements],
        "violations": [violation_json(name, violation) for name, violation in checked.violations],
        "coverage": checked.uncovered,
    }


def violation_json(world: str, violation: Violation) -> dict[str, Any]:
    """A violation as data; a step's state is what it changed."""
    from perdure_model.world.bind import property_id

    return {
        "property": property_id(violation.property),
        "kind": violation.kind,
        "world": world,
        "loop": violation.loop,
        "trace": [
            {"action": step.action, "changed": {name: repr(step.state[name]) for name in step.changed}}
            for step in violation.trace
        ],
    }
