"""Guards are names or negated names, and all of a transition's have to hold."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from statemachine import StateMachine
from statemachine.callbacks import CallbackSpec
from statemachine.spec_parser import replace_operators

from perdure_model.table.errors import UnsupportedFeatureError


def literals(chart: type[StateMachine], spec: CallbackSpec) -> Iterator[tuple[str, bool]]:
    """The (guard, value it must have) of one entry of `cond=` or `unless=`.

    Raises:
        UnsupportedFeatureError: the entry is anything but a name, `!name` or `not name`.
    """
    wanted = bool(spec.expected_value)
    try:
        node = ast.parse(replace_operators(spec.func).strip(), mode="eval").body
    except SyntaxError:
        node = ast.Constant(None)
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node, wanted = node.operand, not wanted
    if not isinstance(node, ast.Name):
        raise UnsupportedFeatureError(
            f"{chart.__name__}: the guard {spec.func!r} is an expression, and a table reads names: write "
            "cond=['a', 'b'] for 'a and b', two transitions for 'a or b', and a named guard for a comparison"
        )
    yield node.id, wanted
