"""What the client's core is made of, as a JavaScript module: charts' tables, rules' parts, values' fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from typing import Any, Final, TypeAlias, get_args

from perdure_model.core.client import CLIENT
from perdure_model.core.client import parts as parts_module
from perdure_model.core.client.book import ITEM_TABLE, SESSION_TABLE
from perdure_model.core.client.effects import ClientEffect
from perdure_model.core.client.inputs import ClientInput
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.rule import Rule, Spec

Json: TypeAlias = Any
HEAD: Final = """\
// Written from the core by `python -m perdure.browser`: edit nothing here.
// tables: "state event" -> rows of [guards, target, actions]. rules: input -> its rule, and what that sees.
// values: type -> its fields, each with its default, if it has one.
"""


def module() -> str:
    """The text of `tables.js`."""
    sections = {"tables": tables(), "rules": rules(), "values": values()}
    return HEAD + "".join(f"export const {name} = {lines(said)};\n" for name, said in sections.items())


def lines(said: dict[str, Json]) -> str:
    """An object with a line for each entry, so that what changes shows."""
    return "{\n" + "".join(f"{compact(name)}:{compact(one)},\n" for name, one in said.items()) + "}"


def compact(value: Json) -> str:
    """JSON in one line, without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def tables() -> dict[str, Json]:
    """Both charts that the client runs."""
    return {
        table.name: {
            "final": table.final,
            "rows": {f"{state} {event}": rows for (state, event), rows in table.rows.items() if rows},
            "states": table.states,
            "events": table.events,
        }
        for table in (SESSION_TABLE, ITEM_TABLE)
    }


def rules() -> dict[str, Json]:
    """Each rule under its input: its name, the parts that it may change, those that it only reads."""
    return {rule.input.__name__: [rule.name, *seen(rule)] for rule in CLIENT}


def seen(rule: Rule) -> tuple[list[Json], list[Json]]:
    """How a rule finds the parts that it may change, and those that it only reads."""
    return [spec_of(spec) for spec in rule.parts], [spec_of(spec) for spec in rule.reads]


def spec_of(spec: Spec) -> list[Json]:
    """[family, kind, the input's fields that make or narrow the key]; then for `every`, where these stand in
    the key, and for `each`, which field of the input has the elements."""
    found = [spec.family.name, spec.kind, list(spec.by)]
    if spec.kind == "every":
        return [*found, [spec.family.fields.index(name) for name in spec.by]]
    if spec.kind == "each" and spec.family.fields != (spec.spread,):
        raise NotImplementedError(f"{spec.family.name}: perdure.js spreads over keys of one field only")
    return [*found, spec.over] if spec.kind == "each" else found


def values() -> dict[str, Json]:
    """Every type of input, part and effect: [field] or [field, default] for each field."""
    return {kind.__name__: [*fields_of(kind)] for kind in types()}


def types() -> Iterable[type]:
    """The closed unions, and the parts."""
    parts = [one for one in vars(parts_module).values() if is_part(one)]
    return dict.fromkeys((*get_args(ClientInput), *parts, *get_args(ClientEffect)))


def is_part(one: object) -> bool:
    """Whether this is a class of parts; `ClientSettings` is among them."""
    return isinstance(one, type) and one.__module__ == ClientSettings.__module__


def fields_of(kind: type) -> Iterator[list[Json]]:
    """The fields in their order."""
    for field in fields(kind):
        yield [field.name] if field.default is MISSING else [field.name, field.default]
