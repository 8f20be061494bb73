"""A defect's counterexample as a sequence diagram in SVG: time runs down, a lane for each side.

What is sent slants down to where it arrives, so that a late close is seen to be late; what one side keeps
for itself, such as a timer, runs along the outside of its lane; a cross is where something was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from textwrap import wrap

from perdure_model.diagrams.style import FONTS, INK, LIVE_FILL, LIVE_LINE, MONO_FONTS, MUTED, PAPER, RULE
from perdure_model.documents import words
from perdure_model.documents.deeds import Deed, asked, reasons
from perdure_model.documents.flights import Flight, flights

# Everything in pixels. A character of the monospaced font is 0.61 of its size wide in all of MONO_FONTS.
MARGIN, PAD, GAP, LINE = 48, 8, 12, 15
WIDTHS, NARROW = (262, 270), (216, 160)
"""A lane, and the way between two; narrower where there are more than two."""
SIZE, MONO_SIZE = 13, 11
CHAR = MONO_SIZE * 0.61
TRACK = 7
FAULT, FAULT_FILL = "#cf222e", "#ffebe9"
AROUND, AROUND_FILL = "#6e7781", "#f6f8fa"
SENT = "#1a7f37"
ELSEWHERE = "around it"
"""The lane of what no rule decides, where there is only one side: what it talks to is not in the model."""


@dataclass(frozen=True)
class Story:
    """What a picture tells: the steps, whose lanes there are, what they lead to."""

    title: str
    ends: str
    deeds: Sequence[Deed]
    sides: Sequence[str]
    readers: Mapping[str, frozenset[str]]
    """Of each wire and timer who takes from it."""
    loop: int | None = None

    @cached_property
    def quiet(self) -> frozenset[str]:
        """What need not be said of any input or effect."""
        return words.not_said(one for deed in self.deeds for one in (deed.input, *deed.effects))

    @property
    def widths(self) -> tuple[int, int]:
        """Of a lane, and of the way between two."""
        return WIDTHS if len(self.lanes) < 3 else NARROW

    @property
    def width(self) -> int:
        """Of the whole."""
        lane, between = self.widths
        return 2 * MARGIN + len(self.lanes) * lane + (len(self.lanes) - 1) * between

    @property
    def columns(self) -> int:
        """How many characters of the title fit side by side."""
        return int((self.width - 2 * MARGIN) / (SIZE * 0.62))

    @property
    def lanes(self) -> list[str]:
        """Who does anything, in the order of the sides."""
        doing = dict.fromkeys(deed.side for deed in self.deeds if deed.side)
        acting = sorted(doing, key=lambda lane: (self.sides.index(lane.split()[0]), lane))
        return acting if len(acting) > 1 else [*acting, ELSEWHERE]

    @property
    def goes_on(self) -> list[str]:
        """How a lasso goes on for ever."""
        if self.loop is None:
            return []
        if self.loop == len(self.deeds):
            return ["And there it stays: nothing more is sure to come."]
        return [f"And again from after step {self.loop}, for ever."]

    def lane(self, deed: Deed) -> int | None:
        """Whose step it is; None: nobody's in particular."""
        side = deed.side or ELSEWHERE
        return self.lanes.index(side) if side in self.lanes else None

    def takers(self, component: str) -> frozenset[str]:
        """Who takes from this wire or timer."""
        return self.readers.get(component, frozenset())

    def at(self, step: int) -> int | None:
        """The lane of a step, by its number."""
        return self.lane(self.deeds[step - 1])

    def crosses(self, flight: Flight) -> bool:
        """Whether it leaves its lane, or would have."""
        sender = self.at(flight.start)
        if flight.end is None or flight.lost:
            return sender is not None and self.takers(flight.token.component) != {self.lanes[sender]}
        return sender != self.at(flight.end)


@dataclass
class _Row:
    """A step's place in the picture."""

    deed: Deed
    lane: int | None
    top: int
    lines: list[tuple[str, str]]
    sent: list[Flight] = field(default_factory=list)

    @property
    def height(self) -> int:
        """Of the box: its lines, or beside it what arrives and the labels of what is sent."""
        if self.lane is None:
            return LINE + PAD
        return LINE * max(len(self.lines), len(self.sent) + 1) + PAD

    @property
    def middle(self) -> int:
        """Where arrows arrive."""
        return self.top + PAD // 2 + LINE // 2

    def departure(self, flight: Flight) -> int:
        """Where an arrow starts: below its label, and below what arrives."""
        return self.top + LINE * (self.sent.index(flight) + 2) + 1


def story_to_svg(story: Story) -> str:
    """Draw it."""
    rows, bottom = _rows(story)
    painter = _Painter(story, rows, bottom)
    width = story.width
    ending = list(painter.ending())
    height = bottom + LINE * (len(ending) + 1)
    lines, labels = painter.arrows()
    body = [*painter.head(), *painter.tracks(), *painter.bands(), *lines, *painter.boxes(), *labels, *ending]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{FONTS}" font-size="{SIZE}">',
            f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
            *body,
            "</svg>\n",
        ]
    )


