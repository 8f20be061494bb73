"""P-FRAMING and P-BOUNDED: bytes to events, and no more of them at once than a bound.

The reference is the WHATWG's algorithm over the whole text, slow and plain.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from hypothesis import strategies as st

from perdure import sse
from perdure.sse import RETRY_MS_MAX, Comment, Event, Item, Retry
from perdure.testing.data.property import DataDefect, instead, states


class Reference:
    """The algorithm of "interpreting an event stream", in the specification's order."""

    def __init__(self, stream: bytes) -> None:
        self.items: list[Item] = []
        self.last_event_id = self._id_buffer = self._type_buffer = self._data_buffer = ""
        text = stream.decode("utf-8", errors="replace").removeprefix("\ufeff")
        for line in self._lines(text):
            self._process(line)

    @staticmethod
    def _lines(text: str) -> list[str]:
        lines, line, position = [], "", 0
        while position < len(text):
            if text[position] in "\r\n":
                position += 1 if text.startswith("\r\n", position) else 0
                lines.append(line)
                line = ""
            else:
                line += text[position]
            position += 1
        return lines

    def _process(self, line: str) -> None:
        if line == "":
            self._dispatch()
        elif line[0] == ":":
            self.items.append(Comment(line[2:] if line[1:2] == " " else line[1:]))
        elif ":" in line:
            field, value = line[: line.index(":")], line[line.index(":") + 1 :]
            self._field(field, value[1:] if value[:1] == " " else value)
        else:
            self._field(line, "")

    def _field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._type_buffer = value
            case "data":
                self._data_buffer += value + "\n"
            case "id" if "\0" not in value:
                self._id_buffer = value
            case "retry" if value and all(c in "0123456789" for c in value):
                self.items.append(Retry(min(int(value), RETRY_MS_MAX)))

    def _dispatch(self) -> None:
        self.last_event_id = self._id_buffer
        if self._data_buffer != "":
            data = self._data_buffer[:-1]
            self.items.append(Event(self._type_buffer or "message", data, self.last_event_id))
        self._data_buffer = self._type_buffer = ""


# -- streams, cut --------------------------------------------------------------------------------------

BOM = "\ufeff".encode()
SCRAPS = [b"data", b"id", b":", b" ", b"\n", b"\r", b"\r\n", b"\0", b"7", BOM, b"\xef", b"\xbb", b"\xe2\x82"]
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
NAMES = [b"data", b"data", b"data", b"event", b"id", b"retry", b"", b"foo"]
HEADS = st.sampled_from([name + colon for colon in (b":", b": ", b"") for name in NAMES])
NUMBERS = [b"1", b"2", b" 37", b"+5", b"-5", "\u0665".encode()]
VALUES = st.sampled_from([b"", *NUMBERS, b"  x", b"a\0", "€".encode(), b"\xff", b":", BOM])
LINES = st.builds(b"%b%b%b".__mod__, st.tuples(HEADS, VALUES, ENDS))  # few choices each, so that it shrinks
WELL_FORMED = st.lists(LINES | LINES | ENDS, min_size=1, max_size=20).map(b"".join)
ODD = st.lists(LINES | ENDS | st.sampled_from(SCRAPS) | st.binary(max_size=3), min_size=1, max_size=30).map(
    b"".join
)
STREAMS = st.builds(bytes.__add__, st.sampled_from([b"", BOM]), WELL_FORMED | ODD)


@st.composite
def cut_streams(draw: st.DrawFn) -> list[bytes]:
    """A stream in chunks: whole, byte by byte, or cut anywhere."""
    stream = draw(STREAMS)
    chunks: list[bytes] = []
    sizes = draw(st.just([len(stream)]) | st.just([1]) | st.lists(st.integers(0, 15), min_size=2))
    for size in itertools.cycle([*sizes, 1]):
        if not stream:
            break
        chunks.append(stream[:size])
        stream = stream[size:]
    return chunks


def makes_an_event(chunks: list[bytes]) -> bool:
    """Something is dispatched."""
    return any(isinstance(item, Event) for item in Reference(b"".join(chunks)).items)


