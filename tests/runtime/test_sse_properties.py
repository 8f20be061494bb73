"""P-FRAMING: parsing depends on the bytes alone and equals the WHATWG algorithm, kept here in slow form."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from perdure.sse import RETRY_MS_MAX, Comment, Event, EventTooLarge, Item, Parser, Retry, comment, encode


class Reference:
    """The algorithm of "interpreting an event stream", over the whole text, in the specification's order."""

    def __init__(self, stream: bytes) -> None:
        self.items: list[Item] = []
        self.last_event_id = self.id_buffer = self.type_buffer = self.data_buffer = ""
        text = stream.decode("utf-8", errors="replace").removeprefix("\ufeff")
        for line in self.lines(text):
            self.process(line)

    @staticmethod
    def lines(text: str) -> list[str]:
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

    def process(self, line: str) -> None:
        if line == "":
            self.dispatch()
        elif line[0] == ":":
            self.items.append(Comment(line[2:] if line[1:2] == " " else line[1:]))
        elif ":" in line:
            field, value = line[: line.index(":")], line[line.index(":") + 1 :]
            self.field(field, value[1:] if value[:1] == " " else value)
        else:
            self.field(line, "")

    def field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self.type_buffer = value
            case "data":
                self.data_buffer += value + "\n"
            case "id" if "\0" not in value:
                self.id_buffer = value
            case "retry" if value and all(c in "0123456789" for c in value):
                self.items.append(Retry(min(int(value), RETRY_MS_MAX)))

    def dispatch(self) -> None:
        self.last_event_id = self.id_buffer
        if self.data_buffer != "":
            data = self.data_buffer[:-1]
            self.items.append(Event(self.type_buffer or "message", data, self.last_event_id))
        self.data_buffer = self.type_buffer = ""


BOM = "\ufeff".encode()
SCRAPS = [
    b"data",
    b"id",
    b":",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"7",
    BOM,
    b"\xef",
    b"\xbb",
    b"\xbf",
    b"\xe2\x82",
]
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
NAMES = st.sampled_from([b"data", b"data", b"data", b"event", b"id", b"retry", b"", b"foo"])
VALUES = st.sampled_from([b"", b"1", b"2", b" 37", b"  x", b"a\0", "€".encode(), b"\xff", b":", BOM])
LINES = st.builds(b"%b%b%b%b".__mod__, st.tuples(NAMES, st.sampled_from([b":", b": ", b""]), VALUES, ENDS))
WELL_FORMED = st.lists(LINES | LINES | ENDS, min_size=4, max_size=20).map(b"".join)
ODD = st.lists(LINES | ENDS | st.sampled_from(SCRAPS) | st.binary(max_size=3), min_size=4, max_size=30).map(
    b"".join
)
STREAMS = st.builds(bytes.__add__, st.sampled_from([b"", BOM]), WELL_FORMED | ODD)


@st.composite
def cut_streams(draw: st.DrawFn) -> list[bytes]:
    """A stream in chunks of one to a few bytes, cut anywhere, or whole."""
    stream = draw(STREAMS)
    chunks: list[bytes] = []
    sizes = draw(st.just([1]) | st.lists(st.integers(0, 15), min_size=2) | st.just([len(stream)]))
    for size in itertools.cycle([*sizes, 1]):
        if not stream:
            return chunks
        chunks.append(stream[:size])
        stream = stream[size:]
    raise AssertionError("itertools.cycle ended")


@given(cut_streams())
def test_parsing_equals_the_specification_however_the_bytes_are_cut(chunks: list[bytes]) -> None:
    parser = Parser()
    items = [item for chunk in chunks for item in parser.feed(chunk)]
    expected = Reference(b"".join(chunks))
    assert list(zip(map(type, items), items, strict=True)) == [(type(item), item) for item in expected.items]
    assert parser.last_event_id == expected.last_event_id


def bounded(chunks: list[bytes], event_bytes_max: int) -> tuple[list[Item], bool]:
    """What is parsed under a bound, and whether it was exceeded."""
    parser = Parser(event_bytes_max=event_bytes_max)
    items: list[Item] = []
    for chunk in chunks:
        try:
            items += parser.feed(chunk)
        except EventTooLarge as error:
            return items + error.before, True
    return items, False


@given(cut_streams(), st.integers(1, 24))
def test_the_bound_falls_on_the_same_event_however_the_bytes_are_cut(
    chunks: list[bytes], bytes_max: int
) -> None:
    stream = b"".join(chunks)
    items, exceeded = bounded(chunks, bytes_max)
    assert (items, exceeded) == bounded([stream], bytes_max)
    assert items == Reference(stream).items[: len(items)]
    if not exceeded:
        assert len(items) == len(Reference(stream).items)


ONE_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
DATA = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r") | st.just("\n"))
EVENTS = st.builds(Event, ONE_LINE.filter(bool), DATA, ONE_LINE)
ITEMS = st.lists(
    EVENTS | st.builds(Comment, ONE_LINE) | st.builds(Retry, st.integers(0, RETRY_MS_MAX)), max_size=8
)


def encoded(item: Item) -> bytes:
    match item:
        case Event(event, data, id):
            return encode(data, event=event, id=id)
        case Comment(text):
            return comment(text)
        case Retry(milliseconds):
            return encode(retry=milliseconds)


@given(ITEMS, st.integers(1, 40))
def test_what_is_encoded_is_parsed_back(items: list[Item], chunk_bytes: int) -> None:
    stream = b"".join(map(encoded, items))
    parser = Parser()
    chunks = [stream[at : at + chunk_bytes] for at in range(0, len(stream), chunk_bytes)]
    assert [item for chunk in chunks for item in parser.feed(chunk)] == items


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_data_with_any_line_ends_arrives_in_one_event(data: str) -> None:
    lines = data.replace("\r\n", "\n").replace("\r", "\n")
    assert Parser().feed(encode(data)) == [Event("message", lines, "")]
