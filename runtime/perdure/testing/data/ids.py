"""P-ID-FORM and P-IDENTITY: one form of id wherever one is taken, an id in memory where none can be kept."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from string import hexdigits
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import anyio
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message, Scope

from perdure import wire
from perdure.errors import BadConnectionId, IdentityWarning
from perdure.identity import FileIdentity, Identity, MemoryIdentity
from perdure.server import Hub
from perdure.testing.data.property import DataDefect, instead, states

# -- texts that are ids, or nearly ---------------------------------------------------------------------

IDS = st.uuids().map(lambda uuid: f"cid-{uuid}")
CASES = st.sampled_from([str.lower, str.upper, str.swapcase, str.title])
STRANGE = st.sampled_from(
    ["", "0", "f", "g", "-", "_", " ", "\n", "\0", "\u0660", "\u0131", "\u0130", "{", "é"]
)
EDITS = st.tuples(st.integers(0, 40), st.integers(0, 2), STRANGE)


def edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    """The text with so many characters at each place taken out, and others put in."""
    for at, out, put in edits:
        text = text[:at] + put + text[at + out :]
    return text


SPELT = st.builds(lambda text, case: case(text), IDS, CASES)
TEXTS = SPELT | st.builds(edited, SPELT, st.lists(EDITS, min_size=1, max_size=2)) | st.just("")


def well_formed(text: str) -> bool:
    """`cid-` and 8-4-4-4-12 hex digits, in any case."""
    head, *groups = text.split("-")
    spelt = head.isascii() and head.lower() == "cid" and [len(one) for one in groups] == [8, 4, 4, 4, 12]
    return spelt and all(digit in hexdigits for one in groups for digit in one)


def ill_formed(text: str) -> bool:
    """It is no id, yet looks like one."""
    return not well_formed(text) and text[:4].lower() == "cid-"


def has_capitals(text: str) -> bool:
    """It is an id, and not in the case in which it is stored."""
    return well_formed(text) and text != text.lower()


# -- whoever takes an id -------------------------------------------------------------------------------


@states("P-ID-FORM", TEXTS, ill_formed, has_capitals)
def every_taker_takes_the_same_ids(text: str) -> bool:
    """Every address of the hub, and the client for its stored id, take the same ids, and in one case."""
    due = text.lower() if well_formed(text) else None
    return all(taken == due for taken in (*anyio.run(by_the_hub, text), by_a_program(text), by_a_file(text)))


async def by_the_hub(text: str) -> list[str | None]:
    """The id that reaches the rules from each address of a hub; None where the answer says it is none."""
    records: list[dict[str, Any]] = []
    hub = Hub(trace=records.append)
    app = hub.asgi()
    taken: list[str | None] = []
    async with hub.lifespan():
        for method, path in addresses(app):
            records.clear()
            status, body = await answer(app, method, path, text)
            refused = status == 400 and json.loads(body)["type"] == "urn:perdure:problem:bad-connection-id"
            taken.append(None if refused else records[0]["cid"] if records else f"{method} {path}: {status}")
    return taken


def addresses(app: Starlette) -> Iterator[tuple[str, str]]:
    """Each method and path that the app answers, but for its description, which takes no id."""
    for route in app.routes:
        assert isinstance(route, Route)
        if route.path == "/openapi.json":
            continue
        for method in route.methods or ():
            yield method, route.path


async def answer(app: Starlette, method: str, path: str, cid: str) -> tuple[int, bytes]:
    """The status and body for a request with this id, good otherwise, from a client that goes at once.

    A POST has the fields of every address: those that one does not know are left alone.
    """
    query = {"cid": cid, "attempt": "1.1", "session": "s"}
    body = {**query, "epoch": "e", "serial": 1, "items": [{"key": "1.1", "data": None}]}
    incoming: list[Message] = [{"type": "http.request", "body": json.dumps(body).encode()}]
    outgoing: list[Message] = []

    async def receive() -> Message:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        outgoing.append(message)

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": urlencode(query).encode() if method == "GET" else b"",
        "headers": [(b"content-type", b"application/json")],
    }
    await app(scope, receive, send)
    start, *bodies = outgoing
    return start["status"], b"".join(message["body"] for message in bodies)


def by_a_program(text: str) -> str | None:
    """The id of a client whose program gives it."""
    try:
        return MemoryIdentity(text).start().connection_id
    except BadConnectionId:
        return None


def by_a_file(text: str) -> str | None:
    """The id of a client that finds it in its file; None where it says that it cannot use it."""
    with TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        path = Path(folder, "me")
        path.write_text(json.dumps({"connection_id": text, "incarnation": 1}), encoding="utf-8")
        found = FileIdentity(path).start().connection_id
    return None if any(one.category is IdentityWarning for one in said) else found


# -- where nothing can be kept -------------------------------------------------------------------------

KEPT = st.sampled_from([1, 0, -1, True, 1.5, "1", None])
RECORDS = st.builds(lambda cid, count: {"connection_id": cid, "incarnation": count}, TEXTS, KEPT)
FILES = (
    st.binary(max_size=8)
    | RECORDS.map(lambda record: json.dumps(record).encode())
    | st.just(b"[" * 10_000)  # more than a parser of JSON goes into
)
PLACES = st.sampled_from(["a file", "a folder", "in no folder", "below a file"])
STARTS = st.integers(1, 3)


def spoilt(case: tuple[str, bytes, int]) -> bool:
    """The file is there, and holds no identity."""
    return case[0] == "a file" and b"connection_id" not in case[1]


def cannot_be_written(case: tuple[str, bytes, int]) -> bool:
    """The identity cannot be kept, and is needed again."""
    return case[0] != "a file" and case[2] > 1


@states("P-IDENTITY", st.tuples(PLACES, FILES, STARTS), spoilt, cannot_be_written)
def an_id_in_memory_serves_where_none_can_be_kept(case: tuple[str, bytes, int]) -> bool:
    """Whatever becomes of the file that keeps a client's id, one id serves, life after life; a loss is told.

    Once it is written, another program starts from there.
    """
    place, content, starts = case
    with TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        path = prepared(Path(folder), place, content)
        source = FileIdentity(path)
        try:
            lives = [source.start() for _ in range(starts)]
            after = FileIdentity(path).start()
        except Exception:  # nothing crashes, whatever the error
            return False
    steady = {life.connection_id for life in lives} == {lives[0].connection_id}
    growing = all(b.incarnation > a.incarnation for a, b in pairwise(lives))
    kept = after.connection_id == lives[0].connection_id and after.incarnation > lives[-1].incarnation
    warned = [one.category for one in said]
    return steady and growing and set(warned) <= {IdentityWarning} and (kept or len(warned) > starts)


def prepared(folder: Path, place: str, content: bytes) -> Path:
    """Where the identity is to be kept, and what is there."""
    path = folder / "me"
    if place == "a file":
        path.write_bytes(content)
    elif place == "a folder":
        path.mkdir()
    elif place == "in no folder":
        path = folder / "none" / "me"
    else:
        path.write_bytes(content)
        path /= "me"
    return path


# -- defects -------------------------------------------------------------------------------------------


class AnyText(wire.SendBody):
    """Takes any text for a connection id."""

    cid: str


def write_or_fail(self: Any, identity: Identity) -> None:
    """Keep the identity; what the storage raises goes on."""
    kept = {"connection_id": identity.connection_id, "incarnation": identity.incarnation}
    self._path.write_text(json.dumps(kept), encoding="utf-8")


PROPERTIES = (every_taker_takes_the_same_ids, an_id_in_memory_serves_where_none_can_be_kept)
DEFECTS = (
    DataDefect(
        "T19",
        "the address for sends takes any text for a connection id",
        "P-ID-FORM",
        instead(wire, SendBody=AnyText),
    ),
    DataDefect(
        "T21",
        "a client whose id cannot be kept does not start",
        "P-IDENTITY",
        instead(FileIdentity, _write=write_or_fail),
    ),
)
