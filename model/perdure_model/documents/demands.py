"""The chapters on what must hold, and on how we know that it could fail."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from perdure_model.core.rule import Decide, Rule
from perdure_model.documents.counterexamples import FOLDER
from perdure_model.documents.machines import DRAWINGS
from perdure_model.documents.markdown import anchor, code, link, linked, paragraphs, table
from perdure_model.documents.record import Record
from perdure_model.world import DEFECTS, MODELS, Defect, Model, statements
from perdure_model.world.bind import property_id
from perdure_model.world.models import by_number, model_of

KINDS = {
    "always": "in every state",
    "always_possible": "from every state it can still come to it",
    "eventually": "on every fair path, in the end",
    "leads_to": "on every fair path, whenever it is asked for",
}


class Statement(Protocol):
    """A property of data, as whoever tests it states it."""

    @property
    def id(self) -> str:
        """The stable id that it belongs to."""

    @property
    def says(self) -> str:
        """Its text."""


class Variant(Protocol):
    """A defect, be it of rules or of data code."""

    @property
    def id(self) -> str:
        """The finding that it plants."""

    @property
    def says(self) -> str:
        """What it does wrong."""

    @property
    def breaks(self) -> str:
        """The property by which it is found."""


@dataclass(frozen=True)
class Data:
    """What is known of data: properties and defects that no world has. Neither is the model's to know."""

    statements: tuple[Statement, ...] = ()
    defects: tuple[Variant, ...] = ()


def ids(data: Data) -> set[str]:
    """All that is told somewhere: defects and properties."""
    variants = {*DEFECTS, *(one.id for one in data.defects)}
    return variants | {*statements(), *(one.id for one in data.statements)}


def properties(data: Data, known: Container[str]) -> Iterator[str]:
    """Each property: its living texts, by whom it is carried, and what breaks it."""
    kinds = {model.name: kinds_of(model) for model in MODELS}
    variants: list[Variant] = [*DEFECTS.values(), *data.defects]
    for name in sorted({*statements(), *(one.id for one in data.statements)}):
        yield f"### {name}\n"
        for model in MODELS:
            if name in model.properties:
                text = linked(paragraphs(model.properties[name].__doc__).replace("\n\n", " "), known)
                yield f"- System {model.name}, {kinds[model.name][name]}: {text}"
        for one in data.statements:
            if one.id == name:
                yield f"- Data, whatever the case: {linked(one.says, known)}"
        broken = by_number(one.id for one in variants if one.breaks == name)
        yield f"\nBroken by {', '.join(map(link, broken)) or 'none of the defects'}.\n"


def kinds_of(model: Model) -> dict[str, str]:
    """How each of a model's properties holds, over all its worlds."""
    found: dict[str, dict[str, None]] = {name: {} for name in model.properties}
    for world in model.worlds("default").values():
        for one in world.system.properties:
            if one.kind in KINDS and property_id(one.name) in found:
                found[property_id(one.name)][KINDS[one.kind]] = None
    return {name: "; ".join(kinds) or "where stopping is right" for name, kinds in found.items()}


def defects(data: Data, record: Record, known: Container[str]) -> Iterator[str]:
    """The table of all defects."""
    told: dict[str, Variant] = {**DEFECTS, **{one.id: one for one in data.defects}}
    head = ("finding", "what it does wrong", "breaks", "found by", "shortest counterexample")
    yield table(head, (_row(told[name], record, known) for name in by_number(told)))


def _row(one: Variant, record: Record, known: Container[str]) -> tuple[str, ...]:
    start = (f"{anchor(one.id)}{one.id}", linked(one.says, known), linked(one.breaks, known))
    if not isinstance(one, Defect):
        return *start, "property-based test", f"a case: `perdure defects --only {one.id}`"
    if one.id not in record.found:
        return *start, f"system {model_of(one).name}", "not searched yet"
    world, steps = record.found[one.id]
    drawing = f"{DRAWINGS}/{FOLDER}/{one.id}"
    return *start, f"world {world}", f"[{steps} steps]({drawing}.svg) ([Mermaid]({drawing}.mmd))"


def own_findings(known: Container[str]) -> Iterator[str]:
    """What nobody had reported: found by the checker, with its cure."""
    for name in by_number(DEFECTS):
        if name.startswith("N"):
            yield from _own(DEFECTS[name], known)


def _own(one: Defect, known: Container[str]) -> Iterator[str]:
    model = model_of(one)
    yield f"### {one.id}: {one.says}\n"
    yield f"It breaks {linked(one.breaks, known)} ([counterexample]({DRAWINGS}/{FOLDER}/{one.id}.svg)).\n"
    told = _docstrings(one.rules.values())
    if told:
        yield f"{linked(told, known)}\n"
    yield f"The cure is in {code(one.rules)} of system {model.name}:\n"
    for name, text in _cures(model, one.rules).items():
        yield f"- `{name}`: {linked(text, known)}"
    yield ""


def _docstrings(variants: Iterable[Decide | Rule]) -> str:
    functions = [one.decide if isinstance(one, Rule) else one for one in variants]
    return "\n\n".join(paragraphs(one.__doc__) for one in functions if one.__doc__)


def _cures(model: Model, rules: Mapping[str, object]) -> dict[str, str]:
    right = {rule.name: rule for book in model.books for rule in book}
    return {
        name: paragraphs(right[name].decide.__doc__).replace("\n\n", " ") for name in rules if name in right
    }
