"""Sends on the server: a verdict for each key, and each taken at most once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_model.core.common import Refused
from perdure_model.core.server import SERVER
from perdure_model.core.server.effects import Answer, Handle, Reject
from perdure_model.core.server.inputs import PostArrived
from perdure_model.core.server.parts import LIVES_MAX, RECEIPTS_MAX, Connection, Log, Owner, Window

ANN = Connection("active", (1, 2), "e", "ann")
A, B, C = (1, 1), (1, 2), (1, 3)
OVER = "the session is over"


def post(
    *keys: tuple[int, int], epoch: str = "e", principal: str = "ann", attempt: tuple[int, int] = (1, 2)
) -> PostArrived:
    return PostArrived("c", "s", attempt, epoch, principal, keys, "fresh")


def decide(i: PostArrived, *parts: Any) -> tuple[tuple[Any, ...], list[Any]]:
    after, effects = SERVER[PostArrived].decide(i, *parts)
    return after, list(effects)


def test_what_is_new_is_answered_first_and_then_handled_in_order() -> None:
    (window, owners, log), effects = decide(post(A, B), None, {}, None, ANN)
    said = ((A, "accepted"), (B, "accepted"))
    assert window == Window((A,), said)
    assert owners == {("s", "c"): Owner("ann")}
    assert log == Log("fresh")
    assert effects == [Answer(said), Handle("c", "s", A), Handle("c", "s", B)]


def test_what_was_taken_before_is_a_duplicate_and_not_handled_again() -> None:
    window = Window((A,), ((A, "accepted"),))
    (after, _, _), effects = decide(post(A, B), window, {}, Log("log"), ANN)
    assert effects == [Answer(((A, "duplicate"), (B, "accepted"))), Handle("c", "s", B)]
    assert after == Window((A,), ((A, "accepted"), (B, "accepted")))


def test_what_the_client_has_settled_is_forgotten_and_never_taken_again() -> None:
    window = Window((A,), ((A, "accepted"), (B, "accepted")))
    (after, _, _), _ = decide(post(C), window, {}, Log("log"), ANN)
    assert after == Window((C,), ((C, "accepted"),))
    (still, owners, _), effects = decide(post(A), after, {}, Log("log"), ANN)
    assert effects == [Answer(((A, "duplicate"),))]
    assert (still, owners) == (after, {})


def test_a_send_that_another_life_knew_nothing_of_is_no_duplicate() -> None:
    """A copy of the client has posted since; then the killed one returns, with what it had not settled."""
    window = Window((A,), ((A, "accepted"),))
    (window, *_), _ = decide(post((2, 1), attempt=(2, 1)), window, {}, Log("log"), ANN)
    (window, *_), effects = decide(post(A, B, (3, 1), attempt=(3, 1)), window, {}, Log("log"), ANN)
    assert effects[0] == Answer(((A, "duplicate"), (B, "accepted"), ((3, 1), "accepted")))
    assert window.floors == (A, (2, 1), (3, 1))
    (after, *_), _ = decide(post((3, 2), attempt=(3, 1)), window, {}, Log("log"), ANN)
    assert after.floors == (A, (2, 1), (3, 2))
    assert dict(after.verdicts).keys() == {A, B, (2, 1), (3, 2)}


def test_the_lives_whose_receipts_are_kept_are_bounded_and_of_older_ones_nothing_is_said() -> None:
    window: Any = None
    for life in range(1, LIVES_MAX + 2):
        keys = (life, 1), (life, 2)
        (window, *_), _ = decide(post(*keys, attempt=(life, 1)), window, {}, Log("log"), ANN)
    assert (len(window.floors), len(window.verdicts), window.past) == (LIVES_MAX, 2 * LIVES_MAX, 1)
    late = post(A, (2, 1), (10, 1), attempt=(10, 1))
    (after, *_), effects = decide(late, window, {}, Log("log"), ANN)
    assert effects == [Answer((((2, 1), "duplicate"), ((10, 1), "accepted"))), Handle("c", "s", (10, 1))]
    assert (after.floors[0], after.past) == ((2, 1), 1)
    (after, *_), _ = decide(post((10, 2), attempt=(10, 1)), after, {}, Log("log"), ANN)
    assert (after.floors[0], after.past) == ((3, 1), 2)


def test_receipts_for_what_many_lives_left_are_there_for_the_posts_repetition() -> None:
    """Killed again and again while the server is away, a client posts what all its lives have left."""
    all_that_is_left = post(*((life, 1) for life in range(1, LIVES_MAX + 3)), attempt=(10, 1))
    (window, *_), _ = decide(all_that_is_left, None, {}, Log("log"), ANN)
    (_, *_), effects = decide(all_that_is_left, window, {}, Log("log"), ANN)
    assert effects == [Answer(tuple((key, "duplicate") for key in all_that_is_left.keys))]


def test_who_makes_lives_up_without_end_is_remembered_no_more_of_than_the_bound() -> None:
    """It holds on to the first, so that none of them is earlier than what its POSTs begin with."""
    window: Any = None
    for life in range(2, RECEIPTS_MAX + 3_000, 999):
        keys = (A, *((n, 1) for n in range(life, life + 999)))
        (window, *_), _ = decide(post(*keys), window, {}, Log("log"), ANN)
        assert max(len(window.floors), len(window.verdicts)) <= RECEIPTS_MAX
    _, effects = decide(post(A, B), window, {}, Log("log"), ANN)
    assert effects == [Answer(())]


def test_who_never_settles_anything_is_kept_no_more_receipts_for_than_the_bound() -> None:
    window: Any = None
    for count in range(2, RECEIPTS_MAX + 3_000, 999):
        keys = (A, *((1, n) for n in range(count, count + 999)))
        (window, *_), _ = decide(post(*keys), window, {}, Log("log"), ANN)
        assert len(window.verdicts) <= RECEIPTS_MAX
    _, effects = decide(post(A, B), window, {}, Log("log"), ANN)
    assert effects == [Answer(((A, "duplicate"), (B, "duplicate")))]


def test_after_the_end_sends_are_refused_and_what_was_said_is_said_again() -> None:
    over = Log("log", outcome="succeeded")
    (window, owners, _), effects = decide(post(A), None, {}, over, ANN)
    assert (owners, effects) == ({}, [Answer(((A, OVER),))])
    _, again = decide(post(A), window, {}, Log("log"), ANN)
    assert again == [Answer(((A, OVER),))]


def test_what_was_taken_before_the_end_stays_taken() -> None:
    window = Window((A,), ((A, "accepted"),))
    _, effects = decide(post(A, B), window, {}, Log("log", outcome="failed"), ANN)
    assert effects == [Answer(((A, "duplicate"), (B, OVER)))]


def test_who_sends_drives_the_session_from_then_on() -> None:
    (_, owners, _), _ = decide(post(A), None, {("s", "other"): Owner("bob")}, None, ANN)
    assert owners == {("s", "c"): Owner("ann")}


@pytest.mark.parametrize(
    ("connection", "i", "reject"),
    [
        (None, post(A), Reject(409, "unknown-connection")),
        (ANN, post(A, epoch="before"), Reject(409, "unknown-connection")),
        (ANN, post(A, principal="eve"), Reject(403, "other-principal")),
        (replace(ANN, generation=(2, 1)), post(A), Reject(409, "stale-attempt")),
    ],
)
def test_a_post_of_another_epoch_or_principal_takes_nothing(
    connection: Connection | None, i: PostArrived, reject: Reject
) -> None:
    held = (Window((A,)), {("s", "other"): Owner("bob")}, Log("log"))
    after, (why, said) = decide(i, *held, connection)
    assert after == held
    assert isinstance(why, Refused)
    assert said == reject


@pytest.mark.parametrize("attempt", [(1, 1), (1, 2), (1, 3)])
def test_a_post_under_an_earlier_stream_of_this_life_is_taken_all_the_same(attempt: tuple[int, int]) -> None:
    _, effects = decide(post(A, attempt=attempt), None, {}, None, ANN)
    assert effects[0] == Answer(((A, "accepted"),))


posts = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True).map(sorted), max_size=8)


@given(posts)
def test_whatever_is_posted_is_answered_in_order_and_handled_at_most_once(
    batches: list[list[int]],
) -> None:
    window: Any = None
    handled: list[Any] = []
    for batch in batches:
        (window, _, _), effects = decide(post(*((1, n) for n in batch)), window, {}, Log("log"), ANN)
        answers = effects[0]
        assert isinstance(answers, Answer)
        assert [key for key, _ in answers.verdicts] == [(1, n) for n in batch]
        handled += [effect.key for effect in effects[1:]]
        assert all(key >= window.floors[0] for key, _ in window.verdicts)
    assert len(handled) == len(set(handled))
