"""What the compiler refuses: each by name, with the reason and the remedy."""

from __future__ import annotations

import types
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, cast

import pytest
from perdure_model.charts.base import Chart
from perdure_model.charts.server_connection import ServerConnection
from perdure_model.table import (
    ChartError,
    DeadRowError,
    MeaningError,
    UnknownNameError,
    UnsupportedFeatureError,
    compile_chart,
)
from statemachine import Event, HistoryState, State, StateChart, StateMachine
from statemachine.states import States
from statemachine.transition import Transition


def chart(*, guards: str = "", actions: str = "", base: type = Chart, **attrs: Any) -> type[Chart]:
    """A chart `Sample` from its class attributes, with a meaning for all that is there and all named here."""

    def body(namespace: dict[str, Any]) -> None:
        namespace.update(attrs)

    made = cast("type[Chart]", types.new_class("Sample", (base,), {}, body))
    sections = {
        "States": [state.id for state in made.states],
        "Events": [str(event) for event in made._events],
        "Guards": guards.split(),
        "Actions": actions.split(),
    }
    lines = [
        f"\n{name}:\n" + "\n".join(f"    {word}: …" for word in words) for name, words in sections.items()
    ]
    made.__doc__ = "A sample.\n" + "\n".join(lines)
    return made


def flat(
    *,
    first: State | None = None,
    guards: str = "",
    actions: str = "",
    base: type = Chart,
    attrs: dict[str, Any] | None = None,
    **transition: Any,
) -> type[Chart]:
    """Two states and one transition `go` between them, of which one thing is odd."""
    here, gone = first or State(initial=True), State(final=True)
    return chart(
        guards=guards,
        actions=actions,
        base=base,
        here=here,
        gone=gone,
        go=here.to(gone, **transition),
        **(attrs or {}),
    )


def refused(make: Callable[[], type[StateMachine]], error: type[ChartError], *said: str) -> None:
    with pytest.raises(ChartError) as caught:
        compile_chart(make())
    assert type(caught.value) is error
    for words in said:
        assert words in str(caught.value)


def test_the_plain_sample_compiles() -> None:
    """So each refusal below is for the one thing that is odd."""
    table = compile_chart(flat(guards="free", actions="walk", cond="free", on="walk"))
    assert table.step("here", "go", {"free": True}) is not None


# --- shape ---


def nested() -> type[Chart]:
    class Inner(State.Compound):
        one = State(initial=True)
        two = State(final=True)
        turn = one.to(two)

    gone = State(final=True)
    return chart(inner=Inner, gone=gone, go=Inner.to(gone))


def parallel() -> type[Chart]:
    class Both(State.Parallel):
        class Left(State.Compound):
            one = State(initial=True)
            two = State(final=True)
            turn = one.to(two)

        class Right(State.Compound):
            three = State(initial=True)
            four = State(final=True)
            twist = three.to(four)

    gone = State(final=True)
    return chart(both=Both, gone=gone, go=Both.to(gone))


def history() -> type[Chart]:
    here, gone, before = State(initial=True), State(final=True), HistoryState()
    return chart(here=here, before=before, gone=gone, go=here.to(before) | before.to(gone))


def eventless() -> type[Chart]:
    here, gone = State(initial=True), State(final=True)
    here.to(gone)  # not assigned to a name: the library takes it at once, whatever happens
    return chart(here=here, gone=gone, go=here.to(gone))


def several_targets() -> type[Chart]:
    here, one, two = State(initial=True), State(final=True), State(final=True)
    both = Transition(here, [one, two], event="go")
    here.transitions.add_transitions(both)
    here.transitions.add_transitions(Transition(here, two, event="other"))
    return chart(here=here, one=one, two=two)


def targetless() -> type[Chart]:
    here, gone = State(initial=True), State(final=True)
    return chart(here=here, gone=gone, go=here.to(gone), tick=here.to(None))


def marked_initial() -> type[Chart]:
    return flat(initial=True)


def inherited() -> type[Chart]:
    return flat(base=flat())


SHAPES = [
    (nested, "'inner'", "has states inside"),
    (parallel, "'both'", "is parallel"),
    (history, "'before'", "is a history state"),
    (eventless, "'here'", "needs no event"),
    (several_targets, "'here'", "has several targets ['one', 'two']"),
    (targetless, "'tick'", "has no target"),
    (marked_initial, "'go'", "initial=True"),
    (inherited, "its base Sample", "is a chart itself"),
    (lambda: types.new_class("Empty", (Chart,)), "Empty", "has no states"),
]


