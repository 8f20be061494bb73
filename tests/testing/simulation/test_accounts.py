"""The accounts: each thing that does not fit is told by the property that it breaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from perdure.testing.simulation import Accounts, Broken, Life
from perdure.views import Event, Gap, HandlerFailed


@pytest.fixture
def accounts() -> Accounts:
    """A hub that has published ten events."""
    accounts = Accounts()
    accounts.hub_begins()
    for _ in range(10):
        accounts.publish()
    return accounts


@pytest.fixture
def life() -> Life:
    return Life("a", 1)


def event(n: int) -> Event:
    return Event({"n": n}, n)


def gap(n: int) -> Gap:
    return Gap({"n": n}, n)


def test_events_in_order_and_gaps_with_a_snapshot_fit(accounts: Accounts, life: Life) -> None:
    for item in (event(1), event(2), gap(7), event(8), gap(8), event(9)):
        accounts.hand(life, item)
    accounts.check()
    assert accounts.behind(life)
    accounts.hand(life, event(10))
    assert not accounts.behind(life)


def test_a_new_life_may_begin_with_the_first_event_of_any_hub(accounts: Accounts, life: Life) -> None:
    accounts.hub_begins()
    assert not accounts.behind(life)
    accounts.publish()
    assert accounts.behind(life)
    accounts.hand(life, event(11))
    accounts.check()


Deed = Callable[[Accounts, Life, int], None]


def handed(*ns: int) -> Deed:
    def deed(accounts: Accounts, life: Life, _: int) -> None:
        for n in ns:
            accounts.hand(life, event(n))

    return deed


def gap_back(accounts: Accounts, life: Life, _: int) -> None:
    accounts.hand(life, event(1))
    accounts.hand(life, gap(0))


def failed_handler(accounts: Accounts, life: Life, _: int) -> None:
    accounts.hand(life, HandlerFailed("1.1", True, 1))


def handled_twice(accounts: Accounts, _: Life, n: int) -> None:
    accounts.handle(n)
    accounts.handle(n)


def failed_and_handled(accounts: Accounts, _: Life, n: int) -> None:
    accounts.settle(n, "failed")
    accounts.handle(n)


def handled_and_failed(accounts: Accounts, _: Life, n: int) -> None:
    accounts.handle(n)
    accounts.settle(n, "failed")


def overtaken(accounts: Accounts, life: Life, n: int) -> None:
    accounts.handle(accounts.send(life))
    accounts.handle(n)


def settled_twice(accounts: Accounts, _: Life, n: int) -> None:
    accounts.handle(n)
    accounts.settle(n, "delivered")
    accounts.settle(n, "uncertain")


@pytest.mark.parametrize(
    ("deed", "property"),
    [
        (handed(1, 3), "P-NO-LOSS"),
        (handed(2), "P-NO-LOSS"),
        (handed(1, 2, 2), "P-NO-DUP"),
        (handed(1, 2, 1), "P-NO-DUP"),
        (gap_back, "P-MONOTONIC"),
        (failed_handler, "P-ERRORS"),
        (handled_twice, "P-EFFECT-ONCE"),
        (failed_and_handled, "P-UNCERTAIN"),
        (handled_and_failed, "P-UNCERTAIN"),
        (overtaken, "P-FIFO"),
        (settled_twice, "P-SETTLE"),
    ],
)
def test_what_does_not_fit_is_told(
    deed: Deed,
    property: str,  # noqa: A002
    accounts: Accounts,
    life: Life,
) -> None:
    deed(accounts, life, accounts.send(life))
    with pytest.raises(Broken, match=f"^{property}: "):
        accounts.check()


def test_a_send_that_is_not_settled_is_told_at_rest(accounts: Accounts, life: Life) -> None:
    accounts.send(life)
    accounts.check()
    with pytest.raises(Broken, match="P-SETTLE: send 1 of tab a, life 1 is not settled"):
        accounts.check_settled()


def test_a_send_that_was_delivered_and_never_took_effect_is_told_at_rest(
    accounts: Accounts, life: Life
) -> None:
    accounts.settle(accounts.send(life), "delivered")
    with pytest.raises(Broken, match="P-CLASS"):
        accounts.check_settled()


def test_what_a_hub_had_accepted_is_gone_with_it(accounts: Accounts, life: Life) -> None:
    accounts.settle(accounts.send(life), "delivered")
    accounts.hub_begins()
    accounts.check_settled()


def test_nobody_can_tell_what_becomes_of_a_killed_tabs_sends(accounts: Accounts, life: Life) -> None:
    first, second = accounts.send(life), accounts.send(life)
    accounts.settle(first, "failed")
    life.over = life.killed = True
    accounts.forsake()
    accounts.check_settled()
    accounts.handle(second)
    accounts.check()
    accounts.handle(first)
    with pytest.raises(Broken, match="P-UNCERTAIN"):
        accounts.check()


def test_what_a_killed_tab_left_is_settled_by_its_next_life(accounts: Accounts, life: Life) -> None:
    n = accounts.send(life)
    life.over = life.killed = True
    accounts.handle(n)
    accounts.settle(n, "failed")
    with pytest.raises(Broken, match="P-UNCERTAIN"):
        accounts.check()


def test_who_was_handed_something_by_a_hub_that_is_gone_must_hear_of_it(
    accounts: Accounts, life: Life
) -> None:
    accounts.hand(life, gap(10))
    assert not accounts.behind(life)
    accounts.hub_begins()
    assert accounts.behind(life)
    accounts.hand(life, gap(10))
    assert not accounts.behind(life)


def test_an_end_comes_after_all_events(accounts: Accounts, life: Life) -> None:
    accounts.hand(life, gap(9))
    accounts.end("failed")
    accounts.over(life, "failed")
    with pytest.raises(Broken, match="P-NO-LOSS: tab a, life 1 was told of the end at 9 of 10"):
        accounts.check()


def test_an_end_is_told_as_it_was(accounts: Accounts, life: Life) -> None:
    accounts.hand(life, gap(10))
    accounts.end("failed")
    accounts.over(life, "failed")
    accounts.check()
    accounts.over(life, "succeeded")
    with pytest.raises(Broken, match="P-OUTCOME: tab a, life 1 was told that it succeeded"):
        accounts.check()


def test_who_was_told_nothing_may_be_told_of_the_end_of_a_log_without_events(life: Life) -> None:
    accounts = Accounts()
    accounts.hub_begins()
    accounts.end("expired")
    accounts.over(life, "expired")
    accounts.check()


def test_a_name_that_is_used_again_has_another_log(accounts: Accounts, life: Life) -> None:
    """Who comes late hears of the end that was; who stays, of the gap; sends are as they were."""
    accounts.hand(life, gap(10))
    delivered = accounts.send(life)
    accounts.settle(delivered, "delivered")
    accounts.end("succeeded")
    accounts.begin_again()
    assert accounts.behind(life)
    accounts.publish()
    accounts.over(life, "succeeded")
    accounts.hand(Life("b", 1), event(11))
    accounts.hand(life, gap(10))
    accounts.hand(life, event(11))
    accounts.check()
    with pytest.raises(Broken, match=r"P-CLASS: send 1 .* is delivered, and never took effect"):
        accounts.check_settled()


def test_unfit_data_is_neither_handled_nor_delivered(life: Life) -> None:
    for deed in (Accounts.handle, lambda accounts, n: accounts.settle(n, "delivered")):
        accounts = Accounts()
        accounts.hub_begins()
        n = accounts.send(life, unfit=True)
        accounts.check()
        deed(accounts, n)
        with pytest.raises(Broken, match="P-CLASS"):
            accounts.check()


def test_a_copy_that_no_client_can_know_of_is_held_against_nobody(accounts: Accounts, life: Life) -> None:
    first, second = accounts.send(life), accounts.send(life)
    for n in (first, second):
        accounts.handle(n)
    accounts.mislead("a")  # of the copies of its POST one was taken, and the other answered 401
    later = accounts.send(life)
    for n in (first, second):
        accounts.handle(n)
    accounts.check()
    handled_twice(accounts, life, later)
    with pytest.raises(Broken, match="P-EFFECT-ONCE: send 3 of tab a"):
        accounts.check()
