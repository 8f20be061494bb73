"""Logs on the server: what is published, who is woken, and what a stream is sent next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.common import START, Cursor, Refused
from perdure_model.core.server import SERVER
from perdure_model.core.server.effects import Append, StartForget, Wake, WriteEnd, WriteEvents, WriteGap
from perdure_model.core.server.inputs import Ended, EventsDue, ForgetDue, Published
from perdure_model.core.server.parts import Log, ServerSettings, Watch, Window

NOW, OLD = (1, 2), (1, 1)
SETTINGS = ServerSettings(log_max=10, batch_max=3)
WATCHES = {
    ("s", "c"): Watch(NOW, START),
    ("s", "away"): Watch(NOW, None),
    ("s", "d"): Watch(OLD, Cursor("log", 3)),
}
WOKEN = [Wake("c", NOW, "s"), Wake("d", OLD, "s")]
TO = ("c", NOW, "s")


def decide(i: Any, *parts: Any) -> tuple[Any, list[Any]]:
    (part, *_), effects = SERVER[type(i)].decide(i, *parts)
    return part, list(effects)


def refused(i: Any, *parts: Any) -> None:
    kept, (only,) = SERVER[type(i)].decide(i, *parts)
    assert kept == parts[: len(kept)]
    assert isinstance(only, Refused)
    assert only.why


def test_an_event_takes_the_next_position_and_wakes_who_is_attached() -> None:
    log, effects = decide(Published("s", "fresh"), Log("log", 4), WATCHES, SETTINGS)
    assert log == Log("log", 5)
    assert effects == [Append("s", "log", 5, 0), *WOKEN]


def test_who_was_woken_is_not_woken_again_before_the_stream_has_asked() -> None:
    for i in (Published("s", "fresh"), Ended("s", "failed", "fresh")):
        (_, watches), _ = SERVER[type(i)].decide(i, Log("log", 4), WATCHES, SETTINGS)
        assert {key: watch.woken for key, watch in watches.items()} == {
            ("s", "c"): True,
            ("s", "away"): False,
            ("s", "d"): True,
        }
        (_, after), effects = SERVER[Published].decide(
            Published("s", "fresh"), Log("log", 5), watches, SETTINGS
        )
        assert after is watches
        assert effects == (Append("s", "log", 6, 0),)


def test_the_first_event_begins_the_log() -> None:
    log, effects = decide(Published("s", "fresh"), None, {}, SETTINGS)
    assert (log, effects) == (Log("fresh", 1), [Append("s", "fresh", 1, 0)])


def test_the_oldest_beyond_the_bound_is_dropped() -> None:
    log, effects = decide(Published("s", "fresh"), Log("log", 10), {}, SETTINGS)
    assert (log, effects) == (Log("log", 11, gone=1), [Append("s", "log", 11, 1)])


def test_a_wider_bound_brings_back_nothing_that_is_gone() -> None:
    log, _ = decide(Published("s", "fresh"), Log("log", 10, gone=8), {}, SETTINGS)
    assert log == Log("log", 11, gone=8)


def test_a_session_ends_with_an_outcome_and_who_watches_is_woken() -> None:
    log, effects = decide(Ended("s", "succeeded", "fresh"), Log("log", 4), WATCHES, SETTINGS)
    assert log == Log("log", 4, outcome="succeeded")
    assert effects == [StartForget(ForgetDue("s", "log"), SETTINGS.ended_s), *WOKEN]


def test_a_session_may_end_before_anything_was_published() -> None:
    log, effects = decide(Ended("s", "failed", "fresh"), None, {}, SETTINGS)
    assert log == Log("fresh", outcome="failed")
    assert effects == [StartForget(ForgetDue("s", "fresh"), SETTINGS.ended_s)]


def test_after_the_end_nothing_is_published_and_nothing_ends_again() -> None:
    over = Log("log", 4, outcome="succeeded")
    refused(Published("s", "fresh"), over, WATCHES, SETTINGS)
    refused(Ended("s", "failed", "fresh"), over, WATCHES, SETTINGS)


# -- what a stream is sent -----------------------------------------------------------------------------


def due(sent: Cursor, log: Log, window: Window | None = None) -> tuple[Any, list[Any]]:
    return decide(EventsDue("c", "s", NOW), Watch(NOW, sent), log, window, SETTINGS)


@pytest.mark.parametrize("cursor", [START, Cursor("log", 0)])
def test_it_is_sent_what_comes_next(cursor: Cursor) -> None:
    watch, effects = due(cursor, Log("log", 2))
    assert watch == Watch(NOW, Cursor("log", 2))
    assert effects == [WriteEvents(*TO, "log", 1, 2)]


def test_it_is_sent_a_batch_at_a_time_and_wakes_itself_for_the_rest() -> None:
    watch, effects = due(Cursor("log", 1), Log("log", 9))
    assert watch == Watch(NOW, Cursor("log", 4), woken=True)
    assert effects == [WriteEvents(*TO, "log", 2, 4), Wake(*TO)]


def test_who_has_everything_is_sent_nothing() -> None:
    watch, effects = due(Cursor("log", 9), Log("log", 9))
    assert (watch, effects) == (Watch(NOW, Cursor("log", 9)), [])


@pytest.mark.parametrize(
    ("cursor", "log"),
    [
        (Cursor("log", 3), Log("log", 9, gone=4)),  # dropped meanwhile
        (START, Log("log", 9, gone=1)),
        (Cursor("before", 9), Log("log", 9)),  # the log of another life
        (Cursor("log", 12), Log("log", 9)),  # ahead of the log: not ours
    ],
)
def test_where_the_log_does_not_reach_back_it_is_told_of_the_gap(cursor: Cursor, log: Log) -> None:
    watch, effects = due(cursor, log)
    assert watch == Watch(NOW, Cursor("log", 9))
    assert effects == [WriteGap(*TO, "log", 9)]


@pytest.mark.parametrize("position", [4, 5])
def test_what_the_log_still_has_is_no_gap(position: int) -> None:
    _, effects = due(Cursor("log", position), Log("log", 6, gone=4))
    assert effects == [WriteEvents(*TO, "log", position + 1, 6)]


def test_the_end_comes_after_all_that_was_before_it() -> None:
    over = Log("log", 5, outcome="succeeded")
    watch, effects = due(Cursor("log", 1), over)
    assert (watch, effects) == (
        Watch(NOW, Cursor("log", 4), woken=True),
        [WriteEvents(*TO, "log", 2, 4), Wake(*TO)],
    )
    watch, effects = due(Cursor("log", 4), over)
    assert watch is None
    assert effects == [WriteEvents(*TO, "log", 5, 5), WriteEnd(*TO, "succeeded")]


def test_with_the_end_come_the_receipts() -> None:
    receipts = (((1, 1), "accepted"), ((1, 2), "the session is over"))
    over = Log("log", 5, outcome="succeeded")
    _, effects = due(Cursor("log", 5), over, Window(((1, 1),), receipts))
    assert effects == [WriteEnd(*TO, "succeeded", receipts)]
    _, effects = due(Cursor("log", 4), replace(over, outcome=None), Window(((1, 1),), receipts))
    assert effects == [WriteEvents(*TO, "log", 5, 5)]


def test_of_what_is_buried_there_is_the_end_and_for_who_had_not_all_the_gap() -> None:
    buried = Log("log", 5, gone=5, outcome="failed", buried=True)
    assert due(Cursor("log", 5), buried) == (None, [WriteEnd(*TO, "failed")])
    for cursor in (Cursor("log", 4), START):
        assert due(cursor, buried) == (None, [WriteGap(*TO, "log", 5), WriteEnd(*TO, "failed")])


def test_nobody_is_woken_after_the_end_so_that_it_is_told_once() -> None:
    over = Log("log", 5, outcome="succeeded")
    for i in (Published("s", "fresh"), Ended("s", "failed", "fresh")):
        _, effects = decide(i, over, WATCHES, SETTINGS)
        assert not any(isinstance(effect, Wake) for effect in effects)
    _, effects = due(Cursor("log", 4), over)
    assert not any(isinstance(effect, Wake) for effect in effects)


@pytest.mark.parametrize("watch", [None, Watch(OLD, START), Watch((1, 3), START), Watch(NOW, None)])
def test_a_stream_that_is_not_attached_is_sent_nothing(watch: Watch | None) -> None:
    refused(EventsDue("c", "s", NOW), watch, replace(Log("log", 5), gone=2), None, SETTINGS)
