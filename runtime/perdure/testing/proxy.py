"""A TCP proxy between a real client and a real server that does what a script of faults says.

    script = [CutStream(after_events=20), Answer(nth=3, status=503)]
    async with FaultProxy(server_port, script) as proxy:
        ...                         # a client that talks to 127.0.0.1, proxy.port
    assert proxy.waiting == ()      # every fault has struck
    print(*proxy.log, sep="\\n")     # what was done, and when

HTTP/1.1 with keep-alive; no upgrades, no content encoding of event streams. Bytes pass as they are, a request
once it is whole. One connection of the client is one to the server, and what one side closes is closed on the
other, unless a fault says otherwise. A client that closes its sending direction counts as gone.
"""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import anyio
import h11
from anyio.abc import SocketAttribute, SocketStream

from perdure.testing.faults import CutStream, Fault, Kind
from perdure.testing.ledger import Entry, Ledger
from perdure.testing.peer import Peer
from perdure.testing.relay import Connection, KindOf


def kind_by_path(request: h11.Request) -> Kind | None:
    """`GET …/events` is a stream, `POST …/send` a send; everything else passes without faults."""
    path = request.target.partition(b"?")[0]
    if request.method == b"GET" and path.endswith(b"/events"):
        return "stream"
    if request.method == b"POST" and path.endswith(b"/send"):
        return "send"
    return None


class FaultProxy:
    """Listens on a free port of 127.0.0.1 while entered, and closes everything when left. Enter it once.

    `upstream_port` may be set anew, for a server that comes back elsewhere: it counts for later connections.
    `kind_of` tells streams and sends from other requests.
    """

    def __init__(
        self,
        upstream_port: int,
        script: Iterable[Fault] = (),
        *,
        upstream_host: str = "127.0.0.1",
        kind_of: KindOf = kind_by_path,
    ) -> None:
        self.upstream_port = upstream_port
        self.upstream_host = upstream_host
        self.port = 0
        self._kind_of = kind_of
        self._ledger = Ledger(script)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._ledger.start()
        async with AsyncExitStack() as stack:
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
            await stack.enter_async_context(listener)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            tasks.start_soon(listener.serve, self._serve)
            self.port = int(listener.extra(SocketAttribute.local_port))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    @property
    def log(self) -> list[Entry]:
        """What was done, in order. It stays after the proxy was left."""
        return self._ledger.log

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """The faults that have not struck yet."""
        return self._ledger.script.waiting

    @property
    def requests(self) -> dict[Kind, int]:
        """How many requests of each kind came, those that were lost or answered here included."""
        return dict(self._ledger.requests)

    @property
    def streams(self) -> int:
        """How many event streams were opened."""
        return self._ledger.streams

    @property
    def open_streams(self) -> tuple[int, ...]:
        """The numbers of those that are open."""
        return tuple(self._ledger.open)

    @property
    def events(self) -> int:
        """How many events have passed, on all streams together."""
        return self._ledger.events

    def inject(self, *faults: Fault) -> None:
        """Add faults to the script. What is due on an open stream strikes it now, the newest stream first."""
        self._ledger.script.add(*faults)
        for stream in reversed(self._ledger.open.values()):
            stream.interrupt_if_struck()

    async def struck(self, fault: Fault) -> Entry:
        """Wait until this very fault (not an equal one) has struck. Return its first entry in the log."""
        return await self._ledger.struck(fault)

    async def cut_stream(self, *, torn: bool = False, server_learns_after_s: float = 0) -> Entry:
        """Cut the newest stream, or the next if none is open, and wait for it. See CutStream."""
        fault = CutStream(torn=torn, server_learns_after_s=server_learns_after_s)
        self.inject(fault)
        return await self.struck(fault)

    def release(self) -> None:
        """Let everything that is held, half dead or delayed go on now."""
        self._ledger.release()

    def calm(self) -> None:
        """Let nothing strike any more: forget the faults that are waiting, and release what is held."""
        self._ledger.script.clear()
        self.release()

    async def _connect(self) -> Peer:
        return Peer(await anyio.connect_tcp(self.upstream_host, self.upstream_port))

    async def _serve(self, client: SocketStream) -> None:
        await Connection(self._ledger, Peer(client), self._connect, self._kind_of).run()
