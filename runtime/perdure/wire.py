"""What goes over the wire as data: ids, attempts, keys, cursors, and the JSON bodies. See PROTOCOL.md.

Everything here turns text into values and back. Text that is no value raises UsageError, whoever wrote it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote, unquote

from perdure_model.core.common import START, Attempt, Cursor, SendKey
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticSerializationError, from_json, to_json

from perdure.errors import BadConnectionId, PayloadError, UsageError

VERSION: Final = 1
ITEMS_MAX: Final = 1000
SESSIONS_MAX: Final = 100
SESSION_NAME_MAX: Final = 200
NUMBER_END: Final = 1 << 53
"""Numbers are smaller than this: every language has them."""
HEARTBEAT_MAX_S: Final = 3600.0
"""Whatever a welcome says, a server that is silent for three such intervals is gone."""
DEPTH_MAX: Final = 200
"""How deep lists and objects may lie in each other: what pydantic reads."""
HEAD_BYTES: Final = 4096
ITEM_BYTES: Final = 64

_CONNECTION_ID: Final = re.compile(  # the cases spelt out: other languages' expressions have no flags in them
    "[Cc][Ii][Dd]-[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
)
_PAIR: Final = re.compile(r"([0-9]{1,16})\.([0-9]{1,16})", re.ASCII)
_N, _I, _Y = b"NIy"  # of NaN and Infinity: a byte is found twenty times faster than a word
_CURSOR: Final = re.compile(
    # a name's characters are at most four bytes each, and each byte three characters
    rf"([^:,]{{1,{12 * SESSION_NAME_MAX}}}):([A-Za-z0-9_-]{{1,64}}):([0-9]{{1,15}})",
    re.ASCII,
)


# -- text and values -----------------------------------------------------------------------------------


def connection_id(text: object) -> str:
    """The id in the one case in which it is stored (finding T19). Raises BadConnectionId."""
    if isinstance(text, str) and _CONNECTION_ID.fullmatch(text):
        return text.lower()
    raise BadConnectionId(f"{str(text)[:60]!r} is no connection id")


def session_name(text: object) -> str:
    """The name, if a session may be called so. Raises UsageError."""
    if isinstance(text, str) and 0 < len(text) <= SESSION_NAME_MAX and text.isprintable():
        return text
    raise UsageError(
        f"{str(text)[:60]!r} is no session name",
        hint=f"give 1 to {SESSION_NAME_MAX} printable characters",
    )


def parse_pair(text: object) -> tuple[int, int]:
    """An attempt or a key: `<incarnation>.<count>`, both from 1 to 2**53 - 1. Raises UsageError."""
    match = _PAIR.fullmatch(text) if isinstance(text, str) else None
    pair = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(pair) > 0 and max(pair) < NUMBER_END:
        return pair
    raise UsageError(f"{str(text)[:40]!r} is not <incarnation>.<count>", hint="give two numbers, from 1 on")


def pair_text(pair: Attempt | SendKey) -> str:
    """An attempt or a key as it stands on the wire."""
    return f"{pair[0]}.{pair[1]}"


def cursor_text(cursors: Iterable[tuple[str, Cursor]]) -> str:
    """The cursor token. What stands before its first event has no entry."""
    return ",".join(
        f"{quote(session, safe='')}:{cursor.epoch}:{cursor.position}"
        for session, cursor in cursors
        if cursor != START
    )


def parse_cursors(token: object) -> dict[str, Cursor]:
    """A cursor token's entries, in their order. Raises UsageError."""
    entries = [entry for entry in str(token).split(",", SESSIONS_MAX) if entry]
    found = [_CURSOR.fullmatch(entry) for entry in entries]
    if not all(found) or len(found) > SESSIONS_MAX:
        raise UsageError(
            "the cursor is none that this server gave", hint="give back an event's id as it came, or none"
        )
    return {unquote(m[1]): Cursor(m[2], int(m[3])) for m in found if m}


# -- payloads ------------------------------------------------------------------------------------------


def dump(data: Any) -> str:
    """An application's data as JSON, in one line. Raises PayloadError."""
    return dumped(data).decode()


def dumped(data: Any) -> bytes:
    """The same in UTF-8."""
    try:
        text = to_json(data)
        if _N in text or (_I in text and _Y in text) or len(text) > DEPTH_MAX:
            _read_back(text)
    except (TypeError, ValueError, RecursionError, PydanticSerializationError) as error:
        raise PayloadError(f"this data cannot be JSON: {error}") from error
    return text


def _read_back(text: bytes) -> None:
    """Read what pydantic writes and nobody can read: a NaN, or what lies too deep. Raises ValueError."""
    odd = b"NaN" in text or b"Infinity" in text
    if odd or text.count(b"[") + text.count(b"{") > DEPTH_MAX:
        from_json(text, allow_inf_nan=False)


# -- bodies --------------------------------------------------------------------------------------------


def text_schema(**says: Any) -> WithJsonSchema:
    """What the description says of a text that is checked by a function (see `openapi`)."""
    return WithJsonSchema({"type": "string", **says})


def whole(pattern: str) -> str:
    """The expression of a schema, which searches, for one that has to match the whole."""
    return f"^{pattern}$"


