"""What `bind` makes of a rule: a footprint that is derived, and errors for what was not declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from perdure_model.checker import check
from perdure_model.core.common import Refused
from perdure_model.core.rule import Book, Decision, Family
from perdure_model.world.bind import Arrival, UndeclaredEffect, World

LAMP = Family("lamp", ("room",))
BILL = Family("bill")


@dataclass(frozen=True)
class Press:
    room: str
    rooms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ring:
    times: int


@dataclass(frozen=True)
class Burn:
    pass


Made = tuple[tuple[Any, ...], tuple[Any, ...]]


def on_press(i: Press, lamp: str | None, bill: int) -> Decision:
    """Switch the lamp, and ring once for each unpaid bill."""
    if lamp == "broken":
        return (lamp,), (Refused("broken"),)
    return (None if lamp else "on",), (Ring(bill),)


def house(decide: Callable[..., Decision] = on_press, *, emits: tuple[type, ...] = (Ring,)) -> World:
    """Two rooms; a switch in the red one that can be pressed twice."""
    book = Book("house")
    book.rule(Press, LAMP.one, reads=(BILL.one,), emits=emits)(decide)
    world = World("house")
    world.part(LAMP, ("red",))
    world.part(LAMP, ("blue",), "broken")
    world.part(BILL, (), 3)
    world.system.component("nobody's", 0)
    left = world.system.component("presses", 2)
    heard = world.system.component("heard", 0)

    @world.sink(Ring, heard)
    def ring(e: Ring, to: object, heard: int) -> Iterator[tuple[Any, ...]]:
        assert to == "porter"
        yield (heard + e.times,)

    def pressing(left: int) -> Iterator[Arrival]:
        if left:
            yield Press("red"), (left - 1,), "porter"

    world.bind(book, Press, [left], pressing, name="press")
    return world


def names(world: World) -> list[str]:
    """The components of the one action, in its order."""
    (action,) = world.system.actions
    return [world.system.components[n].name for n in action.components]


def run(world: World, **states: Any) -> list[dict[str, Any]]:
    """What the one action makes of these states."""
    (action,) = world.system.actions
    made = action.function(*(states[name] for name in names(world)))
    return [dict(zip(names(world), state, strict=True)) for state in made]


def test_a_footprint_is_sources_parts_and_sinks_and_nothing_else() -> None:
    assert set(names(house())) == {"presses", "lamp[red]", "lamp[blue]", "bill", "heard"}


def test_an_address_leaves_out_the_parts_that_it_excludes() -> None:
    book = Book("house")
    book.rule(Press, LAMP.one)(lambda _i, lamp: ((lamp,), ()))
    world = World("house")
    world.part(LAMP, ("red",))
    world.part(LAMP, ("blue",))
    left = world.system.component("presses", 2)
    world.bind(book, Press, [left], lambda _left: (), address={"room": "red"})
    assert set(names(world)) == {"presses", "lamp[red]"}


def test_a_decision_stores_its_parts_and_performs_its_effects() -> None:
    world = house()
    report = check(world.system, progress=False)
    assert report.distinct == 3
    (violation,) = [one for one in report.violations if one.kind == "deadlock"]
    states = [step.state for step in violation.trace]
    assert [(s["lamp[red]"], s["heard"], s["presses"]) for s in states] == [
        (None, 0, 2),
        ("on", 3, 1),
        (None, 6, 0),
    ]
    assert {s["lamp[blue]"] for s in states} == {"broken"}
    assert world.bound == {"house.on_press"}
    assert world.reached == {"press"}


def test_an_effect_that_was_not_declared_is_an_error() -> None:
    world = house(lambda _i, lamp, _bill: ((lamp,), (Burn(),)))
    with pytest.raises(UndeclaredEffect, match="emits Burn without declaring it"):
        successors(world)


def test_a_declared_effect_without_a_sink_is_an_error_before_anything_runs() -> None:
    with pytest.raises(UndeclaredEffect, match="on_press emits Burn, for which there is no sink"):
        house(emits=(Ring, Burn))


def test_refused_needs_neither_declaration_nor_sink() -> None:
    (successor,) = successors(house(lambda _i, lamp, _bill: ((lamp,), (Refused("no"),))))
    assert successor["heard"] == 0


def successors(world: World) -> list[dict[str, Any]]:
    """What the one action makes of a house's first state."""
    first = {"presses": 2, "lamp[red]": None, "lamp[blue]": "broken", "bill": 3, "heard": 0}
    return run(world, **first)


def test_a_decision_that_changes_nothing_is_no_step() -> None:
    book = Book("house")
    book.rule(Press, LAMP.one)(lambda _i, lamp: ((lamp,), (Refused("no"),)))
    world = World("house")
    world.part(LAMP, ("red",))
    bell = world.system.component("bell", True)
    world.bind(book, Press, [bell], lambda bell: [(Press("red"), (bell,), None)], name="press")
    report = check(world.system, progress=False)
    assert (report.distinct, report.generated) == (1, 1)
    assert world.reached == {"press"}


@pytest.mark.parametrize(("room", "heard"), [("red", "red's bell"), ("blue", "the house's bell")])
def test_a_sink_at_an_address_is_for_what_is_bound_there(room: str, heard: str) -> None:
    book = Book("house")
    book.rule(Press, LAMP.one, emits=(Ring,))(lambda _i, lamp: ((lamp,), (Ring(1),)))
    world = World("house")
    world.part(LAMP, (room,))
    left = world.system.component("presses", 1)
    for place, name in ({}, "the house's bell"), ({"room": "red"}, "red's bell"):
        world.sink(Ring, world.system.component(name, 0), address=place)(lambda _e, _to, bell: [(bell + 1,)])
    world.bind(book, Press, [left], lambda left: [(Press(room), (left - 1,), None)], address={"room": room})
    assert set(names(world)) == {"presses", f"lamp[{room}]", heard}
    assert run(world, **{"presses": 1, f"lamp[{room}]": None, heard: 0})[0][heard] == 1


# -- parts outside the world ---------------------------------------------------------------------------


def pressed(spec: Any, decide: Callable[..., Decision], i: Press) -> None:
    """Let a rule over these parts decide once, in a world with a red lamp only."""
    book = Book("house")
    book.rule(Press, spec)(decide)
    world = World("house")
    world.part(LAMP, ("red",), "on")
    left = world.system.component("presses", 1)
    world.bind(book, Press, [left], lambda left: [(i, (left - 1,), None)] if left else [])
    run(world, **{"presses": 1, "lamp[red]": "on"})


def test_an_input_for_a_part_outside_the_world_is_an_error() -> None:
    def same(_i: Press, lamp: Any) -> Decision:
        return (lamp,), ()

    pressed(LAMP.one, same, Press("red"))
    pressed(LAMP.each("room", over="rooms"), same, Press("red", ("red",)))
    with pytest.raises(KeyError, match="green"):
        pressed(LAMP.one, same, Press("green"))
    with pytest.raises(KeyError, match="green"):
        pressed(LAMP.each("room", over="rooms"), same, Press("red", ("red", "green")))


@pytest.mark.parametrize("spec", [LAMP.every("room"), LAMP.every(), LAMP.each("room", over="rooms")])
def test_a_rule_that_makes_a_part_outside_the_world_is_an_error(spec: Any) -> None:
    def one_more(_i: Press, lamps: Any) -> Decision:
        return ({**lamps, ("green",): "on"},), ()

    with pytest.raises(KeyError, match=r"lamp has no part \[\('green',\)\] in this world"):
        pressed(spec, one_more, Press("red", ("red",)))
