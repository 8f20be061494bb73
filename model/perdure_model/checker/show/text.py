"""A report and its traces as text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure_model.checker.report import Report, Violation

MEANING = {
    "always": "does not hold in the last state",
    "deadlock": "the last state has no successor and is not terminal",
    "sometimes": "no reachable state satisfies it",
    "always_possible": "cannot be reached any more from the last state",
    "eventually": "need never hold",
    "leads_to": "its `when` need never be followed by its `then`",
}
STOPPED = {
    "max_states": "max_states was reached",
    "max_depth": "max_depth was reached",
    "memory": "the memory budget was spent",
    "interrupted": "it was interrupted",
    "violation": "it was to stop at the first violation",
    "liveness size": "it is too large to decide liveness",
}
NAMES_MAX = 12


def summary(report: Report) -> str:
    """The whole report for people: verdict, counts, properties, coverage, and every trace."""
    parts = _properties(report), _coverage(report), _traces(report)
    return "\n".join([_headline(report), _counts(report), *itertools.chain(*parts)])


def trace(violation: Violation) -> str:
    """A violation's trace: the first state in full, then each step with what it changed."""
    if not violation.trace:
        return f"{violation.kind} {violation.property!r}: {MEANING[violation.kind]}"
    width = len(str(len(violation.trace)))
    lines = [f"{violation.kind} {violation.property!r}: {MEANING[violation.kind]}"]
    first = violation.trace[0]
    lines.append(f"  {1:>{width}}  initially: " + ", ".join(f"{k}={v!r}" for k, v in first.state.items()))
    for number, step in enumerate(violation.trace[1:], start=2):
        changes = ", ".join(f"{name}={step.state[name]!r}" for name in step.changed) or "nothing changes"
        lines.append(f"  {number:>{width}}  {step.action}: {changes}")
    last = len(violation.trace) - 1
    if violation.loop == last:
        lines.append("  and stops there for ever: no fair action is enabled")
    elif violation.loop is not None:
        lines.append(f"  and is back at {violation.loop + 1}, from where it goes round for ever")
    return "\n".join(lines)


def _headline(report: Report) -> str:
    count = len(report.violations)
    if count:
        said = f"{count} violation{'s' if count > 1 else ''}"
    else:
        said = "ok" if report.ok else "no violation so far"
    if report.complete:
        return f"{report.system}: {said}, all states explored"
    why = STOPPED[report.stopped] if report.stopped else "not all properties could be decided"
    return f"{report.system}: {said}, INCOMPLETE: {why}"


def _counts(report: Report) -> str:
    rate = f", {report.distinct / report.seconds:,.0f} states/s" if report.seconds >= 0.1 else ""
    workers = f", {report.workers} workers" if report.workers > 1 else ""
    return (
        f"  {report.distinct:,} distinct states, {report.generated:,} generated, depth {report.depth}, "
        f"{report.seconds:.2f} s{rate} ({report.engine} engine{workers})"
    )


def _properties(report: Report) -> Iterator[str]:
    for name, verdict in report.verdicts.items():
        why = f" ({report.undecided[name]})" if name in report.undecided else ""
        yield f"  {verdict:<9}{name}{why}"


def _coverage(report: Report) -> Iterator[str]:
    coverage = report.coverage
    if coverage.never_fired:
        yield f"  never fired: {_some(coverage.never_fired)}"
    if coverage.never_triggered:
        yield f"  holds only because its `when` never does: {_some(coverage.never_triggered)}"
    for name in report.growing:
        seen = coverage.local_states[name]
        latest = list(seen)[-3:]
        yield (
            f"  still growing: {name} had {len(seen):,} local states, the latest "
            f"{', '.join(map(repr, latest))}; bound it if it grows without end"
        )


def _traces(report: Report) -> Iterator[str]:
    for violation in report.violations:
        yield ""
        yield trace(violation)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more
