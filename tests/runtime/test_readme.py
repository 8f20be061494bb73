"""The README's examples run as they stand there: the server, and the client against it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

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
