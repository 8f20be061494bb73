"""A chat room mounted in a Starlette app, beside its own pages.

    uvicorn --app-dir examples chat_starlette:app

Tokens are names here; a real application looks at a session cookie or a signed token instead.
"""

from __future__ import annotations

from perdure import Hub, HubSession, Send, Unauthenticated
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route


def who(request: Request) -> str:
    """The name that the request carries."""
    scheme, _, name = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not name:
        raise Unauthenticated("no name", hint="say who you are: Authorization: Bearer <name>")
    return name


def may_enter(principal: object, session: str) -> bool:
    """Rooms are open to all, and a private one to its owner."""
    return session.startswith("room-") or session == f"private-{principal}"


def make_app() -> Starlette:
    """The app, with a hub of its own."""
    hub = Hub(authenticate=who, authorize=may_enter)
    lines: dict[str, list[dict[str, str]]] = {}

    @hub.on_send
    async def say(send: Send, session: HubSession) -> None:
        line = {"from": str(send.principal), "text": str(send.data["text"])}
        lines.setdefault(session.name, []).append(line)
        await session.publish(line)

    @hub.snapshot
    def latest(session: HubSession) -> list[dict[str, str]]:
        return lines.get(session.name, [])[-50:]

    async def rooms(_request: Request) -> JSONResponse:
        return JSONResponse({name: len(said) for name, said in lines.items()})

    async def close(request: Request) -> JSONResponse:
        await hub.session(request.path_params["room"]).end("succeeded")
        return JSONResponse({"closed": request.path_params["room"]})

    routes = [
        Route("/rooms", rooms),
        Route("/rooms/{room}/close", close, methods=["POST"]),
        Mount("/live", hub.asgi()),
    ]
    return Starlette(routes=routes, lifespan=hub.lifespan)


app = make_app()
