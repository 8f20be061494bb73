"""Runs the site on this machine's own address until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio
import uvicorn
from starlette.applications import Starlette

from perdure.demo.web.board import Board
from perdure.demo.web.chat import Chat
from perdure.demo.web.network import Network
from perdure.demo.web.site import HOSTS, site
from perdure.errors import UsageError

PORT: Final = 8321
STOPPED_AFTER_S: Final = 2


class Server(uvicorn.Server):
    """uvicorn, which waits for streams to end, with somebody to end them first."""

    def __init__(self, app: Starlette, first: Callable[[], object]) -> None:
        settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=STOPPED_AFTER_S)
        super().__init__(settings)
        self._first = first

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the server."""
        self._first()
        await super().shutdown(sockets)


def run(port: int, say: Callable[[str], object]) -> None:
    """Serve the page until Ctrl-C; `say` gets its address once. Port 0 stands for any free one.

    Raises UsageError where the port cannot be had.
    """
    with listening(port) as listener:
        try:
            anyio.run(serve, listener, say)
        except KeyboardInterrupt:
            return


def listening(port: int) -> socket.socket:
    """A socket of this machine's own address. Raises UsageError."""
    # TCP by name: asyncio turns off Nagle's delay only where it sees it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOSTS[0], port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"port {port} cannot be had: {error}", hint="give another one, or 0 for any that is free"
        ) from error
    return listener


async def serve(listener: socket.socket, say: Callable[[str], object]) -> None:
    """The same, under a running event loop."""
    port = listener.getsockname()[1]
    async with assembled(port) as (app, board, chat):

        def end_streams() -> None:
            board.close()
            tasks.start_soon(chat.hub.aclose)

        server = Server(app, end_streams)
        async with anyio.create_task_group() as tasks:
            say(f"http://{HOSTS[0]}:{port}/")
            await server.serve([listener])


@asynccontextmanager
async def assembled(port: int) -> AsyncIterator[tuple[Starlette, Board, Chat]]:
    """The site, with everything behind it, for a server that listens on this port."""
    board = Board()
    origins = [f"http://{host}:{port}" for host in HOSTS]
    async with anyio.create_task_group() as tasks, Network(port, board) as network:
        chat = Chat(board, origins, tasks)
        yield site(board, chat, network), board, chat
        tasks.cancel_scope.cancel()