def _rows(story: Story) -> tuple[list[_Row], int]:
    """The steps from top to bottom, and where the last ends."""
    title = len(wrap(story.title, story.columns))
    top, rows = LINE * (title + 3) + GAP, []
    crossing = [one for one in flights(story.deeds) if story.crosses(one)]
    for deed in story.deeds:
        row = _Row(deed, story.lane(deed), top, _lines(story, deed))
        row.sent = [one for one in crossing if one.start == deed.number]
        rows.append(row)
        top += row.height + GAP
    return rows, top


def _lines(story: Story, deed: Deed) -> list[tuple[str, str]]:
    """The lines of a step's box, each with its style."""
    room = int((story.widths[0] - 2 * PAD) / CHAR)
    if deed.input is None:
        return [("fault", line) for line in wrap(f"{deed.number}. {deed.action}", room)]
    lines = [
        ("bold", line) for line in wrap(f"{deed.number}. {words.said(deed.input, story.quiet)}", room - 2)
    ]
    for name, (before, after) in deed.changes.items():
        lines += [("plain", line) for line in _clipped(words.changed(name, before, after), room)]
    crossing = [one.effect for one in flights(story.deeds) if one.start == deed.number and story.crosses(one)]
    for effect in asked(deed):
        if effect not in crossing:
            lines += [("sent", line) for line in _clipped(f"/ {words.said(effect, story.quiet)}", room)]
    lines += [("muted", line) for why in reasons(deed) for line in wrap(f"refused: {why}", room)]
    return lines


def _clipped(text: str, room: int, lines: int = 3) -> list[str]:
    """The text in at most so many lines; what is longer ends in an ellipsis."""
    found = wrap(text, room, subsequent_indent="  ", break_on_hyphens=False)
    if len(found) <= lines:
        return found
    last = found[lines - 1]
    return [*found[: lines - 1], f"{last if len(last) <= room - 2 else last[: room - 2]} …"]


