"""A token is good for one period at least, and not for three."""

from __future__ import annotations

import pytest

from tests.soak.tokens import PERIOD_S, good, token


@pytest.mark.parametrize("at_s", [0.0, 12.3, 1_700_000_000.0 - 0.01])
def test_a_token_is_good_for_a_period_at_least_and_not_for_long(at_s: float) -> None:
    assert all(good(token(at_s), at_s + after_s) for after_s in (0.0, PERIOD_S / 2, PERIOD_S))
    assert not good(token(at_s), at_s + 2 * PERIOD_S)
    assert not good("", at_s)