def splits_a_line_end(chunks: list[bytes]) -> bool:
    """A CR ends a chunk, and its LF begins the next."""
    return any(a.endswith(b"\r") and b.startswith(b"\n") for a, b in itertools.pairwise(chunks))


def ends_within_an_event(chunks: list[bytes]) -> bool:
    """The stream ends between data and the empty line after it."""
    whole = b"".join(chunks)
    return len(Reference(whole + b"\n\n").items) > len(Reference(whole).items)


@states("P-FRAMING", cut_streams(), makes_an_event, splits_a_line_end, ends_within_an_event)
def parsing_equals_the_specification(chunks: list[bytes]) -> bool:
    """What is parsed does not depend on how the bytes were cut, and equals the WHATWG algorithm's."""
    parser = sse.Parser()
    items = [item for chunk in chunks for item in parser.feed(chunk)]
    expected = Reference(b"".join(chunks))
    return typed(items) == typed(expected.items) and parser.last_event_id == expected.last_event_id


def typed(items: list[Item]) -> list[tuple[type, Item]]:
    """Items with their types: named tuples of different types can be equal."""
    return [(type(item), item) for item in items]


# -- the bound -----------------------------------------------------------------------------------------


def exceeds(stream: bytes, bytes_max: int) -> bool:
    """Whether some block's lines, comments and line ends not counted, or a comment alone, are too large."""
    block = 0
    *lines, rest = re.split(b"\r\n|\n|\r", stream.removeprefix(BOM))
    for line in lines:
        if block + len(line) > bytes_max:
            return True
        block = 0 if not line else block if line.startswith(b":") else block + len(line)
    return block + len(rest) > bytes_max and not BOM.startswith(stream)


def parsed(chunks: list[bytes], bytes_max: int) -> tuple[list[Item], bool]:
    """What is parsed under a bound, and whether it was exceeded."""
    parser = sse.Parser(event_bytes_max=bytes_max)
    items: list[Item] = []
    for chunk in chunks:
        try:
            items += parser.feed(chunk)
        except sse.EventTooLarge as error:
            return items + error.before, True
    return items, False


@states(
    "P-BOUNDED",
    st.tuples(cut_streams(), st.integers(1, 24)),
    lambda case: exceeds(b"".join(case[0]), case[1]),
    lambda case: makes_an_event(case[0]) and not exceeds(b"".join(case[0]), case[1]),
)
def an_event_is_bounded(case: tuple[list[bytes], int]) -> bool:
    """A block of more bytes than the bound is refused, no other; what is whole before it is not lost."""
    chunks, bytes_max = case
    stream = b"".join(chunks)
    items, exceeded = parsed(chunks, bytes_max)
    due = Reference(stream).items
    return (
        exceeded == exceeds(stream, bytes_max)
        and typed(items) == typed(due[: len(items)])
        and (len(items) == len(due) or (exceeded and items == parsed([stream], bytes_max)[0]))
    )


# -- defects -------------------------------------------------------------------------------------------


class SplitsAtChunks(sse.Parser):
    """Takes the LF that follows a CR for another line end, where a chunk ends between them."""

    def feed(self, chunk: bytes) -> list[Item]:  # noqa: D102
        self._after_cr = False
        return super().feed(chunk)


class GrowsWithALine(sse.Parser):
    """Looks at the bound only when a line ends."""

    def _interpret(self, lines: Iterable[bytes]) -> list[Item]:
        tail, self._tail = self._tail, bytearray()
        try:
            return super()._interpret(lines)
        finally:
            self._tail = tail


PROPERTIES = (parsing_equals_the_specification, an_event_is_bounded)
DEFECTS = (
    DataDefect(
        "A05",
        "a CR LF that two chunks share ends two lines",
        "P-FRAMING",
        instead(sse, Parser=SplitsAtChunks),
    ),
    DataDefect(
        "T27b",
        "a line that does not end is kept, however long it grows",
        "P-BOUNDED",
        instead(sse, Parser=GrowsWithALine),
    ),
)
