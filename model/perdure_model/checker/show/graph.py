"""A state graph as DOT or SVG: a small one whole, a big one projected on named components.

A projection joins the states that are alike in these components. It shows what may follow what there, and
no more: a path through it need not be a path of the system.
"""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perdure_model.checker import calls
from perdure_model.checker.errors import CheckerError
from perdure_model.checker.system import Component, State, System

if TYPE_CHECKING:
    from perdure_model.checker.report import Violation

Edge = tuple[State, str, State]
NODES_MAX = 200
STATES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class StateGraph:
    """Nodes are tuples of local states of the named components, with the number of states each joins."""

    title: str
    names: tuple[str, ...]
    nodes: dict[State, int]
    initial: frozenset[State]
    edges: Counter[Edge]
    """How many steps of the system each edge joins. Steps within a node are left out of a projection."""

    def dot(self, trace: Violation | None = None) -> str:
        """The graph in the DOT language. The nodes and edges of a violation's trace are drawn in red."""
        if len(self.nodes) > NODES_MAX:
            raise CheckerError(
                f"{len(self.nodes):,} nodes are more than anyone can read (at most {NODES_MAX}); "
                "name fewer components: state_graph(system, component, ...)"
            )
        ids = {node: f"n{number}" for number, node in enumerate(self.nodes)}
        walked = self._walked(trace)
        lines = [f"digraph {_quoted(self.title)} {{", "  node [shape=box, style=rounded]"]
        for node, joined in self.nodes.items():
            text = "\n".join(f"{name} = {value!r}" for name, value in zip(self.names, node, strict=True))
            label = f"{text}\n{joined:,} states" if joined > 1 else text
            width = ", penwidth=2" if node in self.initial else ""
            red = ", color=red" if any(node in (a, b) for a, _, b in walked) else ""
            lines.append(f"  {ids[node]} [label={_quoted(label)}{width}{red}]")
        for before, action, after in self.edges:
            red = ", color=red" if (before, action, after) in walked else ""
            lines.append(f"  {ids[before]} -> {ids[after]} [label={_quoted(action)}{red}]")
        return "\n".join([*lines, "}"]) + "\n"

    def svg(self, trace: Violation | None = None) -> str:
        """The graph drawn. Needs the extra `diagrams`; raises CheckerError without it."""
        try:
            import graphviz
            from graphviz.backend import dot_command

            renderer = importlib.metadata.distribution("graphviz-pure").files or ()
        except (ImportError, importlib.metadata.PackageNotFoundError):
            raise CheckerError("drawing needs graphviz: pip install 'perdure[diagrams]'") from None
        binary = next(Path(str(file.locate())) for file in renderer if file.stem == "graphviz-pure")
        dot_command.DOT_BINARY = binary.resolve()
        return str(graphviz.Source(self.dot(trace)).pipe(format="svg", encoding="utf-8"))

    def _walked(self, trace: Violation | None) -> set[Edge]:
        if trace is None:
            return set()
        nodes = [tuple(step.state[name] for name in self.names) for step in trace.trace]
        names = [step.action or "" for step in trace.trace]
        return set(zip(nodes, names[1:], nodes[1:], strict=False))


def state_graph(system: System, *components: Component, states_max: int = STATES_MAX) -> StateGraph:
    """The reachable graph of a system, or its projection on some components.

    Raises CheckerError if more than `states_max` states are reachable.
    """
    indices = [component.index for component in components] or range(len(system.components))
    initial = list(dict.fromkeys(calls.initial_states(system)))
    known, edges = dict.fromkeys(initial), Counter[Edge]()
    work = list(initial)
    for state in work:  # grows while it is walked
        for action, successor in calls.steps(system, state):
            before, after = _projected(state, indices), _projected(successor, indices)
            if not components or before != after:
                edges[before, action, after] += 1
            if successor not in known:
                known[successor] = None
                work.append(successor)
        if len(known) > states_max:
            raise CheckerError(f"more than {states_max:,} states are reachable; draw a smaller instance")
    return StateGraph(
        system.name,
        tuple(system.components[i].name for i in indices),
        dict(Counter(_projected(state, indices) for state in known)),
        frozenset(_projected(state, indices) for state in initial),
        edges,
    )


def _projected(state: State, indices: Sequence[int]) -> State:
    return tuple(state[i] for i in indices)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
