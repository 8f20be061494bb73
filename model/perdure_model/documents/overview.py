"""A system at a glance: who decides, what they say to each other over which wires, and what goes wrong there.

All of it is read off the worlds' actions: whose rule each is, what its input is taken from, where its
effects go, and what a fault touches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

import graphviz

from perdure_model.diagrams.style import FONT, INK, LIVE_FILL, LIVE_LINE, MUTED, PAPER
from perdure_model.documents.counterexamples import sides_of
from perdure_model.documents.deeds import bindings, faults, wires
from perdure_model.world import Model
from perdure_model.world.bind import Binding, World

FAULT = "#cf222e"
OUTSIDE = "outside"
"""The application, and whoever else asks something of a side that no wire brings."""


def plain(component: str, scopes: Iterable[str] = ()) -> str:
    """A component's or action's name without what tells several of a kind apart: keys, and whose it is."""
    for scope in scopes:
        component = re.sub(rf"^{re.escape(scope)}(\.|: )", "", component)
    return re.sub(r"[\[(].*|[\s_]?\d+$", "", component)


def scopes(world: World) -> set[str]:
    """Whose parts there are, where several of a kind have parts of their own."""
    return {scope for scope, _ in world.parts} - {""}


@dataclass
class Overview:
    """The sides' parts; (side, wire) -> effects; (wire, side) -> inputs; wire -> the faults that touch it.

    Dictionaries with None for values serve as sets in the order in which things came.
    """

    parts: dict[str, dict[str, None]] = field(default_factory=dict)
    puts: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    takes: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    faults: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def wires(self) -> dict[str, None]:
        """All between which and the sides something goes, but for the outside."""
        ends = [wire for _, wire in self.puts] + [wire for wire, _ in self.takes] + list(self.faults)
        return dict.fromkeys(wire for wire in ends if wire != OUTSIDE)

    def own(self, side: str) -> list[str]:
        """What this side alone puts and takes: its timers, and what it keeps for later.

        Where there is one side only, what something else touches is a wire to that.
        """
        mine = [wire for wire in self.wires if self._users(wire) == {side}]
        kept = [wire for wire in mine if len(self.parts) > 1 and (side, wire) in self.puts]
        return [wire for wire in mine if wire in kept or wire not in self.faults]

    def _users(self, wire: str) -> set[str]:
        return {end for edge in (*self.puts, *self.takes) if wire in edge for end in edge if end != wire}


def overview(model: Model) -> Overview:
    """All default worlds of a model, joined."""
    found = Overview()
    for world in model.worlds("default").values():
        _add(found, world, sides_of(model))
    return found


def _add(found: Overview, world: World, sides: dict[str, str]) -> None:
    carrying, whose = wires(world), scopes(world)
    names = {component.index: component.name for component in world.system.components}
    for one in bindings(world):
        side = sides[one.rule.name]
        for family in dict.fromkeys(spec.family.name for spec in one.rule.parts):
            found.parts.setdefault(side, {})[family] = None
        for source in _sources(one, carrying):
            found.takes.setdefault((plain(source, whose), side), {})[one.rule.input.__name__] = None
        for effect in one.rule.emits:
            for target in _targets(world, one, effect, carrying):
                found.puts.setdefault((side, plain(target, whose)), {})[effect.__name__] = None
    for action in faults(world):
        for touched in (names[index] for index in action.components):
            if touched in carrying:
                found.faults.setdefault(plain(touched, whose), {})[plain(action.name, whose)] = None


def _sources(one: Binding, carrying: set[str]) -> list[str]:
    """The wires of an input; the outside, where no wire brings it.

    A side's own follow-ups are a source of all its inputs, which wait for them: named where alone.
    """
    queues = [source.name for source in one.sources if source.name.endswith(".next")]
    others = [source.name for source in one.sources if source.name not in queues]
    named = [name for name in others if name in carrying]
    return named or ([OUTSIDE] if others else queues)


def _targets(world: World, one: Binding, effect: type, carrying: set[str]) -> dict[str, None]:
    components = world.sink_of(effect, one.rule, one.address).components
    parts = {c.name for held in world.parts.values() for c in held.values()}
    others = [c.name for c in components if c.name not in parts]
    return dict.fromkeys(name if name in carrying else OUTSIDE for name in others)


def overview_to_dot(model: Model) -> str:
    """The overview in DOT."""
    found = overview(model)
    graph = graphviz.Digraph(model.name)
    graph.attr(bgcolor=PAPER, pad="0.2", nodesep="0.3", ranksep="0.4", rankdir="LR", tooltip=model.says)
    graph.attr("node", fontname=FONT, fontsize="11", fontcolor=INK, shape="box", style="rounded,filled")
    graph.attr("node", penwidth="1.2", color=LIVE_LINE, fillcolor=LIVE_FILL)
    graph.attr("edge", fontname=FONT, fontsize="10", fontcolor=INK, color=MUTED, arrowsize="0.7")
    first, *_ = found.parts
    owned = {wire: side for side in found.parts for wire in found.own(side)}
    for side, parts in found.parts.items():
        lines = _lines(parts, MUTED) + _lines(dict.fromkeys(found.own(side)), INK)
        graph.node(side, label=f"<<b>{escape(side)}</b>{lines}>")
    graph.node(OUTSIDE, fillcolor=PAPER, color=MUTED)
    for wire in found.wires:
        if wire not in owned:
            label = f"<{escape(wire)}{_lines(found.faults.get(wire, {}), FAULT)}>"
            graph.node(f"wire {wire}", label=label, color=MUTED, style="filled", fillcolor=PAPER)
    for (side, wire), effects in found.puts.items():
        if wire not in owned:
            _edge(graph, side, _node(wire), effects, left=side == first)
    for (wire, side), inputs in found.takes.items():
        if wire not in owned:
            _edge(graph, _node(wire), side, inputs, left=side != first)
    return str(graph.source)


def _edge(graph: graphviz.Digraph, start: str, end: str, names: dict[str, None], *, left: bool) -> None:
    """An arrow, laid out so that the first side is on the left, the wires are in the middle."""
    if left:
        graph.edge(start, end, label=_label(names))
    else:
        graph.edge(end, start, label=_label(names), dir="back")


def _node(wire: str) -> str:
    return wire if wire == OUTSIDE else f"wire {wire}"


def _lines(names: dict[str, None], colour: str) -> str:
    return "".join(f'<br/><font color="{colour}" point-size="10">{escape(name)}</font>' for name in names)


def _label(names: dict[str, None]) -> str:
    return "\\l".join([*names, ""])


def overview_to_mermaid(model: Model) -> str:
    """The overview as a Mermaid flowchart."""
    return "\n    ".join(["flowchart LR", *_mermaid(overview(model))]) + "\n"


def _mermaid(found: Overview) -> Iterator[str]:
    owned = {wire for side in found.parts for wire in found.own(side)}
    for side, parts in found.parts.items():
        told = [f"<b>{side}</b>", *parts, *(f"⟳ {wire}" for wire in found.own(side))]
        yield f'{_id(side)}["{"<br/>".join(told)}"]'
    yield f"{_id(OUTSIDE)}([{OUTSIDE}])"
    for wire in found.wires:
        if wire not in owned:
            told = [wire, *(f"✗ {fault}" for fault in found.faults.get(wire, {}))]
            yield f'{_id(wire)}[/"{"<br/>".join(told)}"/]'
    for (start, end), names in (*found.puts.items(), *found.takes.items()):
        if start not in owned and end not in owned:
            yield f'{_id(start)} -->|"{"<br/>".join(names)}"| {_id(end)}'


def _id(name: str) -> str:
    return "n_" + re.sub(r"\W", "_", name)
