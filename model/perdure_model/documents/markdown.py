"""Markdown: tables, code, and links from each id to where it is told."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

_ID = re.compile(r"\b(?:[TARN]\d\d[a-z]?|P(?:-[A-Z]+)+)\b")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing where it would have no rows."""
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines]) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def code(names: Iterable[str]) -> str:
    """Names as code, with commas; a dash for none."""
    return ", ".join(f"`{name}`" for name in names) or "-"


def anchor(name: str) -> str:
    """A place to link to."""
    return f'<a id="{name.lower()}"></a>'


def linked(text: str, known: Container[str]) -> str:
    """The text with a link at each finding and property that is told somewhere."""
    return _ID.sub(lambda found: link(found[0]) if found[0] in known else found[0], text)


def link(name: str) -> str:
    """A link to an id."""
    return f"[{name}](#{name.lower()})"


def paragraphs(docstring: str | None) -> str:
    """A docstring as text: its lines joined within each paragraph."""
    blocks = re.split(r"\n\s*\n", (docstring or "").strip())
    return "\n\n".join(" ".join(block.split()) for block in blocks)
