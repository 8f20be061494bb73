"""A chart's docstring is its dictionary: what each state, event, guard and action means.

It is also their only declaration. A transition that names a guard or an action which is not in the
dictionary is misspelt, and so is an entry that no transition uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from types import MappingProxyType

from perdure_model.table.errors import MeaningError

SECTIONS = ("States", "Events", "Guards", "Actions")
_HEADING = re.compile(rf"({'|'.join(SECTIONS)}):\s*$")
_ENTRY = re.compile(r"(\s+)(\w+):\s*(.*)$")


@dataclass(frozen=True)
class Meanings:
    """What the names of one chart mean, in the order of its docstring.

    `summary` is the docstring's first paragraph; the others map a name to its meaning in one line.
    """

    summary: str
    states: Mapping[str, str]
    events: Mapping[str, str]
    guards: Mapping[str, str]
    actions: Mapping[str, str]


def meanings(chart: type) -> Meanings:
    """Read the sections `States:`, `Events:`, `Guards:` and `Actions:` of a chart's docstring.

    A section is a heading at the docstring's margin and indented lines `name: meaning`; a line that is
    indented further goes on with the meaning above it. Sections may be left out; `compile_chart` sees to it
    that no name is without a meaning.

    Raises:
        MeaningError: there is no docstring, a section or a name comes twice, a line is not `name: meaning`,
            or a meaning is empty.
    """
    text = cleandoc(chart.__doc__ or "")
    if not text:
        raise MeaningError(f"{chart.__name__} has no docstring: say in it what each state and event means")
    found: dict[str, dict[str, str]] = {}
    for heading, lines in _sections(text):
        where = f"{chart.__name__}, section {heading}"
        if heading in found:
            raise MeaningError(f"{where}: comes twice; join the two")
        found[heading] = _entries(where, lines)
    summary = " ".join(text.split("\n\n")[0].split())
    return Meanings(summary, *(MappingProxyType(found.get(name, {})) for name in SECTIONS))


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    heading, lines = None, list[str]()
    for line in [*text.splitlines(), "."]:  # the sentinel at the margin ends the last section
        if heading and (line.startswith(" ") or not line):
            lines += [line] if line else []
            continue
        if heading:
            yield heading, lines
        match = _HEADING.match(line)
        heading, lines = (match[1] if match else None), []


def _entries(where: str, lines: list[str]) -> dict[str, str]:
    entries: dict[str, str] = {}
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    name = ""
    for line in lines:
        if name and line[: margin + 1].isspace():
            entries[name] = f"{entries[name]} {line.strip()}".strip()
            continue
        match = _ENTRY.match(line)
        if not match:
            raise MeaningError(f"{where}: {line.strip()!r} is not 'name: meaning'; indent it to go on")
        name = match[2]
        if name in entries:
            raise MeaningError(f"{where}: {name!r} comes twice; keep one")
        entries[name] = match[3].strip()
    for empty in (name for name, meaning in entries.items() if not meaning):
        raise MeaningError(f"{where}: {empty!r} has no meaning; write one behind the colon")
    return entries
