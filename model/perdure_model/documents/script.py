"""The same story as a Mermaid sequence diagram, which GitHub and many editors draw by themselves.

An arrow is drawn where it arrives, and tells in which step it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from perdure_model.documents import words
from perdure_model.documents.deeds import Deed, asked, reasons
from perdure_model.documents.flights import Flight, flights
from perdure_model.documents.sequence import Story


def story_to_mermaid(story: Story) -> str:
    """Write it."""
    lines = [f"participant {_alias(n)} as {lane}" for n, lane in enumerate(story.lanes)]
    travelling = flights(story.deeds)
    for deed in story.deeds:
        arriving = [one for one in travelling if one.end == deed.number]
        lines += _step(story, deed, arriving)
    everywhere = f"{_alias(0)},{_alias(len(story.lanes) - 1)}"
    lines += [f"Note over {everywhere}: {_escaped(text)}" for text in (*story.goes_on, story.ends)]
    head = ["---", f"title: {_quoted(story.title)}", "---", "sequenceDiagram"]
    return "\n".join(head) + "\n    " + "\n    ".join(lines) + "\n"


def _alias(lane: int) -> str:
    return f"L{lane}"


def _step(story: Story, deed: Deed, arriving: list[Flight]) -> Iterator[str]:
    lane = story.lane(deed)
    title = f"{deed.number}. {words.said(deed.input, story.quiet) if deed.input is not None else deed.action}"
    yield from _lost(story, arriving)
    if lane is None:
        yield f"Note over {_alias(0)},{_alias(len(story.lanes) - 1)}: {_escaped(title)}"
        return
    came = next((one for one in arriving if not one.lost), None)
    if came is None:
        yield f"Note over {_alias(lane)}: {_escaped(title)}"
    else:
        source = story.at(came.start)
        start = _alias(lane if source is None else source)
        yield f"{start}->>{_alias(lane)}: {_escaped(f'{title} (of step {came.start})')}"
    told = "<br/>".join(_escaped(line) for line in _told(story, deed))
    if told:
        yield f"Note over {_alias(lane)}: {told}"


def _lost(story: Story, arriving: list[Flight]) -> Iterator[str]:
    """What was lost in this step, as an arrow that ends in a cross."""
    for one in arriving:
        source = story.at(one.start)
        if one.lost and source is not None and story.crosses(one):
            told = f"{one.label(story.quiet)} (of step {one.start}, lost)"
            yield f"{_alias(source)}--x{_alias(source - 1 if source else 1)}: {_escaped(told)}"


def _told(story: Story, deed: Deed) -> Iterator[str]:
    for name, (before, after) in deed.changes.items():
        yield words.changed(name, before, after)
    yield from (f"/ {words.said(effect, story.quiet)}" for effect in asked(deed))
    yield from (f"refused: {why}" for why in reasons(deed))


def _escaped(text: str) -> str:
    """Without what Mermaid would read: `;` and a line's end finish a statement, `#` begins an entity."""
    plain = text.replace("#", "#35;").replace(";", "#59;").replace("#35#59;", "#35;")
    return " ".join(plain.replace("<", "#lt;").replace(">", "#gt;").split())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
