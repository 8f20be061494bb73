"""The README's examples run as they stand there: the server, and the client against it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from perdure import Hub

from tests.runtime.flow import Flow
from tests.runtime.serving import Serve

README = Path(__file__).parents[2] / "README.md"


def example(name: str) -> dict[str, Any]:
    """The names that the README's example of this name defines."""
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"<!-- runs: {name} -->\n```python\n(.*?)```", text, re.S)
    assert found, f"README.md has no example {name!r}"
    names: dict[str, Any] = {}
    exec(compile(found[1], f"README.md, {name}", "exec"), names)
    return names


@pytest.mark.anyio
async def test_the_clients_example_hears_the_servers_answer(serve: Serve) -> None:
    server = serve(example("server")["hub"])
    assert await example("client")["talk"](server.url) == "HELLO"


@pytest.mark.anyio
async def test_the_example_of_follow_sees_a_login_to_its_end(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = Flow()
    server = serve(Hub(), app=flow.app)
    outcomes: list[str] = []

    async def log_in() -> None:
        outcomes.append(await example("follow")["log_in"](server.url))

    async def change(step: str) -> None:
        await flow.change(step=step)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(log_in)
            while [name for name, _ in flow.asked] != ["events", "state"]:
                await anyio.sleep(0.005)
            await server.call(change, "code")
            await server.call(change, "done")
    assert outcomes == ["succeeded"]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()][-2:] == ["code", "done"]


class Refused(Exception):
    status_code = 401


@pytest.mark.anyio
async def test_the_example_of_refreshing_sees_one_start() -> None:
    tokens = iter(["dead", "good"])

    async def get_token() -> str:
        return next(tokens)

    async def ask(token: str) -> AsyncIterator[str]:
        yield "start"
        if token == "dead":
            raise Refused
        yield "well"

    assert await example("refreshing")["answer"](ask, get_token) == "start well"
