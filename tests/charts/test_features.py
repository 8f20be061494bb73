"""What of python-statemachine compiles, and runs as in the chart: hooks, orders, self-transitions."""

from __future__ import annotations

import types
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, given, settings
from perdure_model.charts.base import Chart
from perdure_model.table import DeadRowError, Row, Table, compile_chart
from statemachine import Event, State
from statemachine.exceptions import InvalidDefinition
from statemachine.transition import Transition


class Hooks(Chart):
    """Every hook there is, beside actions named at state and transition.

    States:
        here: the start
        there: elsewhere
        gone: the end

    Events:
        go: moves on
        back: returns
        stop: ends it

    Guards:
        open: the way is free
        shut: the door is locked

    Actions:
        before_transition: generic
        before_go: hook
        pack: before
        on_exit_state: generic
        on_exit_here: hook
        wave: exit
        on_transition: generic
        on_go: hook
        walk: on
        sing: on, too
        on_enter_state: generic
        on_enter_there: hook
        greet: enter
        after_go: hook
        after_transition: generic, last of all
        rest: after
    """

    here = State(initial=True, exit="wave")
    there = State(enter="greet")
    gone = State(final=True)

    go = here.to(there, cond="open", unless="shut", before="pack", on=["walk", "sing"], after="rest")
    back = there.to(here) | gone.from_(here, cond="open") | here.to.itself(internal=True, on="walk")
    stop = gone.from_.any(cond="!shut", on="sing") | there.to.itself(cond="not not shut")


class Entering(Chart):
    """Self-transitions that enter, internal ones included.

    States:
        here: the only one, but for
        gone: the end

    Events:
        stay: an internal self-transition
        again: an external self-transition
        stop: ends it

    Actions:
        enter: on the way in
        leave: on the way out
        act: between
    """

    enable_self_transition_entries = True

    here = State(initial=True, enter="enter", exit="leave")
    gone = State(final=True)

    stay = here.to.itself(internal=True, on="act")
    again = here.to.itself(on="act")
    stop = here.to(gone)


class Stepwise(Chart):
    """The configuration changes step by step, and one transition serves two events.

    States:
        here: the start
        gone: the end

    Events:
        one: first name
        two: second name
        three: an Event object

    Actions:
        on_one: only for the first name
        before_two: only for the second
        leave: on the way out
        note: what an end could report
    """

    atomic_configuration_update = False

    here = State(initial=True, exit="leave")
    gone = State(final=True, donedata="note")

    Transition(here, here, event="one two")
    here.to.itself(event="one two")
    three = Event(here.to(gone, on="on_one"))


@pytest.mark.parametrize("sample", [Hooks, Entering, Stepwise])
def test_supported_features_agree(sample: type[Chart], behaviour: Any) -> None:
    table = compile_chart(sample)
    assert behaviour(sample, table).differences(table) == {}
    machine = sample()
    assert (machine.current_state_value, tuple(machine.ran)) == (table.initial, table.initial_actions)


def test_the_running_order_of_all_callbacks() -> None:
    (row,) = compile_chart(Hooks).rows["here", "go"]
    assert row == Row(
        guards=(("open", True), ("shut", False)),
        target="there",
        actions=(
            *("before_transition", "pack", "before_go"),
            *("on_exit_state", "wave", "on_exit_here"),
            *("on_transition", "walk", "sing", "on_go"),
            *("on_enter_state", "greet", "on_enter_there"),
            *("rest", "after_go", "after_transition"),
        ),
    )


def test_two_events_of_one_transition_have_their_own_hooks() -> None:
    table = compile_chart(Stepwise)
    assert table.rows["here", "one"] == (Row((), "here", ("leave", "on_one")),)
    assert table.rows["here", "two"] == (Row((), "here", ("before_two", "leave")),)


def test_donedata_by_name_is_an_action_of_the_entry() -> None:
    table = compile_chart(Stepwise)
    assert table.rows["here", "three"] == (Row((), "gone", ("leave", "on_one", "note")),)
    machine = Stepwise()
    machine.ran.clear()
    machine.send("three")
    assert machine.ran == ["leave", "on_one", "note"]


NAMES = ("alpha", "beta", "before_e0", "on_e1", "after_e0", "on_enter_s1", "on_exit_s0", "on_transition")
GUARDS = ("g", "h")


@st.composite
def transitions(draw: st.DrawFn) -> dict[str, Any]:
    """Keyword arguments of one transition, and where it goes from and to."""
    names = st.lists(st.sampled_from(NAMES[:2]), max_size=2)
    source, target = draw(st.integers(0, 2)), draw(st.integers(0, 3))
    return {
        "source": source,
        "target": target,
        "internal": source == target and draw(st.booleans()),
        "cond": draw(st.lists(st.sampled_from((*GUARDS, "!g", "not h")), max_size=2)),
        "unless": draw(st.lists(st.sampled_from(GUARDS), max_size=1)),
        "before": draw(names),
        "on": draw(names),
        "after": draw(names),
    }


def chart_of(events: list[list[dict[str, Any]]], hooks: frozenset[str], enters: bool) -> type[Chart]:
    """A chart class from drawn data; its docstring declares what the data uses."""
    states = {
        "s0": State(initial=True, exit="alpha"),
        "s1": State(enter="beta"),
        "s2": State(enter="alpha", exit="beta"),
        "s3": State(final=True),
    }
    order = list(states.values())
    attrs: dict[str, Any] = {**states, "enable_self_transition_entries": enters}
    text = ""
    for i, event in enumerate(events):
        for drawn in event:
            kwargs = {key: value for key, value in drawn.items() if key not in ("source", "target")}
            made = order[drawn["source"]].to(order[drawn["target"]], **kwargs)
            attrs[f"e{i}"] = attrs[f"e{i}"] | made if f"e{i}" in attrs else made
            text += " ".join((*drawn["cond"], *drawn["unless"])) + " "
    sections = {
        "States": "".join(f"    {name}: …\n" for name in states),
        "Events": "".join(f"    e{i}: …\n" for i in range(len(events)) if f"e{i}" in attrs),
        "Guards": "".join(f"    {name}: …\n" for name in GUARDS if name in text),
        "Actions": "".join(f"    {name}: …\n" for name in ("alpha", "beta", *sorted(hooks))),
    }
    doc = "Drawn.\n\n" + "\n".join(f"{name}:\n{body}" for name, body in sections.items())
    return cast(
        "type[Chart]", types.new_class("Drawn", (Chart,), {}, lambda body: body.update(attrs, __doc__=doc))
    )


def compiled(chart: type[Chart]) -> Table:
    try:
        return compile_chart(chart)
    except DeadRowError:
        assume(False)  # rightly refused: another test's subject
        raise


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.lists(transitions(), min_size=1, max_size=4), min_size=1, max_size=2),
    st.frozensets(st.sampled_from(NAMES[4:])),
    st.booleans(),
)
def test_drawn_charts_agree(
    behaviour: Any, events: list[list[dict[str, Any]]], hooks: frozenset[str], enters: bool
) -> None:
    if len(events) < 2:
        hooks -= {"on_e1"}
    path = [{"source": i, "target": i + 1, "internal": False} for i in range(3)]
    for step in path:  # every state is reachable, and the end from every state
        events = [*events, [{**step, "cond": [], "unless": [], "before": [], "on": [], "after": []}]]
    try:
        chart = chart_of(events, hooks, enters)
    except InvalidDefinition:
        assume(False)
        raise
    table = compiled(chart)
    assert behaviour(chart, table).differences(table) == {}