@pytest.mark.parametrize(("make", "name", "why"), SHAPES)
def test_shapes_that_are_not_flat(make: Callable[[], type[Chart]], name: str, why: str) -> None:
    refused(make, UnsupportedFeatureError, name, why, "; ")


def test_a_bare_state_chart() -> None:
    class Loose(StateChart[Any]):
        here = State(initial=True)
        gone = State(final=True)
        go = here.to(gone)

    refused(lambda: cast("type[StateMachine]", Loose), UnsupportedFeatureError, "Loose", "swallows")


# --- what runs beside the chart, or without it ---


def walk(self: object) -> None:
    """A callback with a body."""


async def wait(self: object) -> None:
    """A callback that would have to be awaited."""


CALLBACKS = [
    (partial(flat, on=lambda: None), "'<lambda>'", "is an object"),
    (partial(flat, cond=lambda: True), "'<lambda>'", "is an object"),
    (partial(flat, unless=lambda: True), "'<lambda>'", "is an object"),
    (partial(flat, before=walk), "'walk'", "is an object"),
    (partial(flat, after=partial(print)), "functools.partial", "is an object"),
    (partial(flat, cond=property(walk)), "property object", "is an object"),
    (lambda: flat(first=State(initial=True, exit=lambda: None)), "'<lambda>'", "is an object"),
    (partial(flat, attrs={"walk": walk}), "walk()", "has a body"),
    (partial(flat, attrs={"on_enter_gone": walk}), "on_enter_gone()", "has a body"),
    (partial(flat, attrs={"on_enter_gone": wait}), "on_enter_gone()", "is async"),
    (partial(flat, attrs={"free": property(walk)}), "free()", "has a body"),
    (partial(flat, attrs={"free": staticmethod(walk)}), "free()", "has a body"),
    (partial(flat, attrs={"send": walk}), "send()", "has a body"),
    (partial(flat, validators="check"), "the validator 'check'", "which raises"),
    (partial(flat, attrs={"listeners": [object()]}), "listeners", "does not show"),
    (lambda: flat(first=State(initial=True, invoke="call")), "'here'", "invokes"),
    (lambda: flat(actions="on_invoke_here"), "'on_invoke_here'", "invokes"),
    (lambda: flat(actions="prepare_event"), "'prepare_event'", "before it is known"),
]


@pytest.mark.parametrize(("make", "name", "why"), CALLBACKS)
def test_callbacks_that_a_table_cannot_hold(make: Callable[[], type[Chart]], name: str, why: str) -> None:
    refused(make, UnsupportedFeatureError, name, why, "; ")


def test_a_decorated_callback() -> None:
    here, gone = State(initial=True), State(final=True)
    go = here.to(gone)
    refused(lambda: chart(here=here, gone=gone, go=go, walk=go.on(walk)), UnsupportedFeatureError, "walk()")


def test_donedata_that_computes() -> None:
    here, gone = State(initial=True), State(final=True, donedata=lambda: {"n": 1})
    make = partial(chart, here=here, gone=gone, go=here.to(gone))
    refused(make, UnsupportedFeatureError, "'<lambda>'", "'gone'")


# --- events ---


def event(**options: Any) -> type[Chart]:
    here, gone = State(initial=True), State(final=True)
    return chart(here=here, gone=gone, go=Event(here.to(gone), **options))


def error_event() -> type[Chart]:
    here, gone = State(initial=True), State(final=True)
    return chart(here=here, gone=gone, error_net=here.to(gone))


EVENTS = [
    (partial(event, delay=5), "'go'", "is delayed by 5 ms"),
    (partial(event, internal=True), "'go'", "is internal"),
    (partial(event, name="Go on!"), "'go'", "has the label 'Go on!'"),
    (partial(event, id="*"), "'*'", "prefix"),
    (partial(event, id="net.lost"), "'net.lost'", "prefix"),
    (partial(event, id="net.*"), "'net.*'", "prefix"),
    (partial(event, id="net lost"), "'net lost'", "prefix"),
    (error_event, "'error.net'", "error_x"),
    (partial(flat, attrs={"never": Event("never")}), "'never'", "has no transition"),
]


@pytest.mark.parametrize(("make", "name", "why"), EVENTS)
def test_events_that_are_not_plain(make: Callable[[], type[Chart]], name: str, why: str) -> None:
    refused(make, UnsupportedFeatureError, name, why, "; ")


# --- states and settings ---


class Places(Enum):
    """For `States.from_enum`."""

    HERE = 1
    GONE = 2


