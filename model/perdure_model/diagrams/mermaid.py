"""A chart as a Mermaid state diagram, which GitHub and many editors draw by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.diagrams.edges import Arrow, Label, arrows
from perdure_model.table import Table

# Words that Mermaid reads as its own where the name of a state may stand.
_RESERVED = {"as", "class", "classDef", "default", "direction", "end", "note", "state", "style"}


def chart_to_mermaid(table: Table) -> str:
    """The chart as `stateDiagram-v2`: events, guards and actions on the arrows, `[*]` for start and end."""
    aliases = (f'state "{state}" as {_id(state)}' for state in table.states if state in _RESERVED)
    lines = ["direction TB", *aliases, _start(table), *_transitions(table)]
    lines += [f"{_id(state)} --> [*]" for state in table.final]
    return "\n    ".join(["stateDiagram-v2", *lines]) + "\n"


def _id(state: str) -> str:
    return f"{state}_" if state in _RESERVED else state


def _start(table: Table) -> str:
    actions = f" : / {', '.join(table.initial_actions)}" if table.initial_actions else ""
    return f"[*] --> {_id(table.initial)}{actions}"


def _transitions(table: Table) -> Iterator[str]:
    for arrow in arrows(table):
        yield f"{_id(arrow.source)} --> {_id(arrow.target)} : {_text(arrow)}"


def _text(arrow: Arrow) -> str:
    return "<br/>".join(line for label in arrow.labels for line in _lines(label))


def _lines(label: Label) -> Iterator[str]:
    for event, guards in label.events:
        yield f"{event} [{' or '.join(guards)}]" if guards else event
    if label.actions:
        yield f"/ {', '.join(label.actions)}"
