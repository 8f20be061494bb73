"""The ways between a client and an app on a server: which server, and what stands before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.types import ASGIApp

from tests.runtime.serving import Switch, Uvicorn
from tests.wild.certificates import Certificates
from tests.wild.gate import Gate
from tests.wild.nginx import TUNED, Nginx, nginx
from tests.wild.serving import Hypercorn


@dataclass(frozen=True)
class Way:
    """A way: the server, and nginx before it with these settings, or not."""

    name: str
    server: str
    proxied: bool = False
    settings: str = ""
    http: str = ""
    tls: bool = False


STRAIGHT = Way("uvicorn", "uvicorn")
HYPERCORN = Way("hypercorn", "hypercorn")
HYPERCORN_TLS = Way("hypercorn with TLS", "hypercorn", tls=True)
DEFAULT = Way("nginx as it comes, uvicorn", "uvicorn", proxied=True)
TUNED_WAY = Way("nginx tuned, uvicorn", "uvicorn", proxied=True, settings=TUNED)
GZIP = Way(
    "nginx compressing all it can, uvicorn",
    "uvicorn",
    proxied=True,
    http="gzip_types *; gzip_proxied any; gzip_min_length 0; gzip_http_version 1.0;",
)
TLS = Way("nginx with TLS, uvicorn", "uvicorn", proxied=True, tls=True)


class Served:
    """An app at the end of a way, behind a gate. `call` runs a function on the server's loop."""

    def __init__(self, gate: Gate, server: Uvicorn | Hypercorn, url: str) -> None:
        self.gate, self.url, self._server = gate, url, server

    async def call(self, work: Callable[..., Any], *args: Any) -> Any:
        """The result of `await work(*args)` on the server's loop."""
        return await anyio.to_thread.run_sync(self._server.submit(work, *args).result, 10)

    def start(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        """Begin `work(*args)` on the server's loop."""
        return self._server.submit(work, *args)

    async def cut(self) -> None:
        """Cut all streams. hypercorn 0.18 leaves an HTTP/2 stream open whose app is gone: there they end."""
        await self.call(self.gate.cut, isinstance(self._server, Hypercorn))

    def close(self, work: Callable[[], Any]) -> None:
        """Do the last thing on the server's loop."""
        self._server.submit(work).result(10)


class Ways:
    """The servers and proxies of a whole run; each is started when it is first gone by."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._switch = stack, Switch()
        self.certificates = Certificates(folder)
        self._servers: dict[tuple[str, bool], Uvicorn | Hypercorn] = {}
        self._proxies: dict[tuple[Way, int], Nginx] = {}

    def server(self, name: str, tls: bool = False) -> Uvicorn | Hypercorn:
        """The server of this name."""
        if (name, tls) not in self._servers:
            uvicorn = name == "uvicorn"
            server: Uvicorn | Hypercorn = (
                Uvicorn(self._switch)
                if uvicorn
                else Hypercorn(self._switch, self.certificates if tls else None)
            )
            self._stack.callback(server.stop)
            self._servers[name, tls] = server
        return self._servers[name, tls]

    def lead(self, way: Way, app: ASGIApp) -> Served:
        """Put the app at the end of a way."""
        gate = Gate(app)
        path = self._switch.add(gate)
        if not way.proxied:
            server = self.server(way.server, way.tls)
            scheme = "https" if way.tls else "http"
            return Served(gate, server, f"{scheme}://127.0.0.1:{server.port}{path}")
        server = self.server(way.server)
        return Served(gate, server, self.front(way, server.port) + path)

    def front(self, way: Way, port: int) -> str:
        """The address of a server at this port, at the end of a way."""
        if not way.proxied:
            return f"http://127.0.0.1:{port}"
        if (way, port) not in self._proxies:
            certificates = self.certificates if way.tls else None
            proxy = nginx(port, settings=way.settings, http=way.http, certificates=certificates)
            self._proxies[way, port] = self._stack.enter_context(proxy)
        return self._proxies[way, port].url


@contextmanager
def all_ways(factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """The ways of one run."""
    with ExitStack() as stack:
        yield Ways(stack, factory.mktemp("certificates"))
