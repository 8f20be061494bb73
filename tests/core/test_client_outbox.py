"""The outbox: in order, one POST at a time, bounded and spaced retries, and one outcome for each send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from perdure_model.core.client import CLIENT
from perdure_model.core.client.effects import (
    AskCredential,
    CancelTimer,
    Next,
    Post,
    Settled,
    Shown,
    StartTimer,
)
from perdure_model.core.client.inputs import (
    Abandon,
    Bar,
    Desynced,
    Flush,
    PostReplied,
    RetryDue,
    SendRequested,
)
from perdure_model.core.client.parts import (
    ACCESS,
    ITEM,
    LINK,
    ME,
    OUTBOX,
    SETTINGS,
    STATE,
    Access,
    ClientSettings,
    ClientState,
    Item,
    Link,
    Me,
    Outbox,
)

from tests.core.deciding import Decided
from tests.core.deciding import decide as decide_on
from tests.core.deciding import refused as refused_by

BOUNDS = ClientSettings(retries_max=2, retry_first_s=3.0, retry_cap_s=60.0, queue_max=3, batch_max=2)
UP = ClientState("awaiting")
DOWN, OVER = ClientState("reconnecting"), ClientState("terminal", "closed")
CURRENT = Link((1, 1), "open", epoch="e")
ELSEWHERE = replace(CURRENT, epoch="e2")
KEY = Access("key")
A, B, C = (1, 1), (1, 2), (1, 3)
FLYING = Item("sending", tries=1, post=5)
WAITING = Item("retrying", tries=1, post=5, doubt=True)
BOX = Outbox(5, "e")


def items(**named: Item) -> dict[Any, Item]:
    keys = {"a": A, "b": B, "c": C}
    return {("s", keys[name]): item for name, item in named.items()}


def client(box: Outbox | None, held: dict[Any, Item], **around: Any) -> dict[Any, Any]:
    parts = {"state": UP, "link": CURRENT, "access": KEY, "settings": BOUNDS} | around
    families = (STATE, LINK, ACCESS, SETTINGS)
    boxes = {} if box is None else {("s",): box}
    return {OUTBOX: boxes, ITEM: held, ME: Me("me"), **dict(zip(families, parts.values(), strict=True))}


def decide_all(i: Any, box: Outbox | None, held: dict[Any, Item], **around: Any) -> Decided:
    return decide_on(CLIENT, i, client(box, held, **around))


def decide(i: Any, box: Outbox | None, held: dict[Any, Item], **around: Any) -> tuple[Any, Any, list[Any]]:
    """The outbox, its items by key, and the effects without what is shown, which has tests of its own."""
    decided = decide_all(i, box, held, **around)
    left = {key[1]: item for key, item in decided[ITEM].items()}
    effects = [effect for effect in decided.effects if not isinstance(effect, Shown)]
    return decided[OUTBOX].get(("s",)), left, effects


def refused(i: Any, box: Outbox, held: dict[Any, Item], **around: Any) -> None:
    assert refused_by(CLIENT, i, client(box, held, **around)) == []


def post(number: int, *keys: Any, epoch: str = "e", token: str = "key") -> Post:
    return Post("s", number, (1, 1), "me", token, epoch, keys)


# -- sending -------------------------------------------------------------------------------------------


def test_a_send_goes_out_at_once_if_nothing_is_before_it() -> None:
    box, left, effects = decide(SendRequested("s", A), None, {})
    assert box == Outbox(1, "e")
    assert left == {A: Item("sending", tries=1, post=1)}
    assert effects == [post(1, A)]


@pytest.mark.parametrize("state", [ClientState("connecting"), DOWN])
def test_without_a_stream_a_send_waits(state: ClientState) -> None:
    _, left, effects = decide(SendRequested("s", A), None, {}, state=state)
    assert (left, effects) == ({A: Item("queued")}, [])


@pytest.mark.parametrize("before", [FLYING, WAITING])
def test_a_send_waits_behind_what_is_in_flight_or_waits_for_its_retry(before: Item) -> None:
    box, left, effects = decide(SendRequested("s", B), BOX, items(a=before))
    assert box == BOX
    assert left == {A: before, B: Item("queued")}
    assert effects == []


def test_over_the_bound_a_send_is_refused_and_the_others_stay() -> None:
    full = items(a=FLYING, b=Item("queued"), c=Item("queued"))
    box, left, effects = decide(SendRequested("s", (1, 4)), BOX, full)
    assert (box, left) == (BOX, {A: FLYING, B: Item("queued"), C: Item("queued")})
    assert effects == [Settled("s", (1, 4), "failed", "the queue is full")]


def test_after_the_end_a_send_fails_at_once() -> None:
    box, left, effects = decide(SendRequested("s", A), None, {}, state=OVER)
    assert (box, left) == (None, {})
    assert effects == [Settled("s", A, "failed", "the session is over")]


# -- the end of a POST ---------------------------------------------------------------------------------


def reply(status: int, verdicts: tuple[Any, ...] = (), **more: Any) -> PostReplied:
    return PostReplied("s", 5, status, "key", verdicts, chance=0.0, **more)


@pytest.mark.parametrize("said", ["accepted", "duplicate"])
def test_what_the_server_took_now_or_before_is_delivered(said: str) -> None:
    _, left, effects = decide(reply(200, ((A, said),)), BOX, items(a=FLYING))
    assert (left, effects) == ({}, [Settled("s", A, "delivered", "")])


def test_what_the_server_refuses_fails_with_its_reason_and_the_rest_is_taken() -> None:
    verdicts = ((A, "the session is over"), (B, "accepted"))
    _, left, effects = decide(reply(200, verdicts), BOX, items(a=FLYING, b=FLYING))
    assert left == {}
    assert effects == [
        Settled("s", A, "failed", "the session is over"),
        Settled("s", B, "delivered", ""),
    ]


def test_then_the_next_ones_go_out_in_order_as_many_as_a_batch_takes() -> None:
    queue = replace(BOUNDS, queue_max=9)
    held = items(a=FLYING) | {("s", (1, n)): Item("queued") for n in (2, 3, 4)}
    box, left, effects = decide(reply(200, ((A, "accepted"),)), BOX, held, settings=queue)
    assert box == Outbox(6, "e")
    assert effects[-1] == post(6, B, C)
    assert left[(1, 4)] == Item("queued")


@pytest.mark.parametrize(
    ("sizes", "taken"), [((40, 60, 1), 2), ((41, 60, 1), 1), ((500, 1, 1), 1), ((1, 1, 1), 3), ((), 0)]
)
def test_a_post_takes_no_more_bytes_than_its_bound_but_always_one_send(sizes: Any, taken: int) -> None:
    bounds = replace(BOUNDS, batch_max=9, batch_bytes_max=100)
    held = {("s", (1, n)): Item("queued", size=size) for n, size in enumerate(sizes, 1)}
    _, _, effects = decide(Flush("s"), Outbox(), held, settings=bounds)
    assert [len(effect.keys) for effect in effects] == ([taken] if taken else [])


def test_a_send_joins_with_its_size() -> None:
    _, left, _ = decide(SendRequested("s", A, 70), None, {}, state=DOWN)
    assert left == {A: Item("queued", size=70)}


def test_a_receipt_is_progress_for_the_stream() -> None:
    accepted = reply(200, ((A, "accepted"),))
    decided = decide_all(accepted, BOX, items(a=FLYING), link=replace(CURRENT, failures=4))
    assert decided[LINK] == CURRENT


def test_a_receipt_proves_the_credential() -> None:
    accepted = reply(200, ((A, "accepted"),))
    decided = decide_all(accepted, BOX, items(a=FLYING), access=Access("key", unproven=True))
    assert decided[ACCESS] == KEY


@pytest.mark.parametrize("status", [0, 408, 429, 500, 503])
def test_a_failure_that_may_pass_is_tried_again_after_a_wait(status: int) -> None:
    box, left, effects = decide(reply(status), BOX, items(a=FLYING, b=Item("queued")))
    assert box == BOX
    assert left == {A: replace(FLYING, state="retrying", doubt=status != 429), B: Item("queued")}
    assert effects == [StartTimer(RetryDue("s", 5), 3.0)]


def test_each_further_retry_waits_twice_as_long() -> None:
    _, _, effects = decide(reply(500), BOX, items(a=replace(FLYING, tries=2)))
    assert effects == [StartTimer(RetryDue("s", 5), 6.0)]


def test_the_server_may_ask_for_a_longer_wait_and_is_remembered() -> None:
    box, _, effects = decide(reply(429, retry_after_s=30.0), BOX, items(a=FLYING))
    assert box == replace(BOX, asked=True)
    assert effects == [StartTimer(RetryDue("s", 5), 30.0)]


@pytest.mark.parametrize(
    ("status", "sent", "outcome"),
    [(0, True, "uncertain"), (500, True, "uncertain"), (0, False, "failed"), (429, True, "failed")],
)
def test_after_the_last_try_it_is_uncertain_only_if_it_may_have_been_taken(
    status: int, sent: bool, outcome: str
) -> None:
    spent = replace(FLYING, tries=3)
    _, left, effects = decide(reply(status, sent=sent), BOX, items(a=spent))
    assert left == {}
    (settled,) = effects
    assert (settled.key, settled.outcome) == (A, outcome)


def test_a_doubt_once_raised_stays() -> None:
    doubted = replace(FLYING, tries=3, doubt=True)
    _, _, (settled,) = decide(reply(429), BOX, items(a=doubted))
    assert settled.outcome == "uncertain"


def test_a_send_that_a_good_reply_does_not_name_is_in_doubt_and_tried_again() -> None:
    _, left, effects = decide(reply(200, ((A, "accepted"),)), BOX, items(a=FLYING, b=FLYING))
    assert left == {B: replace(FLYING, state="retrying", doubt=True)}
    assert effects == [Settled("s", A, "delivered", ""), StartTimer(RetryDue("s", 5), 3.0)]


@pytest.mark.parametrize("status", [400, 404, 413])
def test_a_status_that_will_not_pass_fails_the_send_and_says_so(status: int) -> None:
    _, left, effects = decide(reply(status), BOX, items(a=FLYING))
    assert (left, effects) == ({}, [Settled("s", A, "failed", f"status {status}")])


def test_of_a_server_that_has_forgotten_us_nobody_knows_what_it_took_and_we_come_back() -> None:
    _, left, effects = decide(reply(409), BOX, items(a=FLYING))
    assert left == {A: replace(FLYING, state="queued", doubt=True)}
    assert effects == [Next(Desynced(CURRENT.attempt, 0.0))]


def test_what_an_older_epoch_refused_is_in_doubt_and_goes_out_no_more_n35() -> None:
    _, left, effects = decide(reply(409), BOX, items(a=FLYING), link=ELSEWHERE)
    assert left == {}
    assert effects == [Settled("s", A, "uncertain", "the server has forgotten this connection")]


@pytest.mark.parametrize(("status", "doubt"), [(0, False), (409, True)])
def test_what_an_epoch_that_is_gone_may_have_taken_is_uncertain(status: int, doubt: bool) -> None:
    _, left, effects = decide(reply(status), BOX, items(a=replace(FLYING, doubt=doubt)), link=ELSEWHERE)
    assert left == {}
    (settled,) = effects
    assert (settled.key, settled.outcome) == (A, "uncertain")


@pytest.mark.parametrize("status", [0, 200, 404, 409, 500])
@pytest.mark.parametrize(
    "held", [{}, items(a=replace(FLYING, post=6)), items(a=WAITING), items(a=Item("queued"))]
)
def test_the_end_of_an_earlier_post_changes_nothing(status: int, held: dict[Any, Item]) -> None:
    refused(reply(status, ((A, "accepted"),)), replace(BOX, post=6), held)


@pytest.mark.parametrize(
    ("status", "token", "good"), [(200, "key", True), (200, "old", False), (500, "key", False)]
)
def test_n49_a_yes_speaks_for_its_credential_even_where_the_sends_are_settled(
    status: int, token: str, good: bool
) -> None:
    """The end of a session overtook it; what is posted elsewhere with the credential is not given up."""
    late = replace(reply(status), token=token)
    unproven = Access("key", unproven=True)
    if good:
        decided = decide_all(late, BOX, {}, access=unproven)
        assert (decided[ACCESS], decided.effects) == (Access("key"), [])
    else:
        refused(late, BOX, {}, access=unproven)


# -- waiting and flushing ------------------------------------------------------------------------------


def test_when_the_wait_is_over_it_goes_out_again_before_what_came_later() -> None:
    box, left, effects = decide(RetryDue("s", 5), BOX, items(a=WAITING, b=Item("queued")))
    assert box == Outbox(6, "e")
    assert left == {A: replace(WAITING, state="sending", tries=2, post=6), B: Item("sending", 1, 6)}
    assert effects == [post(6, A, B)]


def test_with_the_stream_down_it_is_queued_for_the_next_welcome() -> None:
    box, left, effects = decide(RetryDue("s", 5), BOX, items(a=WAITING), state=DOWN)
    assert (box, left, effects) == (BOX, {A: replace(WAITING, state="queued")}, [])


@pytest.mark.parametrize("held", [{}, items(a=replace(WAITING, post=6)), items(a=FLYING)])
def test_the_retry_timer_of_an_earlier_post_ends_no_later_wait(held: dict[Any, Item]) -> None:
    refused(RetryDue("s", 5), replace(BOX, post=6), held)


def test_a_new_stream_sends_what_is_queued() -> None:
    _, left, effects = decide(Flush("s"), Outbox(), items(a=Item("queued")))
    assert left == {A: Item("sending", 1, 1)}
    assert effects == [post(1, A)]


def test_a_new_stream_ends_the_wait_of_our_own() -> None:
    _, left, effects = decide(Flush("s"), BOX, items(a=WAITING))
    assert effects == [CancelTimer(RetryDue("s", 5)), post(6, A)]
    assert left[A].tries == 2


def test_a_new_stream_does_not_shorten_the_wait_that_the_server_asked_for() -> None:
    asked = replace(BOX, asked=True)
    assert decide(Flush("s"), asked, items(a=WAITING)) == (asked, {A: WAITING}, [])


def test_a_new_stream_posts_nothing_that_is_in_flight() -> None:
    assert decide(Flush("s"), BOX, items(a=FLYING, b=Item("queued")))[2] == []


@pytest.mark.parametrize("asked", [True, False])
def test_a_new_epoch_ends_as_uncertain_what_the_old_one_may_have_taken(asked: bool) -> None:
    box = replace(BOX, asked=asked)
    _, left, effects = decide(Flush("s"), box, items(a=WAITING, b=Item("queued")), link=ELSEWHERE)
    stopped = CancelTimer(RetryDue("s", 5))
    settled = Settled("s", A, "uncertain", "the server has lost its receipts")
    assert effects == [*([settled, stopped] if asked else [stopped, settled]), post(6, B, epoch="e2")]
    assert left == {B: Item("sending", 1, 6)}


# -- the credential ------------------------------------------------------------------------------------

REFRESHES = replace(BOUNDS, refreshes=True)


def test_a_refused_credential_is_replaced_and_the_sends_wait_for_the_other_one() -> None:
    decided = decide_all(reply(401), BOX, items(a=FLYING), settings=REFRESHES)
    assert decided[ACCESS] == Access("key", asked=True)
    assert decided[ITEM] == items(a=replace(FLYING, state="queued", tries=0, denied=True))
    assert [effect for effect in decided.effects if not isinstance(effect, Shown)] == [AskCredential("key")]


def test_while_another_credential_is_awaited_nothing_goes_out() -> None:
    asked = Access("key", asked=True)
    assert decide(SendRequested("s", A), None, {}, access=asked) == (Outbox(), {A: Item("queued")}, [])


def test_what_went_out_with_an_older_credential_goes_out_again_at_once() -> None:
    _, left, effects = decide(reply(401), BOX, items(a=FLYING), access=Access("newer"), settings=REFRESHES)
    assert effects == [post(6, A, token="newer")]
    assert left == {A: Item("sending", tries=1, post=6)}


def test_one_that_cannot_be_replaced_fails_the_send() -> None:
    _, left, effects = decide(reply(401), BOX, items(a=FLYING))
    assert (left, effects) == ({}, [Settled("s", A, "failed", "the credential was refused")])


def test_another_credential_sends_what_waited_and_ends_no_wait_for_a_retry() -> None:
    denied = Item("queued", denied=True)
    _, left, effects = decide(Flush("s", new_stream=False), BOX, items(a=denied))
    assert (left, effects) == ({A: Item("sending", 1, 6)}, [post(6, A)])
    assert decide(Flush("s", new_stream=False), BOX, items(a=WAITING)) == (BOX, {A: WAITING}, [])


def test_without_another_credential_what_waited_for_it_fails_and_the_rest_takes_its_turn() -> None:
    _, left, effects = decide(Bar("s"), BOX, items(a=Item("queued", denied=True), b=Item("queued")))
    assert effects == [Settled("s", A, "failed", "the credential was refused"), post(6, B)]
    assert left == {B: Item("sending", 1, 6)}


# -- what is shown -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("i", "held", "shown"),
    [
        (SendRequested("s", A), {}, [Shown("s", running=True, delayed=False)]),
        (SendRequested("s", B), items(a=FLYING), []),
        (reply(200, ((A, "accepted"),)), items(a=FLYING), [Shown("s", running=False, delayed=False)]),
        (reply(500), items(a=FLYING), [Shown("s", running=False, delayed=True)]),
        (RetryDue("s", 5), items(a=WAITING), [Shown("s", running=True, delayed=True)]),
        (reply(200, ((A, "accepted"),)), items(a=FLYING, b=Item("queued")), []),
    ],
)
def test_what_is_shown_follows_from_the_sends_alone(
    i: Any, held: dict[Any, Item], shown: list[Shown]
) -> None:
    decided = decide_all(i, BOX if held else None, held)
    assert [effect for effect in decided.effects if isinstance(effect, Shown)] == shown


# -- the end -------------------------------------------------------------------------------------------


def test_at_the_end_every_open_send_is_settled_and_no_timer_is_left() -> None:
    held = items(a=WAITING, b=replace(WAITING, doubt=False), c=Item("queued"))
    _, left, effects = decide(Abandon("s"), BOX, held, state=OVER)
    assert left == {}
    why = "the session is over"
    assert effects == [
        CancelTimer(RetryDue("s", 5)),
        Settled("s", A, "uncertain", why),
        Settled("s", B, "failed", why),
        Settled("s", C, "failed", why),
    ]


def test_at_the_end_what_is_in_flight_is_uncertain() -> None:
    _, _, effects = decide(Abandon("s"), BOX, items(a=FLYING), state=OVER)
    assert effects == [Settled("s", A, "uncertain", "the session is over")]


@pytest.mark.parametrize("state", ["queued", "sending", "retrying"])
@pytest.mark.parametrize(
    ("verdict", "doubt", "outcome"),
    [
        ("accepted", True, "delivered"),
        ("duplicate", False, "delivered"),
        ("the session is over", False, "failed"),
        ("the session is over", True, "uncertain"),
    ],
)
def test_at_the_end_receipts_that_came_with_it_count(
    state: str, verdict: str, doubt: bool, outcome: str
) -> None:
    held = items(a=Item(state, tries=1, post=5, doubt=doubt))
    _, left, effects = decide(Abandon("s", ((A, verdict),)), BOX, held, state=OVER)
    assert left == {}
    assert effects[-1] == Settled("s", A, outcome, "" if outcome == "delivered" else "the session is over")


def test_a_session_that_never_sent_ends_without_a_word() -> None:
    _, left, effects = decide(Abandon("s"), None, {}, state=OVER)
    assert (left, effects) == ({}, [])
