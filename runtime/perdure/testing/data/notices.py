"""P-ERRORS, of the client's own notices: nothing that is published passes for one, nor one for an event."""

from __future__ import annotations

import json
from typing import Any

import anyio
from hypothesis import strategies as st
from starlette.types import Message, Scope

from perdure import incoming
from perdure.client import Event, Gap, HandlerFailed, Item, Session
from perdure.errors import SessionError
from perdure.events import sender_of
from perdure.server import Hub
from perdure.sse import Event as Block
from perdure.sse import Item as Part
from perdure.sse import Parser, encode
from perdure.testing.data.canned import CID, STREAM, WITHIN_S, Answer, Canned, asked
from perdure.testing.data.property import DataDefect, instead, states

# -- what is published, and what is the client's own ----------------------------------------------------

WORDS = st.sampled_from(
    ["handler-failed", "gap", "end", "welcome", "message", "taken over", CID, "1.1", "\n"]
)
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | WORDS | st.text(max_size=3)
FIELDS = st.sampled_from(["type", "event", "kind", "sender", "key", "snapshot", "outcome", "data", "id"])
NOTICES = st.fixed_dictionaries(
    {"type": st.sampled_from(["handler-failed", "gap", "end", "welcome"])},
    optional={
        "sender": st.just(sender_of(CID)),
        "key": st.just("1.1"),
        "snapshot": LEAVES,
        "outcome": st.just("failed"),
    },
)
DATA = LEAVES | NOTICES | st.dictionaries(FIELDS, LEAVES, max_size=3) | st.lists(LEAVES | NOTICES, max_size=3)


@states(
    "P-ERRORS",
    st.lists(DATA, max_size=3),
    lambda published: len(published) > 1,
    lambda published: any(isinstance(data, dict) and "sender" in data for data in published),
)
def what_is_published_is_no_notice(published: list[Any]) -> bool:
    """Whatever an application publishes arrives as an event with that data, and as nothing else."""
    events = anyio.run(streamed, published)
    items = asked(collect, Canned(Answer(200, events, STREAM)))
    return repr(items) == repr([Event(data, position) for position, data in enumerate(published, 1)])


async def collect(session: Session) -> list[Item] | SessionError:
    """What the session yields until it ends."""
    try:
        return [item async for item in session]
    except SessionError as error:
        return error


async def streamed(published: list[Any]) -> bytes:
    """What a hub writes of a session that ends after these events, behind the welcome."""
    hub, written, over = Hub(), bytearray(), anyio.Event()
    query = f"cid={CID}&attempt=1.1&session=s".encode()
    scope: Scope = {"type": "http", "method": "GET", "path": "/events", "query_string": query, "headers": []}

    async def receive() -> Message:
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        written.extend(message.get("body", b""))
        if b"\nevent: end\n" in written:
            over.set()

    with anyio.fail_after(WITHIN_S):
        async with hub.lifespan():
            for data in published:
                await hub.session("s").publish(data)
            await hub.session("s").end("succeeded")
            await hub.asgi()(scope, receive, send)
    return bytes(written).partition(b"\n\n")[2]


NOTICED = st.lists(
    st.tuples(st.just("gap"), DATA) | st.tuples(st.just("handler-failed"), st.booleans()), max_size=4
)


@states(
    "P-ERRORS",
    NOTICED,
    lambda noticed: ("handler-failed", True) in noticed,
    lambda noticed: any(kind == "gap" and isinstance(data, dict) for kind, data in noticed),
)
def a_notice_is_no_event(noticed: list[tuple[str, Any]]) -> bool:
    """A gap and a failed handler arrive as notices of their own types, whatever data they carry."""
    stream, due = b"", list[Item]()
    for position, (kind, said) in enumerate(noticed, 1):
        sender = sender_of(CID) if said is True else "somebody else"
        body = {"snapshot": said} if kind == "gap" else {"sender": sender, "key": "1.7"}
        stream += encode(json.dumps(body), event=kind, id=f"s:e:{position}")
        due.append(Gap(said, position) if kind == "gap" else HandlerFailed("1.7", said, position))
    stream += encode(json.dumps({"outcome": "succeeded", "session": "s"}), event="end")
    return repr(asked(collect, Canned(Answer(200, stream, STREAM)))) == repr(due)


# -- defects -------------------------------------------------------------------------------------------


class ByItsData(Parser):
    """Tells what an event is by a field of its data."""

    def feed(self, chunk: bytes) -> list[Part]:
        """The parts of the stream."""
        return [by_its_data(part) if isinstance(part, Block) else part for part in super().feed(chunk)]


def by_its_data(block: Block) -> Block:
    """The event, named by a field of its data."""
    data = json.loads(block.data)
    named = isinstance(data, dict) and data.get("type") in ("gap", "handler-failed", "end")
    return block._replace(event=data["type"]) if named else block


PROPERTIES = (what_is_published_is_no_notice, a_notice_is_no_event)
DEFECTS = (
    DataDefect(
        "T36",
        "the client tells its own notices by a field of the data, which anybody may publish",
        "P-ERRORS",
        instead(incoming, Parser=ByItsData),
        where=what_is_published_is_no_notice,
    ),
)
