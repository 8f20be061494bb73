"""The few places where python-statemachine's private names are read (3.2, pinned for this reason)."""

from __future__ import annotations

from collections.abc import Iterator

from statemachine import Event, StateMachine
from statemachine.callbacks import CallbackSpec
from statemachine.graph import iterate_states_and_transitions
from statemachine.transition import Transition


def events(chart: type[StateMachine]) -> list[Event]:
    """The declared events in document order; the public `events` exists on instances only."""
    return list(chart._events)  # noqa: SLF001


def listeners(chart: type[StateMachine]) -> list[object]:
    """What the class attribute `listeners` gave, here or in a base."""
    return list(chart._class_listeners)  # noqa: SLF001


def callbacks(chart: type[StateMachine]) -> Iterator[CallbackSpec]:
    """Every callback that the library would look for, hooks by convention included."""
    for visited in iterate_states_and_transitions(chart.states):
        yield from visited._specs  # noqa: SLF001


def transitions(chart: type[StateMachine]) -> Iterator[Transition]:
    """The transitions of all top-level states, in document order."""
    for state in chart.states:
        yield from state.transitions
