"""`perdure defects`: plant each known defect, and see that it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from perdure.cli import common
from perdure.cli.common import FOUND, GOOD, INCOMPLETE, AsJson, extra, progress_over, put_json, wrong

if TYPE_CHECKING:
    from perdure.testing.catalogue import AnyFinding, Control


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
        for finding in catalogue.find(ids, common.processors()):
            findings.append(finding)
            say(told_finding(finding))
            done(finding.defect.id)
        for case in filter(None, map(catalogue.smallest_case, findings if only else [])):
            say(f"      {escape(case)}")
        control = catalogue.without_defects(findings if only else None, common.processors())
        say(told_control(control))
    code = defects_code(findings, control)
    if as_json:
        put_json({"ok": code == GOOD, "defects": [finding_json(finding) for finding in findings]})
    raise typer.Exit(code)


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
