"""The hub's addresses: HTTP requests to inputs, decisions to responses. See PROTOCOL.md."""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from os import urandom
from typing import Any, Final, TypeAlias, TypeVar

import anyio
from perdure_model.core.common import START, Attempt, SendKey
from perdure_model.core.server.inputs import (
    CloseRequested,
    EventsDue,
    PostArrived,
    RequestRefused,
    ServerInput,
    StreamRequested,
    StreamStalled,
    SuspendRequested,
    UnwatchRequested,
    WatchRequested,
)
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from perdure import openapi, wire
from perdure.bounds import at_least, at_most, counts, texts
from perdure.cargo import Asked, PostAsked, StreamAsked
from perdure.errors import BadConnectionId, PayloadError, Unauthenticated, UsageError
from perdure.events import sender_of
from perdure.hooks import Hooks
from perdure.identity import new_id
from perdure.outgoing import Outgoing
from perdure.problems import Refusal, problem
from perdure.workers import CLAIMS

Authenticate: TypeAlias = Callable[[Request], Hashable | Awaitable[Hashable]]
Authorize: TypeAlias = Callable[[Hashable, str], bool | Awaitable[bool]]
FeedFunction: TypeAlias = Callable[[ServerInput, Any], None]
BodyT = TypeVar("BodyT", bound=wire.Body)
LOG = logging.getLogger("perdure")
ABOUT: Final = "perdure.about"
CLOSING: Final = {"connection": "close"}
"""With an answer before the body's end: what is still to come of it is not waited for."""
ORIGIN: Final = re.compile(r"\*|null|[A-Za-z][A-Za-z0-9+.-]*://[^/\s]+")
FIRST: Final = "1.1"
"""The attempt of who leaves its id to the server: with the id new each time, any is the first."""


@dataclass(frozen=True)
class HubLimits:
    """What requests keep to, and how much a hub holds for them.

    body_bytes: of a POST. `body_s`: seconds for it to arrive. `items`: of sends in one.
    held_bytes: of the bodies that arrive or wait at a time, for each principal; who is nobody (None) is one.
    sessions: that one connection watches.
    connections: with a stream, for each principal. `anonymous`: of all who are nobody together.
    awaited: connections of each principal that have no stream, in their grace time; who is nobody is not
    counted.
    backlog, backlog_bytes: sends of a session that wait for their handler, and the bytes of the bodies that
    they came in; beyond either a POST waits for its answer.
    event_bytes: of an event that is published, and of a gap with its snapshot; a default client takes up to
    4 MiB, its id counted.
    write_bytes: events are written in pieces of this size.
    """

    body_bytes: int = 4 << 20
    body_s: float = 30.0
    held_bytes: int = 64 << 20
    items: int = wire.ITEMS_MAX
    sessions: int = wire.SESSIONS_MAX
    connections: int = 1000
    anonymous: int = 10_000
    awaited: int = 1000
    backlog: int = 1000
    backlog_bytes: int = 16 << 20
    event_bytes: int = 3 << 20
    write_bytes: int = 1 << 18

    def __post_init__(self) -> None:
        """Raises UsageError for a limit that lets nothing through, or more than the protocol does."""
        counts(1, **{name: value for name, value in asdict(self).items() if name != "body_s"})
        at_least(0.001, body_s=self.body_s)
        at_least(self.body_bytes, held_bytes=self.held_bytes)
        at_most(wire.ITEMS_MAX, items=self.items)
        at_most(wire.SESSIONS_MAX, sessions=self.sessions)


