"""The client's credential and what it watches: asked for once, told in order, and nothing swallowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.client import CLIENT
from perdure_model.core.client.effects import Next, NotWatched, OpenStream, SessionOver, Tell
from perdure_model.core.client.inputs import (
    Abandon,
    Bar,
    CredentialGiven,
    CredentialRefused,
    Desynced,
    Flush,
    UnwatchAsked,
    WatchAsked,
    WatchReplied,
)
from perdure_model.core.client.parts import (
    ACCESS,
    CURSOR,
    LINK,
    ME,
    OUTBOX,
    STATE,
    WATCHING,
    Access,
    ClientState,
    Link,
    Me,
    Outbox,
    Watching,
)
from perdure_model.core.common import START, Attempt, Cursor

from tests.core.deciding import Decided
from tests.core.deciding import decide as decide_on
from tests.core.deciding import refused as refused_by

NOW: Attempt = (1, 4)
NEXT: Attempt = (1, 5)
AWAITING, RECONNECTING = ClientState("awaiting"), ClientState("reconnecting")
OPEN = Link(NOW, "open", epoch="e", token="key")
WAITING = replace(OPEN, phase="credential")
ASKED = Access("key", asked=True)
HAD = Cursor("log", 7)
ALONE = Watching(("s",), ("s",), 3)
TOLD = Watching(("s",), ("s",), 4, (("s", 4),))


def client(state: ClientState, link: Link, **changed: Any) -> dict[Any, Any]:
    parts = {
        "access": Access("key"),
        "watching": ALONE,
        "cursor": {("s",): HAD},
        "outbox": {("s",): Outbox()},
    } | changed
    families = (ACCESS, WATCHING, CURSOR, OUTBOX)
    return {STATE: state, LINK: link, ME: Me("me"), **dict(zip(families, parts.values(), strict=True))}


def decide(i: Any, state: ClientState = AWAITING, link: Link = OPEN, **changed: Any) -> Decided:
    return decide_on(CLIENT, i, client(state, link, **changed))


def refused(i: Any, state: ClientState = AWAITING, link: Link = OPEN, **changed: Any) -> None:
    assert refused_by(CLIENT, i, client(state, link, **changed)) == []


# -- another credential --------------------------------------------------------------------------------


def test_a_stream_that_waited_for_it_is_asked_for_under_it() -> None:
    decided = decide(CredentialGiven("other"), RECONNECTING, WAITING, access=ASKED)
    assert decided[ACCESS] == Access("other", unproven=True)
    assert decided[LINK] == replace(OPEN, attempt=NEXT, token="other")
    assert decided.effects == [
        OpenStream(NEXT, "me", "other", (("s", HAD),)),
        Next(Flush("s", new_stream=False)),
    ]


def test_one_that_nobody_asked_for_is_used_from_now_on_and_disturbs_no_stream() -> None:
    decided = decide(CredentialGiven("other"))
    assert (decided[ACCESS], decided[LINK]) == (Access("other"), OPEN)
    assert decided.effects[1:] == [Next(Flush("s", new_stream=False))]


@pytest.mark.parametrize(("state", "link"), [(AWAITING, OPEN), (RECONNECTING, WAITING)])
def test_the_one_in_use_is_no_other(state: ClientState, link: Link) -> None:
    refused(CredentialGiven("key"), state, link, access=ASKED)


def test_without_another_the_stream_that_waited_ends_the_session() -> None:
    decided = decide(CredentialRefused("key"), RECONNECTING, WAITING, access=ASKED)
    assert decided[STATE] == ClientState("terminal", "expired")
    assert decided.effects == [Next(Abandon("s")), SessionOver("s", "expired"), Next(Bar("s"))]


def test_without_another_a_stream_that_lives_lives_on() -> None:
    decided = decide(CredentialRefused("key"), access=ASKED)
    assert (decided[STATE], decided[LINK]) == (AWAITING, OPEN)
    assert decided[ACCESS] == Access("key", unproven=True)
    assert decided.effects[1:] == [Next(Bar("s"))]


@pytest.mark.parametrize("access", [Access("key"), Access("newer", asked=True)])
def test_word_of_a_credential_that_nobody_asks_about_changes_nothing(access: Access) -> None:
    refused(CredentialRefused("key"), RECONNECTING, WAITING, access=access)


# -- watching ------------------------------------------------------------------------------------------


def test_another_session_is_told_at_once_from_its_beginning() -> None:
    decided = decide(WatchAsked("t"))
    assert decided[WATCHING] == Watching(("s", "t"), ("s", "t"), 4, (("t", 4),))
    assert decided[CURSOR] == {("s",): HAD, ("t",): START}
    assert decided.effects == [Tell(NOW, "me", 4, "t", START)]


def test_without_a_stream_it_is_asked_for_with_the_next_one() -> None:
    decided = decide(WatchAsked("t"), RECONNECTING)
    assert decided[WATCHING] == Watching(("s", "t"), ("s",), 3)
    assert decided.effects == []


def test_one_that_was_watched_before_goes_on_where_it_was_left() -> None:
    decided = decide(WatchAsked("s"), watching=Watching())
    assert decided.effects == [Tell(NOW, "me", 1, "s", HAD)]


def test_a_session_is_watched_no_longer_and_its_place_is_kept() -> None:
    decided = decide(UnwatchAsked("s"))
    assert decided[WATCHING] == Watching((), (), 4, (("s", 4),))
    assert decided[CURSOR] == {("s",): HAD}
    assert decided.effects == [SessionOver("s", "unwatched"), Tell(NOW, "me", 4, "s", None)]
    assert decide(UnwatchAsked("s"), RECONNECTING).effects == [SessionOver("s", "unwatched")]


def test_nothing_is_watched_or_unwatched_twice() -> None:
    refused(WatchAsked("s"))
    refused(UnwatchAsked("t"))


def test_a_client_that_is_done_watches_nothing_more_and_keeps_how_it_ended() -> None:
    done = ClientState("terminal", "expired")
    refused(WatchAsked("t"), done)
    refused(UnwatchAsked("s"), done)


def reply(status: int, attempt: Attempt = NOW) -> WatchReplied:
    return WatchReplied(attempt, 4, "s", status, chance=0.5)


def test_what_was_taken_is_settled() -> None:
    decided = decide(reply(204), watching=TOLD)
    assert (decided[WATCHING], decided.effects) == (TOLD, [])


@pytest.mark.parametrize("status", [0, 409, 401, 500])
def test_after_a_failure_the_next_stream_says_it_all(status: int) -> None:
    decided = decide(reply(status), watching=TOLD)
    assert decided[WATCHING] == TOLD
    assert decided.effects == [Next(Desynced(NOW, 0.5))]


def test_a_final_no_is_told_and_not_asked_again() -> None:
    decided = decide(reply(403), watching=TOLD)
    assert decided[WATCHING].sessions == ()
    assert decided.effects == [NotWatched("s", 403)]


@pytest.mark.parametrize(
    ("attempt", "link"),
    [((1, 3), OPEN), (NOW, replace(OPEN, phase="timer")), (NOW, replace(OPEN, attempt=NEXT))],
)
def test_what_an_earlier_stream_was_told_is_past(attempt: Attempt, link: Link) -> None:
    refused(reply(500, attempt), link=link, watching=TOLD)


def test_the_reply_to_a_word_that_a_later_one_has_overtaken_is_past() -> None:
    refused(reply(404), watching=replace(TOLD, serial=5, words=(("s", 5),)))


def test_a_final_no_to_giving_a_session_up_means_to_say_it_all_again() -> None:
    decided = decide(reply(404), watching=Watching((), (), 4, (("s", 4),)))
    assert decided.effects == [Next(Desynced(NOW, 0.5))]


def test_who_is_done_watches_nothing_more() -> None:
    refused(WatchAsked("t"), ClientState("terminal", "failed"))
