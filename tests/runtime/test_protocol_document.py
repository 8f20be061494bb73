"""PROTOCOL.md says what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure import Hub, events, wire
from perdure.problems import KINDS, TYPE
from starlette.routing import Route

DOCUMENT = (Path(__file__).parents[2] / "PROTOCOL.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", KINDS)
def test_each_problem_stands_there_with_its_status(name: str) -> None:
    assert f"| `{name}` | {KINDS[name].status} |" in DOCUMENT
    assert TYPE in DOCUMENT


def test_each_event_and_bound_stands_there() -> None:
    for name in ("welcome", "gap", "end", events.HANDLER_FAILED):
        assert f"\n### `{name}`" in DOCUMENT
    assert f"The protocol, version {wire.VERSION}" in DOCUMENT
    assert f"at most {wire.ITEMS_MAX}" in DOCUMENT
    assert f"up to {wire.SESSIONS_MAX} times" in DOCUMENT
    assert f"1 to {wire.SESSION_NAME_MAX} printable characters" in DOCUMENT


def test_each_address_stands_there() -> None:
    for route in Hub().asgi().routes:
        assert isinstance(route, Route)
        (method,) = route.methods or {"none"}
        assert f"`{method} {{base}}{route.path}`" in DOCUMENT


def test_each_field_of_the_protocol_s_bodies_stands_there() -> None:
    bodies: list[type[wire.Body]] = [
        events.Welcome,
        events.GapBody,
        events.EndBody,
        events.HandlerFailedBody,
        wire.SendBody,
        wire.SendItem,
        wire.CloseBody,
        wire.SuspendBody,
        wire.WatchBody,
        wire.UnwatchBody,
        wire.SendReply,
        wire.Receipt,
    ]
    missing = [field for body in bodies for field in body.model_fields if f'"{field}":' not in DOCUMENT]
    assert missing == []