class _Painter:
    """Draws a story whose rows have their places."""

    def __init__(self, story: Story, rows: list[_Row], bottom: int) -> None:
        self.story, self.rows, self.bottom = story, rows, bottom
        self.lane, self.between = story.widths

    def left(self, lane: int) -> int:
        """A lane's left edge."""
        return MARGIN + lane * (self.lane + self.between)

    def head(self) -> Iterator[str]:
        """The title, and each lane's name and line."""
        lines = wrap(self.story.title, self.story.columns)
        for n, line in enumerate(lines):
            yield _text(MARGIN, LINE * (n + 1) + 4, line, bold=True)
        top = LINE * (len(lines) + 2) + 4
        for lane, name in enumerate(self.story.lanes):
            middle = self.left(lane) + self.lane // 2
            path = f"M{middle},{top + 6}V{self.bottom - GAP}"
            yield f'<path d="{path}" stroke="{RULE}" stroke-dasharray="4 4"/>'
            yield _text(middle, top, name, anchor="middle", bold=True)

    def boxes(self) -> Iterator[str]:
        """Each step of somebody's: over the lines that pass by."""
        for row in self.rows:
            if row.lane is not None:
                yield from self._box(row, row.lane)

    def bands(self) -> Iterator[str]:
        """Each fault, across all lanes: under the lines that pass through."""
        for row in self.rows:
            if row.lane is None:
                yield from self._band(row)

    def _box(self, row: _Row, lane: int) -> Iterator[str]:
        left = self.left(lane)
        last = row is self.rows[-1] and self.story.loop is None
        fill, line = (AROUND_FILL, AROUND) if row.deed.input is None else (LIVE_FILL, LIVE_LINE)
        stroke = f'{FAULT}" stroke-width="2' if last else line
        yield (
            f'<rect x="{left}" y="{row.top}" width="{self.lane}" height="{row.height}" rx="5" '
            f'fill="{fill}" stroke="{stroke}"/>'
        )
        for n, (style, line) in enumerate(row.lines):
            y = row.top + LINE * (n + 1)
            colour = {"sent": SENT, "muted": MUTED, "fault": AROUND}.get(style, INK)
            yield _text(left + PAD, y, line, fill=colour, bold=style in ("bold", "fault"), mono=True)

    def _band(self, row: _Row) -> Iterator[str]:
        right = self.story.width - MARGIN
        yield (
            f'<rect x="{MARGIN}" y="{row.top}" width="{right - MARGIN}" height="{row.height}" rx="5" '
            f'fill="{FAULT_FILL}" stroke="{FAULT}" stroke-dasharray="3 3"/>'
        )
        text = " ".join(line for _, line in row.lines)
        yield _text(MARGIN + PAD, row.top + LINE, text, fill=FAULT, bold=True, mono=True)

    def arrows(self) -> tuple[list[str], list[str]]:
        """All that goes from lane to lane: the lines, and their labels, which no line is to run over."""
        drawn = [self._arrow(row, flight) for row in self.rows for flight in row.sent]
        return [line for line, _ in drawn], [label for _, label in drawn]

    def _arrow(self, row: _Row, flight: Flight) -> tuple[str, str]:
        end = None if flight.end is None else self.rows[flight.end - 1]
        to = end.lane if end is not None and not flight.lost else None
        start, way = self._start(row, to)
        y = row.departure(flight) if row.lane is not None else row.top + row.height
        label = (
            ""
            if row.lane is None and flight.effect is None
            else _clipped(flight.label(self.story.quiet), self._label_max, 1)[0]
        )
        bend = start + way * (int(len(label) * CHAR) + PAD)
        text = _label(start, y - 4, label, way)
        if end is None:
            return f'<path d="M{start},{y}H{bend}" stroke="{MUTED}" stroke-dasharray="2 3"/>', text
        if flight.lost or to is None:
            return _line(start, y, bend, bend + way * 3 * PAD, end.middle, lost=flight.lost), text
        goal = self.left(to) + (0 if way > 0 else self.lane)
        return _line(start, y, bend, goal, end.middle, lost=False), text

    @property
    def _label_max(self) -> int:
        """Characters of a label: some of the way is left for the slant."""
        return int((self.between - 3 * PAD) / CHAR * 0.85)

    def _start(self, row: _Row, to: int | None) -> tuple[int, int]:
        """Where an arrow leaves its row, and whether it goes to the right (1) or to the left (-1)."""
        if row.lane is None:  # from a fault: from the middle of the way
            way = 1 if to is None or to > 0 else -1
            return self.left(0) + self.lane + self.between // 2, way
        goes_right = row.lane == 0 if to is None else to > row.lane
        return self.left(row.lane) + (self.lane if goes_right else 0), 1 if goes_right else -1

    def tracks(self) -> Iterator[str]:
        """What a lane keeps for itself, from where it was set to where it was due."""
        busy: dict[int, list[int]] = {}
        for flight in flights(self.story.deeds):
            lane = self.story.at(flight.start)
            if flight.end is None or lane is None or self.story.crosses(flight):
                continue
            ends = busy.setdefault(lane, [])
            track = next((n for n, end in enumerate(ends) if end < flight.start), len(ends))
            ends[track : track + 1] = [flight.end]
            yield self._track(
                lane, track, self.rows[flight.start - 1], self.rows[flight.end - 1], flight.lost
            )

    def _track(self, lane: int, track: int, start: _Row, end: _Row, lost: bool) -> str:
        last = lane == len(self.story.lanes) - 1 and lane > 0
        edge = self.left(lane) + (self.lane if last else 0)
        away = 1 if last else -1
        x = edge + away * (10 + TRACK * min(track, 4))
        y = start.top + start.height - PAD
        path = f'<path d="M{edge},{y}H{x}V{end.middle}H{edge}" fill="none" stroke="{MUTED}"/>'
        return path + (_cross(x, end.middle) if lost else _head(edge, end.middle, -away, MUTED))

    def ending(self) -> Iterator[str]:
        """What it leads to."""
        lines = [*self.story.goes_on, *wrap(self.story.ends, self.story.columns)]
        for n, line in enumerate(lines):
            yield _text(MARGIN, self.bottom + LINE * (n + 1) - GAP // 2, line, fill=FAULT, bold=True)


def _line(x: int, y: int, bend: int, goal: int, down: int, *, lost: bool) -> str:
    """Along the label, then slanting down to its goal."""
    dash = ' stroke-dasharray="4 3"' if lost else ""
    colour = FAULT if lost else SENT
    path = f'<path d="M{x},{y}H{bend}L{goal},{down}" fill="none" stroke="{colour}"{dash}/>'
    return path + (_cross(goal, down) if lost else _head(goal, down, 1 if goal > x else -1, SENT))


def _label(x: int, y: int, text: str, way: int) -> str:
    """A label on paper of its own, so that a line that it crosses does not run through it."""
    width = int(len(text) * CHAR)
    left = x + 4 if way > 0 else x - 4 - width
    paper = f'<rect x="{left}" y="{y - 10}" width="{width}" height="13" fill="{PAPER}"/>' if text else ""
    return paper + _text(left, y, text, fill=SENT, mono=True) if text else ""


def _head(x: int, y: int, way: int, colour: str) -> str:
    return f'<path d="M{x},{y}l{-7 * way},-4v8z" fill="{colour}"/>'


def _cross(x: int, y: int) -> str:
    return f'<path d="M{x - 5},{y - 5}l10,10m0,-10l-10,10" stroke="{FAULT}" stroke-width="2"/>'


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
