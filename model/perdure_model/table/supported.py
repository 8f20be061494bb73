"""What python-statemachine 3.2 can do and a table cannot, or must not: each refused by name.

`check_supported` looks at the chart's structure and settings; what its names refer to is for `names.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from inspect import iscoroutinefunction, isroutine
from typing import Any, NoReturn

from statemachine import Event, StateChart, StateMachine
from statemachine.callbacks import CallbackSpec, SpecReference
from statemachine.state import State
from statemachine.states import States
from statemachine.transition import Transition
from statemachine.transition_list import TransitionList
from statemachine.utils import humanize_id

from perdure_model.table import library
from perdure_model.table.errors import UnsupportedFeatureError

_REQUIRED = {
    "allow_event_without_transition": (False, "an event that nothing follows is refused, never swallowed"),
    "catch_errors_as_events": (False, "an error is raised, never turned into an event"),
    "start_configuration_values": ([], "the initial state is the one with initial=True"),
    "validate_disconnected_states": (True, "an unreachable state is a mistake"),
    "validate_trap_states": (True, "a state without a way out is final=True or a mistake"),
    "validate_final_reachability": (True, "a state from which no final state can be reached is a mistake"),
}
# What a class may set, and what the metaclass sets. Both values of enable_self_transition_entries and
# atomic_configuration_update compile: the one is in the rows, and no action can see the other.
_SETTINGS = {*vars(StateMachine), *vars(StateChart), "initial_state", "final_states", *_REQUIRED}
_DECLARATIONS = (State, States, Event, Transition, TransitionList)


def check_supported(chart: type) -> None:
    """Raise UnsupportedFeatureError for the first feature that has no place in a table."""
    if not (issubclass(chart, StateMachine)):
        raise UnsupportedFeatureError(
            f"{chart.__name__} is not a StateMachine class: a bare StateChart swallows "
            "unknown events and errors; derive from perdure_model.charts.base.Chart"
        )
    refuse = partial(_refuse, chart)
    if not list(chart.states):
        refuse("it", "has no states", "declare some, one of them with initial=True")
    _check_class(chart, refuse)
    for state in chart.states:
        _check_state(state, refuse)
        for transition in state.transitions:
            _check_transition(transition, refuse)
    for event in library.events(chart):
        _check_event(chart, event, refuse)


_Refuse = Callable[[str, str, str], NoReturn]


def _refuse(chart: type, where: str, why: str, remedy: str) -> NoReturn:
    raise UnsupportedFeatureError(f"{chart.__name__}: {where} {why}; {remedy}")


def _check_class(chart: type[StateMachine], refuse: _Refuse) -> None:
    for base in chart.__mro__[1:]:
        if list(getattr(base, "states", ())):
            refuse(
                f"its base {base.__name__}",
                "is a chart itself, and the library shares the states: what is added here appears there",
                "write the states out in both",
            )
    for name, (value, why) in _REQUIRED.items():
        if getattr(chart, name) != value:
            refuse(f"{name} = {getattr(chart, name)!r}", f"is not supported: {why}", "remove the line")
    if library.listeners(chart):
        refuse(
            "listeners", "run callbacks that the chart does not show", "name the actions at the transitions"
        )
    for name, value in vars(chart).items():
        _check_attribute(name, value, refuse)


def _check_attribute(name: str, value: object, refuse: _Refuse) -> None:
    if isinstance(value, _DECLARATIONS) or name.startswith(
        "__annotate"
    ):  # the latter: a function from 3.14 on
        return
    if isroutine(value) or isinstance(value, property | staticmethod | classmethod):
        kind = "is async, and no event waits for it" if iscoroutinefunction(value) else "has a body"
        refuse(
            f"{name}()",
            f"{kind}: a chart declares, and its table would never run it",
            "remove it; if it is a guard or an action, give the name its meaning in the docstring, under "
            "'Guards:' or 'Actions:'",
        )
    if not name.startswith("__") and name not in _SETTINGS:
        refuse(
            f"{name} = {value!r}",
            "is neither state nor event, and no setting of StateMachine",
            "correct the name, or remove the line",
        )


def _check_state(state: State, refuse: _Refuse) -> None:
    where = f"state {state.id!r}"
    if state.is_history:
        refuse(
            where, "is a history state, and a table has no memory but its state", "make plain states of it"
        )
    if state.parallel:
        refuse(where, "is parallel, and a table is in one state at a time", "make two charts of it")
    if state.states or state.history:
        refuse(
            where, "has states inside, and a table is flat", "write the inner states out beside the others"
        )
    if state.value != state.id:
        refuse(where, f"has the value {state.value!r}", "remove value= (or from_enum): a state is its name")
    if state.name != humanize_id(state.id):
        refuse(where, f"has the label {state.name!r}", "name the state so that it needs no second name")
    for spec in state.invoke:
        if not spec.is_convention:
            refuse(
                where, f"invokes {spec.func!r}, which runs beside the chart", "make an action of its start"
            )
    _check_callbacks(where, (*state.enter, *state.exit), refuse)


def _check_transition(transition: Transition, refuse: _Refuse) -> None:
    where = f"transition {transition.event or '(no event)'!r} from {transition.source.id!r}"
    targets = [target.id for target in transition.targets]
    if transition.initial:
        refuse(where, "is marked initial=True, and is never selected", "remove initial=True")
    if transition.is_eventless:
        refuse(where, f"to {targets} needs no event, and a step is one event", "assign it to an event's name")
    if not targets:
        refuse(where, "has no target", "write .to.itself(internal=True)")
    if len(targets) > 1:
        refuse(where, f"has several targets {targets}", "choose one; a table is in one state at a time")
    for spec in transition.validators:
        refuse(where, f"has the validator {spec.func!r}, which raises", "use a guard: cond= or unless=")
    groups = (transition.before, transition.on, transition.after, transition.cond)
    _check_callbacks(where, (spec for group in groups for spec in group), refuse)


def _check_callbacks(where: str, specs: Iterable[CallbackSpec], refuse: _Refuse) -> None:
    for spec in specs:
        if spec.reference is SpecReference.NAME and isinstance(spec.func, str):
            continue
        refuse(
            f"the callback {_called(spec.func)} of {where}",
            "is an object, and a table holds names",
            "write its name as a string, and its meaning in the docstring under 'Guards:' or 'Actions:'",
        )


def _called(func: Any) -> str:
    return repr(getattr(func, "__name__", func))


def _check_event(chart: type[StateMachine], event: Event, refuse: _Refuse) -> None:
    where = f"event {event.id!r}"
    if not event.id.isidentifier():
        refuse(
            where,
            "is a pattern or dotted: the library matches events by prefix, so it may fire several",
            "give each event a plain name (error_x, done_state_x and done_invoke_x make dotted twins)",
        )
    if event.delay:
        refuse(where, f"is delayed by {event.delay} ms", "start a timer by an action; its end is an event")
    if event.internal:
        refuse(where, "is internal, raised by the machine itself", "remove internal=True")
    if event.name != humanize_id(event.id):
        refuse(where, f"has the label {event.name!r}", "name the event so that it needs no second name")
    if not any(transition.match(event) for transition in library.transitions(chart)):
        refuse(where, "has no transition", "give it one, or remove it")
