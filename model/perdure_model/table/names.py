"""Every name has one meaning, in the docstring, and a use: the library lets most misspellings pass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from statemachine import StateMachine

from perdure_model.table import library
from perdure_model.table.errors import MeaningError, UnknownNameError, UnsupportedFeatureError
from perdure_model.table.guards import literals
from perdure_model.table.meanings import meanings
from perdure_model.table.rows import hint

_HOOK = re.compile(r"(on|before|after|prepare)_\w+$")
# Attributes that python-statemachine gives to every instance, or looks up on its model.
_ON_EVERY_INSTANCE = {"model", "state", "state_field", "history_values"}


def check_names(chart: type[StateMachine]) -> None:
    """See to it that each state, event, guard and action is declared once, used, and no one else's name.

    Raises:
        MeaningError: a state or event without a meaning, a meaning of none, a name with two meanings.
        UnknownNameError: a guard, action or hook that is not declared, not used, or would be taken for
            something else.
        UnsupportedFeatureError: a hook that has no place in a row.
    """
    words = meanings(chart)
    states = [state.id for state in chart.states]
    events = [str(event) for event in library.events(chart)]
    _match(chart, "States", words.states, states)
    _match(chart, "Events", words.events, events)
    for name in sorted({*states} & {*events} | {*words.guards} & {*words.actions}):
        raise MeaningError(f"{chart.__name__}: {name!r} means two things; rename one")
    _check_hooks(chart, {*states, *events})
    _check_free(chart, (*words.guards, *words.actions))
    _check_runnable(chart, (*words.guards, *words.actions))
    _check_use(chart, "Guards", words.guards, set(_guards(chart)))
    hooks = {spec.func for spec in library.callbacks(chart) if spec.is_convention}
    for name in sorted(hooks.intersection(words.guards)):
        raise UnknownNameError(f"{chart.__name__}: the guard {name!r} has the name of a hook; rename it")
    _check_use(chart, "Actions", words.actions, {*_actions(chart), *hooks.intersection(words.actions)})


def _match(chart: type, section: str, said: Iterable[str], there: list[str]) -> None:
    for name in (name for name in there if name not in said):
        raise MeaningError(f"{chart.__name__}: {name!r} has no meaning; write '{name}: …' under '{section}:'")
    for name in (name for name in said if name not in there):
        raise MeaningError(
            f"{chart.__name__}: the docstring's {section} say what {name!r} means, but it does not "
            f"exist{hint(name, tuple(there))}"
        )


def _check_hooks(chart: type, declared: set[str]) -> None:
    """A method called like a hook is run by the library, or is a misspelt one and never run."""
    for name in sorted({*dir(chart)} - {*dir(StateMachine)} - declared):
        if _HOOK.match(name):
            raise UnknownNameError(
                f"{chart.__name__}: {name} is called like a hook; declare it by its meaning under 'Actions:'"
            )


def _check_free(chart: type, names: Iterable[str]) -> None:
    """The library looks a name up on the machine first: an event of that name would be fired instead."""
    for name in names:
        if hasattr(chart, name) or name in _ON_EVERY_INSTANCE:
            raise UnknownNameError(
                f"{chart.__name__}: the name {name!r} is taken by a state, an event or the library, which "
                "would use that instead of the guard or action; rename it"
            )


def _check_runnable(chart: type[StateMachine], names: Iterable[str]) -> None:
    invokes = {spec.func for state in chart.states for spec in state.invoke}
    for name in names:
        if name in invokes:
            why = "is a hook that invokes, which runs beside the chart; make an action of its start"
        elif name == "prepare_event":
            why = "is a hook that runs before it is known whether the event is refused; use on_transition"
        else:
            continue
        raise UnsupportedFeatureError(f"{chart.__name__}: {name!r} {why}")


def _check_use(chart: type, section: str, declared: Iterable[str], used: set[str]) -> None:
    names = tuple(declared)
    for name in sorted(used.difference(names)):
        raise UnknownNameError(
            f"{chart.__name__}: {name!r} is not declared under '{section}:'{hint(name, names)}"
        )
    for name in (name for name in names if name not in used):
        kind = (
            "is a hook of no state, event or transition" if _HOOK.match(name) else "is used by no transition"
        )
        raise UnknownNameError(
            f"{chart.__name__}: {name!r} is declared under '{section}:' but {kind}; correct or remove it"
        )


def _guards(chart: type[StateMachine]) -> Iterator[str]:
    for transition in library.transitions(chart):
        for spec in transition.cond:
            yield from (name for name, _ in literals(chart, spec))


def _actions(chart: type[StateMachine]) -> Iterator[str]:
    for state in chart.states:
        groups = [state.enter, state.exit]
        for transition in state.transitions:
            groups += [transition.before, transition.on, transition.after]
        yield from (spec.func for group in groups for spec in group if not spec.is_convention)
