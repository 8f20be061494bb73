"""The page's site: its files, the shipped client for browsers, the hub, the board's stream, and the buttons.

Everything is on this machine, and for it alone: nothing is loaded from elsewhere, and no other page may ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perdure.browser import FOLDER as BROWSER
from perdure.demo.web.board import Board
from perdure.demo.web.chat import GRACE_S, SESSION, Chat
from perdure.demo.web.network import CLIENTS, FAULTS, Network

PAGE: Final = Path(__file__).parent / "page"
HOSTS: Final = ("127.0.0.1", "localhost")
TOKEN: Final = "expire-token"
Answer = Callable[[Request], Awaitable[Response]]


class Struck(BaseModel):
    """A button was pressed: a fault for one client's network, or for the assistant's token."""

    fault: str
    client: str = CLIENTS[0]


def site(board: Board, chat: Chat, network: Network) -> Starlette:
    """The ASGI app of all of it."""
    routes = [
        Route("/config.json", config(network)),
        Route("/board", watching(board)),
        Route("/strike", striking(network, chat), methods=["POST"]),
        Mount("/live", chat.hub.asgi()),
        Mount("/perdure", StaticFiles(directory=BROWSER)),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
        Middleware(Headed, headers=headers(network)),
    ]
    return Starlette(routes=routes, middleware=middleware, lifespan=chat.hub.lifespan)


def headers(network: Network) -> dict[str, str]:
    """What every answer says: load from here alone, talk to the proxies alone, keep nothing."""
    talk = " ".join(("'self'", *network.origins.values()))
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {talk}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
    }


class Headed:
    """Puts headers on every answer."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, headed if scope["type"] == "http" else send)


def config(network: Network) -> Answer:
    """GET /config.json: where the clients find the hub."""

    async def answer(_request: Request) -> Response:
        hubs = {name: f"{origin}/live" for name, origin in network.origins.items()}
        return JSONResponse({"session": SESSION, "hubs": hubs, "grace_s": GRACE_S})

    return answer


def watching(board: Board) -> Answer:
    """GET /board: the board's stream; one that comes back gets what it has missed."""

    async def answer(request: Request) -> Response:
        had = request.headers.get("last-event-id", "")
        return StreamingResponse(board.watch(had), media_type="text/event-stream")

    return answer


def striking(network: Network, chat: Chat) -> Answer:
    """POST /strike: a button's fault. JSON alone, which no other site's page can post unasked."""
    known = (*FAULTS, TOKEN)

    async def answer(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
        try:
            struck = Struck.model_validate_json(await request.body())
        except ValidationError as error:
            return problem(HTTPStatus.BAD_REQUEST, f"Send client and fault: {error.errors()[0]['msg']}.")
        if struck.fault not in known or struck.client not in CLIENTS:
            detail = f"The faults are {', '.join(known)}; the clients are {', '.join(CLIENTS)}."
            return problem(HTTPStatus.BAD_REQUEST, detail)
        if struck.fault == TOKEN:
            chat.assistant.issuer.expire()
        else:
            network.strike(struck.client, struck.fault)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return answer


def problem(status: HTTPStatus, detail: str) -> Response:
    """RFC 9457."""
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")
