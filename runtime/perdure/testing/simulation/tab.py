"""A tab: a real client in a simulated world, opened, left, killed and opened again under its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import anyio
from anyio.abc import TaskGroup
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.common import SendKey

from perdure import (
    Credential,
    FarewellNotTaken,
    Limits,
    PerdureError,
    SendFailed,
    SendUncertain,
    Session,
    SessionError,
    UsageError,
    connect,
)
from perdure.events import OUTCOMES
from perdure.identity import Identity, MemoryIdentity, new_id
from perdure.journal import Left
from perdure.testing.simulation.accounts import Accounts, Ledgers, Life
from perdure.testing.simulation.decisions import ClientWatch
from perdure.testing.simulation.network import HUB, Books, Link
from perdure.testing.simulation.shown import ClientShown
from perdure.testing.simulation.stepper import Tasks
from perdure.trace import Record
from perdure.views import Returned

URL: Final = f"http://{HUB}"
SESSION: Final = "chat"
LIMITS: Final = Limits(heartbeat_s=5.0, inbox_max=8)
SETTINGS: Final = ClientSettings(attempts_max=200, queue_max=12, batch_max=4)
Told = Callable[[str, Record], None]
UNFIT: Final = "unfit"
Last: TypeAlias = bool | Literal["unfit"]
"""Whether a send is its session's last; or what the hub's handler cannot take for an answer."""


def ended_by_hub(session: Session) -> bool:
    """Whether the hub has ended this session beside the first, and no refusal has."""
    well = session.error is None or session.error.status == 0
    return session.name != SESSION and session.outcome in OUTCOMES and well


class TabIdentity(MemoryIdentity):
    """What a tab keeps of its identity and of its sends, across its lives; a copied tab has a copy of it."""

    keeps_sends = True

    def __init__(self, cid: str, incarnation: int = 0, left: Sequence[Left] = ()) -> None:
        super().__init__(cid)
        self._incarnation = incarnation
        self._left = {one.key: one for one in left}
        self.shared = False
        """Whether a copied tab has the same id."""

    def start(self) -> Identity:
        """Begin another life, with what the one before has left unsettled."""
        begun = super().start()
        left = tuple(self._left[key] for key in sorted(self._left))
        return Identity(begun.connection_id, begun.incarnation, left)

    def renamed(self, connection_id: str, why: str) -> None:
        """Keep the new id of its own."""
        if why == "taken over":
            self._id, self.shared = connection_id, False

    def asked(self, key: SendKey, session: str, data: str) -> None:
        """Keep the send."""
        self._left[key] = Left(session, key, data)

    def posting(self, keys: Sequence[SendKey], epoch: str) -> None:
        """Keep under which epoch they may be taken."""
        for key in keys:
            if key in self._left:
                left = self._left[key]
                self._left[key] = Left(left.session, key, left.data, epoch)

    def settled(self, key: SendKey) -> None:
        """Keep the send no longer."""
        self._left.pop(key, None)

    @property
    def cid(self) -> str:
        """The id that is kept."""
        return self._id

    def copy(self) -> TabIdentity:
        """What a copied tab begins with: the id, and none of the sends."""
        copied = TabIdentity(self._id, self._incarnation)
        self.shared = copied.shared = True
        return copied

    def as_of_now(self) -> TabIdentity:
        """What is kept of a tab that is killed: what its tasks still do changes nothing of it."""
        kept = TabIdentity(self._id, self._incarnation, tuple(self._left.values()))
        kept.shared = self.shared
        return kept


class Tab:
    """One tab over all its lives; at most one of them at a time."""

    def __init__(
        self, name: str, link: Link, ledgers: Ledgers, told: Told, books: Books, credential: Credential
    ) -> None:
        self.name, self.link = name, link
        self._ledgers, self._told, self._book, self._credential = ledgers, told, books["client"], credential
        self.identity: TabIdentity | None = None
        self.life: Life | None = None
        self.session: Session | None = None
        self.suspended = self.known_to_strangers = False
        self.aside: tuple[Session, Life] | None = None
        """The session beside the first that it watches, and what it has seen of it."""
        self._asides: dict[str, Life] = {}
        self._lives = 0
        self._stalled_until = 0.0
        self._scope: anyio.CancelScope | None = None
        self._leave: anyio.Event | None = None
        self._shown: ClientShown
        self._sends: TaskGroup
        self._readers: TaskGroup
        self._read_aside: anyio.Event | None = None

    @property
    def live(self) -> bool:
        """Whether it is open."""
        return self.session is not None and self.life is not None and not self.life.over

    @property
    def attempts(self) -> int:
        """How many streams it has asked for in this life."""
        return self.session.status.attempt if self.session is not None else 0

    @property
    def echoed(self) -> bool:
        """Whether what was said of a send need not be true of an earlier copy of its POST."""
        return "send" in self.link.echoed

    @property
    def watches(self) -> set[str]:
        """The sessions that its application watches now."""
        aside = {self.aside[0].name} if self.aside and self.aside[0].outcome is None else set()
        return {SESSION} | aside if self.live else set()

    @property
    def misses(self) -> str:
        """What it has not been told yet of the session that it watches beside the first; "" if nothing."""
        if self.aside is None or self.aside[0].name not in self.watches:
            return ""
        (session, life), accounts = self.aside, self._ledgers[self.aside[0].name]
        if accounts.behind(life):
            return f"is at event {life.reached} of {accounts.published} of {session.name}"
        return f"was not told of the end of {session.name}" if accounts.outcome is not None else ""

    async def open(self, tasks: Tasks) -> None:
        """Begin a life: the first, or another under the same id."""
        self.identity = self.identity or TabIdentity(new_id())
        self._lives += 1
        self.life, self.suspended, self.aside = Life(self.name, self._lives), False, None
        self._asides, self._read_aside, self._stalled_until = {}, None, 0.0
        self.link.severed = False
        scope, leave = self._scope, self._leave = anyio.CancelScope(), anyio.Event()
        tasks.start_soon(self._live, self.life, scope, leave)
        await anyio.lowlevel.checkpoint()

    async def _live(self, life: Life, scope: anyio.CancelScope, leave: anyio.Event) -> None:
        shown = self._shown = ClientShown(str(life), self._ledgers.breaks)
        with scope:
            async with anyio.create_task_group() as sends, self._client(life, shown) as session:
                self.session = session
                if self.identity is not None and session.connection_id != self.identity.cid:
                    self._ledgers.breaks("P-IDENTITY", f"{life} goes by another id than the one it kept")
                async with anyio.create_task_group() as readers:
                    self._sends, self._readers = sends, readers
                    readers.start_soon(self._read, self._ledgers[SESSION], life, session)
                    await leave.wait()
                    readers.cancel_scope.cancel()
            shown.over()

    def _client(self, life: Life, shown: ClientShown) -> Any:
        watch = ClientWatch(str(life), SETTINGS, self._ledgers.breaks)

        def told(record: Record) -> None:
            if not life.killed:
                self._told(self.name, record)
                self._looks(life, record)
                self._misleads(record["input"])
                watch(record)
                shown(record)

        def returned(send: Returned) -> None:
            if not life.killed:
                shown.told("returned", send.session, send.key, send.outcome, send.why)
                accounts = self._ledgers[send.session]
                accounts.settle(send.data["n"], send.outcome, echoed=self.echoed)

        def failed(error: PerdureError) -> None:
            assert isinstance(error, FarewellNotTaken)
            shown.told("error", error.word, error.status)

        return connect(
            URL,
            session=SESSION,
            credential=self._credential,
            identity=self.identity,
            settings=SETTINGS,
            limits=LIMITS,
            http=self.link.http,
            on_status=shown.on_status(SESSION),
            on_returned=returned,
            on_error=failed,
            trace=told,
            book=self._book,
        )

    def _looks(self, life: Life, record: Record) -> None:
        """Who alone has an id is not taken over."""
        renamed = [effect for effect in record["effects"] if effect["type"] == "Renamed"]
        if self.identity and not self.identity.shared and any(one["why"] == "taken over" for one in renamed):
            self._ledgers.breaks("P-OWNER", f"{life} gives its id up, which nobody else has")

    # -- reading ---------------------------------------------------------------------------------------

    async def _read(self, accounts: Accounts, life: Life, session: Session) -> None:
        try:
            async for item in session:
                accounts.hand(life, item)
                while (left_s := self._stalled_until - anyio.current_time()) > 0:
                    await anyio.sleep(left_s)
        except SessionError as error:
            if not life.over and not ended_by_hub(session):
                self._ended(life, session, error)

    def _ended(self, life: Life, session: Session, error: SessionError) -> None:
        """It ended though its user did nothing: right only if its credential was refused and is over, or if
        its id is a stranger's, who came first to a hub that knows nothing of before."""
        rightly = {("expired", 401)} | ({("failed", 403)} if self.known_to_strangers else set())
        if (session.outcome, error.status) not in rightly:
            self._ledgers.breaks("P-OUTCOME", f"{life} ended though nobody ended it: {error!r}")
        if life is self.life:
            self.leave()

    # -- what its user does ----------------------------------------------------------------------------

    def stall(self, seconds: float) -> None:
        """Read nothing for so long."""
        self._stalled_until = anyio.current_time() + seconds

    async def watch(self, name: str | None) -> None:
        """Watch a session beside the first; nothing, where it watches one, or there is none."""
        if self.session is None or name is None or self.watches - {SESSION}:
            return
        try:
            session = await self.session.watch(name)
        except UsageError:
            if self.session.outcome is None:
                raise
            return  # the client is done, and says so: its application has not looked yet
        session.on_status(self._shown.on_status(name))
        life = self._asides.setdefault(name, Life(f"{self.name}, aside in {name}", self._lives))
        self.aside = session, life
        before, self._read_aside = self._read_aside, anyio.Event()
        self._readers.start_soon(self._follow, name, session, life, before, self._read_aside)

    async def _follow(
        self, name: str, session: Session, life: Life, before: anyio.Event | None, done: anyio.Event
    ) -> None:
        """Read it, once what came when it was watched before has been read."""
        if before is not None:
            await before.wait()
        accounts = self._ledgers[name]
        await self._read(accounts, life, session)
        if (
            ended_by_hub(session) and not self.link.network.struck["skip"]
        ):  # right before an end nobody can tell
            accounts.over(life, str(session.outcome))
        done.set()

    async def unwatch(self) -> None:
        """Watch it no longer."""
        if self.aside is not None:
            await self.aside[0].unwatch()

    def send(self, last: Last = False) -> None:
        """Send once; the outcome goes to the accounts."""
        assert self.session is not None
        assert self.life is not None
        self._sends.start_soon(self._send, self.session, self.life, last)

    def send_aside(self) -> None:
        """Send once to the session beside the first, whether it is watched still or not."""
        if self.aside is not None:
            self._sends.start_soon(self._send, *self.aside)

    def send_last(self) -> None:
        """Send once to the session that it watches beside the first: that is its last."""
        if self.aside is not None and self.aside[0].outcome is None:
            self._sends.start_soon(self._send, *self.aside, True)

    def _misleads(self, i: Mapping[str, Any]) -> None:
        if self.echoed and i["type"] == "PostReplied" and i["status"] == 401:
            self._ledgers[i["session"]].mislead(self.name)

    async def _send(self, session: Session, life: Life, last: Last = False) -> None:
        accounts, shown = self._ledgers[session.name], self._shown
        n = accounts.send(life, unfit=last == UNFIT)
        try:
            receipt = await session.send({"n": n, "last": last} if last else {"n": n})
            shown.answered(receipt.key, "delivered")
            accounts.settle(n, "delivered")
        except SendUncertain as error:
            shown.answered(error.key, "uncertain")
            accounts.settle(n, "uncertain")
        except SendFailed as error:
            shown.answered(error.key, "failed")
            accounts.settle(n, "failed", echoed=self.echoed)

    def leave(self) -> None:
        """Be done: the client says goodbye."""
        assert self.life is not None
        assert self._leave is not None
        self.life.over = True
        self._leave.set()

    def kill(self) -> None:
        """Be gone, without a word."""
        assert self.life is not None
        assert self.identity is not None
        assert self._scope is not None
        for life in (self.life, *self._asides.values()):
            life.over = life.killed = True
        self._shown.kill()
        self.identity = self.identity.as_of_now()
        self.link.sever()
        self._scope.cancel()
