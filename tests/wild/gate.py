"""What stands before a hub, or any other app, in the server: keeps accounts, cuts streams, loses answers."""

from __future__ import annotations

from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope
from starlette.types import Send as SendFunction


class Gate:
    """Stands before the hub: keeps accounts of what was asked, and loses answers when told to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.versions: list[str] = []
        """The version of HTTP in which each was asked."""
        self.lose = 0
        """So many answers to sends get lost, after the hub has taken them."""
        self.deaf: set[str] = set()
        """What is asked at these addresses is not heard of behind the gate: 502."""
        self.shut = False
        """Nothing gets through: 503."""
        self.mute = 0
        """So many answers to sends never come, after the hub has taken them."""
        self._streams: set[anyio.CancelScope] = set()
        self._whole = False

    async def __call__(self, scope: Scope, receive: Receive, send: SendFunction) -> None:
        """Pass on, or lose."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        self.asked.append((path, dict(request.query_params), dict(request.headers)))
        self.versions.append(scope["http_version"])
        if self.shut:
            await HTMLResponse("shut", status_code=503)(scope, receive, send)
        elif path in self.deaf:
            await HTMLResponse("a proxy that reaches nobody", status_code=502)(scope, receive, send)
        elif path == "/send" and self.lose:
            self.lose -= 1
            await self._app(scope, receive, nothing)
            await HTMLResponse("a proxy that has heard nothing", status_code=502)(scope, receive, send)
        elif path == "/send" and self.mute:
            self.mute -= 1
            await self._app(scope, receive, nothing)
            await until_gone(receive)
        else:
            with anyio.CancelScope() as stream:
                if path == "/events":
                    self._streams.add(stream)
                await self._app(scope, receive, send)
            self._streams.discard(stream)
            if stream.cancelled_caught and self._whole:
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def cut(self, whole: bool = False) -> None:
        """Cut all streams, in the middle of the response, or as if that were its end."""
        self._whole = whole
        for stream in self._streams:
            stream.cancel()

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [path for path, _, _ in self.asked]


async def nothing(_message: Any) -> None:
    """The answer that is lost."""


async def until_gone(receive: Receive) -> None:
    """Wait until who asked has lost patience."""
    while (await receive())["type"] != "http.disconnect":
        pass
