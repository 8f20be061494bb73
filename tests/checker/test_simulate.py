"""Random walks: repeatable, and what they find is short."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from perdure_model.checker import System, check, simulate

from .models.klotski import klotski
from .models.two_phase_commit import two_phase_commit


def endless(limit: int = 40) -> System:
    """Far too many states to exhaust; `x` gets to its limit in that many steps at least."""
    system = System("endless")
    x, noise = system.component("x", 0), system.component("noise", 0)

    @system.action(x)
    def move(x: int) -> Iterator[int]:
        yield x + 1
        if x:
            yield x - 1

    @system.action(noise)
    def rumble(noise: int) -> Iterator[int]:
        yield noise + 1

    system.always(x, name="below")(lambda x: x < limit)
    return system


def test_a_seed_repeats_everything() -> None:
    one, other, third = (simulate(endless(5), seed=seed, walks=20, steps=60) for seed in (1, 1, 2))
    assert one.violations == other.violations
    assert (one.distinct, one.never_fired) == (other.distinct, other.never_fired)
    assert one.distinct != third.distinct


def test_a_drawn_seed_is_told() -> None:
    first = simulate(endless(5), walks=20, steps=60)
    assert f"seed={first.seed}" in first.summary()
    assert simulate(endless(5), seed=first.seed, walks=20, steps=60).violations == first.violations


def test_what_is_found_is_the_shortest_where_that_is_near() -> None:
    (violation,) = simulate(endless(5), seed=7, walks=50, steps=400).violations
    assert violation.property == "below"
    assert len(violation.trace) == 6


def test_what_is_found_far_away_is_shortened_too() -> None:
    (violation,) = simulate(endless(40), seed=7, walks=20, steps=8_000).violations
    assert 41 <= len(violation.trace) < 1_500
    assert violation.trace[-1].state["x"] == 40


def test_deadlocks_and_sometimes_are_seen() -> None:
    system = System()
    n = system.component("n", 0)
    system.action(n, name="up")(lambda n: [n + 1] if n < 3 else None)
    system.action(n, name="idle")(lambda n: None)
    system.sometimes(n, name="two")(lambda n: n == 2)
    system.sometimes(n, name="nine")(lambda n: n == 9)
    system.always_possible(n, name="home")(lambda n: n == 0)
    found = simulate(system, seed=1, walks=2)
    assert [v.property for v in found.violations] == ["deadlock"]
    assert (found.met, found.never_fired, found.not_judged) == (["two"], ["idle"], ["home"])
    assert found.found


def test_broken_promises_are_found_as_lassos() -> None:
    system = System()
    n = system.component("n", 0)
    system.action(n, name="spin", fair=True)(lambda n: [(n + 1) % 4])
    system.action(n, name="out")(lambda n: [9] if n == 2 else None)
    system.eventually(n, name="gets out")(lambda n: n == 9)
    system.action(n, name="rest")(lambda n: [9] if n == 9 else None)
    (violation,) = simulate(system, seed=3, walks=30, steps=50).violations
    assert violation.property == "gets out"
    assert [step.state["n"] for step in violation.trace] == [0, 1, 2, 3, 0]
    assert violation.loop == 0


def test_kept_promises_are_not_accused() -> None:
    system = System()
    n = system.component("n", 0)
    system.action(n, name="spin", fair=True)(lambda n: [(n + 1) % 4] if n < 9 else None)
    system.action(n, name="out", fair="strong")(lambda n: [9] if n == 2 else None)
    system.eventually(n, name="gets out")(lambda n: n == 9)
    system.terminal(n)(lambda n: n == 9)
    assert check(system, engine="plain").ok
    assert not simulate(system, seed=3, walks=100, steps=7).found


def test_a_correct_model_is_walked_in_peace() -> None:
    found = simulate(two_phase_commit(3)[0], seed=4, walks=200, steps=200)
    assert not found.found
    assert found.never_fired == []


def test_ctrl_c_ends_the_walks() -> None:
    system = System()
    n = system.component("n", 0)
    pressed: list[bool] = []

    @system.action(n)
    def up(n: int) -> Iterator[int]:
        if n == 20 and not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        yield n + 1

    assert simulate(system, seed=1, walks=5, steps=20).walks == 5
    assert simulate(system, seed=1, walks=5, steps=21).walks == 1


def test_walks_end_with_the_time() -> None:
    found = simulate(klotski(), seed=5, walks=10**9, steps=50, seconds=0.5)
    assert 0 < found.walks < 10**9
