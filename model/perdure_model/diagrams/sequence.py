"""A trace as a sequence diagram: time runs down, a lane for each participant, in SVG and in Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap
from typing import NamedTuple

from perdure_model.diagrams.style import FONTS, INK, LIVE_FILL, LIVE_LINE, MONO_FONTS, MUTED, PAPER, RULE
from perdure_model.diagrams.trace import Change, Lane, Moment, Step, lanes, moments, own_lane

# Everything in pixels. A character of the monospaced font is 0.6 of its size wide in all of MONO_FONTS.
ACTION_WIDTH, LANE_WIDTH_MIN, WIDTH = 172, 148, 820
HEAD, LINE, PAD, GAP = 40, 15, 8, 10
SIZE, MONO_SIZE = 13, 11
MONO_CHAR = MONO_SIZE * 0.61


class _Box(NamedTuple):
    """What happens in one lane in one step, as lines: (text, bold)."""

    lane: int
    lines: tuple[tuple[str, bool], ...]


def trace_to_svg(trace: Sequence[Step], *, lane: Lane = own_lane, loop: int | None = None) -> str:
    """Draw a trace; `loop` is the place of the state to which a lasso's last step returns.

    `lane` joins components to participants, so that the picture stays as narrow as a page. A trace in
    which nothing changes gives its actions only.
    """
    names = lanes(trace, lane)
    lane_width = max(LANE_WIDTH_MIN, (WIDTH - ACTION_WIDTH) // max(len(names), 1))
    width = ACTION_WIDTH + lane_width * len(names)
    body, top = [], HEAD + GAP
    for moment in moments(trace, lane):
        drawn, height = _moment(moment, names, lane_width, top)
        body += drawn
        top += height + GAP
    if loop is not None:
        body.append(_text(PAD, top + LINE, f"↻ and from here again as after step {loop}", fill=MUTED))
        top += LINE + GAP
    head = [line for i, name in enumerate(names) for line in _lifeline(name, i, lane_width, top)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" '
            f'viewBox="0 0 {width} {top}" font-family="{FONTS}" font-size="{SIZE}">',
            f'<rect width="{width}" height="{top}" fill="{PAPER}"/>',
            *head,
            *body,
            "</svg>\n",
        ]
    )


def _lifeline(name: str, lane: int, lane_width: int, bottom: int) -> Iterator[str]:
    middle = ACTION_WIDTH + lane * lane_width + lane_width // 2
    yield f'<path d="M{middle},{HEAD}V{bottom}" stroke="{RULE}" stroke-dasharray="4 4"/>'
    yield _text(middle, HEAD - 14, name, anchor="middle", bold=True)


def _moment(moment: Moment, names: list[str], lane_width: int, top: int) -> tuple[list[str], int]:
    """The step's drawing, and its height."""
    boxes = [_box(moment, name, i, lane_width) for i, name in enumerate(names)]
    boxes = [box for box in boxes if box.lines]
    label = _wrapped(f"{moment.number}. {moment.action}", ACTION_WIDTH - 2 * PAD, SIZE * 0.58)
    height = LINE * max(len(label), *(len(box.lines) for box in boxes), 1) + PAD
    drawn = [_text(PAD, top + LINE * (i + 1), line, bold=True) for i, line in enumerate(label)]
    if boxes:
        right, middle = ACTION_WIDTH + boxes[-1].lane * lane_width + PAD, top + LINE
        drawn.append(f'<path d="M{ACTION_WIDTH - PAD},{middle}H{right}" stroke="{LIVE_LINE}"/>')
    for box in boxes:
        drawn += _boxed(box, lane_width, top)
    return drawn, height


def _boxed(box: _Box, lane_width: int, top: int) -> Iterator[str]:
    left = ACTION_WIDTH + box.lane * lane_width + PAD // 2
    height = LINE * len(box.lines) + PAD
    yield (
        f'<rect x="{left}" y="{top}" width="{lane_width - PAD}" height="{height}" rx="5" '
        f'fill="{LIVE_FILL}" stroke="{LIVE_LINE}"/>'
    )
    for i, (line, bold) in enumerate(box.lines):
        yield _text(left + PAD, top + LINE * (i + 1), line, bold=bold, mono=True)


def _box(moment: Moment, name: str, lane: int, lane_width: int) -> _Box:
    changes = [change for change in moment.changes if change.lane == name]
    return _Box(lane, tuple(line for change in changes for line in _box_lines(change, name, lane_width)))


def _box_lines(change: Change, lane: str, lane_width: int) -> Iterator[tuple[str, bool]]:
    room = lane_width - 3 * PAD
    if change.component != lane:
        yield from ((line, True) for line in _wrapped(change.component, room, MONO_CHAR))
    for text in change.lines:
        yield from ((line, False) for line in _wrapped(text, room, MONO_CHAR))


def _wrapped(text: str, room: float, char: float) -> list[str]:
    return wrap(text, max(8, int(room / char)), break_on_hyphens=False)


def _text(
    x: int,
    y: int,
    text: str,
    *,
    fill: str = INK,
    anchor: str = "start",
    bold: bool = False,
    mono: bool = False,
) -> str:
    style = f' font-family="{MONO_FONTS}" font-size="{MONO_SIZE}"' if mono else ""
    style += ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" fill="{fill}" text-anchor="{anchor}"{style}>{escape(text)}</text>'


def trace_to_mermaid(trace: Sequence[Step], *, lane: Lane = own_lane, loop: int | None = None) -> str:
    """The same as a Mermaid `sequenceDiagram`: a note over all lanes for each action, and one in each."""
    names = lanes(trace, lane)
    lines = [f"participant {_alias(i)} as {_said(name)}" for i, name in enumerate(names)]
    for moment in moments(trace, lane):
        over = [
            _alias(i) for i, name in enumerate(names) if name in {change.lane for change in moment.changes}
        ]
        ends = ",".join(dict.fromkeys((over or ["L0"])[:1] + (over or ["L0"])[-1:]))
        lines.append(f"Note over {ends}: {moment.number}. {_said(moment.action)}")
        for i, name in enumerate(names):
            said = [_of(change, name) for change in moment.changes if change.lane == name]
            lines += [f"Note over {_alias(i)}: {'<br/>'.join(said)}"] if said else []
    if loop is not None:
        lines.append(f"Note over L0: and again as after step {loop}")
    return "\n    ".join(["sequenceDiagram", *lines]) + "\n"


def _alias(lane: int) -> str:
    return f"L{lane}"


def _of(change: Change, lane: str) -> str:
    named = () if change.component == lane else (change.component,)
    return "<br/>".join(_said(line) for line in (*named, *change.lines))


def _said(text: str) -> str:
    """Without what Mermaid would read: `;` and a line's end finish a statement, `#` begins an entity."""
    escaped = text.replace("#", "#35;").replace(";", "#59;").replace("#35#59;", "#35;")
    return " ".join(escaped.replace("<", "#lt;").replace(">", "#gt;").split())
