"""Sessions that are over: their logs go, then their tombstones; never what a connection has sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.server import SERVER
from perdure_model.core.server.effects import Answer, CutStream, Drop, StartForget
from perdure_model.core.server.inputs import ForgetDue, PostArrived, ServerStarted
from perdure_model.core.server.parts import (
    CONNECTION,
    LOG,
    OWNER,
    SETTINGS,
    TOMBSTONES,
    WATCH,
    WINDOW,
    Connection,
    Log,
    Owner,
    ServerSettings,
    Watch,
    Window,
)

from tests.core.deciding import Decided, decide, refused

BOUNDS = ServerSettings(ended_s=10, tombstone_s=20, tombstones_max=2)
DUE = ForgetDue("s", "log")
OVER = Log("log", 4, gone=1, outcome="failed")
BURIED = Log("log", 4, gone=4, outcome="failed", buried=True)
WATCHED = {("s", "c"): Watch((1, 1), None)}
OWNED = {("s", "c"): Owner("p", suspended=(1, 1)), ("t", "c"): Owner("p")}
SENT = {("c", "s"): Window(((1, 1),), (((1, 1), "accepted"),))}


def server(log: Log | None, tombstones: int | None = None, **more: Any) -> dict[Any, Any]:
    parts = {LOG: {("s",): log} if log else {}, OWNER: OWNED, WINDOW: SENT, SETTINGS: BOUNDS}
    return parts | {TOMBSTONES: tombstones, WATCH: more.get("watches", {})}


def due(log: Log | None, tombstones: int | None = None, **more: Any) -> Decided:
    return decide(SERVER, DUE, server(log, tombstones, **more))


def test_first_the_events_go_and_who_owned_it_and_a_tombstone_is_left() -> None:
    decided = due(OVER, 1)
    assert (decided[LOG], decided[TOMBSTONES]) == ({("s",): BURIED}, 2)
    assert decided[OWNER] == {("t", "c"): OWNED["t", "c"]}
    assert decided.effects == [Drop("s", "log"), StartForget(DUE, 20)]


def test_then_the_tombstone_goes_and_its_place_is_free() -> None:
    for before, after in ((2, 1), (1, None)):
        decided = due(BURIED, before)
        assert (decided[LOG], decided[TOMBSTONES], decided.effects) == ({}, after, [])


def test_beyond_the_bound_no_tombstone_is_put_up() -> None:
    decided = due(OVER, 2)
    assert (decided[LOG], decided[TOMBSTONES]) == ({}, 2)
    assert ("s", "c") not in decided[OWNER]
    assert decided.effects == [Drop("s", "log")]


def test_but_who_watches_is_told_the_end_before_the_name_is_free() -> None:
    decided = due(OVER, 2, watches=WATCHED)
    assert (decided[LOG], decided[TOMBSTONES]) == ({("s",): BURIED}, 3)
    decided = due(BURIED, 3, watches=WATCHED)
    assert (decided[LOG], decided[TOMBSTONES], decided.effects) == (
        {("s",): BURIED},
        3,
        [StartForget(DUE, 20)],
    )


@pytest.mark.parametrize("log", [None, Log("another", 4), Log("another", outcome="failed")])
def test_the_time_of_a_session_that_was_lost_ends_no_other(log: Log | None) -> None:
    assert refused(SERVER, DUE, server(log, 1)) == []


def test_receipts_outlive_the_session_so_that_what_is_repeated_is_known() -> None:
    assert due(OVER)[WINDOW] == SENT
    assert due(BURIED, 1)[WINDOW] == SENT
    connection = {("c",): Connection("active", (1, 1), "epoch", "p")}
    post = PostArrived("c", "s", (1, 1), "epoch", "p", ((1, 1), (1, 2)), "fresh")
    decided = decide(SERVER, post, server(None) | {CONNECTION: connection})
    assert decided.effects[0] == Answer((((1, 1), "duplicate"), ((1, 2), "accepted")))
    assert decided[LOG] == {("s",): Log("fresh")}


def test_a_server_that_has_kept_what_it_knew_begins_their_times_anew() -> None:
    logs = {("s",): OVER, ("t",): replace(BURIED, epoch="other"), ("u",): Log("live")}
    held = server(None, 1, watches={}) | {LOG: logs}
    decided = decide(SERVER, ServerStarted(kept=True), held)
    assert (decided[LOG], decided[TOMBSTONES]) == (logs, 1)
    assert decided.effects == [StartForget(DUE, 10), StartForget(ForgetDue("t", "other"), 20)]


def test_one_that_has_not_has_none() -> None:
    connection = {("c",): Connection("active", (1, 1), "epoch", "p")}
    decided = decide(SERVER, ServerStarted(), server(BURIED, 1) | {CONNECTION: connection})
    assert (decided[LOG], decided[TOMBSTONES]) == ({}, None)
    assert CutStream("c", (1, 1), "restarted") in decided.effects
    assert not any(isinstance(effect, StartForget) for effect in decided.effects)
