"""System R: a response stream whose credential may turn out to be dead, as one clean stream.

All decisions are the rules'. This file reads the attempts' streams, feeds what they bring, and performs. All
reading is done in the consumer's own task: cancelling it cancels the stream, and nothing is left behind.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias, TypeVar, assert_never, get_args

import anyio
from perdure_model.core.common import Moved, Refused
from perdure_model.core.credential.inputs import Token
from perdure_model.core.response import RESPONSE
from perdure_model.core.response.effects import (
    Discard,
    EndAttempt,
    FinishCall,
    HandOver,
    LeaveToken,
    OpenAttempt,
    RejectToken,
    ResponseEffect,
    SurfaceError,
)
from perdure_model.core.response.inputs import (
    AttemptFailed,
    AttemptFinished,
    CallCancelled,
    CallStarted,
    LiveArrived,
    PrefixArrived,
    ResponseInput,
    TokenBrought,
    TokenDenied,
)
from perdure_model.core.response.parts import CALL, SETTINGS, Call, ResponseSettings
from perdure_model.core.rule import Book

from perdure.bounds import functions, needed, of_type
from perdure.credentials import Credential
from perdure.errors import UsageError
from perdure.feed import Feed
from perdure.trace import Recorder, Sink
from perdure.upstream import OpenResponse, Upstream

LOG = logging.getLogger("perdure")
E = TypeVar("E")
Kind: TypeAlias = Literal["prefix", "live", "auth_error", "error"]
KINDS: Final = get_args(Kind)
Classify: TypeAlias = Callable[[Any], Kind]
"""Tells the kind of an event, or of an exception: `prefix` proves nothing, such as a start made before the
request; `live` proves the stream alive; `auth_error` and `error` end it, whether emitted or raised."""


def kind_of_error(error: BaseException) -> Kind:
    """The kind of an exception by the HTTP status that it carries: 401 is an authentication error.

    The status is its `status_code` or `status`, or its response's, as in the HTTP clients and the SDKs.
    """
    for bearer in (error, getattr(error, "response", None)):
        for name in ("status_code", "status"):
            if getattr(bearer, name, None) == 401:
                return "auth_error"
    return "error"


@dataclass(frozen=True)
class Raised:
    """An error that the stream raised, to be raised to the consumer as it is."""

    error: Exception


class Refreshing(AsyncIterator[E]):
    """The events of a call as its consumer sees them; made by `refreshing`.

    Iterate it once, in one task. It is closed at its end, where iterating raises, and by `async with` or
    `aclose`: use one of these if you may stop before the end.
    """

    def __init__(
        self,
        open_response: OpenResponse[E],
        credential: Credential,
        *,
        classify: Classify,
        prefix_max: int,
        trace: Sink | None,
        book: Book,
    ) -> None:
        self._open_response, self._credential, self._classify = open_response, credential, classify
        self._name = credential.caller()
        settings = ResponseSettings(prefix_max)
        recorder = Recorder("response", trace, settings=settings) if trace is not None else None
        self._feed: Feed[ResponseInput, ResponseEffect] = Feed(
            book, self._perform, {SETTINGS: settings}, recorder
        )
        self._reading: tuple[int, Upstream[E]] | None = None
        self._closing: list[Upstream[E]] = []
        self._count = 0
        self._kept: dict[int, E] = {}
        self._errors: dict[int, E | Raised] = {}
        self._out: deque[E | Raised] = deque()
        self._answered = anyio.Event()
        self._begun = self._over = False
        self._alone = anyio.ResourceGuard("iterating")

    # -- for the application -----------------------------------------------------------------------

    @property
    def outcome(self) -> str | None:
        """None while the call runs; then completed, failed or cancelled."""
        call: Call | None = self._feed.part(CALL, self._name)
        return call.outcome if call else None

    @property
    def attempts(self) -> int:
        """How often the response was asked for so far: at most twice."""
        call: Call | None = self._feed.part(CALL, self._name)
        return call.attempt if call else 0

    def __aiter__(self) -> Refreshing[E]:
        return self

    async def __anext__(self) -> E:
        with self._alone:
            self._begin()
            try:
                while not self._out and not self._over:
                    await self._step()
            except BaseException:
                await self._cancel()
                raise
            if not self._out:
                raise StopAsyncIteration
            item = self._out.popleft()
        if isinstance(item, Raised):
            raise item.error
        return item

    async def aclose(self) -> None:
        """Be done with the call: its stream is closed, a refresh that nobody else waits for cancelled."""
        with self._alone:
            self._begin()
            self._out.clear()
            await self._cancel()

    async def __aenter__(self) -> Refreshing[E]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- reading -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._feed(CallStarted(self._name, self._credential.handle))

    async def _step(self) -> None:
        """Wait for one thing, feed it, and close what that ended."""
        if self._reading is None:
            await self._answered.wait()
            return
        self._feed(await self._read(*self._reading))
        await self._close()

    async def _read(self, attempt: int, upstream: Upstream[E]) -> ResponseInput:
        """What the attempt brings next; payloads and errors are kept for what the rules make of it."""
        try:
            event = await upstream.next()
        except StopAsyncIteration:
            return AttemptFinished(self._name, attempt)
        except Exception as error:
            kind = self._kind(error, "auth_error", "error")
            self._errors[attempt] = Raised(error)
            return AttemptFailed(self._name, attempt, kind == "auth_error", raised=True)
        return self._arrived(attempt, event, self._kind(event, *KINDS))

    def _arrived(self, attempt: int, event: E, kind: Kind) -> ResponseInput:
        if kind in ("auth_error", "error"):
            self._errors[attempt] = event
            return AttemptFailed(self._name, attempt, kind == "auth_error")
        self._count += 1
        self._kept[self._count] = event
        brings = PrefixArrived if kind == "prefix" else LiveArrived
        return brings(self._name, attempt, self._count)

    def _kind(self, item: E | Exception, *allowed: Kind) -> Kind:
        kind = self._classify(item)
        if kind not in allowed:
            raise UsageError(
                f"classify said {kind!r} of {type(item).__name__}", hint=f"return one of {', '.join(allowed)}"
            )
        return kind

    # -- ending ------------------------------------------------------------------------------------

    async def _cancel(self) -> None:
        """The consumer leaves: what that ends is waited for, whatever else is cancelled."""
        self._feed(CallCancelled(self._name))
        self._end()
        with anyio.CancelScope(shield=True):
            await self._close()
            await self._credential.quiet()

    async def _close(self) -> None:
        while self._closing:
            upstream = self._closing.pop()
            try:
                await upstream.close()
            except Exception:
                LOG.exception("closing a response's stream failed; the call goes on")

    # -- performing --------------------------------------------------------------------------------

    def _perform(self, effect: ResponseEffect, _cargo: Any) -> None:  # noqa: C901 - one exhaustive match
        match effect:
            case Moved() | Refused():
                pass  # for the trace, and for `outcome`, which reads the parts
            case OpenAttempt():
                token = self._credential.text(effect.token)
                self._reading = effect.attempt, Upstream(self._open_response, token)
            case EndAttempt():
                self._stop_reading()
            case HandOver():
                self._out.extend(self._kept.pop(event) for event in effect.events)
            case Discard():
                for event in effect.events:
                    del self._kept[event]
            case SurfaceError():
                self._out.append(self._errors[effect.attempt])
                self._end()
            case FinishCall():
                self._stop_reading()
                self._end()
            case RejectToken():
                self._answered = anyio.Event()
                self._credential.reject(self._name, effect.token, self._told)
            case LeaveToken():
                self._credential.leave(self._name)
            case _:
                assert_never(effect)

    def _end(self) -> None:
        self._over = True
        self._errors.clear()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._closing.append(self._reading[1])
            self._reading = None

    def _told(self, token: Token | None) -> None:
        self._feed(TokenDenied(self._name) if token is None else TokenBrought(self._name, token))
        self._answered.set()


def refreshing(
    open_response: OpenResponse[E],
    credential: Credential,
    *,
    classify: Classify,
    prefix_max: int = 1,
    trace: Sink | None = None,
    book: Book = RESPONSE,
) -> Refreshing[E]:
    """The events of a streaming call; if its token turns out to be dead, of a second one with a fresh token.

    The consumer sees one clean stream. Events that prove nothing (`prefix`) are held back until the stream is
    proven alive. A first attempt that fails authentication before that is forgotten, the credential refreshed
    once, for all calls that share it, and the response asked for again. Where there is no other token, or the
    second attempt fails authentication too, the first attempt's error comes through as it was: yielded if it
    was an event, raised if it was raised. Every other error passes through behind what was held. After live
    events nothing is started again.

    open_response: makes the request with the token that it is given; see `OpenResponse`.
    classify: tells the kind of an event, or of an exception that the stream raised; `kind_of_error` knows the
        usual exceptions.
    prefix_max: how many prefix events are held; one more counts as live.
    trace: called with a record of each decision. book: the rules; for tests that plant a defect.

    Raises UsageError where `prefix_max` is none, and, while iterating, where `classify` gives something else
    than a kind. What `classify` or the stream raises comes through as it is.
    """
    bound: object = prefix_max
    if not isinstance(bound, int) or isinstance(bound, bool) or bound < 0:
        raise UsageError(f"prefix_max={prefix_max!r}", hint="give the number of events to hold, 0 or more")
    if not isinstance(credential, Credential):  # which is not shown: it may be the token itself
        raise UsageError(f"{type(credential).__name__} is no credential", hint="give a perdure.Credential")
    of_type(Book, book=book)
    needed("token", waits=True, open_response=open_response)
    needed("event", classify=classify)
    functions("record", trace=trace)
    return Refreshing(
        open_response, credential, classify=classify, prefix_max=prefix_max, trace=trace, book=book
    )