def from_enum() -> type[Chart]:
    places = States.from_enum(Places, initial=Places.HERE, final=Places.GONE)
    return chart(places=places, go=places.HERE.to(places.GONE))


SETTINGS = [
    (lambda: flat(first=State(initial=True, value=7)), "'here'", "has the value 7"),
    (lambda: flat(first=State("At home", initial=True)), "'here'", "has the label 'At home'"),
    (from_enum, "'HERE'", "has the value <Places.HERE: 1>"),
    (partial(flat, attrs={"allow_event_without_transition": True}), "allow_event", "never swallowed"),
    (partial(flat, attrs={"catch_errors_as_events": True}), "catch_errors", "an error is raised"),
    (partial(flat, attrs={"start_configuration_values": ["here"]}), "start_conf", "initial=True"),
    (partial(flat, attrs={"validate_disconnected_states": False}), "validate_disc", "unreachable"),
    (partial(flat, attrs={"validate_trap_states": False}), "validate_trap", "without a way out"),
    (partial(flat, attrs={"validate_final_reachability": False}), "validate_final", "no final state"),
    (partial(flat, attrs={"allow_event_without_transitions": False}), "allow_event", "no setting"),
    (partial(flat, attrs={"grace_s": 60}), "grace_s = 60", "neither state nor event"),
]


@pytest.mark.parametrize(("make", "name", "why"), SETTINGS)
def test_states_and_settings(make: Callable[[], type[Chart]], name: str, why: str) -> None:
    refused(make, UnsupportedFeatureError, name, why, "; ")


def test_a_setting_of_a_base_is_seen() -> None:
    class Lenient(Chart):
        catch_errors_as_events = True

    refused(partial(flat, base=Lenient), UnsupportedFeatureError, "catch_errors_as_events = True")


def test_a_state_by_enum_member_names_compiles() -> None:
    """`States` as such is a way to declare: only the second name, the value, is refused."""
    places = States({"here": State(initial=True), "gone": State(final=True)})
    table = compile_chart(chart(places=places, go=places.here.to(places.gone)))
    assert table.states == ("here", "gone")


# --- guards ---

