"""Each defect of data code is found by its property, shrunk; what is no defect is not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta, timezone
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from hypothesis import strategies as st
from perdure import answers, identity, incoming, sse, transport, wire
from perdure.errors import PerdureError, SendError, SessionError
from perdure.identity import FileIdentity, Identity
from perdure.inbox import Inbox
from perdure.sse import Item, Retry, encode
from perdure.testing.data import (
    DATA_DEFECTS,
    DATA_PROPERTIES,
    DataDefect,
    DataProperty,
    failures,
    falsify,
    find_data_defects,
    find_defect,
    instead,
    notices,
    states,
    waiting,
)
from perdure.testing.data.catalogue import by_id
from perdure.testing.data.property import Plant
from perdure.testing.data.search import size
from perdure.transport import Reply
from perdure.wire import cursor_text
from perdure_model.core import common
from perdure_model.core.common import Cursor


@pytest.mark.parametrize("name", DATA_DEFECTS)
def test_a_defect_is_found_by_its_property(name: str) -> None:
    assert_found(DATA_DEFECTS[name])


def assert_found(defect: DataDefect) -> None:
    finding = find_defect(defect, DATA_PROPERTIES)
    assert finding.counterexample is not None
    assert finding.counterexample.statement.id == defect.breaks
    assert finding.states > 0
    assert finding.length == finding.counterexample.length
    with defect.plant():
        assert not finding.counterexample.statement.holds(finding.counterexample.case)
    assert finding.counterexample.statement.holds(finding.counterexample.case), "it breaks without the defect"


# -- variants of one finding ---------------------------------------------------------------------------


class KeepsByteOrderMark(sse.Parser):
    def _without_bom(self, head: bytes) -> bytes:
        self._head = None
        return head


class LooksForMarkInOneChunk(sse.Parser):
    def _without_bom(self, head: bytes) -> bytes:
        self._head = None
        return head.removeprefix(b"\xef\xbb\xbf")


class KeepsNulInId(sse.Parser):
    def _field(self, line: bytes, items: list[Item]) -> None:
        name, _, value = line.partition(b":")
        if name == b"id":
            self._id = value.removeprefix(b" ").decode("utf-8", "replace")
        else:
            super()._field(line, items)


class TakesAnyNumberForRetry(sse.Parser):
    def _field(self, line: bytes, items: list[Item]) -> None:
        name, _, value = line.partition(b":")
        if name != b"retry":
            super()._field(line, items)
            return
        try:
            items.append(Retry(int(value)))
        except ValueError:
            return


class WaitsForTheLineFeed(sse.Parser):
    """Ends no line at a CR that a chunk ends with."""

    def _lines(self, chunk: bytes) -> list[bytes]:
        if chunk.endswith(b"\r"):
            lines = super()._lines(chunk[:-1])
            self._tail += b"\r"
            return lines
        return super()._lines(chunk)


class StripsAllSpaces(sse.Parser):
    def _interpret(self, lines: Iterable[bytes]) -> list[Item]:
        return super()._interpret([line.replace(b":  ", b": ") for line in lines])


class ForgetsTheIdWithoutData(sse.Parser):
    def _end_block(self, items: list[Item]) -> None:
        if self._data:
            super()._end_block(items)
        else:
            self._event, self._id = "", self.last_event_id


class KeepsTheEventsName(sse.Parser):
    def _end_block(self, items: list[Item]) -> None:
        name = self._event
        super()._end_block(items)
        self._event = name


class DispatchesWhatIsIncomplete(sse.Parser):
    def feed(self, chunk: bytes) -> list[Item]:
        items = super().feed(chunk)
        if self._data and not self._tail:
            self._end_block(items)
        return items


class SplitsAtLineFeedsAlone(sse.Parser):
    def _lines(self, chunk: bytes) -> list[bytes]:
        return super()._lines(chunk.replace(b"\r\n", b"\n").replace(b"\r", b" "))


class TakesCommentsForData(sse.Parser):
    def _interpret(self, lines: Iterable[bytes]) -> list[Item]:
        return super()._interpret([b"data" + line if line[:1] == b":" else line for line in lines])


@pytest.mark.parametrize(
    "parser",
    [
        KeepsByteOrderMark,
        LooksForMarkInOneChunk,
        KeepsNulInId,
        TakesAnyNumberForRetry,
        WaitsForTheLineFeed,
        StripsAllSpaces,
        ForgetsTheIdWithoutData,
        KeepsTheEventsName,
        DispatchesWhatIsIncomplete,
        SplitsAtLineFeedsAlone,
        TakesCommentsForData,
    ],
)
def test_another_way_to_cut_a_stream_wrongly_is_found(parser: type[sse.Parser]) -> None:
    assert_found(DataDefect("A05", parser.__name__, "P-FRAMING", instead(sse, Parser=parser)))


class BoundsLinesAlone(sse.Parser):
    """Adds nothing up over the lines of a block."""

    def _interpret(self, lines: Iterable[bytes]) -> list[Item]:
        items = []
        for line in lines:
            self._room = self._event_bytes_max
            items += super()._interpret([line])
        return items


class BoundsChunks(sse.Parser):
    """Counts what has come, not what is held."""

    def feed(self, chunk: bytes) -> list[Item]:
        self._room -= len(chunk)
        return super().feed(chunk)


class BoundsCommentsToo(sse.Parser):
    """Counts a comment for as long as its block lasts."""

    def _interpret(self, lines: Iterable[bytes]) -> list[Item]:
        lines = list(lines)
        items = super()._interpret(lines)
        self._room -= sum(len(line) for line in lines if line[:1] == b":")
        return items


class LosesWhatCameBefore(sse.Parser):
    def feed(self, chunk: bytes) -> list[Item]:
        try:
            return super().feed(chunk)
        except sse.EventTooLarge as error:
            error.before = []
            raise


@pytest.mark.parametrize("parser", [BoundsLinesAlone, BoundsChunks, BoundsCommentsToo, LosesWhatCameBefore])
def test_another_way_to_bound_an_event_wrongly_is_found(parser: type[sse.Parser]) -> None:
    assert_found(DataDefect("T27", parser.__name__, "P-BOUNDED", instead(sse, Parser=parser)))


class AnyClose(wire.CloseBody):
    cid: str


def as_it_stands(text: object) -> str:
    wire.connection_id(text)
    return str(text)


PATTERN = "cid-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.mark.parametrize(
    "plant",
    [
        instead(wire, CloseBody=AnyClose),
        instead(wire, _CONNECTION_ID=re.compile(PATTERN, re.ASCII)),
        instead(wire, _CONNECTION_ID=re.compile(PATTERN, re.IGNORECASE)),
        instead(wire, _CONNECTION_ID=re.compile("cid-[0-9a-f-]{36}", re.IGNORECASE | re.ASCII)),
        instead(identity, connection_id=str),
        instead(identity, connection_id=as_it_stands),
    ],
    ids=["close takes any text", "one case", "any cid", "any groups", "stored text", "stored case"],
)
def test_another_way_to_tell_ids_apart_is_found(plant: Plant) -> None:
    assert_found(DataDefect("T19", "", "P-ID-FORM", plant))


def silent(self: FileIdentity, what: str) -> None:
    """Says nothing."""


def fresh_each_time(self: FileIdentity) -> Identity:
    return Identity(identity.new_id(), 1)


def read_or_fail(self: FileIdentity) -> Identity | None:
    if not self._path.exists():
        return None
    kept = json.loads(self._path.read_text(encoding="utf-8"))
    return Identity(wire.connection_id(kept["connection_id"]), int(kept["incarnation"]))


def forgotten(self: FileIdentity, kept: Identity) -> None:
    """Keeps nothing, where something could be kept."""


@pytest.mark.parametrize(
    "wrong",
    [
        {"_warn": silent},
        {"start": fresh_each_time},
        {"_read": read_or_fail},
        {"_read": lambda _self: None},
        {"_write": forgotten},
    ],
    ids=["silent", "fresh each time", "read or fail", "never reads", "never writes"],
)
def test_another_way_to_keep_an_id_wrongly_is_found(wrong: dict[str, Any]) -> None:
    assert_found(DataDefect("T21", "", "P-IDENTITY", instead(FileIdentity, **wrong)))


def half_quoted(text: str, safe: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A")


@pytest.mark.parametrize(
    "wrong",
    [
        {"quote": half_quoted},
        {"quote": lambda text, **_: quote(text)},
        {"quote": lambda text, **_: text.encode("ascii", "replace").decode()},
        {"unquote": str},
        {"Cursor": lambda epoch, _position: Cursor(epoch, 0)},
        {"cursor_text": lambda places: cursor_text(sorted(places))},
    ],
    ids=["commas", "slashes", "ascii alone", "never unquoted", "no position", "another order"],
)
def test_another_way_to_name_places_wrongly_is_found(wrong: dict[str, Any]) -> None:
    assert_found(DataDefect("T37", "", "P-OWNER", instead(wire, **wrong)))


def swapped(status: int, wrong: str) -> Plant:
    """A plant that puts one status into another class."""
    right = common.classify
    return instead(common, classify=lambda asked: wrong if asked == status else right(asked))


@pytest.mark.parametrize(
    ("status", "wrong"),
    [
        (404, "passing"),
        (408, "final"),
        (425, "final"),
        (429, "final"),
        (503, "final"),
        (0, "final"),
        (204, "final"),
        (401, "passing"),
        (409, "taken"),
        (304, "taken"),
    ],
)
def test_a_status_of_another_class_is_found(status: int, wrong: str) -> None:
    assert_found(DataDefect("T15", f"{status} is {wrong}", "P-CLASS", swapped(status, wrong)))


def backing_off(
    factor: float, *, capped: bool = True, jitter: bool = True, longer: bool = True
) -> Callable[..., float]:
    """Another backoff: by another factor, without cap or jitter, or where Retry-After shortens."""

    def backoff_s(failures: int, first_s: float, cap_s: float, chance: float, asked_s: float | None) -> float:
        grown = first_s * factor ** min(failures - 1, 30)
        waited = (chance if jitter else 1.0) * (min(cap_s, grown) if capped else grown)
        return max(waited, asked_s or 0.0) if longer else waited if asked_s is None else asked_s

    return backoff_s


def spacing(least: float, most: float) -> Callable[..., float]:
    def spaced_s(tries: int, first_s: float, cap_s: float, chance: float, asked_s: float | None) -> float:
        waited = min(cap_s, first_s * 2.0 ** min(tries - 1, 30)) * (least + chance * (most - least))
        return max(waited, asked_s or 0.0)

    return spaced_s


def test_the_stand_ins_for_waiting_can_be_right() -> None:
    """So that what the next test finds is what they are told to do wrong."""
    right = instead(common, backoff_s=backing_off(2.0), spaced_s=spacing(1.0, 1.25))
    assert not find_defect(DataDefect("none", "", "P-SPACED", right), DATA_PROPERTIES, 500).found


@pytest.mark.parametrize(
    ("where", "plant"),
    [
        (waiting.a_reconnect_waits_with_full_jitter, instead(common, backoff_s=backing_off(1.0))),
        (waiting.a_reconnect_waits_with_full_jitter, instead(common, backoff_s=backing_off(3.0))),
        (
            waiting.a_reconnect_waits_with_full_jitter,
            instead(common, backoff_s=backing_off(2.0, capped=False)),
        ),
        (
            waiting.a_reconnect_waits_with_full_jitter,
            instead(common, backoff_s=backing_off(2.0, jitter=False)),
        ),
        (
            waiting.a_reconnect_waits_with_full_jitter,
            instead(common, backoff_s=backing_off(2.0, longer=False)),
        ),
        (waiting.a_send_waits_at_least_its_backoff, instead(common, spaced_s=spacing(0.0, 1.0))),
        (waiting.a_send_waits_at_least_its_backoff, instead(common, spaced_s=spacing(1.0, 2.0))),
        (
            waiting.any_retry_after_can_be_read,
            instead(answers, retry_after=lambda headers: float(headers["retry-after"])),
        ),
        (waiting.any_retry_after_can_be_read, instead(answers, RETRY_AFTER_MAX_S=math.inf)),
        (waiting.a_date_is_waited_for, instead(answers, UTC=timezone(timedelta(hours=1)))),
    ],
    ids=[
        "does not grow",
        "triples",
        "no cap",
        "no jitter",
        "Retry-After shortens",
        "sends at once",
        "sends late",
        "Retry-After is a number",
        "Retry-After without a bound",
        "another zone",
    ],
)
def test_another_way_to_wait_wrongly_is_found(where: DataProperty, plant: Plant) -> None:
    assert_found(DataDefect("A14", "", "P-SPACED", plant, where))


async def nothing_failed(*_: object) -> Reply:
    """A POST whose failure nobody hears of."""
    return Reply(204)


async def nobody_answers(*_: object) -> Reply:
    """A POST whose status is forgotten."""
    return Reply(0)


async def never(_self: object, path: str, *_: object) -> Reply:
    """A send's POST has no end; a goodbye, which leaving waits for, has."""
    if path == "/send":
        await anyio.sleep_forever()
    return Reply(204)