class Routes:
    """What answers the requests of one hub."""

    def __init__(
        self,
        feed: FeedFunction,
        *,
        ended: Callable[[Outgoing], None],
        room: Callable[[str], Awaitable[None]],
        known: Callable[[Hashable], Collection[str]],
        watched: Callable[[str, Attempt], Collection[str]],
        typed: Callable[[Any], Any],
        hooks: Hooks,
        authenticate: Authenticate | None,
        authorize: Authorize | None,
        limits: HubLimits,
        cors_origins: Sequence[str],
        retry_s: float,
        routed: bool,
    ) -> None:
        self._feed, self._ended, self._room = feed, ended, room
        self._hooks, self._authenticate, self._authorize = hooks, authenticate, authorize
        check_origins(cors_origins)
        self._limits, self._cors_origins = limits, cors_origins
        self._routed = routed
        self._retry_after = {"retry-after": str(math.ceil(retry_s))}
        self._known, self._watched, self._typed = known, watched, typed
        self._open: dict[Hashable, Counter[str]] = {}
        self._held: Counter[Hashable] = Counter()
        self.closed = False
        """Whether to turn requests away, so that no stream begins in a hub that is being closed."""

    def app(self, lifespan: Callable[[Any], AbstractAsyncContextManager[None]]) -> Starlette:
        """The ASGI app."""
        gets = [Route("/events", self.events), Route("/openapi.json", self.described)]
        for get in gets:
            get.methods = {"GET"}  # a HEAD would attach a stream that nobody reads
        words = (self.send, self.close, self.suspend, self.watch, self.unwatch)
        app = Starlette(
            routes=[*gets, *(Route(f"/{one.__name__}", one, methods=["POST"]) for one in words)],
            middleware=[cors(self._cors_origins)] if self._cors_origins else [],
            exception_handlers={Refusal: self.refused, HTTPException: answer_http},
            lifespan=lifespan,
        )
        app.router.redirect_slashes = False
        return app

    # -- the addresses -----------------------------------------------------------------------------

    async def events(self, request: Request) -> StreamResponse:
        """GET /events: a stream."""
        principal = await self._principal(request)
        query = request.query_params
        token = request.headers.get("last-event-id") or query.get("cursor", "")
        made = "cid" not in query
        try:
            cid = new_id() if made else wire.connection_id(query["cid"])
            about(request, cid)
            attempt = wire.parse_pair(query.get("attempt", FIRST if made else None))
            sessions = [wire.session_name(name) for name in dict.fromkeys(query.getlist("session"))]
            reached = wire.parse_cursors(token)
        except BadConnectionId as error:
            raise Refusal("bad-connection-id", str(error)) from error
        except UsageError as error:
            raise Refusal("bad-request", str(error)) from error
        about(request, cid, *sessions)
        if not sessions:
            raise Refusal("bad-request", f"Name 1 to {self._limits.sessions} sessions: session=...")
        if len(sessions) > self._limits.sessions:
            raise too_many_sessions(self._limits)
        for session in sessions:
            await self._allow(principal, session)
        cursors = tuple((session, reached.get(session, START)) for session in sessions)
        asked = StreamRequested(cid, attempt, principal, cursors, fresh(), made)
        return StreamResponse(self._feed, self._ended, asked, self._holding)

    @contextmanager
    def _holding(self, i: StreamRequested) -> Iterator[None]:
        """While a stream is open it counts for its principal. Raises Refusal where it is one too many.

        That is looked at when it is attached, with nothing awaited between: many may ask at once.
        """
        self._refuse_if_closed()  # again: since then hooks were awaited, and no stream may outlast the others
        held = self._open.setdefault(i.principal, Counter())
        full = "" if i.cid in held else self._full(i, held)
        if full:
            self._drop(i.principal)
            raise Refusal(full, headers=self._retry_after)
        held[i.cid] += 1
        try:
            yield
        finally:
            held[i.cid] -= 1
            held += Counter()  # drops those that are down to nothing
            self._drop(i.principal)

    def _full(self, i: StreamRequested, held: Counter[str]) -> str:
        """The problem of one connection more; "" while there is room for it."""
        nobody = i.principal is None
        if len(held) >= (self._limits.anonymous if nobody else self._limits.connections):
            return "too-many-connections"
        awaited = set() if nobody else {*self._known(i.principal)} - {i.cid, *held}
        return "too-many-awaited" if len(awaited) >= self._limits.awaited else ""

    def _drop(self, principal: Hashable) -> None:
        if not self._open[principal]:
            del self._open[principal]

    async def described(self, _request: Request) -> Response:
        """GET /openapi.json: the addresses, as data."""
        return JSONResponse(openapi.description())

    async def send(self, request: Request) -> Response:
        """POST /send: sends of one session."""
        principal = await self._principal(request)
        with self._taking(principal) as taken:
            body = await self._body(request, wire.SendBody, taken)
            if len(body.items) > self._limits.items:
                raise too_many_items(self._limits)
            await self._allow(principal, body.session)
            await self._room(body.session)
        keys = tuple(item.key for item in body.items)
        items, unfit = self._fitting(body.items)
        asked = PostAsked(items=items, principal=principal, item_bytes=taken.bytes // len(keys))
        head = (body.cid, body.session, body.attempt, body.epoch, principal)
        self._decide(PostArrived(*head, keys, fresh(), unfit), asked)
        return json_response(wire.receipts_text(asked.verdicts))

    def _fitting(
        self, items: Sequence[wire.SendItem]
    ) -> tuple[dict[SendKey, Any], tuple[tuple[SendKey, str], ...]]:
        """The data as the application takes it, and why it does not take the rest."""
        fit: dict[SendKey, Any] = {}
        unfit: dict[SendKey, str] = {}
        for item in items:
            try:
                fit[item.key] = self._typed(item.data)
            except PayloadError as error:
                unfit[item.key] = f"invalid data: {error.says}"
        return fit, tuple(unfit.items())

    def _taking(self, principal: Hashable) -> Taken:
        """While a body arrives, or waits for its turn, it counts for its principal."""
        return Taken(self._held, principal, self._limits.held_bytes, self._retry_after)

    async def close(self, request: Request) -> Response:
        """POST /close: the client is done."""
        principal = await self._principal(request)
        body = await self._word_body(request, principal, wire.CloseBody)
        return self._word(CloseRequested(body.cid, body.attempt, principal))

    async def suspend(self, request: Request) -> Response:
        """POST /suspend: the client will be away."""
        principal = await self._principal(request)
        body = await self._word_body(request, principal, wire.SuspendBody)
        return self._word(SuspendRequested(body.cid, body.attempt, principal))

    async def watch(self, request: Request) -> Response:
        """POST /watch: one more session on the client's stream."""
        principal = await self._principal(request)
        body = await self._word_body(request, principal, wire.WatchBody)
        await self._allow(principal, body.session)
        if len({*self._watched(body.cid, body.attempt), body.session}) > self._limits.sessions:
            raise too_many_sessions(self._limits)
        cursor = body.cursor.get(body.session, START)
        word = WatchRequested(body.cid, body.session, body.attempt, body.serial, principal, cursor, fresh())
        return self._word(word)

    async def unwatch(self, request: Request) -> Response:
        """POST /unwatch: a session less."""
        principal = await self._principal(request)
        body = await self._word_body(request, principal, wire.UnwatchBody)
        word = UnwatchRequested(body.cid, body.session, body.attempt, body.serial, principal)
        return self._word(word)

    def _word(self, i: ServerInput) -> Response:
        self._decide(i, Asked())
        return Response(status_code=204)

    def _decide(self, i: ServerInput, asked: Asked) -> None:
        """Ask the rules. Raises Refusal where they reject it, or where the hub has been closed meanwhile."""
        self._refuse_if_closed()  # again: since then hooks were awaited, a body, or room for it
        self._feed(i, asked)
        accept(asked)

    async def _word_body(self, request: Request, principal: Hashable, kind: type[BodyT]) -> BodyT:
        with self._taking(principal) as taken:
            return await self._body(request, kind, taken)

    async def refused(self, request: Request, error: Exception) -> Response:
        """The exception handler for Refusal: what no rule has refused is told to the rules, for the trace."""
        assert isinstance(error, Refusal)
        if not error.status:
            self._feed(RequestRefused(request.scope["path"], error.name), None)
        return answer_refusal(request, error)

    # -- who asks, and for what --------------------------------------------------------------------

    async def _principal(self, request: Request) -> Hashable:
        self._refuse_if_closed()
        if not self._routed and not CLAIMS.alone(request.scope.get("server")):
            raise Refusal("several-workers", headers=self._retry_after)
        if self._authenticate is None:
            return None
        try:
            principal: Hashable = await self._hooks.call("authenticate", self._authenticate, request)
            hash(principal)
        except Unauthenticated as error:
            raise Refusal("unauthenticated", error.hint, {"www-authenticate": "Bearer"}) from error
        except Exception as error:
            raise failed("authenticate") from error
        return principal

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise Refusal("shutting-down", headers=self._retry_after)

    async def _allow(self, principal: Hashable, session: str) -> None:
        if self._authorize is None:
            return
        try:
            allowed = await self._hooks.call("authorize", self._authorize, principal, session)
        except Exception as error:
            raise failed("authorize") from error
        if not allowed:
            raise Refusal("not-allowed")

    async def _body(self, request: Request, kind: type[BodyT], taken: Taken) -> BodyT:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise Refusal("unsupported-media-type")
        with anyio.move_on_after(self._limits.body_s):
            body = parsed(await self._bytes(request, taken), kind, self._limits)
            about(request, getattr(body, "cid", ""), *filter(None, [getattr(body, "session", None)]))
            return body
        raise Refusal("body-too-slow", f"Send a body within {self._limits.body_s:g} s.", CLOSING)

    async def _bytes(self, request: Request, taken: Taken) -> bytes:
        """The body; no more of it is kept than the bound, whether or not its length was announced."""
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:18]) > self._limits.body_bytes:
            raise self._too_large()
        body, more = bytearray(), True
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise Refusal("malformed-json", "The body ended before its length.")
            chunk, more = message.get("body", b""), message.get("more_body", False)
            body += chunk
            if len(body) > self._limits.body_bytes:
                raise self._too_large()
            taken.add(len(chunk))
        return bytes(body)

    def _too_large(self) -> Refusal:
        most = f"Send at most {self._limits.body_bytes} bytes: fewer or smaller items at once."
        return Refusal("body-too-large", most)


