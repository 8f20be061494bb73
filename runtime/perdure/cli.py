"""The command line: `perdure check | defects | demo | diagrams | simulate | conform`.

Exit codes: 0 good, 1 a finding (violation, mismatch, loss), 2 wrong usage, 3 incomplete; 1 beats 3.
What a command needs beyond the runtime is imported when it runs, and named if it is missing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from perdure_model.checker import Report, Violation
    from perdure_model.world import Checked

    from perdure.testing.catalogue import AnyFinding, Control

GOOD, FOUND, USAGE, INCOMPLETE = 0, 1, 2, 3
app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON, and nothing else")]


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra brings what is missing, rather than show an ImportError."""
    try:
        yield
    except ModuleNotFoundError as missing:
        print(f"perdure: {missing.name} is not installed: pip install 'perdure[{name}]'", file=sys.stderr)  # noqa: T201
        raise typer.Exit(USAGE) from missing


def wrong(what: str) -> typer.Exit:
    """Say what is wrong with the call."""
    print(f"perdure: {what}", file=sys.stderr)  # noqa: T201
    return typer.Exit(USAGE)


def processors() -> int:
    """How many searches to run at a time."""
    return os.cpu_count() or 1


def put_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, default=str))  # noqa: T201


@app.command()
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
    jobs = 1 if world == "large" else processors()  # large ones need the memory for one at a time
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
    console.print(
        f"{name:12} {report.distinct:>11,} distinct {report.generated:>12,} generated  "
        f"depth {report.depth:>3}  {report.engine:8} {report.seconds:6.1f} s  {ends}",
        soft_wrap=True,
    )


def say_check(checked: Checked, code: int) -> None:
    """A line for each property, what is not covered, then the traces."""
    console.print()
    for name, says in checked.statements.items():
        verdict = checked.verdict(name)
        colour = {"holds": "green", "violated": "bold red"}.get(verdict, "yellow")
        console.print(f"[{colour}]{verdict:8}[/] {name:16} {says}", soft_wrap=True)
    console.print()
    for kind, missed in checked.uncovered.items():
        console.print(f"[green]all {kind} reached[/]" if not missed else f"[yellow]{kind} not reached:[/]")
        for one in missed:
            console.print(f"    {one}")
    for name, violation in shortest(checked):
        say_trace(name, violation)
    console.print(f"\n{checked.distinct:,} distinct states in {len(checked.reports)} worlds; exit {code}")


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

    console.print(
        f"\n[bold red]{violation.property}[/] in world {world!r}, {len(violation.trace) - 1} steps:"
    )
    for line in steps(violation):
        console.print(line, markup=False, soft_wrap=True)


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


@app.command()
def defects(
    only: Annotated[str | None, typer.Option(help="this defect alone, such as T02")] = None,
    as_json: AsJson = False,
) -> None:
    """Plant each known defect, see that its property finds it, and that without it nothing is found."""
    with extra("check"):
        from perdure.testing import catalogue
    if only is not None and only not in catalogue.DEFECTS:
        raise wrong(f"there is no defect {only!r}; there are {', '.join(catalogue.DEFECTS)}")
    ids = [only] if only else list(catalogue.DEFECTS)
    findings = []
    with progress_over(len(ids) + 1, shown=not as_json) as (done, say):
        for finding in catalogue.find(ids, processors()):
            findings.append(finding)
            say(told_finding(finding))
            done(finding.defect.id)
        for case in filter(None, map(catalogue.smallest_case, findings if only else [])):
            say(f"      {escape(case)}")
        control = catalogue.without_defects(findings if only else None, processors())
        say(told_control(control))
    code = defects_code(findings, control)
    if as_json:
        put_json({"ok": code == GOOD, "defects": [finding_json(finding) for finding in findings]})
    raise typer.Exit(code)


