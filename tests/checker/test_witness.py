"""A counterexample that is none is an engine's fault, and is found out before anyone reads it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from perdure_model.checker import System, check
from perdure_model.checker.contract import Found, Options, Outcome
from perdure_model.checker.plain import explore
from perdure_model.checker.witness import WitnessError, confirm


def broken() -> System:
    """Breaks a property of each kind."""
    system = System()
    n = system.component("n", 0)
    system.action(n, name="up", fair=True)(lambda n: [n + 1] if n < 3 else None)
    system.action(n, name="back", fair="strong")(lambda n: [0] if n == 2 else None)
    system.action(n, name="spin", fair=True)(lambda n: [11 - n] if n in (5, 6) else None)
    system.initial(n)(lambda: [0, 5])
    system.always(n, name="small")(lambda n: n < 3)
    system.always_possible(n, name="home")(lambda n: n == 0)
    system.eventually(n, name="four")(lambda n: n == 4)
    system.leads_to(n, when=lambda n: n == 6, then=lambda n: n == 0, name="out")
    return system


def found(system: System, name: str) -> Found:
    outcome = explore(system, Options())
    return next(f for f in outcome.found if (f.prop.name if f.prop else "deadlock") == name)


NAMES = ["small", "home", "four", "out", "deadlock"]


@pytest.mark.parametrize("name", NAMES)
def test_true_ones_are_confirmed(name: str) -> None:
    system = broken()
    confirm(system, [found(system, name)])


@pytest.mark.parametrize("name", NAMES)
def test_a_path_must_begin_at_the_beginning(name: str) -> None:
    system = broken()
    true = found(system, name)
    with pytest.raises(WitnessError, match=f"{name}: the path does not begin"):
        confirm(system, [dataclasses.replace(true, path=[(None, (1,)), *true.path])])


@pytest.mark.parametrize("name", NAMES)
def test_each_step_must_be_one(name: str) -> None:
    system = broken()
    true = found(system, name)
    with pytest.raises(WitnessError, match="no step 'spin' leads"):
        confirm(system, [dataclasses.replace(true, path=[*true.path, ("spin", (9,))])])


@pytest.mark.parametrize(
    ("name", "path", "loop"),
    [
        ("small", [(None, (0,)), ("up", (1,))], None),
        ("home", [(None, (0,))], None),
        ("deadlock", [(None, (0,)), ("up", (1,))], None),
        ("four", [(None, (5,)), ("spin", (6,))], 0),  # does not close
        ("four", [(None, (5,)), ("spin", (6,))], None),  # no loop
        ("four", [(None, (5,))], 0),  # unfair: spin is enabled
        ("four", [(None, (0,)), ("up", (1,))], 1),  # unfair: up is enabled
        ("out", [(None, (0,)), ("up", (1,)), ("up", (2,)), ("up", (3,))], 3),  # no occasion
        ("out", [(None, (5,)), ("spin", (6,))], 1),  # unfair
    ],
)
def test_what_shows_nothing_is_refused(name: str, path: Any, loop: int | None) -> None:
    system = broken()
    true = found(system, name)
    with pytest.raises(WitnessError, match=f"{name}: the path does not violate it"):
        confirm(system, [Found(true.prop, path, loop)])


def test_check_walks_what_an_engine_found(monkeypatch: pytest.MonkeyPatch) -> None:
    system = broken()

    def wrong(system: System, options: Options) -> Outcome:
        outcome = explore(system, options)
        outcome.found[0] = Found(outcome.found[0].prop, [(None, (0,))])
        return outcome

    monkeypatch.setattr("perdure_model.checker.plain.explore", wrong)
    with pytest.raises(WitnessError):
        check(system, engine="plain")


def test_a_loop_must_serve_a_strongly_fair_action() -> None:
    system = System()
    n = system.component("n", 0)
    system.action(n, name="spin", fair=True)(lambda n: [1 - n] if n < 2 else None)
    system.action(n, name="leave", fair="strong")(lambda n: [2] if n == 0 else None)
    system.eventually(n, name="left")(lambda n: n == 2)
    lasso: list[tuple[str | None, tuple[int]]] = [(None, (0,)), ("spin", (1,)), ("spin", (0,))]
    with pytest.raises(WitnessError):
        confirm(system, [Found(system.properties[0], lasso, 0)])
