"""The server: a `Hub` keeps sessions and the connections that watch them, behind an ASGI app.

All decisions are the rules'. This file feeds them what happens, and performs what they ask for.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final, TypeAlias, TypeVar, assert_never, overload

import anyio
from perdure_model.core.common import Attempt, Cursor, Moved, Refused
from perdure_model.core.rule import Book
from perdure_model.core.server import SERVER
from perdure_model.core.server.effects import (
    AddSession,
    Answer,
    Append,
    Attach,
    CancelGrace,
    CutStream,
    Detached,
    Drop,
    DropSession,
    Handle,
    Reject,
    ServerEffect,
    StartForget,
    StartGrace,
    Wake,
    WriteEnd,
    WriteEvents,
    WriteGap,
)
from perdure_model.core.server.inputs import (
    Ended,
    ForgetDue,
    GraceElapsed,
    LogLost,
    Published,
    ServerInput,
    ServerStarted,
    StreamClosed,
)
from perdure_model.core.server.parts import CONNECTION, OWNER, SETTINGS, WATCH, ServerSettings
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette

from perdure import sse, wire
from perdure.bounds import at_least, at_most, counts, fits, functions, having, needed, of_type, short
from perdure.cargo import Asked, PostAsked, Publication, StreamAsked
from perdure.errors import NotStored, PayloadError, SessionOver, UsageError
from perdure.events import (
    HANDLER_FAILED,
    OUTCOMES,
    TAKEN_OVER,
    EndBody,
    HandlerFailedBody,
    Welcome,
    sender_of,
)
from perdure.feed import Feed
from perdure.handlers import Handlers
from perdure.hooks import Hooks
from perdure.logs import Logs
from perdure.outgoing import LINGER_S, Outgoing
from perdure.routes import Authenticate, Authorize, HubLimits, Routes, fresh
from perdure.signals import ending
from perdure.store import MemoryStore, Store
from perdure.tasks import Background
from perdure.timers import Calendar, Timers
from perdure.trace import Recorder, Sink
from perdure.workers import refuse_several

LOG = logging.getLogger("perdure")
DEFAULTS: Final = ServerSettings()
LIMITS: Final = HubLimits()
PUBLISHED_A_TURN: Final = 128
"""A turn of the event loop takes about as long as ten events; so many are published in a millisecond."""
HURRY_S: Final = 0.5
"""So long streams wait for the handlers' last events when the process ends; servers wait for some seconds."""
SHOWN: Final = 3
"""A line of the log names so many sessions of a stream, which may have a hundred."""
CUT_OUTCOMES: Final = {"replaced": TAKEN_OVER}
"""What a stream that is cut for this reason still tells its client; of other reasons it tells nothing."""


@dataclass(frozen=True)
class Send:
    """A send as its handler gets it. `key` is the one in the client's receipt."""

    data: Any
    key: str
    connection_id: str
    principal: Hashable


@dataclass(frozen=True)
class Arrival:
    """A stream that is attached: whose, of which sessions, and whether the connection was known before."""

    connection_id: str
    principal: Hashable
    sessions: tuple[str, ...]
    resumed: bool


class HubSession:
    """A session as the server's application sees it; made by `Hub.session`, as often as you like."""

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub, self.name = hub, name

    async def publish(self, data: Any) -> int:
        """Publish an event to all who watch, now or later; returns its position in the session's log.

        Raises PayloadError where the data cannot be JSON or is too large, SessionOver where the session has
        ended, NotStored where the store did not take it.
        """
        publication = self._hub.append(self.name, sse.message(wire.dumped(data)))
        if publication.stored is not None:
            await publication.stored.wait()
            if publication.lost:
                raise NotStored(f"session {self.name!r} has lost its log")
        elif publication.position % PUBLISHED_A_TURN == 0:  # who never pauses lets the streams write
            await anyio.lowlevel.cancel_shielded_checkpoint()
        return publication.position

    async def end(self, outcome: str = "succeeded") -> None:
        """End the session: succeeded, failed or expired. Who watches is told after all its events.

        Raises SessionOver where it has ended already, UsageError for another outcome.
        """
        self._hub.end(self.name, outcome)
        await anyio.lowlevel.cancel_shielded_checkpoint()

    @property
    def owner(self) -> str | None:
        """The connection id that drives the session: the one that sent to it last, while it is known."""
        return self._hub.owner(self.name)