EXPRESSIONS = [
    "a and b",
    "a or b",
    "a ^ b",
    "n > 0",
    "n == 1",
    "!(a and b)",
    "a.b",
    "f()",
    "v",
    "1",
    "",
    "a b",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_guards_that_are_expressions(expression: str) -> None:
    make = partial(flat, guards="a b n", cond=expression)
    refused(make, UnsupportedFeatureError, repr(expression), "cond=['a', 'b']")


@pytest.mark.parametrize(
    "written", [{"cond": "!a"}, {"cond": "not a"}, {"unless": "a"}, {"unless": "not !a"}]
)
def test_guards_that_are_negated_names(written: dict[str, Any]) -> None:
    table = compile_chart(flat(guards="a", **written))
    assert table.rows["here", "go"][0].guards == (("a", False),)


# --- what the library lets pass silently ---

NAMES = [
    (partial(flat, guards="current", cond="curent"), "'curent'", "did you mean 'current'?"),
    (partial(flat, actions="walk", on="wlak"), "'wlak'", "did you mean 'walk'?"),
    (partial(flat, cond="free"), "'free'", "not declared under 'Guards:'"),
    (partial(flat, on="walk"), "'walk'", "there are: none"),
    (partial(flat, guards="walk", on="walk"), "'walk'", "'Guards:'"),
    (partial(flat, guards="free"), "'free'", "is used by no transition"),
    (partial(flat, actions="walk"), "'walk'", "is used by no transition"),
    (partial(flat, actions="on_enter_gnoe"), "'on_enter_gnoe'", "is a hook of no state"),
    (partial(flat, actions="before_og"), "'before_og'", "is a hook of no state"),
    (partial(flat, guards="on_go", cond="on_go"), "'on_go'", "name of a hook"),
    (partial(flat, actions="go", on="go"), "'go'", "taken by a state, an event"),
    (partial(flat, actions="gone", on="gone"), "'gone'", "taken by a state, an event"),
    (partial(flat, actions="send", on="send"), "'send'", "or the library"),
    (partial(flat, actions="ran", on="ran"), "'ran'", "or the library"),
    (partial(flat, guards="state", cond="state"), "'state'", "or the library"),
    (partial(flat, guards="model", cond="model"), "'model'", "or the library"),
]


@pytest.mark.parametrize(("make", "name", "why"), NAMES)
def test_names_that_lead_nowhere(make: Callable[[], type[Chart]], name: str, why: str) -> None:
    refused(make, UnknownNameError, "Sample", name, why)


def test_a_hook_in_a_base_class() -> None:
    class WithHook(Chart):
        def on_enter_gone(self) -> None: ...

    refused(partial(flat, base=WithHook), UnknownNameError, "on_enter_gone", "called like a hook")


def test_a_misspelt_hook_in_a_base_class() -> None:
    class WithHook(Chart):
        def on_enter_gnoe(self) -> None: ...

    refused(partial(flat, base=WithHook), UnknownNameError, "on_enter_gnoe", "called like a hook")


def rows(*transitions: dict[str, Any]) -> type[Chart]:
    here, there, gone = State(initial=True), State(), State(final=True)
    go = here.to(there, **transitions[0])
    for options in transitions[1:]:
        go = go | here.to(gone, **options)
    return chart(guards="a b", here=here, there=there, gone=gone, go=go, end=there.to(gone, cond=["a", "b"]))


DEAD = [
    (({}, {}), "transition 2 of 2", "take every case"),
    (({}, {"cond": "a"}), "transition 2 of 2", "take every case"),
    (({"cond": "a"}, {"cond": "a"}), "transition 2 of 2", "take every case"),
    (({"cond": "a"}, {"cond": ["a", "b"]}), "transition 2 of 2", "take every case"),
    (({"cond": "a"}, {"unless": "a"}, {}), "transition 3 of 3", "take every case"),
    (({"cond": "a"}, {"cond": "b"}, {"unless": "a"}, {"cond": "b"}), "transition 4 of 4", "take every case"),
    (({"cond": ["a", "!a"]}, {}), "transition 1 of 2", "contradict"),
    (({"cond": "a", "unless": " a"}, {}), "transition 1 of 2", "contradict"),
]


@pytest.mark.parametrize(("transitions", "which", "why"), DEAD)
def test_transitions_that_can_never_be_taken(
    transitions: tuple[dict[str, Any], ...], which: str, why: str
) -> None:
    refused(lambda: rows(*transitions), DeadRowError, which, "'go' from 'here'", why, "order it earlier")


def test_a_last_transition_without_guards_is_the_rest() -> None:
    table = compile_chart(rows({"cond": "a"}, {"cond": "b"}, {}))
    assert [row.guards for row in table.rows["here", "go"]] == [(("a", True),), (("b", True),), ()]


# --- meanings ---


def reworded(old: str, new: str) -> type[Chart]:
    made = flat(guards="free", cond="free", actions="walk", on="walk")
    assert made.__doc__ is not None
    assert old in made.__doc__
    made.__doc__ = made.__doc__.replace(old, new)
    return made


MEANINGS = [
    (("    here: …", ""), "'here' has no meaning; write 'here: …' under 'States:'"),
    (("    go: …", ""), "'go' has no meaning; write 'go: …' under 'Events:'"),
    (
        ("    gone: …", "    gone: …\n    gnoe: …"),
        "'gnoe' means, but it does not exist; did you mean 'gone'",
    ),
    (("    go: …", "    go: …\n    og: …"), "'og' means, but it does not exist"),
    (("    here: …", "    here:"), "'here' has no meaning; write one behind the colon"),
    (("    here: …", "    here: …\n    here: …"), "'here' comes twice; keep one"),
    (("Events:", "States:"), "States: comes twice; join the two"),
    (("    here: …", "    here is where it begins"), "'here is where it begins' is not 'name: meaning'"),
    (("    walk: …", "    free: …"), "'free' means two things; rename one"),
]


@pytest.mark.parametrize(("change", "why"), MEANINGS)
def test_docstrings_that_leave_something_open(change: tuple[str, str], why: str) -> None:
    refused(lambda: reworded(*change), MeaningError, "Sample", why)


def test_no_docstring() -> None:
    def without() -> type[Chart]:
        made = flat()
        made.__doc__ = None
        return made

    refused(without, MeaningError, "Sample has no docstring")


def test_one_name_for_a_state_and_an_event() -> None:
    here, go = State(initial=True), State(final=True)
    refused(partial(chart, here=here, go=go, go_=Event(here.to(go), id="go")), MeaningError, "'go'")


def test_a_chart_need_not_derive_from_chart() -> None:
    """The compiler knows python-statemachine, not this project's charts."""
    assert compile_chart(flat(base=StateMachine)).states == ("here", "gone")


def test_compiling_does_not_change_the_chart() -> None:
    assert compile_chart(ServerConnection) == compile_chart(ServerConnection)
