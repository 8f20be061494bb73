"""The specification, put together from what runs."""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.documents.demands import Data, defects, ids, own_findings, properties
from perdure_model.documents.machines import system
from perdure_model.documents.record import Record
from perdure_model.world import MODELS

HEAD = """# Specification

Written by `perdure diagrams` from the charts, rules, properties and defects that run; do not edit it, change
them. The wire is specified in [PROTOCOL.md](../PROTOCOL.md).

How to read it. The state of each side is a set of **parts**: small frozen values. A **rule** takes one
input and the parts that it names, and decides what the parts become and which **effects** are asked for; a
**chart** says which transitions there are at all. An input of an older generation than its part's changes
nothing. A **property** must hold of every world, which is a closed system of the very same rules, with
wires, timers and faults. A **defect** is a rule made wrong on purpose: its property must find it, and the
drawing shows the shortest way into it.
"""


def specification(record: Record, data: Data) -> str:
    """The whole text."""
    return "\n".join(_chapters(record, data)).rstrip() + "\n"


def _chapters(record: Record, data: Data) -> Iterator[str]:
    known = ids(data)
    yield HEAD
    for model in MODELS:
        yield f"- [System {model.name}](#{_slug(f'System {model.name}: {model.says}')}): {model.says}"
    yield "- [What must hold](#what-must-hold)"
    yield "- [Broken on purpose](#broken-on-purpose)"
    own = list(own_findings(known))
    if own:
        yield "- [Findings of our own](#findings-of-our-own)"
    yield ""
    for model in MODELS:
        yield from system(model, record, known)
    yield "## What must hold\n"
    yield from properties(data, known)
    yield "## Broken on purpose\n"
    yield from defects(data, record, known)
    if own:
        yield "\n## Findings of our own\n"
        yield from own


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = "".join(one for one in heading.lower() if one.isalnum() or one in " -")
    return kept.replace(" ", "-")