EpochText: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ConnectionId: TypeAlias = Annotated[
    str, BeforeValidator(connection_id), text_schema(pattern=whole(_CONNECTION_ID.pattern))
]
SessionName: TypeAlias = Annotated[
    str,
    BeforeValidator(session_name),
    text_schema(minLength=1, maxLength=SESSION_NAME_MAX, description="Printable characters."),
]
Pair: TypeAlias = Annotated[
    tuple[int, int],
    BeforeValidator(lambda value: value if isinstance(value, tuple) else parse_pair(value)),
    PlainSerializer(pair_text, return_type=str),
    text_schema(pattern=whole("[1-9][0-9]{0,15}[.][1-9][0-9]{0,15}"), description="Numbers below 2^53."),
]
Cursors: TypeAlias = Annotated[
    dict[str, Cursor],
    BeforeValidator(parse_cursors),
    text_schema(pattern=whole(f"({_CURSOR.pattern}(,{_CURSOR.pattern})*)?")),
]


class Body(BaseModel):
    """A JSON object of the protocol; fields that are not known are left alone."""

    model_config = ConfigDict(  # what others send stays in no cache, and in no log
        frozen=True, cache_strings="keys", hide_input_in_errors=True
    )


class SendItem(Body):
    """One send: its idempotency key, and the application's data."""

    key: Pair
    data: Any


def in_order(items: list[SendItem]) -> list[SendItem]:
    """The items, if their keys grow and their numbers can be said again."""
    keys = [item.key for item in items]
    if any(later <= earlier for earlier, later in pairwise(keys)):
        raise ValueError("the keys must grow from item to item")
    for item in items:
        if not finite(item.data):
            raise ValueError(f"the data of {pair_text(item.key)} has a number that no double holds")
    return items


def finite(data: Any) -> bool:
    """Whether all numbers of data from JSON are some: pydantic reads NaN, and 1e999 as an infinity."""
    todo = [data]
    for value in todo:  # grows as it goes: what lies deep takes no stack
        kind = type(value)
        if kind is dict:
            todo += value.values()
        elif kind is list:
            todo += value
        elif kind is float and not isfinite(value):
            return False
    return True


class SendBody(Body):
    """POST /send: sends of one session, in order, under the epoch of the welcome on the attempt's stream."""

    cid: ConnectionId
    attempt: Pair
    epoch: Annotated[str, Field(min_length=1, max_length=64)]
    session: SessionName
    items: Annotated[list[SendItem], Field(min_length=1, max_length=ITEMS_MAX), AfterValidator(in_order)]


class CloseBody(Body):
    """POST /close: the client is done; `attempt` is its latest."""

    cid: ConnectionId
    attempt: Pair


class SuspendBody(CloseBody):
    """POST /suspend: the client will be away; `attempt` is its latest."""


class UnwatchBody(CloseBody):
    """POST /unwatch: a session is watched no longer. `serial` numbers the words on the attempt's stream."""

    serial: Annotated[int, Field(ge=1, lt=NUMBER_END, strict=True)]
    session: SessionName


class WatchBody(UnwatchBody):
    """POST /watch: one more session is watched, from its entry in the cursor token on."""

    cursor: Cursors = Field(default_factory=dict)


class Receipt(Body):
    """What became of one send: accepted, duplicate, or why it was refused."""

    key: Pair
    verdict: str


class SendReply(Body):
    """The answer to POST /send."""

    receipts: list[Receipt]


class ProblemBody(Body):
    """An error's body (RFC 9457)."""

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""


def item_text(key: SendKey, data: str) -> bytes:
    """An item of POST /send, around data that is JSON already; at most `ITEM_BYTES` longer than that."""
    return f'{{"key":"{pair_text(key)}","data":{data}}}'.encode()


def send_text(cid: object, attempt: Attempt, epoch: object, session: str, items: Iterable[bytes]) -> bytes:
    """The body of POST /send; at most `HEAD_BYTES`, and a comma for each item, longer than the items."""
    return b'%b,"items":[%b]}' % (send_head(cid, attempt, epoch, session), b",".join(items))


@lru_cache(maxsize=64)
def send_head(cid: object, attempt: Attempt, epoch: object, session: str) -> bytes:
    """What the bodies that a client posts on one stream have in common."""
    head = json.dumps({"cid": cid, "attempt": pair_text(attempt), "epoch": epoch, "session": session})
    return head[:-1].encode()


def receipts_text(verdicts: Iterable[tuple[SendKey, str]]) -> bytes:
    """A `SendReply`, without the making of one, which takes three times as long."""
    return to_json({"receipts": [{"key": pair_text(key), "verdict": said} for key, said in verdicts]})


def word_text(cid: object, attempt: Attempt) -> bytes:
    """The body of POST /close and /suspend."""
    return json.dumps({"cid": cid, "attempt": pair_text(attempt)}).encode()


def tell_text(cid: object, attempt: Attempt, serial: int, session: str, cursor: Cursor | None) -> bytes:
    """The body of POST /watch, or (no cursor) /unwatch."""
    says = {"cid": cid, "attempt": pair_text(attempt), "serial": serial, "session": session}
    return json.dumps(
        says if cursor is None else {**says, "cursor": cursor_text([(session, cursor)])}
    ).encode()