class Taken:
    """The bytes that one POST has brought, as they count for its principal."""

    def __init__(
        self, held: Counter[Hashable], principal: Hashable, bytes_max: int, retry_after: dict[str, str]
    ) -> None:
        self._held, self._principal, self._bytes_max = held, principal, bytes_max
        self._retry_after = retry_after
        self.bytes = 0

    def __enter__(self) -> Taken:
        return self

    def __exit__(self, *_: object) -> None:
        self._held[self._principal] -= self.bytes
        if not self._held[self._principal]:
            del self._held[self._principal]

    def add(self, count: int) -> None:
        """So many more have come. Raises Refusal where they are too many."""
        self.bytes += count
        self._held[self._principal] += count
        if self._held[self._principal] > self._bytes_max:
            raise Refusal("too-much-at-once", headers=self._retry_after | CLOSING)


class StreamResponse:
    """The ASGI response to a GET: asks for the stream, then writes it until it ends."""

    def __init__(
        self,
        feed: FeedFunction,
        ended: Callable[[Outgoing], None],
        i: StreamRequested,
        holding: Callable[[StreamRequested], AbstractContextManager[None]],
    ) -> None:
        self._feed, self._ended, self._input, self._holding = feed, ended, i, holding

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. Raises Refusal."""
        asked = StreamAsked(principal=self._input.principal, cursors=self._input.cursors)
        with self._holding(self._input):
            self._feed(self._input, asked)
            accept(asked)
            stream = asked.stream
            assert stream is not None, "a request that is not rejected has its stream attached"
            try:
                await stream.run(
                    receive, send, lambda session: self._due(stream, session), lambda: self._stalled(stream)
                )
            finally:
                self._ended(stream)

    def _due(self, stream: Outgoing, session: str) -> None:
        self._feed(EventsDue(stream.cid, session, stream.generation), stream)

    def _stalled(self, stream: Outgoing) -> None:
        self._feed(StreamStalled(stream.cid, stream.generation), None)


def failed(hook: str) -> Refusal:
    """The refusal of a request whose hook has raised: the application's fault, which the log shows whole."""
    LOG.exception("the hook %s failed; its request is answered with 500", hook)
    return Refusal("hook-failed")


