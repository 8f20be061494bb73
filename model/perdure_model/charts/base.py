"""What every chart is: a strict state machine that declares, and does nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace

from statemachine import StateMachine

from perdure_model.table import NO_FACTS, MissingFactError, meanings


class Chart(StateMachine):
    """A chart: states, and transitions that name their guards and actions.

    Nothing is implemented in a chart, and nothing is written twice: its docstring has the sections
    `States:`, `Events:`, `Guards:` and `Actions:`, with indented lines `name: meaning`, and a name is
    declared by having a meaning there. Production runs the chart's table (`compile_chart`).

    The chart itself runs too, for tests and for trying out: guards answer with the facts given (read at each
    event, so they may be changed in between), and actions only write their names into `ran`.
    """

    def __init__(self, facts: Mapping[str, bool] = NO_FACTS, *, state: str | None = None) -> None:
        """Start in the initial state, or in `state`; either way its entry actions run, as in the library."""
        words = meanings(type(self))
        self._ran: list[str] = []
        names = {name: _guard(name, facts) for name in words.guards}
        names |= {name: _action(name, self._ran) for name in words.actions}
        super().__init__(model=SimpleNamespace(state=None, **names), start_value=state)

    @property
    def ran(self) -> list[str]:
        """The names of the actions that ran, oldest first; clear it at will."""
        return self._ran


def _guard(name: str, facts: Mapping[str, bool]) -> Callable[[], object]:
    def guard() -> bool:
        if name not in facts:
            raise MissingFactError(f"the guard {name!r} is needed here: give its fact, True or False")
        return facts[name]

    guard.__name__ = name
    return guard


def _action(name: str, ran: list[str]) -> Callable[[], object]:
    def action() -> None:
        ran.append(name)

    action.__name__ = name
    return action
