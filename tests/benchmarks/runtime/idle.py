"""Connections that hold a stream and hear nothing: what each costs the server. Opened as bare sockets."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from tests.benchmarks.runtime.processes import control, server

SETTLE_S = 0.5
FILES_SPARE = 200
DELIVERIES = 10_000
TARGETS: dict[str, Callable[[int], str]] = {
    "perdure": lambda number: f"/events?cid=cid-{uuid4()}&attempt=1.1&session=s-{number}",
    "sse": lambda number: f"/events?session=s-{number}",
}
FIRST_BYTES = {"perdure": b"event: welcome", "sse": b"\r\n\r\n"}


class Held(NamedTuple):
    """What one connection costs its server."""

    bytes: float
    open_cpu_s: float
    event_cpu_s: float


def raise_files_limit(connections: int) -> None:
    """Let this process and its children open so many files. Raises RuntimeError where they may not."""
    needed = connections + FILES_SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise RuntimeError(f"{needed} open files are needed, and the limit is {hard}: raise it, ulimit -Hn")
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def held(side: str, connections: int) -> Held:
    """Open so many streams, each of a session of its own, then publish to each."""
    with server(side) as base:
        with opened(side, base, 20):  # what the first ones bring into memory is not theirs
            pass
        time.sleep(SETTLE_S)
        before = control(base, "usage")
        with opened(side, base, connections, first=20):
            time.sleep(SETTLE_S)
            after = control(base, "usage")
            if after["connections"] < connections:
                raise RuntimeError(f"of {connections} connections {after['connections']} are open")
            times = max(1, DELIVERIES // connections)
            idle = control(base, "cpu")
            control(base, f"each/20/{connections}/{times}")
            time.sleep(SETTLE_S)
            told = control(base, "cpu")
    return Held(
        (after["bytes"] - before["bytes"]) / connections,
        (after["cpu_s"] - before["cpu_s"]) / connections,
        (told["cpu_s"] - idle["cpu_s"]) / connections / times,
    )


@contextmanager
def opened(side: str, base: str, count: int, first: int = 0) -> Iterator[None]:
    """So many connections, each with a stream that has begun."""
    with ExitStack() as stack:
        for number in range(first, first + count):
            stack.enter_context(begun(side, base, TARGETS[side](number)))
        yield


def begun(side: str, base: str, target: str) -> socket.socket:
    """A connection whose stream has begun."""
    at = urlsplit(base)
    connection = socket.create_connection((at.hostname or "", at.port or 0), timeout=30)
    connection.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n".encode())
    got = b""
    while FIRST_BYTES[side] not in got:
        more = connection.recv(4096)
        if not more:
            raise RuntimeError(f"{side} ended the stream it was asked for: {got[:200]!r}")
        got += more
    return connection