def too_many_sessions(limits: HubLimits) -> Refusal:
    """The refusal of one session more."""
    return Refusal("too-many-sessions", f"Watch at most {limits.sessions} sessions a connection.")


def too_many_items(limits: HubLimits) -> Refusal:
    """The refusal of one item more."""
    return Refusal("batch-too-large", f"Send at most {limits.items} items at once.")


def check_origins(origins: Sequence[str]) -> None:
    """Raises UsageError for what is no origin: a path, or a closing slash, would never match."""
    hint = 'give a list of origins like "https://example.org", or ["*"]'
    texts(hint, cors_origins=origins)
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise UsageError(f"{origin!r} is no origin", hint=hint)


def cors(origins: Sequence[str]) -> Middleware:
    """What lets pages of these origins use the hub; credentials only where the origins are named."""
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "cache-control", "content-type", "last-event-id"],
        allow_credentials="*" not in origins,
        expose_headers=["retry-after"],
    )


def parsed(raw: bytes, kind: type[BodyT], limits: HubLimits) -> BodyT:
    """The body as its model. Raises Refusal, which names the first thing that is wrong."""
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "json_invalid":
            raise Refusal("malformed-json", said) from error
        if where == "cid":
            raise Refusal("bad-connection-id", said) from error
        if first["type"] == "too_long":  # of a list, and there is one: its bound is the protocol's
            raise too_many_items(limits) from error
        raise Refusal("bad-request", f"{where}: {said}" if where else said) from error


def accept(asked: Asked) -> None:
    """Raises Refusal where the rules have rejected the request."""
    if asked.reject:
        raise Refusal(asked.reject.problem, status=asked.reject.status)


def about(request: Request, cid: str, *sessions: str) -> None:
    """Remember what the request is about, should it be refused."""
    request.scope[ABOUT] = (cid, sessions)


def answer_refusal(request: Request, error: Refusal) -> Response:
    """Log a refusal, with what is nobody's secret, and answer with its problem."""
    cid, sessions = request.scope.get(ABOUT, ("", ()))
    LOG.info(
        "%s %s is refused: %s (connection %s, session %s)",
        request.method,
        request.scope["path"],
        error.name,
        sender_of(cid) if cid else "unknown",
        ", ".join(map(repr, sessions[:3])) or "unknown",
    )
    return problem(error.name, error.detail, status=error.status, headers=error.headers)


def json_response(body: bytes) -> Response:
    """JSON as a response that no cache keeps."""
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


async def answer_http(_request: Request, error: Exception) -> Response:
    """The exception handler for what the router refuses."""
    assert isinstance(error, HTTPException)
    name = "method-not-allowed" if error.status_code == 405 else "not-found"
    return problem(name, headers=dict(error.headers or {}))


def fresh() -> str:
    """An id that nothing had before."""
    return urandom(16).hex()
