"""What is wrong with a model is told by name, with what to do."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from perdure_model.checker import DeclarationError, FunctionError, System, check
from perdure_model.checker.errors import EngineError

from .conftest import Check

DECORATORS = ["action", "always", "sometimes", "eventually", "terminal", "always_possible"]


def one(initial: object = 0) -> System:
    system = System("one")
    system.component("n", initial)
    return system


def with_action(function: Callable[..., Any], initial: object = 0) -> System:
    system = one(initial)
    system.action(system["n"], name="act")(function)
    return system


@dataclasses.dataclass(unsafe_hash=True)
class Box:
    """A record that looks hashable and is not safe to be a state."""

    items: tuple[int, ...] = ()


class Plain:
    """Equal to nothing but itself, with something to change."""

    def __init__(self) -> None:
        self.count = 0


def test_chance_is_refused(run: Check) -> None:
    chance = random.Random(5)
    with pytest.raises(FunctionError, match=r"'act' is not deterministic.*n=0.*no chance"):
        run(with_action(lambda n: [chance.random()]))


def test_a_counter_outside_is_refused(run: Check) -> None:
    calls = itertools.count()
    with pytest.raises(FunctionError, match="'act' is not deterministic"):
        run(with_action(lambda n: [n + 1] if next(calls) % 2 else None))


def test_a_predicate_that_changes_its_mind_is_refused(run: Check) -> None:
    system = with_action(lambda n: [n])
    calls = itertools.count()
    system.always(system["n"], name="moody")(lambda n: next(calls) % 2)
    with pytest.raises(FunctionError, match="always 'moody' is not deterministic"):
        run(system)


def test_a_changed_input_is_refused(run: Check) -> None:
    def grow(box: Box) -> Iterator[Box]:
        box.items += (1,)
        yield box

    with pytest.raises(FunctionError, match=r"'act' changes its input Box\(items=\(\)\).*build a new value"):
        run(with_action(grow, Box()))


def test_a_changed_input_without_equality_is_refused(run: Check) -> None:
    def grow(plain: Plain) -> None:
        plain.count += 1

    with pytest.raises(FunctionError, match="'act' changes its input"):
        run(with_action(grow, Plain()))


@pytest.mark.parametrize("wrong", [(1,), (1, 2, 3), 7, [1, 2]])
def test_wrong_arity_is_refused(run: Check, wrong: object) -> None:
    system = one()
    m = system.component("m", 0)
    system.action(system["n"], m, name="act")(lambda n, m: [wrong])
    with pytest.raises(FunctionError, match=r"action 'act' yielded .*tuple of 2 local states: \(n, m\)"):
        run(system)


@pytest.mark.parametrize("wrong", [7, "ab", (1, 2), {3}, True])
def test_what_is_returned_and_not_yielded_is_refused(run: Check, wrong: object) -> None:
    with pytest.raises(FunctionError, match=r"action 'act' returned .*yield each successor"):
        run(with_action(lambda n: wrong))


@pytest.mark.parametrize("wrong", [[1], {}, (1, [2]), {1, 2}])
def test_unhashable_values_are_refused(run: Check, wrong: object) -> None:
    with pytest.raises(FunctionError, match=r"'act'.*'n'.*not hashable.*tuples for lists"):
        run(with_action(lambda n: [wrong]))


@pytest.mark.parametrize("nan", [float("nan"), (1, float("nan")), frozenset({float("nan")})])
def test_nan_is_refused(run: Check, nan: object) -> None:
    with pytest.raises(FunctionError, match=r"'act'.*'n'.*NaN equals nothing"):
        run(with_action(lambda n: [nan]))


@pytest.mark.parametrize("wrong", [[1], float("nan")])
def test_an_unusable_initial_value_is_refused(run: Check, wrong: object) -> None:
    with pytest.raises(FunctionError, match="component 'n': its initial local state"):
        run(one(wrong))


def test_no_initial_state_is_refused(run: Check) -> None:
    system = one()
    system.initial(system["n"], name="start")(lambda n: None)
    with pytest.raises(FunctionError, match="initial 'start' yields nothing"):
        run(system)


def test_a_predicate_that_yields_is_refused(run: Check) -> None:
    system = one()

    @system.always(system["n"])
    def lazy(n: int) -> Iterator[bool]:
        yield True

    with pytest.raises(FunctionError, match=r"always 'lazy' returned .*True or False"):
        run(system)


def test_an_exception_keeps_its_type_and_names_the_function(run: Check) -> None:
    def divide(n: int) -> Iterator[int]:
        yield 1 // n

    with pytest.raises(ZeroDivisionError) as caught:
        run(with_action(divide))
    assert caught.value.__notes__ == ["raised by action 'act', called with n=0"]


@pytest.mark.parametrize(
    "what", ["action", "always", "sometimes", "eventually", "terminal", "always_possible"]
)
def test_components_must_be_this_systems_own(what: str) -> None:
    system, other = one(), one()
    declare = getattr(system, what)
    for wrong, said in (("n", "not a component"), (other["n"], "not of system"), (None, "not a component")):
        with pytest.raises(DeclarationError, match=said):
            declare(wrong, name="x")
    with pytest.raises(DeclarationError, match="named twice"):
        declare(system["n"], system["n"], name="x")
    with pytest.raises(DeclarationError, match="name the components"):
        declare(name="x")


@pytest.mark.parametrize(
    "what", ["action", "always", "sometimes", "eventually", "terminal", "always_possible"]
)
def test_a_name_is_given_once(what: str) -> None:
    system = one()
    getattr(system, what)(system["n"], name="x")(lambda n: None)
    with pytest.raises(DeclarationError, match=r"'x' is declared twice.*name=f'x\{i\}'"):
        getattr(system, what)(system["n"], name="x")(lambda n: None)


def test_component_names_are_given_once_and_are_strings() -> None:
    system = one()
    with pytest.raises(DeclarationError, match="component 'n' is declared twice"):
        system.component("n", 1)
    for wrong in ("", 7, None):
        with pytest.raises(DeclarationError, match="non-empty string"):
            system.component(wrong, 1)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="no component 'm'; it has n"):
        system["m"]


def test_a_function_must_take_its_components() -> None:
    system = one()
    m = system.component("m", 0)
    with pytest.raises(DeclarationError, match="'few' cannot take the local states of its 2 components"):
        system.action(system["n"], m, name="few")(lambda n: None)
    system.action(system["n"], m, name="defaulted")(lambda n, m, i=3: None)
    system.action(system["n"], m, name="rest")(lambda *rest: None)
    with pytest.raises(DeclarationError, match="not a function"):
        system.action(m, name="x")(3)  # type: ignore[type-var]
    with pytest.raises(DeclarationError, match="cannot take"):
        system.leads_to(m, when=lambda: True, then=lambda m: True, name="y")


def test_fairness_is_false_true_or_strong() -> None:
    with pytest.raises(DeclarationError, match="fair='unfair'"):
        one().action(name="x", fair="unfair")


def test_a_loop_variable_that_has_moved_on_is_refused(run: Check) -> None:
    system = System()
    counters = [system.component(f"n{i}", 0) for i in range(3)]
    for i in range(3):

        @system.action(counters[i], name=f"step{i}")
        def step(n: int) -> Iterator[int]:
            yield i  # noqa: B023

    with pytest.raises(DeclarationError, match=r"'step0' reads the variable 'i', 0 when .* 2 now.*i=i"):
        run(system)


def test_two_initials_over_one_component_are_refused() -> None:
    system = one()
    system.initial(system["n"], name="a")(lambda: [1])
    with pytest.raises(DeclarationError, match="already has initial values"):
        system.initial(system["n"], name="b")(lambda: [2])


def test_a_system_needs_a_component(run: Check) -> None:
    with pytest.raises(DeclarationError, match="has no components"):
        run(System("empty"))


@pytest.mark.parametrize("option", ["max_states", "max_depth", "workers"])
def test_limits_are_positive(option: str) -> None:
    with pytest.raises(DeclarationError, match=f"{option}=0"):
        check(one(), **{option: 0})  # type: ignore[arg-type]


def test_the_plain_engine_does_not_pretend_to_save() -> None:
    with pytest.raises(EngineError, match="only the compiled engine saves"):
        check(one(), engine="plain", checkpoint="search.bin")


def test_engines_have_names() -> None:
    with pytest.raises(EngineError, match="neither 'compiled' nor 'plain'"):
        check(one(), engine="fast")  # type: ignore[arg-type]


def test_the_compiled_engine_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install"):
        check(one(), engine="compiled")