class Nameless(sse.Parser):
    """Leaves names out."""

    def feed(self, chunk: bytes) -> list[sse.Item]:
        return [nameless(part) if isinstance(part, sse.Event) else part for part in super().feed(chunk)]


def nameless(block: sse.Event) -> sse.Event:
    return block._replace(event="message") if block.event in ("gap", "handler-failed") else block


def without_status(self: PerdureError, says: str, **_: Any) -> None:
    """An error that forgets the status that it is given."""
    PerdureError.__init__(self, says)
    self.__dict__.update(key="", why="")


def named_by_its_data(data: bytes) -> bytes:
    """An event whose name is the application's to choose."""
    said = json.loads(data)
    return encode(data.decode(), event=said.get("type") if isinstance(said, dict) else None)


@pytest.mark.parametrize(
    ("where", "plant"),
    [
        (
            failures.a_stream_that_fails_is_told_with_its_status,
            instead(SessionError, __init__=without_status),
        ),
        (
            failures.a_send_that_fails_is_told_with_its_status,
            instead(SendError, __init__=without_status),
        ),
        (
            failures.a_send_that_fails_is_told_with_its_status,
            instead(transport.Transport, post=nothing_failed),
        ),
        (
            failures.a_send_that_fails_is_told_with_its_status,
            instead(transport.Transport, post=nobody_answers),
        ),
        (notices.what_is_published_is_no_notice, instead(sse, message=named_by_its_data)),
        (notices.a_notice_is_no_event, instead(incoming, Parser=Nameless)),
    ],
    ids=[
        "no status of a session",
        "no status of a send",
        "swallowed",
        "no status of a reply",
        "named by the application",
        "notices as messages",
    ],
)
def test_another_way_to_tell_the_application_wrongly_is_found(where: DataProperty, plant: Plant) -> None:
    assert_found(DataDefect("T35", "", "P-ERRORS", plant, where))


