"""The client: `connect` gives a session that outlives its connections.

All decisions are the rules'. This file feeds them what happens, and performs what they ask for.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, assert_never

import anyio
import httpx2
from anyio.abc import TaskGroup
from perdure_model.core.client import CLIENT
from perdure_model.core.client.effects import (
    CancelTimer,
    ClientEffect,
    Deliver,
    DeliverGap,
    EndStream,
    Next,
    OpenStream,
    Post,
    SayGoodbye,
    Settled,
    StartTimer,
)
from perdure_model.core.client.inputs import (
    ClientInput,
    Left,
    PostReplied,
    ReconnectDue,
    RetryDue,
    SendRequested,
    Started,
    StreamLost,
)
from perdure_model.core.client.parts import ITEM, LINK, SETTINGS, STATE, ClientSettings, ClientState, Link
from perdure_model.core.common import Attempt, Moved, Refused, SendKey
from perdure_model.core.rule import Book
from pydantic import ValidationError

from perdure import wire
from perdure.errors import (
    SendFailed,
    SendUncertain,
    SessionError,
    SessionExpired,
    SessionFailed,
    StreamError,
    TakenOver,
    UsageError,
)
from perdure.events import HANDLER_FAILED, Arrived, HandlerFailedBody, sender_of
from perdure.feed import Feed
from perdure.identity import Identity, IdentitySource, MemoryIdentity
from perdure.inbox import Inbox
from perdure.incoming import Incoming
from perdure.tasks import ending_tasks
from perdure.timers import Timers
from perdure.trace import Recorder, Sink
from perdure.transport import Credential, Limits, Params, Reply, Transport

LOG = logging.getLogger("perdure")
DEFAULTS: Final = ClientSettings()
LIMITS: Final = Limits()


@dataclass(frozen=True)
class Event:
    """An event of the session: the application's data, and its position in the session's log."""

    data: Any
    position: int


@dataclass(frozen=True)
class Gap:
    """Events were missed for good: the log no longer held them. Go on from the snapshot.

    The snapshot (None if the hub has no snapshot hook) stands for everything up to `position`.
    """

    snapshot: Any
    position: int


@dataclass(frozen=True)
class HandlerFailed:
    """The server took a send, and its handler raised an exception. `mine`: the send was this client's."""

    key: str
    mine: bool
    position: int


Item: TypeAlias = Event | Gap | HandlerFailed
"""What iterating a session yields."""


@dataclass(frozen=True)
class Receipt:
    """The server has stored the send; `key` is what a HandlerFailed would name."""

    key: str


@dataclass(frozen=True)
class Status:
    """How a session stands.

    state: connecting, awaiting (a stream is up), reconnecting, terminal.
    attempt: the count of the latest stream asked for. `failures`: attempts lost since the last progress.
    next_try_s: seconds from the beginning of the wait to the next attempt, while one is waited for.
    pending: sends that are not settled; `delayed`: those of them that an attempt failed for.
    error: how the latest stream ended, until the next one is welcomed.
    """

    state: str
    outcome: str | None
    attempt: int
    failures: int
    next_try_s: float | None
    pending: int
    delayed: int
    error: StreamError | None


class Waiting:
    """A send that is not settled: its data as JSON, and who waits for the outcome."""

    __slots__ = ("detail", "done", "outcome", "status", "text", "why")

    def __init__(self, text: str) -> None:
        self.text = text
        self.done = anyio.Event()
        self.outcome, self.why, self.detail, self.status = "", "", "", 0


