"""A trace as a Mermaid diagram: a sequence diagram of components, or a diagram of states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure_model.checker.report import Step, Violation


def sequence_diagram(violation: Violation, participants: Mapping[str, str] | None = None) -> str:
    """The trace with a lifeline for each component that it changes, and a note for each change.

    `participants` joins components in one lifeline: component name -> lifeline.
    """
    joined = participants or {}
    changed = dict.fromkeys(
        joined.get(name, name) for step in violation.trace for name in step.state if _moves(violation, name)
    )
    ids = {lifeline: f"P{number}" for number, lifeline in enumerate(changed)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {ids[lifeline]} as {escape(lifeline)}" for lifeline in changed]
    for number, step in enumerate(violation.trace):
        lines += _notes(step, joined, ids)
        if violation.loop == number and number < len(violation.trace) - 1:
            lines.append("    loop for ever")
    if violation.loop is not None and violation.loop < len(violation.trace) - 1:
        lines.append("    end")
    return "\n".join(lines) + "\n"


def state_diagram(violation: Violation) -> str:
    """The trace as states and steps; a state shows what its step changed, the first one everything."""
    last = len(violation.trace) - 1
    closes = violation.loop is not None and violation.loop < last
    shown = violation.trace[:-1] if closes else violation.trace
    lines = ["stateDiagram-v2"]
    for number, step in enumerate(shown):
        names = step.changed if number else tuple(step.state)
        label = ", ".join(f"{name}={step.state[name]!r}" for name in names) or "unchanged"
        lines.append(f'    state "{escape(label)}" as s{number}')
    lines += ["    [*] --> s0"] if shown else []
    for number, step in enumerate(violation.trace[1:], start=1):
        goal = violation.loop if closes and number == last else number
        lines.append(f"    s{number - 1} --> s{goal}: {escape(str(step.action))}")
    if violation.loop == last and shown:
        lines.append(f"    s{last} --> s{last}: stops for ever")
    return "\n".join(lines) + "\n"


def _moves(violation: Violation, name: str) -> bool:
    return any(name in step.changed for step in violation.trace)


def _notes(step: Step, joined: Mapping[str, str], ids: Mapping[str, str]) -> list[str]:
    """One note over all lifelines with the action's name, then what changed on each."""
    if step.action is None or not ids:
        return []
    every = list(ids.values())
    span = every[0] if len(every) == 1 else f"{every[0]},{every[-1]}"
    lines = [f"    Note over {span}: {escape(step.action)}"]
    changes: dict[str, list[str]] = {}
    for name in step.changed:
        changes.setdefault(ids[joined.get(name, name)], []).append(f"{name} = {step.state[name]!r}")
    lines += [f"    Note over {who}: {escape(', '.join(what))}" for who, what in changes.items()]
    return lines


def escape(text: str) -> str:
    """Text that Mermaid takes as text: what would end a label or a line becomes an entity."""
    special = {"#": "#35;", ";": "#59;", '"': "#quot;", "<": "#lt;", ">": "#gt;", ":": "#58;", "\n": " "}
    return "".join(special.get(character, character) for character in text)
