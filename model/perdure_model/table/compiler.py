"""From chart to table, by the order in which python-statemachine selects transitions and runs callbacks.

A transition runs `before`, the source's `exit`, `on`, the target's `enter` and `after`. Within each of these
a callback's place is its priority: generic hooks (`on_transition`), then those named at the transition, then
hooks called after a state or event (`on_lost`); `after_transition` comes last of all. An internal
self-transition neither exits nor enters; with `enable_self_transition_entries` it enters, and still does not
exit.

`donedata="name"` is one more `enter` callback: the library itself keeps no other trace of it, and what it
returns goes nowhere from a final state that no other state holds. So the table runs it as the action it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import product
from types import MappingProxyType
from typing import TypeAlias

from statemachine import StateMachine
from statemachine.callbacks import CallbackSpec
from statemachine.state import State
from statemachine.transition import Transition

from perdure_model.table import library
from perdure_model.table.errors import DeadRowError
from perdure_model.table.guards import literals
from perdure_model.table.meanings import meanings
from perdure_model.table.names import check_names
from perdure_model.table.rows import Row, Table
from perdure_model.table.supported import check_supported

Chart: TypeAlias = type[StateMachine]


def compile_chart(chart: Chart) -> Table:
    """Compile a chart to its table.

    Raises:
        ChartError: one of its subclasses, where the table could not say what the chart would do, or the
            chart is not what its author can have meant.
    """
    check_supported(chart)
    check_names(chart)
    hooks = meanings(chart).actions.keys()
    rows = {
        (state.id, str(event)): _live(chart, state, event, tuple(_rows(chart, state, event, hooks)))
        for state in chart.states
        for event in library.events(chart)
    }
    initial = next(state for state in chart.states if state.initial)
    return Table(
        name=chart.__name__,
        initial=initial.id,
        initial_actions=tuple(run(initial.enter, hooks)),
        states=tuple(state.id for state in chart.states),
        final=tuple(state.id for state in chart.states if state.final),
        events=tuple(str(event) for event in library.events(chart)),
        guards=tuple(meanings(chart).guards),
        actions=tuple(hooks),
        rows=MappingProxyType(rows),
    )


def _rows(chart: Chart, state: State, event: str, hooks: Collection[str]) -> Iterator[Row]:
    for transition in state.transitions:
        if transition.match(event):
            guards = dict.fromkeys(literal for spec in transition.cond for literal in literals(chart, spec))
            actions = (
                name
                for group in _groups(chart, transition, transition.targets[0])
                for name in run(group, hooks, event)
            )
            yield Row(tuple(guards), transition.targets[0].id, tuple(actions))


def _groups(chart: Chart, transition: Transition, target: State) -> Iterator[Iterable[CallbackSpec]]:
    inside = transition.internal and transition.is_self
    yield transition.before
    if not inside:
        yield transition.source.exit
    yield transition.on
    if not inside or chart.enable_self_transition_entries:
        yield target.enter
    yield transition.after


def run(group: Iterable[CallbackSpec], hooks: Collection[str], event: str | None = None) -> Iterator[str]:
    """The names of one group in running order; a hook counts if it is declared, and made for this event."""
    for spec in sorted(group, key=lambda spec: spec.priority):  # stable, as the library's insort is
        of_other_event = spec.cond is not None and spec.cond.__self__ != event
        if not spec.is_convention or (spec.func in hooks and not of_other_event):
            yield spec.attr_name


def _live(chart: Chart, state: State, event: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows, once it is certain that each of them is the first to hold under some valuation."""
    names = sorted({guard for row in rows for guard, _ in row.guards})
    taken = set[int]()
    for values in product((True, False), repeat=len(names)):
        facts = dict(zip(names, values, strict=True))
        holding = (
            i for i, row in enumerate(rows) if all(facts[name] is wanted for name, wanted in row.guards)
        )
        taken.update([*holding][:1])
    for dead in sorted(set(range(len(rows))) - taken):
        raise DeadRowError(
            f"{chart.__name__}: transition {dead + 1} of {len(rows)} on {str(event)!r} from {state.id!r} (to "
            f"{rows[dead].target!r}) can never be taken: "
            + ("those before it take every case" if dead else "its guards contradict each other")
            + "; give it guards that leave it a case, order it earlier, or remove it"
        )
    return rows
