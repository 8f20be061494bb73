"""A provider of streamed answers, as model providers are: a call is a request, its answer a line a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Final

import anyio
from starlette.types import Receive, Scope, Send

MODEL: Final = "model"
TALK_S: Final = 0.2
LINES: Final = [(b"content-type", b"application/x-ndjson")]


class Provider:
    """The server: `POST /answer`. `good` judges tokens; what is planned comes of the caller's next answer."""

    def __init__(self, good: Callable[[str], bool], chance: Random) -> None:
        self._good, self._chance = good, chance
        self.plans: dict[str, list[tuple[str, int]]] = {}
        self.open = 0

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app."""
        assert scope["type"] == "http"
        asked = json.loads((await receive())["body"])
        token = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        planned = self.plans.get(asked["caller"])
        ending, words = planned.pop(0) if planned else ("", int(asked["words"]))
        if not self._good(token):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": LINES})
        self.open += 1
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._talk, send, words, ending, tasks.cancel_scope)
                await receive()
                tasks.cancel_scope.cancel()
        finally:
            self.open -= 1

    async def _talk(self, send: Send, words: int, ending: str, scope: anyio.CancelScope) -> None:
        for n in range(words):
            await self._line(send, {"word": n})
            await anyio.sleep(self._chance.uniform(0.0, TALK_S))
        if ending not in ("", "well"):
            await self._line(send, {"end": ending})
            await self._line(send, {"word": words})  # what comes after an error is nobody's
        await send({"type": "http.response.body", "body": b""})
        scope.cancel()

    async def _line(self, send: Send, said: dict[str, object]) -> None:
        body = json.dumps(said).encode() + b"\n"
        await send({"type": "http.response.body", "body": body, "more_body": True})
