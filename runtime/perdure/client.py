"""The client: `connect` gives a session that outlives its connections.

All decisions are the rules'. `Machine` feeds them what happens, and performs what they ask for; this file is
what an application holds in its hands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import asdict
from typing import Any, Final

import anyio
import httpx2
from perdure_model.core.client import CLIENT
from perdure_model.core.client.inputs import Left, Resumed, Suspended
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.rule import Book

from perdure import wire
from perdure.access import Access, CredentialLike, access_to
from perdure.addresses import shown, without_user
from perdure.bounds import at_least, at_most, counts, functions, having, of_type
from perdure.errors import PerdureError, SendFailed, SendUncertain, SessionError, UsageError
from perdure.identity import IdentitySource, MemoryIdentity
from perdure.machine import Machine
from perdure.place import Place
from perdure.tasks import ending_tasks
from perdure.trace import Sink
from perdure.transport import Limits, Transport
from perdure.views import Event, Gap, HandlerFailed, Item, Receipt, Returned, Status

__all__ = ["Event", "Gap", "HandlerFailed", "Item", "Receipt", "Returned", "Session", "Status", "connect"]

DEFAULTS: Final = ClientSettings()
LIMITS: Final = Limits()


class Session:
    """A session as its application sees it; made by `connect`, and by `watch` of another session.

    Iterate it for the session's events: in order, once each, across reconnects. Iteration ends where the
    session ended well (`succeeded`), was left or is no longer watched; else it raises SessionFailed,
    SessionExpired or TakenOver. Events that are not taken are kept up to a bound; beyond it the stream is not
    read on.
    """

    def __init__(self, machine: Machine, place: Place) -> None:
        self._machine, self._place = machine, place
        self.name = place.name
        self._turn = anyio.Lock(fast_acquire=True)

    async def send(self, data: Any, *, wait: bool = False) -> Receipt:
        """Send data to the session; returns once the server has stored it.

        Sends arrive in the order in which they were made. Cancelling the call does not take the send back.

        wait: if as many sends as `settings.queue_max` are not settled, wait until one is; cancelled while it
            waits for that, nothing is sent. Without, `SendFailed` says that the queue is full.

        Raises:
            PayloadError: the data cannot be JSON, or takes more than `Limits.body_bytes`.
            SendFailed: it was surely not taken; `why` says the reason.
            SendUncertain: it may have been taken, and nobody can tell any more.
        """
        text = wire.dump(data)
        async with self._turn if wait else nullcontext():
            if wait:
                await self._machine.room(self.name)
            key, waiting = self._machine.send(self.name, text)
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
        item = await self._place.inbox.get()
        if item is not None:
            return item
        if self.error is not None:
            raise self.error
        raise StopAsyncIteration

    # -- other sessions of the same client ---------------------------------------------------------

    async def watch(self, session: str) -> Session:
        """Watch another session on the same stream; it has its own events and sends, and its own outcome.

        Raises UsageError where the name is none, the session is watched already, or the client is done with
        all its sessions. A server that does not allow it is heard of when iterating: SessionFailed, with its
        status.
        """
        other = Session(self._machine, self._machine.watch(wire.session_name(session)))
        await anyio.lowlevel.checkpoint()
        return other

    async def unwatch(self) -> None:
        """Watch this session no longer; what has arrived may still be taken, and it may be sent to.

        Watched again, it goes on from here.
        """
        self._machine.unwatch(self._place)
        await anyio.lowlevel.checkpoint()

    # -- the client as a whole ---------------------------------------------------------------------

    async def suspend(self) -> None:
        """Go to the background: no stream and no timer, for all sessions of this client, until `resume`.

        The server is told, and keeps the sessions that the client owns; sends wait. If it may not have heard,
        `on_error` is called with FarewellNotTaken.
        """
        self._machine.feed(Suspended())
        await anyio.lowlevel.checkpoint()

    async def resume(self) -> None:
        """Be back: everything goes on from where it was."""
        self._machine.feed(Resumed())
        await anyio.lowlevel.checkpoint()

    def leave(self) -> None:
        """Be done with all sessions of this client; what is not settled ends now. Leaving `async with` does
        it as well."""
        self._machine.feed(Left())

    # -- how it stands -----------------------------------------------------------------------------

    @property
    def connection_id(self) -> str:
        """The id under which the server knows this client. It changes only as `status.identity` says."""
        return str(self._machine.me.cid)

    @property
    def epoch(self) -> str | None:
        """The server's epoch for this connection, as last welcomed."""
        return self._machine.epoch

    @property
    def pending(self) -> int:
        """How many of this session's sends are not settled."""
        return self._machine.pending(self.name)

    @property
    def outcome(self) -> str | None:
        """None while the session lives; then succeeded, failed, expired, closed, unwatched or taken over."""
        return self._place.outcome

    @property
    def error(self) -> SessionError | None:
        """The error that iteration raises at its end, if the session ended otherwise than well."""
        return self._place.error

    @property
    def status(self) -> Status:
        """How the session stands."""
        return self._machine.status(self._place)

    def on_status(self, callback: Callable[[Status], object] | None) -> None:
        """Call this one with each new Status from now on, instead of any before; None: nobody.

        Raises UsageError where it is no plain function of a status.
        """
        functions("status", on_status=callback)
        self._place.on_status(callback)


