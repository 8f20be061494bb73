"""The stepper: time that passes when it is told to, and an order of tasks that is chosen."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import partial

import anyio
import pytest
import trio
from perdure.testing.simulation import Chosen, Livelock, Stepper
from perdure.testing.simulation.stepper import ORDER_BASE


@pytest.fixture
def stepper() -> Iterator[Stepper]:
    stepper = Stepper(random.Random(1))
    yield stepper
    stepper.close()


def test_time_stands_still_until_it_is_told_to_pass(stepper: Stepper) -> None:
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await anyio.sleep(seconds)
        woken.append(anyio.current_time())

    for seconds in (30.0, 10.0, 20.0):
        stepper.start(sleep, seconds)
    stepper.settle()
    assert woken == []
    stepper.advance(25.0)
    assert woken == [10.0, 20.0]
    assert stepper.clock.now == 25.0
    stepper.advance(5.0)
    assert woken == [10.0, 20.0, 30.0]


def test_a_call_that_waits_is_told(stepper: Stepper) -> None:
    async def at_once() -> str:
        await anyio.lowlevel.checkpoint()
        return "done"

    assert stepper.run(at_once) == "done"
    with pytest.raises(TimeoutError, match="waits for something"):
        stepper.run(anyio.sleep, 1)


def test_what_a_call_raises_comes_out_and_the_run_goes_on(stepper: Stepper) -> None:
    async def fail() -> None:
        await anyio.lowlevel.checkpoint()
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        stepper.run(fail)
    stepper.advance(1.0)


def test_what_a_task_raises_comes_out_of_the_step() -> None:
    async def fail() -> None:
        await anyio.sleep(1)
        raise LookupError("mine")

    stepper = Stepper(random.Random(1))
    stepper.start(fail)
    with pytest.raises(ExceptionGroup) as raised:
        stepper.advance(2.0)
    assert raised.group_contains(LookupError, match="mine")
    stepper.close()


def test_tasks_that_never_wait_are_a_livelock(stepper: Stepper) -> None:
    stop: list[bool] = []

    async def spin() -> None:
        while not stop:
            await anyio.lowlevel.checkpoint()

    stepper.start(spin)
    with pytest.raises(Livelock, match="tasks still go on"):
        stepper.settle()
    stop.append(True)


def chosen(choices: list[int]) -> Chosen:
    order = Chosen(random.Random(1))
    order.choose(number_of(choices))
    return order


def number_of(choices: list[int]) -> int:
    return sum(choice * ORDER_BASE**place for place, choice in enumerate(choices))


def order_of(choices: list[int], tasks: int) -> tuple[int, ...]:
    stepper = Stepper(chosen(choices))
    seen: list[int] = []

    async def see(number: int) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(number)

    for number in range(tasks):
        stepper.start(see, number)
    stepper.settle()
    stepper.close()
    return tuple(seen)


def test_without_choices_the_oldest_task_goes_first() -> None:
    assert order_of([], 4) == (0, 1, 2, 3)


def test_every_order_can_be_chosen() -> None:
    orders = {order_of([0] * 3 + list(choices), 3) for choices in itertools.product(range(3), repeat=4)}
    assert orders == set(itertools.permutations(range(3)))


def calls_in_order(choices: list[int]) -> list[str]:
    order, seen = chosen([]), list[str]()
    stepper = Stepper(order)
    for name in "abc":
        stepper.after(1.0, partial(seen.append, name))
    stepper.after(0.5, partial(seen.append, "sooner"))
    order.choose(number_of(choices))
    stepper.advance(2.0)
    stepper.close()
    return seen


def test_what_is_to_be_called_later_is_called_in_its_moment_and_there_in_any_order() -> None:
    assert calls_in_order([]) == ["sooner", "a", "b", "c"]
    orders = {tuple(calls_in_order(list(choices))) for choices in itertools.product(range(3), repeat=2)}
    assert orders == {("sooner", *one) for one in itertools.permutations("abc")}


def test_a_call_comes_before_the_tasks_of_its_moment_and_may_start_some(stepper: Stepper) -> None:
    seen: list[tuple[float, str]] = []

    async def note(what: str, seconds: float) -> None:
        await anyio.sleep(seconds)
        seen.append((anyio.current_time(), what))

    stepper.start(note, "task", 1.0)
    stepper.after(1.0, lambda: seen.append((trio.current_time(), "call")))
    stepper.after(1.0, lambda: stepper.nursery.start_soon(note, "later", 0.5))
    stepper.advance(1.0)
    assert seen == [(1.0, "call"), (1.0, "task")]
    stepper.advance(0.5)
    assert seen[2:] == [(1.5, "later")]


def test_once_the_end_has_begun_nothing_is_called() -> None:
    stepper, seen = Stepper(random.Random(1)), list[str]()

    async def leaves_late() -> None:
        with anyio.CancelScope(shield=True):
            stepper.after(1.0, partial(seen.append, "asked for at the end"))
            await anyio.sleep(5.0)

    stepper.after(3.0, partial(seen.append, "asked for before"))
    stepper.start(leaves_late)
    stepper.close()
    assert seen == []


def test_the_end_waits_for_what_cannot_be_cancelled_in_virtual_time() -> None:
    ended: list[float] = []

    async def shielded() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(3600)
            ended.append(anyio.current_time())

    stepper = Stepper(random.Random(1))
    stepper.start(shielded)
    stepper.settle()
    assert stepper.tasks == 1
    stepper.close()
    stepper.close()
    assert ended == [3600.0]


def test_trio_is_as_it_was_outside_of_steps(stepper: Stepper) -> None:
    stepper.advance(1.0)

    async def current() -> float:
        return trio.current_time()

    assert trio.run(current) > 1000
    stepper.advance(1.0)
    assert stepper.clock.now == 2.0


def test_another_trio_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trio, "__version__", "0.99.0")
    with pytest.raises(RuntimeError, match=r"the simulator needs trio 0\.35"):
        Stepper(random.Random(1))