Handler: TypeAlias = Callable[[Send, HubSession], Awaitable[object]]
Snapshot: TypeAlias = Callable[[HubSession], Any]
OnConnect: TypeAlias = Callable[[Arrival], Awaitable[object]]
OnExpire: TypeAlias = Callable[[str, HubSession], Awaitable[object]]
HandlerT = TypeVar("HandlerT", bound=Handler)
OnConnectT = TypeVar("OnConnectT", bound=OnConnect)
OnExpireT = TypeVar("OnExpireT", bound=OnExpire)
HookT = TypeVar("HookT", bound=Callable[..., Awaitable[object]])
SnapshotT = TypeVar("SnapshotT", bound=Snapshot)


class Hub:
    """Sessions over connections that come and go.

    It works under asyncio and trio, with any ASGI server, alone or mounted in another app.

    When the process is told to end (SIGTERM, SIGINT) while the hub's `lifespan` runs, which is part of the
    app that `asgi` makes, clients are told when to come back and streams end, so that the server has nothing
    to wait for. That is heard in a process's main thread, where servers run, and in hypercorn's workers. Who
    ends a server otherwise, by a call or from another thread, calls `aclose` first.

    One process serves all of a hub's clients: what it knows lies in its memory.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        settings: ServerSettings = DEFAULTS,
        heartbeat_s: float = 15.0,
        stall_s: float = 30.0,
        handler_s: float = 300.0,
        hook_s: float = 30.0,
        closing_s: float = 5.0,
        retry_s: float = 1.0,
        authenticate: Authenticate | None = None,
        authorize: Authorize | None = None,
        limits: HubLimits = LIMITS,
        cors_origins: Sequence[str] = (),
        routed: bool = False,
        trace: Sink | None = None,
        book: Book = SERVER,
    ) -> None:
        """Make a hub.

        store: keeps the events; in memory by default.
        settings: the bounds that the rules keep.
        heartbeat_s: a stream on which nothing else is written gets a sign of life this often, in seconds.
        stall_s: a stream whose write does not go out for so long is cut: nobody reads it.
        handler_s: a handler that has not returned after so long is cancelled, and has failed. One that does
            not end even then is left to itself, and the session goes on.
        hook_s: any other function of yours that is awaited is cancelled after so long, and has failed.
        closing_s: when the hub closes, handlers may take so long to finish; then they are cancelled.
        retry_s: when the hub closes, clients are told to come back after one to two times so many seconds.
        authenticate: request -> principal, async or not; raises Unauthenticated. A principal is hashable,
            and a connection id belongs to the principal that used it first. Without it all are None.
        authorize: (principal, session) -> bool, async or not: may it watch and send to the session?
        limits: what requests keep to.
        cors_origins: the origins whose pages may use the hub, like "https://example.org"; "*" for all.
        routed: several server workers are fine, since each client always reaches the same one.
        trace: called with a record of each decision (see `JsonLines`).
        book: the rules; for tests that plant a defect.

        Raises UsageError for a bound that nothing could keep to.
        """
        of_type(ServerSettings, settings=settings)
        of_type(HubLimits, limits=limits)
        of_type(Book, book=book)
        of_type(bool, routed=routed)
        functions("request", waits=True, authenticate=authenticate)
        functions("principal", "session", waits=True, authorize=authorize)
        functions("record", trace=trace)
        at_least(0.001, heartbeat_s=heartbeat_s, stall_s=stall_s, retry_s=retry_s)
        at_least(0.001, handler_s=handler_s, hook_s=hook_s)
        at_least(0, grace_s=settings.grace_s, ended_s=settings.ended_s, tombstone_s=settings.tombstone_s)
        counts(0, tombstones_max=settings.tombstones_max)
        at_least(0, closing_s=closing_s)
        at_most(wire.HEARTBEAT_MAX_S, heartbeat_s=heartbeat_s)
        counts(1, log_max=settings.log_max, batch_max=settings.batch_max)
        store = store if store is not None else MemoryStore()
        having(("append", "read", "drop"), "a store like perdure.MemoryStore()", store=store)
        self._settings, self._heartbeat_s, self._stall_s = settings, heartbeat_s, stall_s
        self._closing_s = closing_s
        self._retry_s, self._routed, self._limits = retry_s, routed, limits
        self._event_bytes = limits.event_bytes
        self._background = Background()
        self._logs = Logs(store, self._background.spawn, self._log_lost)
        self._timers: Timers[GraceElapsed] = Timers(self._background.spawn, self._feed)
        self._calendar: Calendar[ForgetDue] = Calendar(self._background.spawn, self._feed)
        self._handlers: Handlers[Send] = Handlers(
            self._background.spawn,
            self._handle,
            self._failed,
            backlog_max=limits.backlog,
            backlog_bytes_max=limits.backlog_bytes,
            handler_s=handler_s,
        )
        self._hooks = Hooks(hook_s, self._handlers.watch.hook)
        self._streams: dict[tuple[str, Attempt], Outgoing] = {}
        self._spare = fresh()  # for the next log; most publications find one
        self._handler: Handler | None = None
        self._data: TypeAdapter[Any] = TypeAdapter(Any)
        self._on_connect: OnConnect | None = None
        self._on_expire: OnExpire | None = None
        self._snapshot: Snapshot | None = None
        self._routes = Routes(
            self._feed,
            ended=self._ended,
            room=self._handlers.room,
            known=self._known,
            watched=self._watched,
            typed=self._typed,
            hooks=self._hooks,
            authenticate=authenticate,
            authorize=authorize,
            limits=limits,
            cors_origins=cors_origins,
            retry_s=retry_s,
            routed=routed,
        )
        recorder = Recorder("server", trace, settings=settings) if trace is not None else None
        self._rules: Feed[ServerInput, ServerEffect] = Feed(
            book, self._perform, {SETTINGS: settings}, recorder
        )
        self._feed(ServerStarted(kept=False))  # what the rules know lies in memory

    # -- for the application -----------------------------------------------------------------------

    @overload
    def on_send(self, handler: HandlerT) -> HandlerT: ...

    @overload
    def on_send(self, *, data: Any) -> Callable[[HandlerT], HandlerT]: ...

    def on_send(self, handler: Handler | None = None, *, data: Any = Any) -> Any:
        """Decorate the async function (send, session) that handles sends.

        At most once for each send; those of one session one after another, in order. What it raises goes to
        the log and, as `handler-failed` without details, to those who watch; the session goes on.

        data: the type of `send.data`, a pydantic model or whatever else pydantic knows, as in
            `@hub.on_send(data=Note)`. A send whose data is not of it is refused, alone, and not handled.
        """
        if handler is None:
            return lambda later: self._handled_by(later, data)
        return self._handled_by(handler, data)

    def on_connect(self, hook: OnConnectT) -> OnConnectT:
        """Decorate the async function (arrival) that is told of each stream that is attached.

        It runs beside the stream; what it raises goes to the log.
        """
        self._on_connect = checked(hook, "on_connect", "arrival")
        return hook

    def on_expire(self, hook: OnExpireT) -> OnExpireT:
        """Decorate the async function (connection_id, session) that is told when a session's owner is gone.

        That is when a connection that watched and owned the session has expired or was closed: nobody drives
        it now. Of a session whose end the owner was told of it says nothing. It runs on its own; what it
        raises goes to the log.
        """
        self._on_expire = checked(hook, "on_expire", "connection_id", "session")
        return hook

    def snapshot(self, hook: SnapshotT) -> SnapshotT:
        """Decorate the function session -> data that gives a client whose events are gone a fresh start.

        A plain function is called in the moment of the decision, and its snapshot stands for exactly the
        events before it. An async one is awaited later, and may already hold events that follow the gap.
        One that fails, or takes longer than `hook_s`, ends the stream: the client comes back for it.
        """
        if not callable(hook):
            raise UsageError("snapshot takes a function", hint="write: def state(session), async or not")
        needed("session", waits=True, snapshot=hook)
        self._snapshot = hook
        return hook

    def session(self, name: str) -> HubSession:
        """The session of this name; it need not exist. Raises UsageError where the name is none."""
        return HubSession(self, wire.session_name(name))

    def asgi(self) -> Starlette:
        """The ASGI app: the addresses of PROTOCOL.md. Its lifespan, if it is run, is the hub's `lifespan`.

        Raises UsageError where several server workers would each have a hub of their own.
        """
        if not self._routed:
            refuse_several()
        return self._routes.app(self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Close the hub at the end: for the lifespan of an app in which the hub is mounted.

        When the process is told to end meanwhile, streams end within half a second, since servers end the
        lifespan after them; handlers that still run have `closing_s` then. Where no server handles SIGTERM
        (hypercorn: trio, `--workers 0`), they have it before the streams end, and the process ends by it.
        """
        self._routes.closed = False
        self._background.spawn(self._end_streams_with_process)
        try:
            yield
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End all: no request is taken any more, handlers have `closing_s` to finish, then streams end.

        Clients are told when to come back, to who answers then. Sends that were not handled in time are lost;
        the log says so.
        """
        await self._end_streams(self._closing_s)
        await self._background.aclose()

    async def _end_streams_with_process(self) -> None:
        """End the streams when the process is told to end."""
        with ending() as told:
            await told.wait()
            in_no_hurry = told.alone  # no server waits that would lose patience, nor will the lifespan end
            await self._end_streams(self._closing_s if in_no_hurry else min(HURRY_S, self._closing_s))
        told.end_if_alone()

    async def _end_streams(self, handlers_s: float) -> None:
        """Take no request any more, give handlers so long to finish, and end the streams."""
        self._routes.closed = True
        with anyio.move_on_after(handlers_s):
            while self._handlers.busy or self._logs.busy:
                await anyio.sleep(0.01)
        for stream in self._streams.values():
            stream.write(sse.retry(self._retry_s * (1 + random.random())))  # not all in one moment
            stream.cut()
        with anyio.move_on_after(2 * LINGER_S):
            while self._streams:
                await anyio.sleep(0.01)

    # -- for HubSession ----------------------------------------------------------------------------

    def append(self, session: str, event: bytes) -> Publication:
        """Publish an event that is encoded already, but for its id. Raises PayloadError, SessionOver."""
        if len(event) > self._event_bytes:
            raise too_large(len(event), self._event_bytes)
        publication = Publication(event=event)
        self._rules(Published(session, self._spare), publication)
        if publication.position <= 1:  # it may have begun a log, or was refused
            self._spare = fresh()
            return published(session, publication)
        return publication

    def end(self, session: str, outcome: str) -> None:
        """End a session."""
        if outcome not in OUTCOMES:
            raise UsageError(f"{outcome!r} is no outcome", hint=f"use one of {', '.join(OUTCOMES)}")
        publication = Publication()
        self._feed(Ended(session, outcome, fresh()), publication)
        published(session, publication)

    def owner(self, session: str) -> str | None:
        """The connection that owns a session."""
        return next((str(cid) for _, cid in self._rules.parts(OWNER, session=session)), None)

    def _known(self, principal: Hashable) -> Sequence[str]:
        """The connections of a principal, with a stream or awaited; none while they cannot be too many."""
        everybody = self._rules.parts(CONNECTION)
        if len(everybody) < self._limits.awaited:
            return ()
        return [str(cid) for (cid,), one in everybody.items() if one.principal == principal]

    def _watched(self, cid: str, attempt: Attempt) -> Sequence[str]:
        """The sessions that a connection watches since this attempt, whether its stream is up or awaited."""
        watches = self._rules.parts(WATCH, cid=cid)
        return [str(session) for (session, _), watch in watches.items() if watch.generation == attempt]

    # -- feeding and performing --------------------------------------------------------------------

    def _feed(self, i: ServerInput, cargo: Any = None) -> None:
        self._rules(i, cargo)

    def _perform(self, effect: ServerEffect, cargo: Any) -> None:  # noqa: C901 - one exhaustive match
        match effect:  # the commonest come first
            case Append():
                cargo.position = effect.position
                self._logs.append(effect, cargo)
            case Wake():
                if stream := self._stream(effect):
                    stream.wake(effect.session)
            case Moved():
                pass  # for the trace
            case Detached():
                self._detached(effect)
            case Refused():
                if isinstance(cargo, Asked):
                    cargo.refused = effect.why
            case Reject():
                cargo.reject = effect
            case Attach():
                self._attach(effect, cargo)
            case CutStream():
                self._cut(effect)
            case AddSession():
                if stream := self._stream(effect):
                    stream.add(effect.session, effect.cursor)
            case DropSession():
                if stream := self._stream(effect):
                    stream.drop(effect.session)
            case StartGrace():
                self._timers.start(effect.due, effect.seconds)
            case CancelGrace():
                self._timers.cancel(effect.due)
            case Answer():
                cargo.verdicts = effect.verdicts
            case Handle():
                self._take(effect, cargo)
            case WriteEvents():
                self._write_events(effect, cargo)
            case WriteGap():
                self._write_gap(effect, cargo)
            case WriteEnd():
                cargo.write(end_block(effect))
                cargo.drop(effect.session)
            case StartForget():
                self._calendar.add(effect.due, effect.seconds)
            case Drop():
                self._logs.drop(effect)
            case _:
                assert_never(effect)

    def _attach(self, effect: Attach, asked: StreamAsked) -> None:
        stream = Outgoing(
            effect.cid,
            effect.generation,
            dict(asked.cursors),
            heartbeat_s=self._heartbeat_s,
            stall_s=self._stall_s,
            write_bytes=self._limits.write_bytes,
        )
        welcome = Welcome(
            protocol=wire.VERSION,
            connection=effect.cid,
            generation=effect.generation,
            epoch=str(effect.epoch),
            resumed=effect.resumed,
            grace_s=self._settings.grace_s,
            heartbeat_s=self._heartbeat_s,
        )
        stream.write(block("welcome", welcome))
        asked.stream = self._streams[effect.cid, effect.generation] = stream
        if self._on_connect is not None:
            sessions = tuple(session for session, _ in asked.cursors)
            arrival = Arrival(effect.cid, asked.principal, sessions, effect.resumed)
            self._background.spawn(self._hooks.run, "on_connect", self._on_connect, arrival)

    def _detached(self, effect: Detached) -> None:
        if self._on_expire is not None:
            session = HubSession(self, effect.session)
            self._background.spawn(self._hooks.run, "on_expire", self._on_expire, effect.cid, session)

    def _stream(self, effect: Wake | AddSession | DropSession | CutStream) -> Outgoing | None:
        """The stream that an effect is for, while it is open."""
        return self._streams.get((effect.cid, effect.generation))

    def _cut(self, effect: CutStream) -> None:
        stream = self._stream(effect)
        if stream is None:
            return
        LOG.info(
            "stream %s of connection %s is cut: %s (%d watched: %s)",
            wire.pair_text(effect.generation),
            sender_of(effect.cid),
            effect.reason,
            len(stream.sessions),
            ", ".join(map(repr, list(stream.sessions)[:SHOWN])),
        )
        outcome = CUT_OUTCOMES.get(effect.reason)
        if outcome is not None:
            stream.write(block("end", EndBody(outcome=outcome)))
        stream.cut()

    def _take(self, effect: Handle, asked: PostAsked) -> None:
        send = Send(asked.items[effect.key], wire.pair_text(effect.key), effect.cid, asked.principal)
        self._handlers.add(effect.session, send, asked.item_bytes)

    def _write_events(self, effect: WriteEvents, stream: Outgoing) -> None:
        cursor = Cursor(effect.epoch, effect.last)
        stream.write_events(effect.session, cursor, effect.first, self._logs.read(effect))

    def _write_gap(self, effect: WriteGap, stream: Outgoing) -> None:
        id_line = stream.id_line(effect.session, Cursor(effect.epoch, effect.position))
        hook, session = self._snapshot, HubSession(self, effect.session)
        if is_async(hook):
            stream.write(partial(self._late_gap, id_line, session, stream, hook))
            return
        with self._retrying(session.name, stream):
            snapshot = hook(session) if hook else None
            if isawaitable(snapshot):
                stream.write(partial(self._late_gap, id_line, session, stream, lambda _session: snapshot))
            else:
                stream.write(gap_block(id_line, snapshot, self._event_bytes))

    async def _late_gap(
        self, id_line: bytes, session: HubSession, stream: Outgoing, hook: Any
    ) -> bytes | None:
        with self._retrying(session.name, stream):
            snapshot = await self._hooks.call("snapshot", hook, session)
            return gap_block(id_line, snapshot, self._event_bytes)
        return None

    @contextmanager
    def _retrying(self, session: str, stream: Outgoing) -> Iterator[None]:
        """A snapshot that fails ends the stream: the client comes back from where it was, and tries again."""
        try:
            yield
        except Exception:
            LOG.exception("the snapshot of session %r failed; its client will come back for it", session)
            stream.break_off()

    def _log_lost(self, session: str, epoch: Hashable) -> None:
        self._feed(LogLost(session, epoch, fresh()))

    def _ended(self, stream: Outgoing) -> None:
        number = stream.cid, stream.generation
        if self._streams.get(number) is stream:  # else it was closed, and the next life counts anew
            del self._streams[number]
            self._feed(StreamClosed(*number))

    # -- handlers ----------------------------------------------------------------------------------

    async def _handle(self, session: str, send: Send) -> None:
        if self._handler is not None:
            await self._handler(send, HubSession(self, session))

    def _typed(self, data: Any) -> Any:
        """The data as its handler's type. Raises PayloadError, which does not show the data."""
        try:
            return self._data.validate_python(data)
        except ValidationError as error:
            kinds = ", ".join(sorted({one["type"] for one in error.errors(include_input=False)}))
            said = f"{error.error_count()} validation error for {error.title}: {kinds}"
        except Exception as error:  # a validator of the application's may raise anything
            LOG.exception("the type of on_send(data=...) could not look at a send's data")
            said = f"{type(error).__name__} in its validation"
        raise PayloadError(said, hint="send what the handler's type takes")

    def _handled_by(self, handler: Handler, data: Any) -> Handler:
        self._handler = checked(handler, "on_send", "send", "session")
        try:
            self._data = TypeAdapter(data)
            self._data.core_schema  # noqa: B018 - a name that means nothing here is found now
        except Exception as error:  # pydantic raises whatever its reading of it runs into
            raise UsageError(
                f"data={short(data)} is no type of data",
                hint="give a pydantic model, or another type it knows",
            ) from error
        return handler

    def _failed(self, session: str, send: Send) -> None:
        failed = HandlerFailedBody(sender=sender_of(send.connection_id), key=wire.parse_pair(send.key))
        try:
            self.append(session, block(HANDLER_FAILED, failed))
        except SessionOver:
            LOG.info("session %r ended before its watchers could be told of the failure", session)


