"""What is encoded is parsed back. That parsing follows the WHATWG is a property of data: P-FRAMING."""

from hypothesis import given
from hypothesis import strategies as st
from perdure.sse import RETRY_MS_MAX, Comment, Event, Item, Parser, Retry, comment, encode

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
