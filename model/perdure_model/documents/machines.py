"""The chapters of a system in the specification: at a glance, its charts, its rules."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from perdure_model.core.rule import Book, Rule, Spec
from perdure_model.diagrams import file_name
from perdure_model.documents.coverage import chart_of, taken_by
from perdure_model.documents.markdown import code, linked, paragraphs, table
from perdure_model.documents.record import Move, Record
from perdure_model.table import Meanings, Row, Table, meanings
from perdure_model.world import Model

DRAWINGS = "../diagrams"


def system(model: Model, record: Record, known: Container[str]) -> Iterator[str]:
    """All that there is to say about one system but what must hold of it."""
    yield f"## System {model.name}: {model.says}\n"
    yield (
        f"![Who talks to whom in system {model.name}]({DRAWINGS}/overview/{model.name}.svg)\n\n"
        "Blue: who decides, with the parts of their states and the timers that are theirs alone. White: "
        "wires, with what goes wrong on them in red. An arrow to a wire has the effects that it carries, "
        "one from a wire the inputs.\n"
    )
    yield f"Explored in the worlds {', '.join(model.sizes['default'])}.\n"
    reached = record.of(model)
    for one in model.tables:
        yield from chart(one, model, reached, known)
    for book in model.books:
        yield f"### Rules of system {model.name}: the {book.side}\n"
        yield from rules(book, known)


def chart(
    one: Table, model: Model, reached: Mapping[str, frozenset[Move]], known: Container[str]
) -> Iterator[str]:
    """A chart: its drawing, its dictionary, its transitions and by how many worlds each is taken."""
    words, name = meanings(chart_of(one)), file_name(one.name)
    yield f"### {one.name} in system {model.name}\n"
    yield f"{linked(words.summary, known)}\n"
    yield f"![{one.name}]({DRAWINGS}/{name}.svg)\n"
    yield from _dictionary(one, words, known)
    yield (
        "Transitions, in the order in which they are tried, each with the number of worlds that take it "
        f"([drawn]({DRAWINGS}/coverage/{model.name}_{name}.svg)):\n"
    )
    head = ("in state", "on", "if", "goes to", "and does", f"worlds of {len(reached)}")
    yield table(head, _transitions(one, reached))


def _dictionary(one: Table, words: Meanings, known: Container[str]) -> Iterator[str]:
    states = (
        (f"`{state}`{' (final)' if state in one.final else ''}", linked(meaning, known))
        for state, meaning in words.states.items()
    )
    yield table(("state", "meaning"), states)
    sections = {"event": words.events, "guard": words.guards, "action": words.actions}
    for title, meant in sections.items():
        told = ((f"`{name}`", linked(meaning, known)) for name, meaning in meant.items())
        yield table((title, "meaning"), told)


def _transitions(one: Table, reached: Mapping[str, frozenset[Move]]) -> Iterator[tuple[str, ...]]:
    for (state, event), rows in one.rows.items():
        for place, row in enumerate(rows):
            count = taken_by(reached, (one.name, state, event, row.target))
            told = (f"`{state}`", f"`{event}`", _guards(row, place), f"`{row.target}`", code(row.actions))
            yield *told, str(count)


def _guards(row: Row, place: int) -> str:
    told = (f"`{name}`" if wanted else f"not `{name}`" for name, wanted in row.guards)
    return " and ".join(told) or ("else" if place else "")


def rules(book: Book, known: Container[str]) -> Iterator[str]:
    """Each rule of a side: what it is asked, sees, changes and may ask for, in its own words."""
    for rule in book:
        yield f"#### `{rule.name}`\n"
        yield f"{linked(paragraphs(rule.decide.__doc__), known)}\n"
        yield _signature(rule, known)


def _signature(rule: Rule, known: Container[str]) -> str:
    said = linked(paragraphs(rule.input.__doc__), known)
    lines = [
        f"- on `{rule.input.__name__}`: {said.replace(chr(10) * 2, ' ')}",
        f"- changes {code(map(_part, rule.parts))}",
        f"- reads {code(map(_part, rule.reads))}" if rule.reads else "",
        f"- may ask for {code(effect.__name__ for effect in rule.emits)}" if rule.emits else "",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _part(spec: Spec) -> str:
    """The part that the input names, or how many of its family."""
    if spec.kind == "one":
        return spec.family.name
    return f"{spec.family.name} (each of {spec.over})" if spec.kind == "each" else f"{spec.family.name} (all)"
