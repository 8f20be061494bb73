"""Server-sent events as bytes: a parser and an encoder that do no I/O.

The laws, from the WHATWG's "event stream interpretation":

- What is parsed depends on the bytes alone, never on how they were cut into chunks.
- A line ends at LF, CR or CRLF. A CR ends its line at once: nobody waits for the LF that may follow.
- A block ends at an empty line. What stands after the last empty line when the stream ends is dropped.
- An id counts from the end of its block on, even where the block has no data and so makes no event.
- Nothing grows without bound: a block, or a line, of more than `event_bytes_max` bytes is an error.

Lines and fields are cut as bytes and decoded after that. This equals decoding first: in UTF-8 the bytes of
line ends and colons occur in no other character, and a broken character is replaced without eating what
follows it.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, NoReturn

EVENT_BYTES_MAX: Final = 1 << 20
RETRY_MS_MAX: Final = 2**31 - 1
"""The longest `retry` passed on, about 25 days: what a browser's timer can hold. Longer ones become it."""

_BOM: Final = b"\xef\xbb\xbf"
_new = tuple.__new__  # a named tuple's own constructor takes twice as long
_LINE_END: Final = re.compile("\r\n|\n|\r")


class Event(NamedTuple):
    """An event. `id` is the last id seen in the stream, so it may come from an earlier block; "" is none."""

    event: str
    data: str
    id: str


class Comment(NamedTuple):
    """A comment line, without its colon and one space. It says nothing but that the peer is alive."""

    text: str


class Retry(NamedTuple):
    """The peer's wish how long to wait before the next reconnect, in milliseconds."""

    milliseconds: int


Item = Event | Comment | Retry


class EventTooLarge(Exception):
    """A block or line outgrew the bound. Close the stream: its rest cannot be read.

    `before` holds what the same chunk held ahead of it, so that nothing whole is lost.
    """

    def __init__(self, event_bytes_max: int, before: list[Item]) -> None:
        super().__init__(
            f"an event is larger than event_bytes_max={event_bytes_max} bytes; "
            "close the stream, and raise event_bytes_max if events may be this large"
        )
        self.event_bytes_max = event_bytes_max
        self.before = before


class Unencodable(ValueError):
    """A value that an event stream cannot carry."""


