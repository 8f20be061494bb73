"""A tab: a real client in a simulated world, opened, left, killed and opened again under its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import httpx2
from anyio.abc import TaskGroup
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.rule import Book

from perdure import Limits, MemoryIdentity, SendFailed, SendUncertain, Session, SessionError, connect
from perdure.identity import new_id
from perdure.testing.simulation.accounts import Accounts, Life
from perdure.testing.simulation.decisions import ClientWatch
from perdure.testing.simulation.network import Link
from perdure.testing.simulation.stepper import Tasks
from perdure.trace import Record

URL = "http://hub"
SESSION = "chat"
LIMITS = Limits(heartbeat_s=5.0, inbox_max=8)
SETTINGS = ClientSettings(attempts_max=200, queue_max=12, batch_max=4)
Told = Callable[[str, Record], None]


class TabIdentity(MemoryIdentity):
    """What a tab keeps of its identity, across its lives; a copied tab has a copy of it."""

    def __init__(self, cid: str, incarnation: int = 0) -> None:
        super().__init__(cid)
        self._incarnation = incarnation

    def renamed(self, connection_id: str, why: str) -> None:
        """Keep the new id of its own."""
        if why == "taken over":
            self._id = connection_id

    @property
    def cid(self) -> str:
        """The id that is kept."""
        return self._id

    def copy(self) -> TabIdentity:
        """What a copied tab begins with."""
        return TabIdentity(self._id, self._incarnation)


class Tab:
    """One tab over all its lives; at most one of them at a time."""

    def __init__(self, name: str, link: Link, accounts: Accounts, told: Told, book: Book) -> None:
        self.name, self.link = name, link
        self._accounts, self._told, self._book = accounts, told, book
        self.identity: TabIdentity | None = None
        self.life: Life | None = None
        self.session: Session | None = None
        self.suspended = False
        self._lives = 0
        self._scope: anyio.CancelScope | None = None
        self._leave: anyio.Event | None = None
        self._sends: TaskGroup | None = None

    @property
    def live(self) -> bool:
        """Whether it is open."""
        return self.session is not None and self.life is not None and not self.life.over

    @property
    def attempts(self) -> int:
        """How many streams it has asked for in this life."""
        return self.session.status.attempt if self.session is not None else 0

    async def open(self, tasks: Tasks) -> None:
        """Begin a life: the first, or another under the same id."""
        self.identity = self.identity or TabIdentity(new_id())
        self._lives += 1
        self.life, self.suspended = Life(self.name, self._lives), False
        self.link.severed = False
        scope, leave = self._scope, self._leave = anyio.CancelScope(), anyio.Event()
        tasks.start_soon(self._live, self.life, scope, leave)
        await anyio.lowlevel.checkpoint()

    async def _live(self, life: Life, scope: anyio.CancelScope, leave: anyio.Event) -> None:
        with scope:
            async with anyio.create_task_group() as sends, self._client(life) as session:
                self.session, self._sends = session, sends
                if self.identity is not None and session.connection_id != self.identity.cid:
                    self._accounts.breaks("P-IDENTITY", f"{life} goes by another id than the one it kept")
                async with anyio.create_task_group() as readers:
                    readers.start_soon(self._read, life, session)
                    await leave.wait()
                    readers.cancel_scope.cancel()

    def _client(self, life: Life) -> Any:
        watch = ClientWatch(str(life), SETTINGS, self._accounts.breaks)

        def told(record: Record) -> None:
            if not life.killed:
                watch(record)
                self._told(self.name, record)

        return connect(
            URL,
            session=SESSION,
            identity=self.identity,
            settings=SETTINGS,
            limits=LIMITS,
            http=httpx2.AsyncClient(transport=self.link, trust_env=False),
            trace=told,
            book=self._book,
        )

    async def _read(self, life: Life, session: Session) -> None:
        try:
            async for item in session:
                self._accounts.hand(life, item)
        except SessionError as error:
            if not life.over:
                self._accounts.breaks("P-OUTCOME", f"{life} ended though nobody ended it: {error}")

    # -- what its user does ----------------------------------------------------------------------------

    def send(self) -> None:
        """Send once; the outcome goes to the accounts."""
        assert self._sends is not None
        assert self.session is not None
        assert self.life is not None
        self._sends.start_soon(self._send, self.session, self.life)

    async def _send(self, session: Session, life: Life) -> None:
        n = self._accounts.send(life)
        try:
            await session.send({"n": n})
            self._accounts.settle(n, "delivered")
        except SendUncertain:
            self._accounts.settle(n, "uncertain")
        except SendFailed:
            self._accounts.settle(n, "failed")

    def leave(self) -> None:
        """Be done: the client says goodbye."""
        assert self.life is not None
        assert self._leave is not None
        self.life.over = True
        self._leave.set()

    def kill(self) -> None:
        """Be gone, without a word."""
        assert self.life is not None
        assert self._scope is not None
        self._accounts.kill(self.life)
        self.link.sever()
        self._scope.cancel()
