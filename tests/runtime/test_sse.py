"""The WHATWG cases, by name; what an encoder refuses; where the bound lies."""

import pytest
from perdure.sse import (
    RETRY_MS_MAX,
    Comment,
    Event,
    EventTooLarge,
    Item,
    Parser,
    Retry,
    Unencodable,
    comment,
    encode,
)

BOM = b"\xef\xbb\xbf"

CASES: dict[str, tuple[bytes, list[Item]]] = {
    # line ends
    "LF": (b"data: a\n\n", [Event("message", "a", "")]),
    "CR": (b"data: a\r\r", [Event("message", "a", "")]),
    "CRLF": (b"data: a\r\n\r\n", [Event("message", "a", "")]),
    "LF then CR is two ends": (
        b"data: a\n\rdata: b\n\r",
        [Event("message", "a", ""), Event("message", "b", "")],
    ),
    "CR then CRLF": (b"data: a\r\r\ndata: b\r\n\r", [Event("message", "a", ""), Event("message", "b", "")]),
    "CRLF then CR": (b"data: a\r\n\r", [Event("message", "a", "")]),
    "CRLF between fields": (
        b"id: 1\r\nevent: x\r\ndata: a\r\ndata: b\r\n\r\n",
        [Event("x", "a\nb", "1")],
    ),
    "all three ends in one block": (b"id: 1\revent: x\r\ndata: a\ndata: b\r\n\r", [Event("x", "a\nb", "1")]),
    "other separators are text": (
        "data: a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b\n\n".encode(),
        [Event("message", "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b", "")],
    ),
    # byte order mark
    "BOM is skipped": (BOM + b"data: a\n\n", [Event("message", "a", "")]),
    "one BOM only": (BOM + BOM + b"data: a\n\ndata: b\n\n", [Event("message", "b", "")]),
    "BOM inside is text": (b"data: " + BOM + b"a\n\n", [Event("message", "\ufeffa", "")]),
    "BOM before a later line makes it unknown": (b"\n" + BOM + b"data: a\n\n", []),
    "half a BOM is no BOM": (b"\xef\xbbdata: a\n\ndata: b\n\n", [Event("message", "b", "")]),
    "BOM alone": (BOM, []),
    # comments
    "comment": (b": hello\n", [Comment("hello")]),
    "empty comment": (b":\n\n", [Comment("")]),
    "comment loses one space": (b":  x\n", [Comment(" x")]),
    "comment inside an event": (b"data: a\n:c\ndata: b\n\n", [Comment("c"), Event("message", "a\nb", "")]),
    "comment that looks like a field": (b":data: a\n\n", [Comment("data: a")]),
    # data
    "several lines": (b"data: a\ndata: b\n\n", [Event("message", "a\nb", "")]),
    "one space is dropped": (b"data:  a\n\n", [Event("message", " a", "")]),
    "no space is needed": (b"data:a\n\n", [Event("message", "a", "")]),
    "a tab is no space": (b"data:\ta\n\n", [Event("message", "\ta", "")]),
    "colons in the value": (b"data:a:b: c\n\n", [Event("message", "a:b: c", "")]),
    "field without colon": (b"data\n\n", [Event("message", "", "")]),
    "two fields without colon": (b"data\ndata\n\n", [Event("message", "\n", "")]),
    "empty data is an event": (b"data:\n\n", [Event("message", "", "")]),
    "no data is no event": (b"event: x\n\n", []),
    "NUL in data stays": (b"data: a\0b\n\n", [Event("message", "a\0b", "")]),
    "broken UTF-8 is replaced": (b"data: a\xffb\xe2\x82\n\n", [Event("message", "a\ufffdb\ufffd", "")]),
    "empty lines alone": (b"\n\n\r\r\n\n", []),
    # event
    "named event": (b"event: x\ndata: a\n\n", [Event("x", "a", "")]),
    "last name wins": (b"event: x\nevent: y\ndata: a\n\n", [Event("y", "a", "")]),
    "empty name is message": (b"event: x\nevent\ndata: a\n\n", [Event("message", "a", "")]),
    "name does not outlive its block": (b"event: x\n\ndata: a\n\n", [Event("message", "a", "")]),
    "field names are case-sensitive": (b"Data: a\nDATA: b\n\n", []),
    "a space before the colon is another field": (b"data : a\n\n", []),
    "unknown fields are ignored": (b"foo: 1\nbar\ndata: a\n\n", [Event("message", "a", "")]),
    # id
    "id": (b"id: 1\ndata: a\n\n", [Event("message", "a", "1")]),
    "id persists": (
        b"id: 1\ndata: a\n\ndata: b\n\n",
        [Event("message", "a", "1"), Event("message", "b", "1")],
    ),
    "id without data persists": (b"id: 1\n\ndata: b\n\n", [Event("message", "b", "1")]),
    "empty id resets": (
        b"id: 1\ndata: a\n\nid\ndata: b\n\n",
        [Event("message", "a", "1"), Event("message", "b", "")],
    ),
    "id with NUL is ignored": (b"id: 1\nid: 2\x003\ndata: a\n\n", [Event("message", "a", "1")]),
    # retry
    "retry": (b"retry: 1500\n", [Retry(1500)]),
    "retry counts before its block ends": (b"retry: 1\ndata: a", [Retry(1)]),
    "retry with leading zeros": (b"retry: 00000000000000000007\n\n", [Retry(7)]),
    "retry of zero": (b"retry: 000\n\n", [Retry(0)]),
    "retry with sign": (b"retry: -1\nretry: +1\n\n", []),
    "retry with other than digits": (b"retry: 1.5\nretry: 1_0\nretry:  1\nretry: 1 \nretry: x\n\n", []),
    "retry with digits of another script": ("retry: \u0663\u00b2\n\n".encode(), []),
    "retry without value": (b"retry\nretry:\n\n", []),
    "giant retry": (b"retry: " + b"9" * 5000 + b"\n\n", [Retry(RETRY_MS_MAX)]),
    # the end
    "incomplete last event": (b"data: a\n\ndata: b\n", [Event("message", "a", "")]),
    "incomplete last line": (b"data: a\n\ndata: b", [Event("message", "a", "")]),
    "the specification's stock example": (
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        [Event("message", "YHOO\n+2\n10", "")],
    ),
    "the specification's four blocks": (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
        [Comment("test stream"), Event("message", "first event", "1"), Event("message", "second event", "")],
    ),
    "the specification's empty ones": (
        b"data\n\ndata\ndata\n\ndata:",
        [Event("message", "", ""), Event("message", "\n", "")],
    ),
}