class Parser:
    """Turns the chunks of one stream into items. Use a new one for each stream.

    `event_bytes_max` bounds the bytes of one block's lines together, line ends not counted; the line still
    coming in is counted, a comment only until it ends. `last_event_id` is the id to go on from: that of the
    stream before, or "".
    """

    def __init__(self, *, event_bytes_max: int = EVENT_BYTES_MAX, last_event_id: str = "") -> None:
        if event_bytes_max < 1:
            raise ValueError(f"event_bytes_max={event_bytes_max}: give the number of bytes, at least 1")
        self.last_event_id = last_event_id
        """The id of the last block that ended: what a reconnect sends as Last-Event-ID."""
        self._event_bytes_max = event_bytes_max
        self._id = last_event_id
        self._event = ""
        self._data: list[bytes] = []
        self._room = event_bytes_max  # bytes that the block may still take
        self._head: bytes | None = b""  # the stream's first bytes while they may be a byte order mark
        self._after_cr = False
        self._tail = bytearray()  # a line that has not ended yet
        self._failed = False

    def feed(self, chunk: bytes) -> list[Item]:
        """Take the stream's next bytes and return what they complete, in order.

        Raises EventTooLarge, from then on at every call.
        """
        if self._failed:
            raise EventTooLarge(self._event_bytes_max, [])
        if self._head is not None:
            chunk = self._without_bom(self._head + chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return []
        return self._interpret(self._lines(chunk))

    def _without_bom(self, head: bytes) -> bytes:
        if _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _lines(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk; what follows them is kept. Looks at no byte twice."""
        lines, unended = [], chunk
        if chunk.endswith((b"\n", b"\r")):
            lines, unended = chunk.splitlines(), b""  # of bytes: at LF, CR and CRLF, and nothing else
            self._after_cr = chunk.endswith(b"\r")
        elif b"\n" in chunk or b"\r" in chunk:  # else the inside of a large event, told ten times faster
            *lines, unended = chunk.splitlines()
        if self._tail and lines:
            self._tail += lines[0]
            lines[0] = bytes(self._tail)
            self._tail.clear()
        self._tail += unended
        return lines

    def _interpret(self, lines: Iterable[bytes]) -> list[Item]:
        items: list[Item] = []
        data, room = self._data, self._room
        for line in lines:
            if not line:
                self._end_block(items)
                room = self._event_bytes_max
                continue
            room -= len(line)
            if room < 0:
                self._fail(items)
            # The usual form first, for speed alone: _field would do the same with it.
            if line[:6] == b"data: ":
                data.append(line[6:])
            elif line[:4] == b"id: " and b"\0" not in line:
                self._id = line[4:].decode("utf-8", "replace")
            elif line[:7] == b"event: ":
                self._event = line[7:].decode("utf-8", "replace")
            elif line[:1] == b":":
                items.append(Comment(line[1:].removeprefix(b" ").decode("utf-8", "replace")))
                room += len(line)
            else:
                self._field(line, items)
        self._room = room
        if len(self._tail) > room:
            self._fail(items)
        return items

    def _field(self, line: bytes, items: list[Item]) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            digits = value.lstrip(b"0")
            whole = int(digits or b"0") if len(digits) < 12 else RETRY_MS_MAX  # no giant integers
            items.append(Retry(min(whole, RETRY_MS_MAX)))

    def _end_block(self, items: list[Item]) -> None:
        self.last_event_id = self._id
        if data := self._data:
            text = data[0] if len(data) == 1 else b"\n".join(data)
            items.append(_new(Event, (self._event or "message", text.decode("utf-8", "replace"), self._id)))
            data.clear()
        self._event = ""

    def _fail(self, before: list[Item]) -> NoReturn:
        self._failed = True
        self._data.clear()
        self._tail.clear()
        raise EventTooLarge(self._event_bytes_max, before)


def encode(
    data: str | None = None,
    *,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name on the wire
    retry: int | None = None,
) -> bytes:
    r"""Return one block. Without `data` the reader makes no event of it but takes its id and retry.

    `data` may have several lines; CR and CRLF in it arrive as LF. `id=""` forgets the id before; `retry` is
    in milliseconds. Raises Unencodable.
    """
    lines = []
    if id is not None:
        lines.append("id: " + _one_line("id", id, "\0"))
    if event is not None:
        lines.append("event: " + _one_line("event", event))
    if retry is not None:
        if retry < 0:
            raise Unencodable(f"retry={retry}: give milliseconds, at least 0")
        lines.append(f"retry: {retry}")
    if data is not None:
        whole = "\n" not in data and "\r" not in data
        lines.append("data: " + (data if whole else _LINE_END.sub("\ndata: ", data)))
    if not lines:
        raise Unencodable("an empty block says nothing: give data, event, id or retry, or send a comment")
    return _utf8("\n".join(lines) + "\n\n")


def message(data: bytes) -> bytes:
    """Return the block of a nameless event; `data` is UTF-8 and has no line ends, as JSON has none."""
    return b"data: %b\n\n" % data


def comment(text: str = "") -> bytes:
    """Return a comment: a sign of life that no reader takes for an event. Raises Unencodable."""
    return _utf8(f": {_one_line('comment', text)}\n\n")


def retry(seconds: float) -> bytes:
    """Return the least time to wait before the next attempt, for a reader whose stream ends."""
    return f"retry: {round(seconds * 1000)}\n\n".encode()


def _one_line(name: str, value: str, refused: str = "") -> str:
    if any(mark in value for mark in "\r\n" + refused):
        raise Unencodable(
            f"{name}={value!r} holds a line end or NUL, which would be read as something else: take it out"
        )
    return value


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Unencodable(f"a lone surrogate cannot be sent as UTF-8: {error}; replace it") from error
