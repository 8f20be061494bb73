"""The hub of a simulated world, in one life after another, and the application that it serves."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import anyio
from perdure_model.core.server.parts import ServerSettings
from starlette.types import ASGIApp, Receive, Scope, Send

from perdure import Hub, HubSession
from perdure import Send as Sent
from perdure.testing.simulation.accounts import Ledgers
from perdure.testing.simulation.decisions import HubWatch
from perdure.testing.simulation.network import Books, Network
from perdure.testing.simulation.stepper import Tasks
from perdure.testing.simulation.tab import SESSION
from perdure.testing.simulation.wallet import Wallet
from perdure.trace import Record

SETTINGS = ServerSettings(
    grace_s=20.0, log_max=12, batch_max=4, ended_s=6.0, tombstone_s=10.0, tombstones_max=1
)
"""Small bounds, so that a short run reaches them."""
HEARTBEAT_S = 5.0
WORK_S = 0.2
DATA = dict[str, int | bool]
"""What the handler takes: the send's number, and whether it is the last of its session."""
LAST_OUTCOME = "succeeded"
"""How a session ends whose handler ends it."""


class Host:
    """One hub, with a memory of its own, until it is killed."""

    def __init__(
        self,
        network: Network,
        ledgers: Ledgers,
        wallet: Wallet,
        chance: Random,
        told: Callable[[Record], None],
        books: Books,
    ) -> None:
        self._network, self._ledgers, self._chance = network, ledgers, chance
        self._killed = False
        self._told, self.watch = told, HubWatch(ledgers.breaks)
        self.hub = Hub(
            settings=SETTINGS,
            heartbeat_s=HEARTBEAT_S,
            stall_s=15.0,
            closing_s=0.0,  # it is killed, and finishes nothing
            authenticate=wallet.principal,
            trace=self._trace,
            book=books["server"],
        )
        self.hub.on_send(data=DATA)(self._handle)
        self.hub.snapshot(lambda session: {"n": ledgers[session.name].published})
        self._gone = anyio.Event()
        self._served = anyio.Event()

    def _trace(self, record: Record) -> None:
        if not self._killed:
            self._told(record)
            self.watch(record)
            self._forgets(record)
            if "settings" not in record:  # the first is written while the hub is being made
                self.watch.owned(record, self.owner, self._others)

    def _forgets(self, record: Record) -> None:
        """Of a session whose time has come, and for which no other time is set, nothing is known any more."""
        kinds = [effect["type"] for effect in record["effects"]]
        if record["input"]["type"] == "ForgetDue" and "StartForget" not in kinds and "Refused" not in kinds:
            self._ledgers[record["input"]["session"]].begin_again()

    @property
    def owner(self) -> str | None:
        """The id that drives the session."""
        return self.hub.session(SESSION).owner

    def _others(self) -> list[str | None]:
        return [self.hub.session(name).owner for name in self._ledgers if name != SESSION]

    async def _handle(self, send: Sent, session: HubSession) -> None:
        """Each send takes effect, is answered with an event, and takes its time."""
        accounts = self._ledgers[session.name]
        accounts.handle(send.data["n"])
        if accounts.outcome is None:
            await self.publish(session.name)
        if accounts.outcome is None and send.data.get("last"):
            await self.end(session.name, LAST_OUTCOME)
        await anyio.sleep(self._chance.uniform(0.0, WORK_S))

    async def publish(self, session: str = SESSION) -> None:
        """Publish the next event."""
        await self.hub.session(session).publish(self._ledgers[session].publish())

    async def end(self, session: str, outcome: str) -> None:
        """End this session."""
        self._ledgers.past = session
        self._ledgers[session].end(outcome)
        await self.hub.session(session).end(outcome)

    async def serve(self, tasks: Tasks, *, old: bool = False) -> None:
        """Answer requests, in a task of this group; as an old hub, which makes its clients' ids itself."""
        app = self.hub.asgi()
        tasks.start_soon(self._serve, ignoring_ids(app) if old else app)
        await anyio.lowlevel.checkpoint()

    async def _serve(self, app: ASGIApp) -> None:
        async with anyio.create_task_group() as served:
            self._network.attach(app, served)
            await self._gone.wait()
            served.cancel_scope.cancel()
        await self.hub.aclose()
        self._served.set()

    async def kill(self) -> None:
        """Be gone, with all that is in memory. What its tasks still do reaches nobody."""
        self._killed = True
        self._network.detach()
        self._gone.set()
        await self._served.wait()


def ignoring_ids(app: ASGIApp) -> ASGIApp:
    """The app, to which no client says who it is."""

    async def old(scope: Scope, receive: Receive, send: Send) -> None:
        said = [one for one in scope["query_string"].split(b"&") if not one.startswith(b"cid=")]
        await app({**scope, "query_string": b"&".join(said)}, receive, send)

    return old