@contextmanager
def progress_over(
    steps: int, *, shown: bool
) -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """A bar over so many steps, on a terminal: gives `done(step)` and `say(line)`."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))
    task = bar.add_task("", total=steps)

    def say(line: str) -> None:
        if shown:
            bar.console.print(line, soft_wrap=True)

    with bar:
        yield lambda step: bar.update(task, advance=1, description=step), say


def defects_code(findings: list[AnyFinding], control: Control) -> int:
    """1 for a defect that was missed, or something found where there is none; 3 for a search cut short."""
    if control.broken or not all(finding.found for finding in findings):
        return FOUND
    return GOOD if control.complete else INCOMPLETE


def told_finding(finding: AnyFinding) -> str:
    """A line for a defect."""
    from perdure.testing.catalogue import units

    mark = "[green]found[/]" if finding.found else "[bold red]MISSED[/]"
    counted, searched = units(finding)
    length = f"{finding.length:>3} {counted}" if finding.found else ""
    return (
        f"{mark} {finding.defect.id:5} {finding.defect.breaks:16} {length:10} "
        f"{finding.states:>9,} {searched:6} {finding.seconds:5.1f} s  {finding.defect.says}"
    )


def told_control(control: Control) -> str:
    """A line, or several, for the same searches without a defect."""
    searched = f"without a defect: {control.says}"
    if control.broken:
        return "\n".join([f"[bold red]NOT CLEAN[/] {searched}", *(f"    {one}" for one in control.broken)])
    return f"[green]clean[/] {searched}" if control.complete else f"[yellow]INCOMPLETE[/] {searched}"


def finding_json(finding: AnyFinding) -> dict[str, Any]:
    """A finding as data; `length` is the steps of the shortest counterexample, or the size of a shrunk case.

    `states` is the states, or cases, that were searched.
    """
    return {
        "id": finding.defect.id,
        "says": finding.defect.says,
        "property": finding.defect.breaks,
        "found": finding.found,
        "length": finding.length,
        "states": finding.states,
        "seconds": round(finding.seconds, 3),
    }


@app.command()
def diagrams(
    check: Annotated[bool, typer.Option("--check", help="write nothing; fail if a file is stale")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="search for nothing: take what the record has")
    ] = False,
    folder: Annotated[Path, typer.Option(help="where the drawings are")] = Path("diagrams"),
    spec: Annotated[Path, typer.Option(help="the specification")] = Path("docs/spec.md"),
) -> None:
    """Draw and write all that is made from the model: charts, overviews, counterexamples, the specification.

    A check searches for every counterexample again; what the worlds reach it takes from the record, which the
    test that explores them holds.
    """
    with extra("check"):
        from perdure_model.world import DEFECTS, MODELS

        from perdure.testing.data import DATA_DEFECTS, DATA_PROPERTIES
    with extra("diagrams"):
        from perdure_model.documents import Data
        from perdure_model.documents import folder as written
    data = Data(DATA_PROPERTIES, tuple(DATA_DEFECTS.values()))
    explore = not (quick or check)
    steps = len(DEFECTS) + explore * sum(len(model.sizes["default"]) for model in MODELS)
    with progress_over(steps, shown=not quick) as (done, _say):
        made = written.make(
            folder, data, search_defects=not quick, explore_worlds=explore, done=done, jobs=processors()
        )
    wrongs = [f"{name} was not found: there is nothing to draw" for name in made.missed]
    if check:
        wrongs += written.stale(made, folder, spec)
    else:
        written.write(made, folder, spec)
    for line in wrongs:
        console.print(line, style="red", soft_wrap=True)
    say_files(len(made.drawings) + 1, check=check, wrong=len(wrongs))
    raise typer.Exit(FOUND if wrongs else GOOD)


def say_files(files: int, *, check: bool, wrong: int) -> None:
    """The last line."""
    if not check:
        console.print(f"{files} files written")
    else:
        console.print(f"{wrong} of {files} files are not fresh: perdure diagrams" if wrong else "all fresh")


@app.command()
def demo(
    as_json: AsJson = False,
    record: Annotated[Path | None, typer.Option(help="keep the trace in this file, a JSON line each")] = None,
    seed: Annotated[int | None, typer.Option(help="of the client's jitter; 1 by default")] = None,
    web: Annotated[bool, typer.Option("--web", help="serve a page that shows it live, until Ctrl-C")] = False,
    port: Annotated[int | None, typer.Option(help="the page's; 0 for any that is free")] = None,
) -> None:
    """Hold a conversation through real faults, and count what was lost; or serve a page to try it (--web)."""
    with extra("cli"):
        from perdure import demo as show
    if web:
        if as_json or record is not None or seed is not None:
            raise wrong("--json, --record and --seed are not for --web, whose page shows what happens")
        serve_page(port)
        return
    if port is not None:
        raise wrong("--port is the page's: give --web, too")
    result = show.run(seed=1 if seed is None else seed, record=record, console=None if as_json else console)
    if as_json:
        put_json(result.as_json())
    else:
        console.print(show.table(result, Table))
    raise typer.Exit(GOOD if result.ok else FOUND)


def serve_page(port: int | None) -> None:
    """Serve the demo's page until it is stopped; its address is a line of its own."""
    with extra("cli"):
        from perdure.demo import web
        from perdure.errors import UsageError

    def say(address: str) -> None:
        console.print(f"{address}\nopen it in a browser; Ctrl-C ends it", soft_wrap=True)

    try:
        web.run(web.PORT if port is None else port, say)
    except UsageError as error:
        raise wrong(str(error)) from error


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(help="the first run's; each run after it has the next")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="of all runs together")] = 1200,
    minutes: Annotated[float | None, typer.Option(min=0.0, help="go on for so long")] = None,
    systems: Annotated[
        str, typer.Option(help="T: client and hub; A: followed states; R: response streams; or several: TAR")
    ] = "T",
    save: Annotated[Path | None, typer.Option(help="write the scenario to this file")] = None,
    replay: Annotated[Path | None, typer.Option(help="run this saved scenario, and no other")] = None,
    as_json: AsJson = False,
) -> None:
    """Run whole systems through simulated faults, in virtual time, until a property breaks.

    Stops at the first property that breaks, with the seed and the shortest scenario found. What --save writes
    is that one, or the first run's where none broke, with its transcript; a replayed one keeps its comments.
    """
    with extra("check"):
        from perdure.testing import simulation
        from perdure.testing.simulation import show, transcript
    try:
        only = simulation.read(replay) if replay else None
        comments = transcript.comments(replay.read_text(encoding="utf-8")) if replay else []
        tally = simulation.simulate(
            seed, steps, systems=simulation.systems_of(systems), minutes=minutes, only=only
        )
        if save is not None and tally.first is not None:
            save.write_text(show.saved(tally, *comments), encoding="utf-8")
    except (OSError, simulation.ScenarioError) as error:
        raise wrong(str(error)) from error
    if as_json:
        put_json(tally.as_json())
    else:
        for line in show.lines(tally):
            console.print(line, soft_wrap=True)
    raise typer.Exit(FOUND if not tally.ok else GOOD if tally.complete else INCOMPLETE)


@app.command()
def conform(
    file: Annotated[Path, typer.Argument(help="a trace, as JsonLines or demo --record write it")],
    as_json: AsJson = False,
) -> None:
    """Say whether a recorded run is a run of the model; if not, show the first step that does not fit.

    Several traces of one run, of its server and its clients, are judged together when they are in one file.
    """
    from perdure_model.conformance import NoTrace
    from perdure_model.conformance import conform as judged

    try:
        found = judged(file, jobs=processors())
    except (OSError, NoTrace) as error:
        raise wrong(f"{file}: {error}") from error
    if as_json:
        put_json(found.as_json())
    else:
        console.print(found.summary(), markup=False, soft_wrap=True)
    raise typer.Exit(FOUND if found.mismatch else GOOD if found.complete else INCOMPLETE)
