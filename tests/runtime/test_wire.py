"""Text and values: what is read, what is refused, and that both directions agree."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure import wire
from perdure.errors import BadConnectionId, NotAnEventStream, PayloadError, UsageError
from perdure.events import HandlerFailedBody, Run, Runs, input_of, welcome_of
from perdure.identity import new_id
from perdure.sse import Event
from perdure_model.core.client.inputs import EndArrived, EventArrived, TakenOver, Welcomed
from perdure_model.core.common import START, Cursor
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

CID = "cid-0123abcd-0123-4567-89ab-0123456789ab"


def test_a_connection_id_is_stored_in_one_case() -> None:
    assert wire.connection_id(CID) == CID
    assert wire.connection_id(CID.upper()) == CID


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "cid-",
        CID[4:],
        CID + "0",
        CID[:-1],
        CID + "\n",
        CID.replace("-", "_"),
        CID.replace("a", "g"),
        CID.replace("0", "\N{ARABIC-INDIC DIGIT ZERO}"),
        "id-" + CID[4:],
        7,
    ],
)
def test_what_is_no_connection_id_is_refused_and_says_what_one_is(text: object) -> None:
    with pytest.raises(BadConnectionId, match="'cid-' and a UUID"):
        wire.connection_id(text)


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "0.1", "1.0", "-1.1", "1.1.1", "1e3.1", "1." + "9" * 16, None]
)
def test_what_is_no_pair_is_refused(text: object) -> None:
    with pytest.raises(UsageError, match="incarnation"):
        wire.parse_pair(text)


def test_pairs_and_cursors_survive_the_wire() -> None:
    assert wire.parse_pair(wire.pair_text((12, 345))) == (12, 345)
    cursors = {"a:b,c %/é": Cursor("e1", 7), "plain": Cursor("e2", 9)}
    token = wire.cursor_text([*cursors.items(), ("fresh", START)])
    assert token.isascii()
    assert token.count(",") == 1
    assert wire.parse_cursors(token) == cursors
    assert list(wire.parse_cursors(token)) == list(cursors)
    assert wire.parse_cursors("") == {}


@pytest.mark.parametrize("token", ["a", "a:b", "a:b:-1", "a:b:c", "a:b:1:2", "a:b:1,nonsense", "::"])
def test_a_cursor_that_no_server_gave_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="cursor"):
        wire.parse_cursors(token)


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "a\0", None])
def test_what_is_no_session_name_is_refused(name: object) -> None:
    with pytest.raises(UsageError, match="printable"):
        wire.session_name(name)


class Note(BaseModel):
    text: str
    at: datetime


def test_payloads_may_be_models_and_stay_on_one_line() -> None:
    text = wire.dump({"note": Note(text="a\nb\r\u2028", at=datetime(2024, 1, 1, tzinfo=UTC))})
    assert "\n" not in text
    assert "\r" not in text
    assert json.loads(text)["note"] == {"text": "a\nb\r\u2028", "at": "2024-01-01T00:00:00Z"}


@pytest.mark.parametrize("data", [object(), float("nan"), float("inf"), {1, object()}, "\ud800"])
def test_what_cannot_be_json_is_refused(data: object) -> None:
    with pytest.raises(PayloadError, match="JSON can hold"):
        wire.dump(data)


def test_a_cycle_is_refused() -> None:
    data: list[object] = []
    data.append(data)
    with pytest.raises(PayloadError):
        wire.dump(data)


def test_a_body_reads_as_it_was_written() -> None:
    items = [wire.item_text((1, 1), '{"a":1}'), wire.item_text((1, 3), "null")]
    raw = wire.send_text(CID, (1, 4), "e1", "chat", items)
    body = wire.SendBody.model_validate_json(raw)
    assert (body.cid, body.attempt, body.epoch, body.session) == (CID, (1, 4), "e1", "chat")
    assert [(item.key, item.data) for item in body.items] == [((1, 1), {"a": 1}), ((1, 3), None)]
    for kind in (wire.CloseBody, wire.SuspendBody):
        word = kind.model_validate_json(wire.word_text(CID, (2, 5)))
        assert (word.cid, word.attempt) == (CID, (2, 5))
    place = Cursor("e", 3)
    watch = wire.WatchBody.model_validate_json(wire.tell_text(CID, (2, 5), 7, "a,b", place))
    assert (watch.cid, watch.attempt, watch.serial, watch.session) == (CID, (2, 5), 7, "a,b")
    assert watch.cursor == {"a,b": place}
    unwatch = wire.UnwatchBody.model_validate_json(wire.tell_text(CID, (2, 5), 8, "a,b", None))
    assert (unwatch.attempt, unwatch.serial, unwatch.session) == ((2, 5), 8, "a,b")


def test_the_head_of_a_post_is_no_longer_than_its_bound() -> None:
    longest = (10**15 - 1, 10**15 - 1)
    raw = wire.send_text(CID, longest, "e" * 64, "\N{GRINNING FACE}" * 200, [])
    assert len(raw) <= wire.HEAD_BYTES
    assert len(wire.item_text(longest, "")) <= wire.ITEM_BYTES


@pytest.mark.parametrize("changed", [{"serial": 0}, {"serial": None}, {"cursor": "nonsense"}, {"cursor": 7}])
def test_a_word_that_is_out_of_shape_is_refused(changed: dict[str, object]) -> None:
    says = {"cid": CID, "attempt": "1.1", "serial": 1, "session": "s", "cursor": ""}
    assert wire.WatchBody.model_validate(says).cursor == {}
    with pytest.raises(ValidationError):
        wire.WatchBody.model_validate(says | changed)


SENDS = {"cid": CID, "attempt": "1.1", "epoch": "e", "session": "s"}


@pytest.mark.parametrize("keys", [["1.2", "1.1"], ["1.1", "1.1"], ["2.1", "1.9"], []])
def test_the_keys_of_a_post_must_grow(keys: list[str]) -> None:
    items = [{"key": key, "data": 0} for key in keys]
    with pytest.raises(ValidationError):
        wire.SendBody.model_validate({**SENDS, "items": items})
    wire.SendBody.model_validate({**SENDS, "items": [{"key": "1.1", "data": 0}]})  # nothing else is wrong


def test_an_event_that_nobody_asked_for_cannot_be_read() -> None:
    for strange in ("other:e:1", "", "mine:1", ":", ","):
        with pytest.raises(ValueError, match=r"no session that was asked for|cursor is none"):
            Runs((1, 1), ("mine",), lambda _i, _run: None).take(Event("message", "{}", strange))
    with pytest.raises(ValueError, match="names no session"):
        input_of(Event("end", '{"outcome": "succeeded"}', ""), (1, 1), ("mine",), 0.5, new_id)
    assert input_of(Event("of-the-future", "{}", ""), (1, 1), ("mine",), 0.5, new_id) is None


def unchanced(i: Any) -> Any:
    return replace(i, chance=0)


def runs_of(*blocks: tuple[str, str, str]) -> list[tuple[Any, Any]]:
    told: list[tuple[Any, Any]] = []
    runs = Runs((1, 1), ("s", "t", "a:b"), lambda i, run: told.append((unchanced(i), run)))
    for block in blocks:
        runs.take(Event(*block))
    runs.tell()
    runs.tell()
    return told


def arrived(session: str, epoch: str, position: int, *data: Any) -> tuple[EventArrived, Run]:
    return EventArrived((1, 1), session, epoch, position, 0, len(data)), Run(position, list(data))


def test_events_that_come_one_after_the_other_are_told_together() -> None:
    failed = '{"sender":"x","key":"1.7"}'
    assert runs_of(
        ("message", "1", "s:e:9"), ("handler-failed", failed, "s:e:10"), ("message", "3", "s:e:11")
    ) == [arrived("s", "e", 9, 1, HandlerFailedBody(sender="x", key=(1, 7)), 3)]


@pytest.mark.parametrize("then", ["s:e:9", "s:e:11", "s:f:10", "t:e:10", "s:e:010", "s:e:10,t:e:1"])
def test_what_does_not_follow_is_told_apart(then: str) -> None:
    session, epoch, position = then.partition(",")[0].split(":")
    assert runs_of(("message", "1", "s:e:9"), ("message", "2", then)) == [
        arrived("s", "e", 9, 1),
        arrived(session, epoch, int(position), 2),
    ]


def test_what_stands_behind_the_position_in_an_id_is_no_hindrance() -> None:
    ids = ["a%3Ab:e:1,s:f:3", "a%3Ab:e:2,s:f:3"]
    assert runs_of(*[("message", "0", one) for one in ids]) == [arrived("a:b", "e", 1, 0, 0)]


def test_an_end_is_a_session_s_or_says_who_goes_on_under_our_id() -> None:
    over, _ = input_of(
        Event("end", '{"outcome": "failed", "session": "s"}', ""), (1, 2), (), 0.5, new_id
    ) or (None, None)
    assert over == EndArrived((1, 2), "s", "failed")
    receipts = '{"outcome":"failed","session":"s","receipts":[{"key":"1.7","verdict":"accepted"}]}'
    told, _ = input_of(Event("end", receipts, ""), (1, 2), (), 0.5, new_id) or (None, None)
    assert told == EndArrived((1, 2), "s", "failed", (((1, 7), "accepted"),))
    lost, _ = input_of(Event("end", '{"outcome": "taken over"}', ""), (1, 2), (), 0.5, lambda: "me") or (
        None,
        None,
    )
    assert lost == TakenOver((1, 2), "me", 0.5)


def test_a_welcome_under_another_id_is_told() -> None:
    other = CID.replace("a", "b")
    said = '"generation": "1.1", "epoch": "e", "resumed": false, "grace_s": 60, "heartbeat_s": 15'
    block = Event("welcome", f'{{"protocol": 1, "connection": "{other}", {said}}}', "")
    assert welcome_of(block, (1, 1))[0] == Welcomed((1, 1), other, "e")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"protocol": 2}, "version 2"),
        ({"generation": "1.2"}, "another stream"),
        ({"connection": "me"}, "does not begin with a welcome"),
        ({"epoch": None}, "does not begin with a welcome"),
    ],
)
def test_a_welcome_that_is_not_for_us_is_refused(changed: dict[str, object], says: str) -> None:
    welcome: dict[str, object] = {
        "protocol": 1,
        "connection": CID,
        "generation": "1.1",
        "epoch": "e",
        "resumed": False,
        "grace_s": 60,
        "heartbeat_s": 15,
    }
    with pytest.raises(NotAnEventStream, match="the first event is 'message'"):
        welcome_of(Event("message", json.dumps(welcome), ""), (1, 1))
    assert welcome_of(Event("welcome", json.dumps(welcome), ""), (1, 1))[0].epoch == "e"
    with pytest.raises(NotAnEventStream, match=says):
        welcome_of(Event("welcome", json.dumps(welcome | changed), ""), (1, 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_data_is_written_so_that_it_reads_as_it_was(data: Any) -> None:
    assert json.loads(wire.dump(data)) == json.loads(json.dumps(data))
    assert from_json(wire.dump(data), allow_inf_nan=False) == json.loads(json.dumps(data))


@pytest.mark.parametrize("data", ["NaN, or Infinity", {"Infinity": ["NaN"]}, "[" * 300, ["Iny"] * 300])
def test_what_only_looks_odd_is_written(data: object) -> None:
    assert json.loads(wire.dump(data)) == data


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_lacks_is_refused_wherever_it_lies(odd: float) -> None:
    for data in (odd, [odd], {"a": {"b": odd}}, ["y" * 300, odd]):
        with pytest.raises(PayloadError, match="JSON can hold"):
            wire.dump(data)


@pytest.mark.parametrize(("depth", "read"), [(199, True), (250, False), (300, False)])
def test_what_lies_deeper_than_it_could_be_read_is_refused(depth: int, read: bool) -> None:
    data: list[Any] = []
    for _ in range(depth):
        data = [data]
    if read:
        assert from_json(wire.dump(data)) == data
        return
    with pytest.raises(PayloadError, match="JSON can hold"):
        wire.dump(data)


@given(st.lists(st.tuples(st.tuples(st.integers(1, 2**53 - 1), st.integers(1, 2**53 - 1)), st.text())))
def test_receipts_are_written_as_their_model_writes_them(verdicts: list[tuple[tuple[int, int], str]]) -> None:
    receipts = [wire.Receipt(key=key, verdict=said) for key, said in verdicts]
    assert json.loads(wire.receipts_text(verdicts)) == wire.SendReply(receipts=receipts).model_dump(
        mode="json"
    )
