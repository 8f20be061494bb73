"""Connections on the server: attached, taken over, lost, waited for, suspended, closed, expired."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.common import NEVER, START, Attempt, Cursor
from perdure_model.core.server import SERVER
from perdure_model.core.server.effects import (
    AddSession,
    Attach,
    CancelGrace,
    CutStream,
    Detached,
    DropSession,
    Reject,
    StartGrace,
    Wake,
)
from perdure_model.core.server.inputs import (
    CloseRequested,
    GraceElapsed,
    ServerStarted,
    StreamClosed,
    StreamRequested,
    StreamStalled,
    SuspendRequested,
    UnwatchRequested,
    WatchRequested,
)
from perdure_model.core.server.parts import (
    CONNECTION,
    LOG,
    OWNER,
    SETTINGS,
    WATCH,
    WINDOW,
    Connection,
    Log,
    Owner,
    ServerSettings,
    Watch,
    Window,
)

from tests.core.deciding import Decided
from tests.core.deciding import decide as decide_on
from tests.core.deciding import refused as refused_by

OLD: Attempt = (1, 1)
NOW: Attempt = (1, 2)
NEXT: Attempt = (1, 3)
HAD = Cursor("log", 4)
ACTIVE = Connection("active", NOW, "e", "ann")
INACTIVE = replace(ACTIVE, state="inactive")
AWAY = replace(INACTIVE, said_away=NOW)
FLEETING = replace(ACTIVE, fleeting=True)
WATCHES = {("s", "c"): Watch(NOW, HAD)}
PAUSED = {("s", "c"): Watch(NOW, None)}
OWNERS = {("s", "c"): Owner("ann")}
KEPT = {("s", "c"): Owner("ann", suspended=NOW)}
WINDOWS = {("c", "s"): Window(((1, 1),), (((1, 1), "accepted"),))}
LOGS = {("s",): Log("log", 5)}
BOUNDS = ServerSettings(grace_s=60.0)
ELAPSES = GraceElapsed("c", NOW)
STALE = Reject(409, "stale-attempt")
UNKNOWN = Reject(409, "unknown-connection")
STRANGER = Reject(403, "other-principal")


def server(connection: Connection | None, **changed: Any) -> dict[Any, Any]:
    """The parts of a server that knows one connection, which watches and owns one session."""
    parts = {
        "connection": {("c",): connection} if connection else {},
        "watch": WATCHES if connection == ACTIVE else PAUSED,
        "owner": OWNERS,
        "window": WINDOWS,
        "log": LOGS,
    } | changed
    families = (CONNECTION, WATCH, OWNER, WINDOW, LOG)
    return {SETTINGS: BOUNDS, **dict(zip(families, parts.values(), strict=True))}


def decide(i: Any, connection: Connection | None, **changed: Any) -> Decided:
    return decide_on(SERVER, i, server(connection, **changed))


def refused(i: Any, connection: Connection | None, **changed: Any) -> list[Any]:
    """The input changes nothing and says why; what else is said."""
    return refused_by(SERVER, i, server(connection, **changed))


def nothing(decided: Decided) -> bool:
    """Whether nothing is left of the connection."""
    return not any(decided[family] for family in (CONNECTION, WATCH, OWNER, WINDOW))


def request(attempt: Attempt, principal: str = "ann", cursor: Cursor = HAD) -> StreamRequested:
    return StreamRequested("c", attempt, principal, (("s", cursor),), "fresh")


# -- attaching -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [False, True])
def test_a_new_id_is_bound_to_its_principal_and_begins_an_epoch(made: bool) -> None:
    decided = decide_on(SERVER, replace(request(NOW, cursor=START), made=made), {})
    assert decided[CONNECTION] == {("c",): Connection("active", NOW, "fresh", "ann", fleeting=made)}
    assert decided[WATCH] == {("s", "c"): Watch(NOW, START, woken=True)}
    assert decided[LOG] == {("s",): Log("fresh")}
    assert decided.effects == [Attach("c", NOW, "fresh", resumed=False), Wake("c", NOW, "s")]


def test_one_that_comes_back_in_time_keeps_its_epoch_and_stops_the_grace_timer() -> None:
    decided = decide(request(NEXT), replace(AWAY, serial=3))
    back = replace(ACTIVE, generation=NEXT, said_away=NOW)
    assert decided[CONNECTION] == {("c",): back}
    assert not back.away
    assert decided[WATCH] == {("s", "c"): Watch(NEXT, HAD, woken=True)}
    assert decided[LOG] == LOGS
    assert decided.effects == [
        CancelGrace(ELAPSES),
        Attach("c", NEXT, "e", resumed=True),
        Wake("c", NEXT, "s"),
    ]


def test_a_later_stream_takes_over_and_the_old_one_is_ended_first() -> None:
    decided = decide(request(NEXT), ACTIVE)
    assert decided[CONNECTION] == {("c",): replace(ACTIVE, generation=NEXT)}
    assert decided.effects == [
        CutStream("c", NOW, "replaced"),
        Attach("c", NEXT, "e", resumed=True),
        Wake("c", NEXT, "s"),
    ]


def test_nothing_is_kept_under_an_id_that_the_server_made_n36() -> None:
    held = replace(ACTIVE, fleeting=True)
    assert refused(SUSPENDS, held) == [Reject(409, "server-made-id")]


def test_a_client_that_started_again_is_later_than_its_earlier_life() -> None:
    assert decide(request((2, 1)), ACTIVE)[CONNECTION]["c",].generation == (2, 1)


@pytest.mark.parametrize("held", [ACTIVE, INACTIVE])
def test_a_request_that_was_held_up_takes_over_nothing(held: Connection) -> None:
    assert refused(request(OLD), held) == [STALE]


@pytest.mark.parametrize("held", [ACTIVE, INACTIVE])
def test_a_request_that_was_repeated_on_the_way_may_be_made_anew_n33(held: Connection) -> None:
    assert refused(request(NOW), held) == [Reject(425, "repeated-attempt")]


@pytest.mark.parametrize("held", [ACTIVE, INACTIVE])
def test_an_id_answers_to_its_own_principal_only(held: Connection) -> None:
    assert refused(request(NEXT, "eve"), held) == [STRANGER]


def test_what_was_left_suspended_is_found_again_by_its_principal_alone() -> None:
    gone: dict[str, Any] = {"watch": {}, "owner": KEPT, "window": {}}
    assert decide(request(NEXT), None, **gone)[OWNER] == OWNERS
    assert refused(request(NEXT, "eve"), None, **gone) == [STRANGER]


# -- losing --------------------------------------------------------------------------------------------


def test_the_streams_close_starts_its_grace_timer_and_stops_the_writing() -> None:
    decided = decide(StreamClosed("c", NOW), ACTIVE)
    assert (decided[CONNECTION], decided[WATCH]) == ({("c",): INACTIVE}, PAUSED)
    assert decided.effects == [StartGrace(ELAPSES, 60.0)]


def test_a_stream_that_nobody_reads_is_cut_and_its_client_waited_for() -> None:
    decided = decide(StreamStalled("c", NOW), ACTIVE)
    assert (decided[CONNECTION], decided[WATCH]) == ({("c",): INACTIVE}, PAUSED)
    assert decided.effects == [CutStream("c", NOW, "stalled"), StartGrace(ELAPSES, 60.0)]


@pytest.mark.parametrize(
    ("i", "stops"),
    [(StreamClosed("c", NOW), []), (StreamStalled("c", NOW), [CutStream("c", NOW, "stalled")])],
)
def test_a_client_that_left_its_id_to_the_server_is_not_waited_for(i: Any, stops: list[Any]) -> None:
    decided = decide(i, FLEETING)
    assert nothing(decided)
    assert decided.effects == [*stops, Detached("c", "s")]


@pytest.mark.parametrize("kind", [StreamClosed, StreamStalled])
@pytest.mark.parametrize(
    ("held", "generation"), [(ACTIVE, OLD), (ACTIVE, NEVER), (INACTIVE, NOW), (INACTIVE, OLD), (None, NOW)]
)
def test_a_stale_close_or_stall_detaches_nothing_and_starts_no_timer(
    kind: Any, held: Any, generation: Attempt
) -> None:
    assert refused(kind("c", generation), held) == []


def test_when_the_grace_is_over_all_that_it_held_is_freed() -> None:
    decided = decide(ELAPSES, INACTIVE)
    assert nothing(decided)
    assert decided.effects == [Detached("c", "s")]


def test_who_said_that_it_will_be_away_keeps_what_it_owns() -> None:
    decided = decide(ELAPSES, AWAY)
    assert (decided[CONNECTION], decided[WATCH], decided[WINDOW]) == ({}, {}, {})
    assert decided[OWNER] == KEPT
    assert decided.effects == []


def test_who_owns_a_session_without_watching_it_is_no_news_when_it_goes() -> None:
    decided = decide(ELAPSES, INACTIVE, watch={})
    assert (decided[OWNER], decided.effects) == ({}, [])


@pytest.mark.parametrize(("held", "generation"), [(INACTIVE, OLD), (ACTIVE, NOW), (ACTIVE, OLD), (None, NOW)])
def test_a_stale_grace_timer_ends_no_later_wait(held: Any, generation: Attempt) -> None:
    assert refused(GraceElapsed("c", generation), held) == []


# -- the client's words --------------------------------------------------------------------------------

ENTERS = WatchRequested("c", "t", NOW, 4, "ann", HAD, "fresh")
LEAVES = UnwatchRequested("c", "s", NOW, 4, "ann")
SUSPENDS = SuspendRequested("c", NOW, "ann")
CLOSES = CloseRequested("c", NOW, "ann")


@pytest.mark.parametrize(
    ("held", "stops"), [(ACTIVE, CutStream("c", NOW, "closed")), (AWAY, CancelGrace(ELAPSES))]
)
def test_a_client_that_is_done_is_not_waited_for(held: Connection, stops: Any) -> None:
    decided = decide(CLOSES, held)
    assert nothing(decided)
    assert decided.effects == [stops, Detached("c", "s")]


@pytest.mark.parametrize("held", [ACTIVE, INACTIVE])
def test_a_client_may_say_that_it_will_be_away(held: Connection) -> None:
    decided = decide(SUSPENDS, held)
    assert decided[CONNECTION] == {("c",): replace(held, said_away=NOW)}
    assert decided.effects == []


def test_it_may_say_so_before_its_stream_arrives_and_that_one_brings_nobody_back() -> None:
    ahead = replace(SUSPENDS, attempt=NEXT)
    decided = decide(ahead, INACTIVE)
    assert decided[CONNECTION] == {("c",): replace(INACTIVE, said_away=NEXT)}
    late = decide(request(NEXT), replace(INACTIVE, said_away=NEXT))
    (connection,) = late[CONNECTION].values()
    assert connection.away


def test_what_is_suspended_is_not_taken_up_by_an_earlier_request() -> None:
    assert refused(request(NOW), None, watch={}, owner=KEPT, window={}) == [STALE]


def test_one_more_session_is_watched_from_the_cursor_on_and_comes_into_being() -> None:
    decided = decide(ENTERS, ACTIVE)
    assert decided[WATCH] == {**WATCHES, ("t", "c"): Watch(NOW, HAD, woken=True)}
    assert decided[LOG] == {**LOGS, ("t",): Log("fresh")}
    assert decided[CONNECTION]["c",].serial == 4
    assert decided.effects == [AddSession("c", NOW, "t", HAD), Wake("c", NOW, "t")]


def test_without_a_stream_nothing_is_written_to_what_is_watched() -> None:
    decided = decide(ENTERS, INACTIVE)
    assert decided[WATCH]["t", "c"] == Watch(NOW, None)
    assert decided.effects == []


@pytest.mark.parametrize("held", [ACTIVE, INACTIVE])
def test_a_session_that_is_watched_no_longer_is_owned_still(held: Connection) -> None:
    decided = decide(LEAVES, held)
    assert (decided[WATCH], decided[OWNER]) == ({}, OWNERS)
    assert decided.effects == ([DropSession("c", NOW, "s")] if held == ACTIVE else [])


@pytest.mark.parametrize("i", [ENTERS, LEAVES, SUSPENDS, CLOSES])
def test_a_word_that_is_not_ours_or_not_of_now_changes_nothing(i: Any) -> None:
    assert refused(i, None) == [UNKNOWN]
    for held in (ACTIVE, INACTIVE):
        assert refused(replace(i, principal="eve"), held) == [STRANGER]
        assert refused(replace(i, attempt=OLD), held) == [STALE]


@pytest.mark.parametrize("i", [ENTERS, LEAVES])
def test_a_word_that_a_later_one_has_overtaken_changes_nothing(i: Any) -> None:
    assert refused(i, replace(ACTIVE, serial=4)) == [STALE]


# -- starting ------------------------------------------------------------------------------------------

TWO = {("c",): ACTIVE, ("d",): replace(INACTIVE, generation=OLD)}


def test_a_server_that_starts_knows_nothing_and_ends_what_the_one_before_had() -> None:
    decided = decide_on(SERVER, ServerStarted(), server(ACTIVE) | {CONNECTION: TWO})
    assert nothing(decided)
    assert decided[LOG] == {}
    assert decided.effects == [
        CutStream("c", NOW, "restarted"),
        CutStream("d", OLD, "restarted"),
        CancelGrace(ELAPSES),
        CancelGrace(GraceElapsed("d", OLD)),
    ]


def test_a_server_that_knew_nothing_starts_without_a_word() -> None:
    assert decide_on(SERVER, ServerStarted(), {SETTINGS: BOUNDS}).effects == []


def test_one_whose_store_keeps_everything_waits_for_its_clients_from_the_beginning() -> None:
    decided = decide_on(SERVER, ServerStarted(kept=True), server(ACTIVE) | {CONNECTION: TWO})
    assert decided[CONNECTION] == {("c",): INACTIVE, ("d",): TWO["d",]}
    assert (decided[WATCH], decided[OWNER], decided[WINDOW]) == (PAUSED, OWNERS, WINDOWS)
    assert decided[LOG] == LOGS
    assert decided.effects == [
        CutStream("c", NOW, "restarted"),
        StartGrace(ELAPSES, 60.0),
        CancelGrace(GraceElapsed("d", OLD)),
        StartGrace(GraceElapsed("d", OLD), 60.0),
    ]


def test_and_forgets_those_that_left_their_id_to_it() -> None:
    decided = decide(ServerStarted(kept=True), FLEETING)
    assert nothing(decided)
    assert decided.effects == [CutStream("c", NOW, "restarted"), Detached("c", "s")]
