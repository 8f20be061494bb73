"""What both sides share: waiting, and what a status means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_model.core.common import backoff_s, classify, spaced_s, unsure

chances = st.floats(0, 1, exclude_max=True)
counts = st.integers(1, 10_000)


@given(counts, chances)
def test_backoff_has_full_jitter_below_the_doubling_bound(failures: int, chance: float) -> None:
    bound = min(15.0, 1.0 * 2.0 ** min(failures - 1, 30))
    assert backoff_s(failures, 1.0, 15.0, chance, None) == chance * bound
    assert backoff_s(failures, 1.0, 15.0, 0.0, None) == 0


def test_backoff_doubles_up_to_its_cap() -> None:
    waits = [backoff_s(failures, 1.0, 15.0, 1.0, None) for failures in range(1, 8)]
    assert waits == [1, 2, 4, 8, 15, 15, 15]


@given(counts, chances, st.floats(0, 1e6))
def test_what_the_server_asks_for_only_lengthens(n: int, chance: float, asked: float) -> None:
    for waits in (backoff_s, spaced_s):
        free = waits(n, 1.0, 15.0, chance, None)
        assert waits(n, 1.0, 15.0, chance, asked) == max(free, asked)


@given(counts, chances)
def test_a_retry_waits_at_least_the_doubling_backoff_and_at_most_a_quarter_more(
    tries: int, chance: float
) -> None:
    least = min(60.0, 3.0 * 2.0 ** min(tries - 1, 30))
    assert least <= spaced_s(tries, 3.0, 60.0, chance, None) <= least * 1.25


@given(counts)
def test_no_count_is_too_large_to_wait_for(n: int) -> None:
    assert backoff_s(10**6 + n, 1.0, 15.0, 1.0, None) == 15
    assert spaced_s(10**6 + n, 3.0, 60.0, 0.0, None) == 60


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((200, 201, 202, 204, 299), "taken"),
        ((0, 408, 425, 429, 500, 502, 503, 504, 599), "passing"),
        ((409,), "unknown"),
        ((401,), "denied"),
        ((300, 302, 304, 400, 403, 404, 405, 410, 413, 415, 422, 451), "final"),
    ],
)
def test_what_a_status_says_of_a_request(statuses: tuple[int, ...], kind: str) -> None:
    assert {status: classify(status) for status in statuses} == dict.fromkeys(statuses, kind)


@pytest.mark.parametrize(
    ("status", "sent", "doubt"),
    [
        (0, True, True),  # the answer is lost, or the request is
        (0, False, False),  # nothing was connected
        (429, True, False),
        (425, True, False),
        (408, True, True),
        (500, True, True),
        (502, True, True),  # a proxy may have forwarded it
        (504, True, True),
    ],
)
def test_whether_a_failed_request_may_have_been_taken(status: int, sent: bool, doubt: bool) -> None:
    assert unsure(status, sent) is doubt
