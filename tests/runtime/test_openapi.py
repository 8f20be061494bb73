"""The description of the addresses: where it is, what it names, and that it is OpenAPI."""

from __future__ import annotations

import json
import re
from typing import Any

import anyio
import pytest
from perdure import Hub, wire
from perdure.openapi import description
from perdure.problems import KINDS, TYPE
from pydantic import TypeAdapter
from starlette.routing import Route

from tests.runtime.asgi import Call

FOUND = description()
ROUTERS = {"not-found", "method-not-allowed"}
"""What is answered where there is no operation."""


def named(value: Any, key: str) -> set[str]:
    """All texts that stand under a key, or in the list there, wherever it is."""
    if isinstance(value, list):
        return {text for one in value for text in named(one, key)}
    if not isinstance(value, dict):
        return set()
    here = value.get(key, [])
    texts = {here} if isinstance(here, str) else {text for text in here if isinstance(text, str)}
    return texts | {text for one in value.values() for text in named(one, key)}


@pytest.mark.anyio
async def test_a_hub_gives_its_description_to_anybody() -> None:
    call = Call("GET", "/openapi.json", [])
    with anyio.fail_after(5):
        await call.run(Hub(authenticate=lambda _request: None).asgi())
    assert (call.status, call.headers["content-type"]) == (200, "application/json")
    assert json.loads(b"".join(call.writes)) == FOUND


def test_every_address_is_described_by_its_method() -> None:
    routes = [route for route in Hub().asgi().routes if isinstance(route, Route)]
    served = {(route.path, method) for route in routes for method in route.methods or ()}
    described = {(path, method.upper()) for path, item in FOUND["paths"].items() for method in item}
    assert described == served - {("/openapi.json", "GET")}


def test_every_problem_is_named_and_none_that_there_is_not() -> None:
    assert named(FOUND["paths"], "enum") == {TYPE + name for name in KINDS.keys() - ROUTERS}


def test_what_is_referred_to_is_there() -> None:
    defined = {f"#/components/schemas/{name}" for name in FOUND["components"]["schemas"]}
    assert named(FOUND, "$ref") == defined


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (wire.ConnectionId, f"CID-{'0' * 8}-0000-0000-0000-{'F' * 12}", "cid-1"),
        (wire.Pair, "1.9007199254740991", "0.1"),
        (wire.Cursors, "a%20b:e-_:12,c:f:0", "a:b"),
        (wire.Cursors, "", "a:b:c"),
    ],
)
def test_an_expression_says_what_the_wire_takes(kind: Any, right: str, wrong: str) -> None:
    adapter = TypeAdapter(kind)
    pattern = adapter.json_schema()["pattern"]
    adapter.validate_python(right)
    assert re.search(pattern, right)
    assert not re.search(pattern, wrong)
    with pytest.raises(ValueError, match="validation error"):
        adapter.validate_python(wrong)