@asynccontextmanager
async def connect(
    url: str,
    *,
    session: str,
    credential: CredentialLike = None,
    identity: IdentitySource | None = None,
    settings: ClientSettings = DEFAULTS,
    limits: Limits = LIMITS,
    on_status: Callable[[Status], object] | None = None,
    on_returned: Callable[[Returned], object] | None = None,
    on_error: Callable[[PerdureError], object] | None = None,
    trace: Sink | None = None,
    http: httpx2.AsyncClient | None = None,
    book: Book = CLIENT,
) -> AsyncIterator[Session]:
    """Be in a session of the hub at `url`, until the `async with` is left.

    Entering does not wait for the server: sends wait for the first stream, `status` shows how it stands, and
    a server that stays away ends the session, once the attempts of `settings` are spent.

    url: the address under which the hub's app is mounted.
    credential: a bearer token; a function that gives one, asked again when it is refused; or a `Credential`
        that many share. What it means is up to the hub's hooks.
    identity: where the client's id is kept, and its sends (`FileIdentity`); by default the id lives as long
        as this session.
    settings: the bounds that the rules keep; `refreshes` is set by the kind of credential.
    limits: the bounds of input and output.
    on_status: called with each new Status. `on_returned`: called with what becomes of each send that an
        earlier life left unsettled, if `identity` keeps sends. `on_error`: called with each error that ends
        nothing, such as FarewellNotTaken.
    trace: called with a record of each decision (see `JsonLines`).
    http: an httpx2 client to use, for its transport, proxies or certificates; it is not closed.
    book: the rules; for tests that plant a defect.

    Raises UsageError where the address, the session's name or the credential is none.
    """
    name = wire.session_name(session)
    base = hub_url(url)
    of_type(ClientSettings, settings=settings)
    of_type(Limits, limits=limits)
    of_type(Book, book=book)
    functions("status", on_status=on_status)
    functions("returned", on_returned=on_returned)
    functions("error", on_error=on_error)
    functions("record", trace=trace)
    if identity is not None:
        having(("start", "renamed"), "a FileIdentity, say", identity=identity)
    if http is not None:
        of_type(httpx2.AsyncClient, http=http)
    source = identity if identity is not None else MemoryIdentity()
    async with AsyncExitStack() as stack:
        client = http if http is not None else await stack.enter_async_context(await http_client(base))
        tasks = await stack.enter_async_context(ending_tasks())
        access = access_to(credential, tasks.start_soon)
        machine = Machine(
            await anyio.to_thread.run_sync(source.start),
            source,
            Transport(client, base, access, limits),
            access,
            tasks,
            settings=fitting(settings, access, limits),
            limits=limits,
            on_returned=on_returned,
            on_error=on_error,
            trace=trace,
            book=book,
        )
        place = machine.start(name)
        place.on_status(on_status)
        joined = Session(machine, place)
        try:
            yield joined
        finally:
            joined.leave()
            access.leave()


def fitting(settings: ClientSettings, access: Access, limits: Limits) -> ClientSettings:
    """The settings, with what follows from the credential and the limits. Raises UsageError."""
    s = settings
    counts(1, attempts_max=s.attempts_max, queue_max=s.queue_max, batch_max=s.batch_max)
    counts(0, retries_max=s.retries_max)
    at_least(0, reconnect_first_s=s.reconnect_first_s, reconnect_cap_s=s.reconnect_cap_s)
    at_least(0, retry_first_s=s.retry_first_s, retry_cap_s=s.retry_cap_s)
    of_type(bool, renews=s.renews)
    at_most(wire.ITEMS_MAX, batch_max=s.batch_max)
    follows = {"refreshes": access.refreshes, "batch_bytes_max": limits.body_bytes - wire.HEAD_BYTES}
    return ClientSettings(**asdict(settings) | follows)


async def http_client(base: str) -> httpx2.AsyncClient:
    """An HTTP client; the certificates, which take their time to load, only where they are used."""
    return await anyio.to_thread.run_sync(lambda: httpx2.AsyncClient(verify=base.startswith("https:")))


def hub_url(url: str) -> str:
    """The address, if it is one. Raises UsageError."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError) as error:
        raise UsageError(
            f"{shown(url)!r} is no address: {error}", hint="give one like http://host:8000"
        ) from error
    plain = parsed.scheme in ("http", "https") and parsed.host and not parsed.query and not parsed.fragment
    if not plain or (parsed.port or 0) > 65535:
        raise UsageError(
            f"{shown(url)!r} is not the address of a hub",
            hint="give one like http://host:8000/path, with no query",
        )
    without_user(parsed)
    return str(parsed)
