"""One httpx2 POST for each send, to a Starlette route that reads its JSON: no session, retry or queue."""

from __future__ import annotations

from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.benchmarks.runtime.load import payload, run, timed_lone, timed_sends
from tests.benchmarks.runtime.serving import Control


def serve() -> None:
    """A route that notes what it gets."""

    async def send(request: Request) -> JSONResponse:
        control.take(await request.json())
        return JSONResponse({"ok": True})

    async def publish(_session: str, _data: dict[str, Any]) -> None:
        raise NotImplementedError("there are no streams here")

    control = Control(Starlette(routes=[Route("/send", send, methods=["POST"])]), publish)
    control.serve()


async def sends(base: str, number: int, rounds: int) -> dict[str, Any]:
    """A POST after the other: only so they stay in order."""
    async with httpx2.AsyncClient() as client:

        async def send_all(first: int, count: int) -> None:
            for number in range(first, first + count):
                await post(client, base, number)

        return await timed_sends(base, send_all, number, rounds)


async def lone(base: str, number: int) -> dict[str, Any]:
    """One POST after the other."""
    async with httpx2.AsyncClient() as client:
        return await timed_lone(lambda n: post(client, base, n), number)


async def post(client: httpx2.AsyncClient, base: str, number: int) -> None:
    """One POST."""
    answer = await client.post(f"{base}/send", json=payload(number))
    answer.raise_for_status()


if __name__ == "__main__":
    run(serve, {"sends": sends, "lone": lone})