class Session:
    """A session as its application sees it; made by `connect`.

    Iterate it for the session's events: in order, once each, across reconnects. Iteration ends where the
    session ended well (`succeeded`) or was left; else it raises SessionFailed, SessionExpired or TakenOver.
    Events that are not taken are kept up to a bound; beyond it the stream is not read on.
    """

    def __init__(
        self,
        name: str,
        identity: Identity,
        transport: Transport,
        tasks: TaskGroup,
        *,
        settings: ClientSettings,
        limits: Limits,
        on_status: Callable[[Status], None] | None,
        trace: Sink | None,
        book: Book,
    ) -> None:
        self.name = name
        self._identity, self._transport, self._tasks, self._limits = identity, transport, tasks, limits
        self._on_status = on_status
        recorder = Recorder("client", trace, identity.connection_id) if trace is not None else None
        self._rules: Feed[ClientInput, ClientEffect] = Feed(
            book, self._perform, {SETTINGS: settings}, recorder
        )
        self._timers: Timers[ReconnectDue | RetryDue] = Timers(tasks.start_soon, self._feed)
        self._streams: dict[Attempt, anyio.CancelScope] = {}
        self._sends: dict[SendKey, Waiting] = {}
        self._count = 0
        self._inbox: Inbox[Item] = Inbox(limits.inbox_max)
        self._cause: StreamError | None = None
        self._next_try_s: float | None = None
        self._shown: Status | None = None
        self._feed(Started((identity.incarnation, 1), (name,)))

    # -- for the application -----------------------------------------------------------------------

    async def send(self, data: Any) -> Receipt:
        """Send data to the session; returns once the server has stored it.

        Sends arrive in the order in which they were made. Cancelling the call does not take the send back.

        Raises:
            PayloadError: the data cannot be JSON.
            SendFailed: it was surely not taken; `why` says the reason.
            SendUncertain: it may have been taken, and nobody can tell any more.
        """
        waiting = Waiting(wire.dump(data))
        self._count += 1
        key = (self._identity.incarnation, self._count)
        self._sends[key] = waiting
        self._feed(SendRequested(self.name, key))
        await waiting.done.wait()
        if waiting.outcome == "delivered":
            return Receipt(wire.pair_text(key))
        kind = SendUncertain if waiting.outcome == "uncertain" else SendFailed
        raise kind(
            f"send {wire.pair_text(key)}: {waiting.why}",
            key=wire.pair_text(key),
            why=waiting.why,
            status=waiting.status,
            hint=waiting.detail,
        )

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = await self._inbox.get()
        if item is not None:
            return item
        if self.error is not None:
            raise self.error
        raise StopAsyncIteration

    @property
    def connection_id(self) -> str:
        """This client's id, the same for its whole life."""
        return self._identity.connection_id

    @property
    def epoch(self) -> str | None:
        """The server's epoch for this connection, as last welcomed."""
        link: Link = self._rules.part(LINK)
        return None if link.epoch is None else str(link.epoch)

    @property
    def pending(self) -> int:
        """How many sends are not settled."""
        return len(self._rules.parts(ITEM))

    @property
    def outcome(self) -> str | None:
        """None while the session lives; then succeeded, failed, expired, closed or taken over."""
        state: ClientState = self._rules.part(STATE)
        return state.outcome

    @property
    def error(self) -> SessionError | None:
        """The error that iteration raises at its end, if the session ended otherwise than well."""
        if self.outcome in WELL:
            return None
        cause = self._cause
        error = ERRORS.get(self.outcome, SessionFailed)(
            f"session {self.name!r}: {self.outcome}" + (f": {cause.says}" if cause else ""),
            status=cause.status if cause else 0,
            hint=cause.hint if cause else "",
        )
        error.__cause__ = cause
        return error

    @property
    def status(self) -> Status:
        """How the session stands."""
        state: ClientState = self._rules.part(STATE)
        link: Link = self._rules.part(LINK)
        items = self._rules.parts(ITEM).values()
        return Status(
            state=state.state,
            outcome=state.outcome,
            attempt=link.attempt[1],
            failures=link.failures,
            next_try_s=self._next_try_s,
            pending=len(items),
            delayed=sum((item.tries > 0 and item.state != "sending") or item.tries > 1 for item in items),
            error=self._cause,
        )

    def leave(self) -> None:
        """Be done with the session; what is not settled ends now. Leaving `async with` does it as well."""
        self._feed(Left())

    def _welcomed(self) -> None:
        self._cause = None

    # -- feeding and performing --------------------------------------------------------------------

    def _feed(self, i: ClientInput, cargo: Any = None) -> None:
        self._rules(i, cargo)
        if self.outcome is not None:
            self._inbox.end()
        if self._on_status is None:
            return
        status = self.status
        if status == self._shown:
            return
        self._shown = status
        try:
            self._on_status(status)
        except Exception:
            LOG.exception("on_status failed; the session goes on")

    def _perform(self, effect: ClientEffect, cargo: Any) -> None:  # noqa: C901 - one exhaustive match
        match effect:
            case Moved() | Refused():
                pass  # for the trace, and for `status`, which reads the parts
            case OpenStream():
                self._open(effect)
            case EndStream():
                self._close(effect)
            case StartTimer():
                self._start(effect)
            case CancelTimer():
                self._timers.cancel(effect.due)
            case Post():
                items = [(key, self._sends[key].text) for key in effect.keys]
                body = wire.send_text(self.connection_id, effect.epoch, effect.session, items)
                self._tasks.start_soon(self._post, effect, body)
            case SayGoodbye():
                self._tasks.start_soon(self._goodbye, effect.attempt)
            case Next():
                self._rules.follow(effect.input)
            case Settled():
                self._settle(effect, cargo)
            case Deliver():
                self._inbox.put(self._item(effect.position, cargo))
            case DeliverGap():
                self._inbox.put(Gap(cargo, effect.position))
            case _:
                assert_never(effect)

    def _open(self, effect: OpenStream) -> None:
        self._next_try_s = None
        scope = self._streams[effect.attempt] = anyio.CancelScope()
        self._tasks.start_soon(self._follow, effect, scope)

    def _close(self, effect: EndStream) -> None:
        scope = self._streams.get(effect.attempt)
        if scope is not None:  # where all is cancelled at once, the stream's task may be gone already
            scope.cancel()

    def _start(self, effect: StartTimer) -> None:
        if isinstance(effect.due, ReconnectDue):
            self._next_try_s = effect.seconds
        self._timers.start(effect.due, effect.seconds)

    def _settle(self, effect: Settled, cargo: Any) -> None:
        waiting = self._sends.pop(effect.key)
        waiting.outcome, waiting.why = effect.outcome, effect.why
        if isinstance(cargo, Reply):
            waiting.detail, waiting.status = cargo.detail, cargo.status
        waiting.done.set()

    def _item(self, position: int, arrived: Arrived) -> Item:
        if arrived.kind != HANDLER_FAILED:
            return Event(arrived.data, position)
        failed = HandlerFailedBody.model_validate(arrived.data)
        mine = failed.sender == sender_of(self.connection_id)
        return HandlerFailed(wire.pair_text(failed.key), mine, position)

    # -- tasks: what takes time --------------------------------------------------------------------

    async def _follow(self, effect: OpenStream, scope: anyio.CancelScope) -> None:
        """One stream, from its request to its end, of which the rules are told once."""
        with scope:
            try:
                ended = await self._read(effect)
            finally:
                del self._streams[effect.attempt]
            self._cause = ended
            lost = StreamLost(
                effect.attempt, ended.status, ended.readable, ended.retry_after_s, random.random()
            )
            self._feed(lost)

    async def _read(self, effect: OpenStream) -> StreamError:
        incoming = Incoming(effect.attempt, self.connection_id, (self.name,), self._limits, self._feed)
        incoming.on_welcome = self._welcomed
        params: Params = [
            ("cid", self.connection_id),
            ("attempt", wire.pair_text(effect.attempt)),
            *(("session", session) for session, _ in effect.cursors),
        ]
        try:
            async with self._transport.stream(params, wire.cursor_text(effect.cursors)) as read:
                return await incoming.run(read, self._inbox.room)
        except StreamError as error:
            return incoming.with_retry(error)

    async def _post(self, effect: Post, body: bytes) -> None:
        reply = await self._transport.post("/send", body, self._limits.post_s)
        self._feed(
            PostReplied(
                effect.session,
                effect.post,
                reply.status,
                verdicts_of(reply),
                reply.sent,
                reply.retry_after_s,
                random.random(),
            ),
            reply,
        )

    async def _goodbye(self, attempt: Attempt) -> None:
        body = wire.close_text(self.connection_id, attempt)
        with anyio.CancelScope(shield=True):  # it is bounded, and leaving waits for it
            reply = await self._transport.post("/close", body, self._limits.goodbye_s)
        if not 200 <= reply.status < 300:
            LOG.info("the goodbye was not taken (%s): the server will wait out the grace time", reply.status)