def is_async(hook: object) -> bool:
    """Whether this is an async function, or an object that is called like one."""
    return iscoroutinefunction(hook) or iscoroutinefunction(getattr(hook, "__call__", None))  # noqa: B004


def checked(hook: HookT, name: str, *takes: str) -> HookT:
    """The hook, if it is async and can be called with what it takes. Raises UsageError."""
    given = f"({', '.join(takes)})"
    waits = iscoroutinefunction(hook)
    if not waits or not fits(hook, takes):
        hint = f"write: async def handler{given}"
        raise UsageError(f"{name} takes an async function of {given}", hint=hint)
    return hook


def published(session: str, publication: Publication) -> Publication:
    """The publication, unless it was refused. Raises SessionOver."""
    if publication.refused:
        raise SessionOver(f"session {session!r}: {publication.refused}")
    return publication


def block(kind: str, body: wire.Body) -> bytes:
    """An event of the protocol's own."""
    return sse.encode(body.model_dump_json(exclude_defaults=True), event=kind)


def end_block(end: WriteEnd) -> bytes:
    """The end of a session, with receipts."""
    receipts = tuple(wire.Receipt(key=key, verdict=verdict) for key, verdict in end.verdicts)
    return block("end", EndBody(outcome=end.outcome, session=end.session, receipts=receipts))


def gap_block(id_line: bytes, snapshot: Any, bytes_max: int) -> bytes:
    """A gap with its snapshot. Raises PayloadError."""
    gap = sse.encode(f'{{"snapshot":{wire.dump(snapshot)}}}', event="gap")
    if len(gap) > bytes_max:
        raise too_large(len(gap), bytes_max)
    return id_line + gap


def too_large(size: int, most: int) -> PayloadError:
    """What is said of an event that clients would refuse, and end for."""
    return PayloadError(
        f"this event takes {size} bytes; of this hub, at most {most}",
        hint="publish less, or raise HubLimits.event_bytes here and Limits.event_bytes_max there",
    )
