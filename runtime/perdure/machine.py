"""The machine of one client: feeds the rules what happens, and performs what they ask for.

All sessions of a client share its one stream, its id and its credential; each has a `Place` of its own.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from typing import Any, Literal, assert_never

import anyio
from anyio.abc import TaskGroup
from perdure_model.core.client.effects import (
    AskCredential,
    CancelTimer,
    ClientEffect,
    Deliver,
    DeliverGap,
    EndStream,
    Next,
    NotTaken,
    NotWatched,
    OpenStream,
    Post,
    Renamed,
    SayGoodbye,
    SaySuspended,
    SessionOver,
    Settled,
    Shown,
    StartTimer,
    Tell,
)
from perdure_model.core.client.inputs import (
    ClientInput,
    CredentialGiven,
    CredentialRefused,
    FarewellReplied,
    PostReplied,
    ReconnectDue,
    RetryDue,
    SendRequested,
    Started,
    StreamLost,
    Unsent,
    UnwatchAsked,
    WatchAsked,
    WatchReplied,
)
from perdure_model.core.client.parts import (
    ACCESS,
    ITEM,
    LINK,
    ME,
    SETTINGS,
    STATE,
    ClientSettings,
    ClientState,
    Link,
    Me,
)
from perdure_model.core.client.queue import has_room
from perdure_model.core.common import START, Attempt, Moved, Refused, SendKey
from perdure_model.core.rule import Book
from pydantic import ValidationError

from perdure import wire
from perdure.access import Access
from perdure.callbacks import Callbacks
from perdure.errors import (
    FarewellNotTaken,
    PayloadError,
    PerdureError,
    StreamError,
    StreamRefused,
    UsageError,
)
from perdure.events import HandlerFailedBody, Run, sender_of
from perdure.feed import Feed
from perdure.identity import Identity, IdentitySource, new_id
from perdure.incoming import Incoming
from perdure.journal import Left
from perdure.place import Asked, Place, Waiting
from perdure.timers import Timers
from perdure.trace import Recorder, Sink
from perdure.transport import Limits, Params, Reply, Transport
from perdure.views import Event, Gap, HandlerFailed, Item, Returned, Status

LOG = logging.getLogger("perdure")


class Machine:
    """One client: its rules, its stream, its requests, and a place for each of its sessions."""

    def __init__(
        self,
        identity: Identity,
        source: IdentitySource,
        transport: Transport,
        access: Access,
        tasks: TaskGroup,
        *,
        settings: ClientSettings,
        limits: Limits,
        on_returned: Callable[[Returned], object] | None,
        on_error: Callable[[PerdureError], object] | None,
        trace: Sink | None,
        book: Book,
    ) -> None:
        self._identity, self._source, self._transport, self._access = identity, source, transport, access
        self._tasks, self._limits = tasks, limits
        cid = identity.connection_id
        self._recorder = Recorder("client", trace, cid, settings) if trace is not None else None
        self.rules: Feed[ClientInput, ClientEffect] = Feed(
            book, self._perform, {SETTINGS: settings}, self._recorder
        )
        self._state, self._link = self.rules.reader(STATE), self.rules.reader(LINK)
        self._me = self.rules.reader(ME)
        self.timers: Timers[ReconnectDue | RetryDue] = Timers(tasks.start_soon, self.feed)
        self.sends: dict[SendKey, Waiting] = {}
        self._left = {left.key: left for left in identity.left}
        self._callbacks = Callbacks(on_returned=on_returned, on_error=on_error)
        self._streams: dict[Attempt, anyio.CancelScope] = {}
        self._places: dict[str, Place] = {}
        self._shown: dict[str, Shown] = {}
        self._senders = {sender_of(identity.connection_id)}
        self._count = 0
        self._settings, self._batch_bytes = settings, settings.batch_bytes_max
        self._settled: anyio.Event | None = None
        self._cause: StreamError | None = None
        self._next_try_s: float | None = None

    # -- for the sessions --------------------------------------------------------------------------

    def start(self, session: str) -> Place:
        """Begin, with one session."""
        place = self._places[session] = Place(session, self._limits.inbox_max)
        me = self._identity
        for left in me.left:
            self.sends[left.key] = Waiting(wire.item_text(left.key, left.data))
        unsent = tuple(Unsent(u.session, u.key, u.epoch, len(self.sends[u.key].item) + 1) for u in me.left)
        first, token = (me.incarnation, 1), self._access.handle
        self.feed(Started(me.connection_id, new_id(), first, ((session, START),), token, unsent))
        return place

    def watch(self, session: str) -> Place:
        """Watch one more session. Raises UsageError where the rules refuse it."""
        asked = Asked()
        self.rules(WatchAsked(session), asked)
        if asked.refused:
            hint = "use the Session that you have, or connect anew where it is over"
            raise UsageError(f"session {session!r} cannot be watched: {asked.refused}", hint=hint)
        place = self._places[session] = Place(session, self._limits.inbox_max)
        self._show()
        return place

    def unwatch(self, place: Place) -> None:
        """Watch a session no longer; nothing, where it is not watched from this place any more."""
        if self._places[place.name] is place:
            self.feed(UnwatchAsked(place.name))

    def send(self, session: str, data: str) -> tuple[SendKey, Waiting]:
        """Ask for a send of this JSON: its key, and who waits for the outcome. Raises PayloadError."""
        key = (self._identity.incarnation, self._count + 1)
        item = wire.item_text(key, data)
        if len(item) > self._batch_bytes:
            raise PayloadError(
                f"this data takes {len(item)} bytes; a POST of this client, {self._limits.body_bytes}",
                hint="send less at once, or raise Limits.body_bytes here and HubLimits.body_bytes there",
            )
        self._count += 1
        self._keep(self._source.asked, key, session, data)
        waiting = self.sends[key] = Waiting(item)
        self.feed(SendRequested(session, key, len(item) + 1))
        return key, waiting

    async def room(self, session: str) -> None:
        """Wait until the session's queue takes another send. Who came first goes first."""
        while not has_room(self.pending(session), self._settings):
            self._settled = self._settled or anyio.Event()
            await self._settled.wait()

    def feed(self, i: ClientInput, cargo: Any = None) -> None:
        """Tell the rules, perform, and show what has changed."""
        self.rules(i, cargo)
        self._show()

    def _show(self) -> None:
        for place in self._places.values():
            if place.hears:
                place.show(self.status(place))

    @property
    def me(self) -> Me:
        """Under which id the server knows the client."""
        me: Me = self._me()
        return me

    @property
    def epoch(self) -> str | None:
        """The server's epoch for this connection, as last welcomed."""
        link: Link = self.rules.part(LINK)
        return None if link.epoch is None else str(link.epoch)

    def pending(self, session: str) -> int:
        """How many sends of a session are not settled."""
        return len(self.rules.parts(ITEM, session=session))

    def status(self, place: Place) -> Status:
        """How a session stands."""
        state: ClientState = self._state()
        link: Link = self._link()
        me: Me = self._me()
        cid = str(me.cid)
        own = "kept" if cid == self._identity.connection_id else "renewed"
        sends = self._shown.get(place.name)
        return Status(
            state=state.state,
            outcome=place.outcome,
            attempt=link.attempt[1],
            failures=link.failures,
            next_try_s=self._next_try_s,
            pending=self.pending(place.name),
            running=sends is not None and sends.running,
            delayed=sends is not None and sends.delayed,
            connection_id=cid,
            identity="server" if me.of_server else own,  # type: ignore[arg-type]
            error=self._cause,
        )

    # -- performing --------------------------------------------------------------------------------

    def _perform(self, effect: ClientEffect, cargo: Any) -> None:  # noqa: C901 - one exhaustive match
        match effect:  # the commonest come first
            case Deliver():
                self._deliver(effect, cargo)
            case Moved():
                pass  # for the trace, and for `status`, which reads the parts
            case Refused():
                if isinstance(cargo, Asked):
                    cargo.refused = effect.why
            case OpenStream():
                self._open(effect)
            case EndStream():
                self._close(effect)
            case StartTimer():
                self._start(effect)
            case CancelTimer():
                self._cancel(effect)
            case Post():
                self._tasks.start_soon(self._post, effect, self._body(effect))
            case SayGoodbye():
                self._tasks.start_soon(self._say, "close", effect)
            case SaySuspended():
                self._tasks.start_soon(self._say, "suspend", effect)
            case NotTaken():
                self._not_taken(effect)
            case Tell():
                self._tasks.start_soon(self._tell, effect)
            case AskCredential():
                self._access.ask(effect.token, lambda handle: self._answered(effect.token, handle))
            case Next():
                self.rules.follow(effect.input)
            case Settled():
                self._settle(effect, cargo)
            case DeliverGap():
                self._places[effect.session].inbox.put(Gap(cargo, effect.position))
            case Shown():
                self._shown[effect.session] = effect  # kept here: it may be watched later, or again
            case Renamed():
                self._rename(effect)
            case SessionOver():
                self._places[effect.session].end(effect.outcome, self._cause)
            case NotWatched():
                self._places[effect.session].end("failed", cargo)
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
        self.timers.start(effect.due, effect.seconds)

    def _cancel(self, effect: CancelTimer) -> None:
        if isinstance(effect.due, ReconnectDue):
            self._next_try_s = None
        self.timers.cancel(effect.due)

    def _body(self, effect: Post) -> bytes:
        items = [self.sends[key].item for key in effect.keys]
        return wire.send_text(effect.cid, effect.attempt, effect.epoch, effect.session, items)

    def _settle(self, effect: Settled, cargo: Any) -> None:
        waiting = self.sends.pop(effect.key)
        waiting.outcome, waiting.why = effect.outcome, effect.why
        if isinstance(cargo, Reply):
            waiting.detail, waiting.status = cargo.detail, cargo.status
        waiting.done.set()
        self._keep(self._source.settled, effect.key)
        if effect.key in self._left:
            self._return(self._left.pop(effect.key), effect)
        if self._settled is not None:
            self._settled.set()
            self._settled = None

    def _return(self, left: Left, effect: Settled) -> None:
        key = wire.pair_text(left.key)
        LOG.info("send %s of an earlier life, to %r: %s %s", key, left.session, effect.outcome, effect.why)
        data = json.loads(left.data)
        self._callbacks.call("on_returned", Returned(left.session, key, data, effect.outcome, effect.why))

    def _not_taken(self, effect: NotTaken) -> None:
        error = FarewellNotTaken(
            f"the server may not have taken our {effect.word}", word=effect.word, status=effect.status
        )
        LOG.info("%s", error)
        self._callbacks.call("on_error", error)

    def _deliver(self, effect: Deliver, run: Run) -> None:
        carried = run.part(effect.position, effect.count)
        items = [self._item(position, data) for position, data in enumerate(carried, effect.position)]
        self._places[effect.session].inbox.put(*items)

    def _item(self, position: int, data: Any) -> Item:
        if type(data) is not HandlerFailedBody:
            return Event(data, position)
        return HandlerFailed(wire.pair_text(data.key), data.sender in self._senders, position)

    def _rename(self, effect: Renamed) -> None:
        cid = str(effect.cid)
        LOG.info("the client goes by another id from now on, %s: %s", sender_of(cid), effect.why)
        self._senders.add(sender_of(cid))
        if self._recorder is not None:
            self._recorder.cid = cid
        self._tasks.start_soon(anyio.to_thread.run_sync, guarded, self._source.renamed, cid, effect.why)

    def _keep(self, keep: Callable[..., None], *what: Any) -> None:
        """Tell the identity's source of a send, if it keeps them."""
        if self._source.keeps_sends:
            guarded(keep, *what)

    def _answered(self, asked: object, handle: object) -> None:
        self.feed(CredentialRefused(asked) if handle is None else CredentialGiven(handle))

    # -- tasks: what takes time --------------------------------------------------------------------

    async def _follow(self, effect: OpenStream, scope: anyio.CancelScope) -> None:
        """One stream, from its request to its end, of which the rules are told once."""
        with scope:
            try:
                ended = await self._read(effect)
            finally:
                del self._streams[effect.attempt]
            self._cause = ended
            self.feed(
                StreamLost(
                    effect.attempt,
                    ended.status,
                    effect.token,
                    new_id(),
                    ended.readable,
                    ended.retry_after_s,
                    random.random(),
                )
            )

    async def _read(self, effect: OpenStream) -> StreamError:
        incoming = Incoming(effect.attempt, self._places, self._limits, self.feed)
        incoming.on_welcome = self._welcomed
        params: Params = [
            ("cid", str(effect.cid)),
            ("attempt", wire.pair_text(effect.attempt)),
            *(("session", session) for session, _ in effect.cursors),
        ]
        cursor = wire.cursor_text(effect.cursors)
        try:
            async with self._transport.stream(params, cursor, effect.token) as read:
                return await incoming.run(read, self._room)
        except StreamError as error:
            return incoming.with_retry(error)

    def _welcomed(self) -> None:
        self._cause = None

    async def _room(self) -> None:
        """Wait until no place is full: there is one stream for all of them."""
        for place in list(self._places.values()):
            await place.inbox.room()

    async def _post(self, effect: Post, body: bytes) -> None:
        if self._source.keeps_sends:
            await anyio.to_thread.run_sync(self._keep, self._source.posting, effect.keys, str(effect.epoch))
        reply = await self._transport.post("/send", body, self._limits.post_s, effect.token)
        self.feed(
            PostReplied(
                effect.session,
                effect.post,
                reply.status,
                effect.token,
                verdicts_of(reply),
                reply.sent,
                reply.retry_after_s,
                random.random(),
            ),
            reply,
        )

    async def _tell(self, effect: Tell) -> None:
        path = "/unwatch" if effect.cursor is None else "/watch"
        body = wire.tell_text(effect.cid, effect.attempt, effect.serial, effect.session, effect.cursor)
        reply = await self._transport.post(path, body, self._limits.post_s, self._token)
        said = WatchReplied(effect.attempt, effect.serial, effect.session, reply.status, random.random())
        self.feed(said, not_watched(effect.session, reply))

    async def _say(self, word: Literal["close", "suspend"], said: SayGoodbye | SaySuspended) -> None:
        body = wire.word_text(said.cid, said.attempt)
        with anyio.CancelScope(shield=True):  # it is bounded, and leaving waits for it
            reply = await self._transport.post(f"/{word}", body, self._limits.goodbye_s, self._token)
            self.feed(FarewellReplied(word, said.attempt, reply.status))

    @property
    def _token(self) -> object:
        return self.rules.part(ACCESS).token


def guarded(keep: Callable[..., None], *what: Any) -> None:
    """Call what keeps something for the next life; if it fails, this life goes on."""
    try:
        keep(*what)
    except Exception:
        LOG.exception("the identity source failed; the session goes on without its keeping")


def not_watched(session: str, reply: Reply) -> StreamRefused:
    """Why a session is not watched, should the rules say so."""
    return StreamRefused(
        f"the request to watch {session!r} was answered with {reply.status}",
        status=reply.status,
        hint=reply.detail,
    )


def verdicts_of(reply: Reply) -> tuple[tuple[SendKey, str], ...]:
    """The receipts in an answer; none where it has no receipts that can be read."""
    if not 200 <= reply.status < 300:
        return ()
    try:
        receipts = wire.SendReply.model_validate_json(reply.body).receipts
    except ValidationError:
        return ()
    return tuple((receipt.key, receipt.verdict) for receipt in receipts)
