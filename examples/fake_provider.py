"""A model provider that speaks the streams of OpenAI and of Anthropic, and whose tokens expire. No network.

It says no in both ways that there are: `/v1/chat/completions` answers a dead token with status 401, and
`/v1/messages` with an `error` event in a stream that had begun well, as gateways do.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn
from perdure.sse import encode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

WORDS = ["Streams", " end", ",", " sessions", " last", "."]


class Provider:
    """The provider: which token is good, and how often each thing was asked for."""

    def __init__(self) -> None:
        self.issued = 1
        self.requests = self.refreshes = 0
        routes = {
            "/oauth/token": self.issue,
            "/v1/chat/completions": self.openai,
            "/v1/messages": self.anthropic,
        }
        self.app = Starlette(routes=[Route(path, does, methods=["POST"]) for path, does in routes.items()])

    @property
    def token(self) -> str:
        """The one token that is good."""
        return f"token-{self.issued}"

    def expire(self) -> None:
        """The token that was good is dead from now on."""
        self.issued += 1

    async def issue(self, _request: Request) -> Response:
        """What an OAuth server answers to a refresh."""
        self.refreshes += 1
        return JSONResponse({"access_token": self.token, "token_type": "Bearer"})

    def knows(self, request: Request) -> bool:
        """Whether the request carries the good token."""
        self.requests += 1
        return request.headers.get("authorization") == f"Bearer {self.token}"

    async def openai(self, request: Request) -> Response:
        """Chat completions: chunks, and then [DONE]."""
        if not self.knows(request):
            error = {"message": "Incorrect API key provided", "code": "invalid_api_key"}
            return JSONResponse({"error": error}, 401, headers={"x-request-id": f"req-{self.requests}"})

        async def chunks() -> AsyncIterator[bytes]:
            for word in WORDS:
                yield encode(json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}))
            yield encode("[DONE]")

        return StreamingResponse(chunks(), media_type="text/event-stream")

    async def anthropic(self, request: Request) -> Response:
        """Messages: named events, from message_start to message_stop; or an error among them."""
        good = self.knows(request)

        async def events() -> AsyncIterator[bytes]:
            yield event("message_start", message={"id": f"msg-{self.requests}", "role": "assistant"})
            if not good:
                yield event("error", error={"type": "authentication_error", "message": "token expired"})
                return
            for word in WORDS:
                yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
            yield event("message_stop")

        return StreamingResponse(events(), media_type="text/event-stream")


def event(kind: str, **more: Any) -> bytes:
    """A block as Anthropic writes it: the type stands in the event's name and in its data."""
    return encode(json.dumps({"type": kind, **more}), event=kind)


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[str]:
    """Serve it on a free port of this machine; the address. Under asyncio, as uvicorn is."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(provider.app, log_level="warning"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        while not server.started:
            await anyio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