@pytest.mark.parametrize(("stream", "items"), CASES.values(), ids=CASES.keys())
def test_whatwg(stream: bytes, items: list[Item]) -> None:
    assert Parser().feed(stream) == items


@pytest.mark.parametrize(("stream", "items"), CASES.values(), ids=CASES.keys())
def test_whatwg_cut_anywhere(stream: bytes, items: list[Item]) -> None:
    for place in range(len(stream)):
        parser = Parser()
        assert parser.feed(stream[:place]) + parser.feed(stream[place:]) == items


@pytest.mark.parametrize(("stream", "items"), CASES.values(), ids=CASES.keys())
def test_whatwg_byte_by_byte(stream: bytes, items: list[Item]) -> None:
    parser = Parser()
    assert [item for byte in stream for item in parser.feed(bytes([byte]))] == items


def test_items_are_told_apart_by_their_type() -> None:
    kinds = [type(item) for item in Parser().feed(b": c\nretry: 3\ndata: a\n\n")]
    assert kinds == [Comment, Retry, Event]


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_an_event_is_out_with_its_last_line_end(end: bytes) -> None:
    """CR alone ends the event: to wait for a LF would hold it back until the next one."""
    parser = Parser()
    assert parser.feed(b"data: a" + end) == []
    assert parser.feed(end[:1]) == [Event("message", "a", "")]
    assert parser.feed(end[1:] + b"data: b" + end + end) == [Event("message", "b", "")]


def test_an_empty_chunk_changes_nothing() -> None:
    parser = Parser()
    assert parser.feed(b"") == []
    assert parser.feed(b"data: a\r") == []
    assert parser.feed(b"") == []
    assert parser.feed(b"\ndata: b\r\n\r") == [Event("message", "a\nb", "")]


class TestLastEventId:
    def test_it_moves_when_the_block_ends(self) -> None:
        parser = Parser()
        parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")
        assert parser.last_event_id == "1"
        parser.feed(b"\n")
        assert parser.last_event_id == "2"

    def test_a_block_without_data_moves_it(self) -> None:
        parser = Parser()
        assert parser.feed(b"id: 7\n\n") == []
        assert parser.last_event_id == "7"

    def test_it_goes_on_from_the_stream_before(self) -> None:
        parser = Parser(last_event_id="41")
        assert parser.last_event_id == "41"
        assert parser.feed(b"data: a\n\n") == [Event("message", "a", "41")]


