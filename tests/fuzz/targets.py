"""What takes bytes from outside, each as a function of the bytes: what it says is right, or it raises.

A target knows the errors that are in place. Where there is another way to the same answer, both are gone and
compared: the WHATWG's algorithm for framing, the slow way of a cursor token for the fast one, and what is
written again for what was read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2
from perdure import wire
from perdure.answers import problem_detail, retry_after
from perdure.errors import NotAnEventStream, StreamBroken, UsageError
from perdure.events import Welcome, input_of, own_cursor, welcome_of
from perdure.identity import new_id
from perdure.problems import Refusal
from perdure.remote import Reading, Remote
from perdure.routes import HubLimits, parsed
from perdure.sse import Event, EventTooLarge, Parser, encode
from perdure.states import read
from perdure.testing.data.framing import Reference
from perdure_model.conformance.lines import BadRecord, NoRecord, NoTrace, record_of
from perdure_model.core.common import START

Target = Callable[[bytes], None]
SEEDS: Final = Path(__file__).parent / "seeds"
EVENT_BYTES_MAX: Final = 1 << 16
BODIES: Final = (wire.SendBody, wire.CloseBody, wire.SuspendBody, wire.WatchBody, wire.UnwatchBody)
SESSIONS: Final = ("chat", "a:b,c%")


def chunks_of(stream: bytes) -> list[bytes]:
    """The stream in pieces, whose size its last byte says."""
    size = stream[-1] % 16 + 1 if stream else 1
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def framing(stream: bytes) -> None:
    """The parser says what the specification says, however the bytes are cut."""
    parser, expected = Parser(event_bytes_max=EVENT_BYTES_MAX), Reference(stream)
    items = [item for chunk in chunks_of(stream) for item in parser.feed(chunk)]
    assert [(type(item), item) for item in items] == [(type(item), item) for item in expected.items]
    assert parser.last_event_id == expected.last_event_id
    for item in items:
        if isinstance(item, Event):
            again = Parser().feed(encode(item.data, event=item.event, id=item.id))
            assert again == [item]


def names(raw: bytes) -> None:
    """Ids, names, numbers and cursors are read, and written again the same; or refused by name."""
    text = raw.decode("utf-8", "replace")  # as from a query, a header or a stream: no surrogates
    for reader in (wire.connection_id, wire.session_name, wire.parse_pair):
        value = quietly(reader, text)
        if isinstance(value, tuple):
            assert wire.parse_pair(wire.pair_text(value)) == value
        elif value is not None:
            assert reader(value) == value
    cursors = quietly(wire.parse_cursors, text)
    if cursors is not None:
        kept = {
            session: cursor
            for session, cursor in cursors.items()
            if cursor != START and len(session) <= wire.SESSION_NAME_MAX  # no longer one can be called so
        }
        assert wire.parse_cursors(wire.cursor_text(kept.items())) == kept
    token_both_ways(text)


def token_both_ways(token: str) -> None:
    """An event's own cursor, told fast, is the first entry of its token."""
    try:
        session, cursor = own_cursor(token, SESSIONS)
    except ValueError:
        first = next(iter(quietly(wire.parse_cursors, token) or {}), None)
        assert first not in SESSIONS
    else:
        assert next(iter(wire.parse_cursors(token).items())) == (session, cursor)


def quietly(reader: Callable[[str], Any], text: str) -> Any:
    """What a reader makes of a text; None where it refuses it."""
    try:
        return reader(text)
    except UsageError:
        return None


def bodies(raw: bytes) -> None:
    """A POST's body is read, and written again the same; or refused as a problem."""
    for kind in BODIES:
        try:
            body = parsed(raw, kind, HubLimits())
        except Refusal:
            continue
        if not isinstance(body, wire.WatchBody):  # a cursor is read only
            assert kind.model_validate_json(body.model_dump_json()) == body


def events(stream: bytes) -> None:
    """What a hub's stream says is an input of the client, or an error that ends the stream."""
    take: Callable[[Event], object] = first
    parser = Parser(event_bytes_max=EVENT_BYTES_MAX)
    with suppress(NotAnEventStream, EventTooLarge, ValueError):
        for chunk in chunks_of(stream):
            for item in parser.feed(chunk):
                if isinstance(item, Event):
                    take(item)
                    take = rest


def first(event: Event) -> Welcome:
    """The welcome."""
    return welcome_of(event, (1, 1))[1]


def rest(event: Event) -> object:
    """Any event after that."""
    return input_of(event, (1, 1), SESSIONS, 0.5, new_id)


REMOTE: Final = Remote(
    snapshot="http://there/state",
    events="http://there/events",
    outcome=lambda state: {"done": "succeeded"}.get(str(state.get("step"))),
    submit=None,
    version="version",
    cursor="cursor",
    volatile=(),
    read=read,
)


def states(stream: bytes) -> None:
    """What a followed stream says is told, or it breaks; never anything else."""
    told: list[tuple[object, object]] = []
    parser = Parser(event_bytes_max=EVENT_BYTES_MAX)
    reading = Reading(1, REMOTE, parser, lambda i, cargo: told.append((i, cargo)), count(1))
    with suppress(StreamBroken):
        for chunk in chunks_of(stream):
            reading.take(chunk)


def answers(raw: bytes) -> None:
    """An error's headers and body are read, or leave nothing."""
    wait, _, body = raw.partition(b"\n")
    kind = (b"content-type", b"application/problem+json")
    headers = httpx2.Headers([(b"retry-after", wait), (b"date", wait[::-1]), kind])
    seconds = retry_after(headers)
    assert seconds is None or 0 <= seconds <= 86_400
    assert isinstance(problem_detail(headers, body), str)


def records(line: bytes) -> None:
    """A line of a trace is a record, or says why it is none."""
    with suppress(NoRecord, BadRecord, NoTrace):
        assert record_of(1, line).data


TARGETS: Final[dict[str, Target]] = {
    one.__name__: one for one in (framing, names, bodies, events, states, answers, records)
}


def seeds_of(target: str) -> list[bytes]:
    """The inputs to begin with: each text in the target's file, between lines of `====`."""
    text = (SEEDS / f"{target}.txt").read_bytes()
    return [seed.removesuffix(b"\n") + b"\n" for seed in text.split(b"\n====\n")]
