"""Whether the server that runs us runs others beside us: each would have a hub of its own.

Noticed is, before anything is served, what the command line or the environment says (`--workers`,
WEB_CONCURRENCY); and on Linux, with the first request, another process that serves a hub at the very address
that the request came to, whoever started it. Not noticed are processes on other hosts or in other network
namespaces (containers), and elsewhere than on Linux those that the command line says nothing of.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Final, TypeAlias

from perdure.errors import UsageError

SERVERS: Final = ("uvicorn", "gunicorn", "hypercorn", "fastapi", "granian")
FLAGS: Final = ("--workers", "-w")
Address: TypeAlias = tuple[str, int | None]
LISTENING: Final = "0A"
ADDRESSES_MAX: Final = 64
"""More addresses than a process serves at: were it told of more, they are made up."""


def workers(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """How many processes serve the app, as far as the command line and the environment say; else 1."""
    count = environment.get("WEB_CONCURRENCY", "")
    if is_server(arguments):
        for given, following in zip(arguments, [*arguments[1:], ""], strict=True):
            flag, equals, value = given.partition("=")
            if flag in FLAGS:
                count = value if equals else following
    return int(count) if count.isdecimal() else 1


def is_server(arguments: Sequence[str]) -> bool:
    """Whether this is the command line of an ASGI server: `uvicorn ...` or `python -m uvicorn ...`."""
    program = PurePath(arguments[0]) if arguments else PurePath()
    name = program.parent.name if program.stem == "__main__" else program.stem
    return name in SERVERS


def refuse_several() -> None:
    """Raises UsageError where several processes serve the app."""
    count = workers(sys.argv, os.environ)
    if count > 1:
        raise UsageError(
            f"{count} server workers have a memory each, and a client is known to one of them only",
            hint="serve with one worker (--workers 1, WEB_CONCURRENCY=1), or, if each client always reaches "
            "the same one, say Hub(routed=True)",
        )


class Claims:
    """The addresses at which this process serves hubs, any number of them: no other process may.

    An address is claimed by the name of a socket that lives as long as the process; the system hands out each
    name once. A process that was forked off holds none of its parent's claims.
    """

    def __init__(self, listens: Callable[[Address], bool] | None = None) -> None:
        self._listens = listens or listens_here
        self._mine: set[tuple[int, Any]] = set()

    def alone(self, address: Any) -> bool:
        """Whether no other process serves a hub at this address, the `server` of an ASGI scope."""
        claim = (os.getpid(), address if address is None else tuple(address))
        if claim in self._mine or len(self._mine) >= ADDRESSES_MAX:
            return True
        alone = not self._claimable(address) or claimed(address)
        if alone:
            self._mine.add(claim)
        return alone

    def _claimable(self, address: Any) -> bool:
        """Whether this is an address of the system: a test's app may be asked at any that it likes."""
        return address is not None and sys.platform == "linux" and self._listens(tuple(address))


def claimed(address: Address) -> bool:
    """Claim the address for as long as this process lives; False where another one has."""
    host, port = address
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0perdure hub {host} {port}")
    except OSError:
        claim.close()
        return False
    claim.detach()  # it stays open, and nobody closes it before the end
    return True


def listens_here(address: Address) -> bool:
    """Whether this process has a socket that listens at the address, or the Unix socket's file is there."""
    host, port = address
    if port is None:
        return host.startswith("/") and Path(host).is_socket()
    return bool(listening(port) & own_sockets())


def listening(port: int) -> set[str]:
    """The numbers of the sockets that listen at this port."""
    found: set[str] = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        with suppress(OSError):
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
            found |= {
                row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port
            }
    return found


def own_sockets() -> set[str]:
    """The numbers of this process's sockets."""
    found: set[str] = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it may be closed meanwhile
            kind, _, number = os.readlink(descriptor).partition(":")
            if kind == "socket":
                found.add(number.strip("[]"))
    return found


CLAIMS: Final = Claims()