class TestBound:
    def test_exactly_the_bound_passes(self) -> None:
        parser = Parser(event_bytes_max=12)
        assert parser.feed(b"data:a\ndata:b\n\n") == [Event("message", "a\nb", "")]

    @pytest.mark.parametrize(
        "stream", [b"data:a\ndata:bc\n\n", b"data:a\nfoo:bcd", b"data:1234567890", b": 34567890123"]
    )
    def test_a_byte_more_fails(self, stream: bytes) -> None:
        with pytest.raises(EventTooLarge, match="event_bytes_max=12") as caught:
            Parser(event_bytes_max=12).feed(stream)
        assert caught.value.event_bytes_max == 12

    def test_a_line_that_never_ends_fails_at_the_bound(self) -> None:
        parser = Parser(event_bytes_max=100)
        for _ in range(100):
            parser.feed(b"x")
        with pytest.raises(EventTooLarge):
            parser.feed(b"x")

    def test_lines_in_several_chunks_add_up(self) -> None:
        parser = Parser(event_bytes_max=20)
        parser.feed(b"data:67890\n")
        parser.feed(b"data:67890\n")
        with pytest.raises(EventTooLarge):
            parser.feed(b"x\n")

    def test_what_came_before_is_handed_over(self) -> None:
        with pytest.raises(EventTooLarge) as caught:
            Parser(event_bytes_max=8).feed(b"data: a\n\n:c\ndata: 6789\n\n")
        assert caught.value.before == [Event("message", "a", ""), Comment("c")]

    def test_it_goes_on_failing(self) -> None:
        parser = Parser(event_bytes_max=8)
        for _ in range(2):
            with pytest.raises(EventTooLarge):
                parser.feed(b"data: 6789\n\n")
        with pytest.raises(EventTooLarge) as caught:
            parser.feed(b"data: a\n\n")
        assert caught.value.before == []

    def test_each_event_has_the_whole_bound(self) -> None:
        parser = Parser(event_bytes_max=8)
        assert len(parser.feed(b"data: ab\n\n" * 50)) == 50

    def test_heartbeats_inside_a_block_do_not_add_up(self) -> None:
        parser = Parser(event_bytes_max=9)
        assert parser.feed(b"data: ab\n" + b":\n" * 50 + b"\n")[-1] == Event("message", "ab", "")

    def test_a_bound_of_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="event_bytes_max=0"):
            Parser(event_bytes_max=0)


class TestEncode:
    def test_all_fields(self) -> None:
        block = encode("a\nb", event="x", id="7", retry=3000)
        assert block == b"id: 7\nevent: x\nretry: 3000\ndata: a\ndata: b\n\n"

    def test_a_comment(self) -> None:
        assert comment("hb") == b": hb\n\n"
        assert Parser().feed(comment()) == [Comment("")]

    def test_an_id_alone_moves_the_cursor_without_an_event(self) -> None:
        parser = Parser()
        assert parser.feed(encode(id="9")) == []
        assert parser.last_event_id == "9"

    @pytest.mark.parametrize(
        "data", ["", " ", "\n", "a\n", "\n\na", "data: x", ": x", "\ufeff", "a\0b", "ü€😀"]
    )
    def test_data_arrives(self, data: str) -> None:
        assert Parser().feed(encode(data)) == [Event("message", data, "")]

    def test_every_line_end_arrives_as_lf(self) -> None:
        assert Parser().feed(encode("a\rb\r\nc\n\rd")) == [Event("message", "a\nb\nc\n\nd", "")]

    @pytest.mark.parametrize("bad", ["a\nb", "a\rb", "\n", "a\r\n"])
    def test_line_ends_in_id_and_event_are_refused(self, bad: str) -> None:
        with pytest.raises(Unencodable, match="id="):
            encode("x", id=bad)
        with pytest.raises(Unencodable, match="event="):
            encode("x", event=bad)
        with pytest.raises(Unencodable, match="comment="):
            comment(bad)

    def test_nul_in_id_is_refused(self) -> None:
        with pytest.raises(Unencodable, match="id="):
            encode("x", id="a\0b")

    def test_negative_retry_is_refused(self) -> None:
        with pytest.raises(Unencodable, match="retry=-1"):
            encode(retry=-1)

    def test_a_lone_surrogate_is_refused(self) -> None:
        with pytest.raises(Unencodable, match="surrogate"):
            encode("\ud800")

    def test_an_empty_block_is_refused(self) -> None:
        with pytest.raises(Unencodable, match="give data"):
            encode()
