"""Requests for a hub, from right ones over those with one thing wrong to plain noise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

CIDS: Final = [f"cid-00000000-0000-0000-0000-00000000000{n}" for n in range(3)]
PATHS: Final = ["/events", "/send", "/close", "/suspend", "/watch", "/unwatch"]
SESSIONS: Final = ["chat", "other", "a:b,c%", "é\u2028x"]


@dataclass(frozen=True)
class Request:
    """A request as a server hands it on; the client goes away after `chunks`, if it is not `whole`."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    chunks: list[bytes]
    whole: bool


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(10**400), st.just("")
)
JSON: SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def mostly(right: SearchStrategy[Any], other: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """One of the first, and at times one of the second."""
    return st.integers(0, 7).flatmap(lambda n: other if n == 7 else right)


ANY_PAIRS = st.builds("{}.{}".format, st.integers(-1, 1 << 54), st.integers(0, 1 << 54))
KEYS = mostly(st.sampled_from(["1.1", "1.2", "2.1", "9007199254740991.1"]), ANY_PAIRS)
ATTEMPTS = mostly(st.just("1.1"), KEYS)
CURSORS = st.sampled_from(
    ["", "chat:e:1", "chat:e:999999999999999", "%ff:e:1", "chat:e:1,other:f:2", ",,", ":::"]
)
ITEMS = mostly(st.lists(st.fixed_dictionaries({"key": KEYS, "data": JSON}), min_size=1, max_size=3), JSON)
RIGHT: Final[dict[str, SearchStrategy[Any]]] = {
    "cid": mostly(st.just(CIDS[0]), st.sampled_from([*CIDS, CIDS[0].upper()])),
    "attempt": ATTEMPTS,
    "epoch": mostly(st.just("EPOCH"), st.text(max_size=3)),
    "session": st.sampled_from(SESSIONS),
    "items": ITEMS,
    "serial": mostly(st.integers(1, 5), st.integers()),
    "cursor": CURSORS,
}
"""What a field may be where the request is nearly right; `EPOCH` becomes that of the first connection."""


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body: its fields right, some of them replaced or left out; or any JSON; or any bytes."""
    kind = draw(st.sampled_from(["object"] * 6 + ["json", "bytes"]))
    if kind == "bytes":
        return draw(st.binary(max_size=60))
    value = draw(JSON)
    if kind == "object":
        value = {name: draw(strategy) for name, strategy in RIGHT.items()}
        wrong = draw(st.sampled_from(sorted(RIGHT)))
        match draw(st.integers(0, 4)):
            case 3:
                value[wrong] = draw(JSON)
            case 4:
                del value[wrong]
    return json.dumps(value, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """A query: nearly right, or any bytes."""
    if draw(st.integers(0, 7)) == 7:
        return draw(st.binary(max_size=40))
    names = ["cid", "attempt", "session", "cursor"]
    pairs = [(name, str(draw(RIGHT[name]))) for name in names if draw(st.integers(0, 9)) < 9]
    if draw(st.integers(0, 3)) == 3:
        pairs += draw(st.lists(st.tuples(st.sampled_from(names), st.text(max_size=10)), max_size=2))
    return urlencode(pairs, errors="surrogatepass").encode()


HEADERS = st.one_of(
    st.tuples(st.just(b"content-type"), st.sampled_from([b"application/json", b"text/plain", b"\xff;="])),
    st.tuples(st.just(b"content-length"), st.sampled_from([b"-1", b"7", b"9" * 30, b"\xb2", b""])),
    st.tuples(st.just(b"last-event-id"), CURSORS.map(str.encode) | st.binary(max_size=20)),
    st.tuples(st.just(b"authorization"), st.binary(max_size=20)),
    st.tuples(st.binary(min_size=1, max_size=8).map(bytes.lower), st.binary(max_size=20)),
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request: mostly to an address that there is, by its method."""
    path = draw(st.sampled_from(PATHS))
    method = "GET" if path == "/events" else "POST"
    match draw(st.integers(0, 9)):
        case 8:
            path = "/" + draw(st.text(max_size=12))
        case 9:
            method = draw(
                st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]) | st.text(min_size=1, max_size=6)
            )
    body = draw(bodies())
    headers = [(b"content-type", b"application/json")] if draw(st.integers(0, 9)) else []
    headers += draw(st.lists(HEADERS, max_size=2)) if draw(st.integers(0, 2)) == 2 else []
    cut, whole = draw(st.integers(0, len(body))), draw(st.integers(0, 9)) < 9
    return Request(method, path, draw(queries()), headers, [body[:cut], body[cut:]], whole)