def verdicts_of(reply: Reply) -> tuple[tuple[SendKey, str], ...]:
    """The receipts in an answer; none where it has no receipts that can be read."""
    if not 200 <= reply.status < 300:
        return ()
    try:
        receipts = wire.SendReply.model_validate_json(reply.body).receipts
    except ValidationError:
        return ()
    return tuple((receipt.key, receipt.verdict) for receipt in receipts)


WELL: Final = (None, "succeeded", "closed")
ERRORS: Final[dict[str, type[SessionError]]] = {"expired": SessionExpired, "taken over": TakenOver}


@asynccontextmanager
async def connect(
    url: str,
    *,
    session: str,
    credential: Credential = None,
    identity: IdentitySource | None = None,
    settings: ClientSettings = DEFAULTS,
    limits: Limits = LIMITS,
    on_status: Callable[[Status], None] | None = None,
    trace: Sink | None = None,
    http: httpx2.AsyncClient | None = None,
    book: Book = CLIENT,
) -> AsyncIterator[Session]:
    """Be in a session of the hub at `url`, until the `async with` is left.

    Entering does not wait for the server: sends wait for the first stream, `status` shows how it stands, and
    a server that stays away ends the session, once the attempts of `settings` are spent.

    url: the address under which the hub's app is mounted.
    credential: a bearer token, or a function that gives one; what it means is up to the hub's hooks.
    identity: where the client's id is kept; by default the id lives as long as this session.
    settings: the bounds that the rules keep. `limits`: those of input and output.
    on_status: called with each new Status. `trace`: called with a record of each decision (see `JsonLines`).
    http: an httpx2 client to use, for its transport, proxies or certificates; it is not closed.
    book: the rules; for tests that plant a defect.

    Raises UsageError where the address or the session's name is none.
    """
    name = wire.session_name(session)
    base = hub_url(url)
    source = identity if identity is not None else MemoryIdentity()
    me = await anyio.to_thread.run_sync(source.start)
    async with AsyncExitStack() as stack:
        client = http if http is not None else await stack.enter_async_context(await http_client(base))
        tasks = await stack.enter_async_context(ending_tasks())
        transport = Transport(client, base, credential, limits)
        joined = Session(
            name,
            me,
            transport,
            tasks,
            settings=settings,
            limits=limits,
            on_status=on_status,
            trace=trace,
            book=book,
        )
        try:
            yield joined
        finally:
            joined.leave()


async def http_client(base: str) -> httpx2.AsyncClient:
    """An HTTP client; the certificates, which take their time to load, only where they are used."""
    return await anyio.to_thread.run_sync(lambda: httpx2.AsyncClient(verify=base.startswith("https:")))


def hub_url(url: str) -> str:
    """The address, if it is one. Raises UsageError."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError) as error:
        raise UsageError(f"{url!r} is no address: {error}", hint="give one like http://host:8000") from error
    plain = parsed.scheme in ("http", "https") and parsed.host and not parsed.query and not parsed.fragment
    if not plain or (parsed.port or 0) > 65535:
        raise UsageError(
            f"{url!r} is not the address of a hub", hint="give one like http://host:8000/path, with no query"
        )
    return str(parsed)