@pytest.mark.parametrize(
    ("where", "plant"),
    [
        (failures.a_stream_that_fails_is_told_with_its_status, instead(Inbox, end=lambda _self: None)),
        (failures.a_send_that_fails_is_told_with_its_status, instead(transport.Transport, post=never)),
    ],
    ids=["iteration goes on", "send goes on"],
)
def test_an_application_that_is_told_nothing_is_found(
    where: DataProperty, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.testing.data.canned.WITHIN_S", 0.3)
    assert_found(DataDefect("T35", "", "P-ERRORS", plant, where))


# -- the search itself ---------------------------------------------------------------------------------


@states("P-FRAMING", st.lists(st.integers(0, 9)))
def few(case: list[int]) -> bool:
    """There are fewer than three, and
    none is large."""
    return len(case) < 3


@states("P-FRAMING", st.lists(st.integers(0, 9)))
def mistaken(case: list[int]) -> bool:
    """Its own code is wrong."""
    raise LookupError("a mistake")


def nothing(says: str = "nothing is wrong") -> DataDefect:
    return DataDefect("none", says, "P-FRAMING", instead(sse, Parser=sse.Parser))


def test_a_defect_that_is_none_is_not_found() -> None:
    """Without this a search that finds everything would pass."""
    finding = find_defect(nothing(), DATA_PROPERTIES, 200)
    assert (finding.found, finding.counterexample, finding.length) == (False, None, None)
    assert finding.states >= 200


def test_a_counterexample_is_shrunk_and_the_cases_until_then_are_counted() -> None:
    search = falsify(few)
    assert search.counterexample is not None
    assert (search.counterexample.case, search.counterexample.length) == ([0, 0, 0], 3)
    assert 1 < search.states < 100


def test_a_search_repeats_exactly() -> None:
    first, second = (list(find_data_defects(["A05"])) for _ in range(2))
    assert [(one.counterexample, one.states) for one in first] == [
        (one.counterexample, one.states) for one in second
    ]


def test_a_mistake_in_a_property_is_no_finding() -> None:
    with pytest.raises(LookupError, match="a mistake"):
        find_defect(nothing(), [mistaken])


def test_a_defect_must_break_what_is_stated() -> None:
    with pytest.raises(KeyError, match="no property of data has the id P-FRAMING"):
        find_defect(nothing(), [])


def test_the_statement_that_a_defect_names_is_searched_first() -> None:
    always = DataProperty("P-FRAMING", st.integers(0, 9), lambda case: case < 5, ())
    defect = nothing()
    assert find_defect(defect, [few, always]).counterexample == falsify(few).counterexample
    named = DataDefect(defect.id, defect.says, defect.breaks, defect.plant, always)
    found = find_defect(named, [few, always])
    assert found.counterexample == falsify(always).counterexample
    assert found.states == falsify(always).states


def test_a_defect_is_planted_only_while_it_is_searched_for() -> None:
    planted: list[str] = []

    @contextmanager
    def plant() -> Iterator[None]:
        planted.append("in")
        yield
        planted.append("out")

    @states("P-FRAMING", st.just(0))
    def watches(case: int) -> bool:
        """It is planted."""
        return planted == ["in"]

    assert not find_defect(DataDefect("none", "", "P-FRAMING", plant), [watches]).found
    assert planted == ["in", "out"]


def test_a_plant_leaves_production_as_it_was() -> None:
    before = sse.Parser
    for defect in DATA_DEFECTS.values():
        with defect.plant():
            pass
    assert sse.Parser is before


def test_a_plant_that_replaces_nothing_says_so() -> None:
    with pytest.raises(AttributeError, match="Purser"), instead(sse, Purser=sse.Parser)():
        pass


def test_an_id_stands_once_in_the_catalogue() -> None:
    with pytest.raises(ValueError, match="a defect none already: first"):
        by_id([nothing("first"), nothing("second")])


@pytest.mark.parametrize(
    ("case", "length"),
    [("abc", 3), (b"ab", 2), (7, 1), (None, 1), ([b"ab", ("c", 1)], 4), ({"k": [1, 2]}, 3)],
)
def test_the_size_of_a_case(case: Any, length: int) -> None:
    assert size(case) == length


def test_a_property_is_told_in_one_line() -> None:
    assert few.name == "P-FRAMING few"
    assert few.says == "There are fewer than three, and none is large."
    assert isinstance(few, DataProperty)
