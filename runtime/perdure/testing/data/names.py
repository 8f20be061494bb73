"""P-OWNER, as far as it is about names: no name can be taken for another's, whatever characters it has."""

from __future__ import annotations

import re

from hypothesis import strategies as st
from perdure_model.core.common import START, Cursor

from perdure import sse, wire
from perdure.errors import UsageError
from perdure.testing.data.property import DataDefect, instead, states

Places = list[tuple[str, Cursor]]

TRICKY = st.sampled_from([":", ",", "%", "%3A", "%2C", "/", "+", " ", "é", "\u3000", "a:e:1", "."])
SESSIONS = st.lists(TRICKY | st.characters(), min_size=1, max_size=6).map("".join).filter(str.isprintable)
EPOCHS = st.text("09azAZ_-", min_size=1, max_size=4) | st.uuids().map(lambda uuid: uuid.hex)
CURSORS = st.builds(Cursor, EPOCHS, st.integers(1, 3) | st.integers(1, 10**15 - 1)) | st.just(START)
TOKEN = re.compile(r"((^|,)([\w.~-]|%[0-9A-F]{2})+:[\w-]+:[0-9]+)*", re.ASCII)
PLACES = st.lists(st.tuples(SESSIONS, CURSORS), max_size=4, unique_by=lambda place: place[0])


def has_separators(places: Places) -> bool:
    """The name of one session would be entries of the token if it stood there as it is."""
    return any(":" in session and "," in session and cursor != START for session, cursor in places)


def has_several(places: Places) -> bool:
    """The token has several entries."""
    return sum(cursor != START for _, cursor in places) > 1


@states("P-OWNER", PLACES, has_separators, has_several)
def a_cursor_token_names_its_sessions(places: Places) -> bool:
    """A cursor token has PROTOCOL.md's form, and gives back the very places that went in, in order."""
    token = wire.cursor_text(places)
    (event,) = sse.Parser().feed(sse.encode("", id=token))
    due = [(session, cursor) for session, cursor in places if cursor != START]
    try:
        read = list(wire.parse_cursors(event.id).items()) if isinstance(event, sse.Event) else None
    except UsageError:
        return False
    return read == due and TOKEN.fullmatch(token) is not None


def unquoted(text: str, safe: str) -> str:  # noqa: ARG001 - stands in for urllib.parse.quote
    """The text as it is."""
    return text


PROPERTIES = (a_cursor_token_names_its_sessions,)
DEFECTS = (
    DataDefect(
        "T37",
        "a session's name stands in the cursor token as it is, separators included",
        "P-OWNER",
        instead(wire, quote=unquoted),
    ),
)
