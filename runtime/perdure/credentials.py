"""A credential that many share: calls, sessions, clients of one program.

The rules decide who waits, what is refreshed and what that refresh is good for. This file performs: it keeps
the tokens' texts, of which the rules see handles only, and runs the one refresh.
"""

from __future__ import annotations

import inspect
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final, TypeAlias, assert_never

import anyio
import anyio.lowlevel
from perdure_model.core.common import Moved, Refused
from perdure_model.core.credential import CREDENTIAL
from perdure_model.core.credential.effects import (
    CancelRefresh,
    CredentialEffect,
    GiveUpToken,
    RefreshToken,
    UseToken,
)
from perdure_model.core.credential.inputs import (
    CallerLeft,
    CredentialInput,
    RefreshFailed,
    Token,
    TokenRefreshed,
    TokenRejected,
    TokenReplaced,
)
from perdure_model.core.credential.parts import TOKEN, SharedToken
from perdure_model.core.rule import Book

from perdure.bounds import at_least, functions, needed, of_type
from perdure.errors import BadToken, UsageError
from perdure.feed import Feed
from perdure.tasks import Background
from perdure.trace import Recorder, Sink

LOG = logging.getLogger("perdure")
Refresh: TypeAlias = Callable[[], str | Awaitable[str]]
"""Gets a new token, from wherever the application gets its tokens."""
Told: TypeAlias = Callable[[Token | None], None]
"""Hears of the token to go on with; None: there is no other than the one refused."""
TOKENS_KEPT: Final = 64


def token_text(value: object) -> str:
    """The value, if a header can carry it as a token. Raises BadToken; the text itself is never shown."""
    if not isinstance(value, str) or not value:
        what = "an empty str" if value == "" else f"{type(value).__name__}"
        raise BadToken(f"a token must be a str with something in it, not {what}")
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise BadToken(
            "a token must be printable ASCII without spaces around it",
            hint="a file's line end may have come along: strip it",
        )
    return value


class Texts:
    """The handles of the latest tokens: one for each distinct text, in the order in which they were seen."""

    def __init__(self) -> None:
        self._handles: OrderedDict[str, Token] = OrderedDict()
        self._next = count(1)

    def handle(self, text: object) -> Token:
        """The handle of this text. Raises BadToken where it is none; the text itself is never shown."""
        token = token_text(text)
        if token not in self._handles:
            self._handles[token] = next(self._next)
        self._handles.move_to_end(token)
        if len(self._handles) > TOKENS_KEPT:
            self._handles.popitem(last=False)
        return self._handles[token]

    def text(self, handle: Token) -> str:
        """The text of a handle that is kept still; the token in use always is."""
        return next(text for text, known in reversed(self._handles.items()) if known == handle)


class Running:
    """A refresh under way: how to cancel it, and whether it has ended."""

    def __init__(self) -> None:
        self.scope, self.ended = anyio.CancelScope(), anyio.Event()


class Credential:
    """A token, and how to get another one when it is refused; share it among all that use the token.

    However many are refused, one refresh runs; who was refused with a token that has been replaced meanwhile
    goes on with the new one. A token is refreshed once: if that fails, or brings the same token, then those
    who wait get their original error, as do all later ones, until `replace` gives another token.

    Use it in one event loop at a time. Its texts appear in no trace, log or repr.
    """

    def __init__(
        self,
        token: str,
        refresh: Refresh,
        *,
        timeout_s: float = 30.0,
        trace: Sink | None = None,
        book: Book = CREDENTIAL,
    ) -> None:
        """Begin with this token.

        refresh: called without arguments, gives the new token; plain or async. It is cancelled where nobody
            waits for it any more. It runs in a task of its own, in no caller's context.
        timeout_s: seconds after which a refresh counts as failed.
        trace: called with a record of each decision. book: the rules; for tests that plant a defect.

        Raises BadToken where the token is none, and UsageError for anything else that cannot be.
        """
        if not callable(refresh):
            raise UsageError(
                f"refresh={type(refresh).__name__} cannot be called", hint="give a function that gets a token"
            )
        if timeout_s != math.inf:
            at_least(0.001, timeout_s=timeout_s)
        of_type(Book, book=book)
        needed(waits=True, refresh=refresh)
        functions("record", trace=trace)
        self._refresh, self._timeout_s = refresh, timeout_s
        self._texts, self._names = Texts(), count(1)
        self._callers: dict[Any, Told] = {}
        self._tasks = Background()
        self._running: dict[int, Running] = {}
        self.error: Exception | None = None
        """Why the latest refresh failed; None if it did not."""
        recorder = Recorder("credential", trace) if trace is not None else None
        self._feed: Feed[CredentialInput, CredentialEffect] = Feed(book, self._perform, {}, recorder)
        self.replace(token)

    def __repr__(self) -> str:
        return f"<Credential {self.state}>"

    @property
    def state(self) -> str:
        """Usable, refreshing, or refused: the refresh was in vain, and only `replace` helps."""
        return self._shared.state

    @property
    def token(self) -> str:
        """The token in use."""
        return self._texts.text(self._shared.token)

    @property
    def _shared(self) -> SharedToken:
        shared: SharedToken = self._feed.part(TOKEN)
        return shared

    def replace(self, token: str) -> None:
        """Use this token from now on; those who wait for a refresh go on with it. Raises BadToken."""
        self._feed(TokenReplaced(self._texts.handle(token)))

    # -- for those who share it --------------------------------------------------------------------

    @property
    def handle(self) -> Token:
        """The handle of the token in use: what the rules know of it."""
        return self._shared.token

    def text(self, handle: Token) -> str:
        """The token that this handle, given lately, stands for."""
        return self._texts.text(handle)

    def caller(self) -> int:
        """A name for one more that shares the credential."""
        return next(self._names)

    def reject(self, caller: int, token: Token, told: Told) -> None:
        """Report this token as refused. `told` is called once, perhaps at once, unless the caller leaves."""
        self._callers[caller] = told
        self._feed(TokenRejected(caller, token))

    def leave(self, caller: int) -> None:
        """Wait no longer; harmless for who does not wait."""
        self._callers.pop(caller, None)
        self._feed(CallerLeft(caller))

    async def quiet(self) -> None:
        """Wait until the refreshes that were cancelled have ended."""
        for running in list(self._running.values()):
            if running.scope.cancel_called:
                await running.ended.wait()

    # -- performing --------------------------------------------------------------------------------

    def _perform(self, effect: CredentialEffect, _cargo: Any) -> None:
        match effect:
            case Moved() | Refused():
                pass  # for the trace
            case RefreshToken():
                running = self._running[effect.refresh] = Running()
                self._tasks.spawn(self._run, effect.refresh, running)
            case CancelRefresh():
                self._cancel(effect)
            case UseToken():
                self._tell(effect.caller, effect.token)
            case GiveUpToken():
                self._tell(effect.caller, None)
            case _:
                assert_never(effect)

    def _cancel(self, effect: CancelRefresh) -> None:
        running = self._running.get(effect.refresh)
        if running is not None:  # where all is cancelled at once, the refresh's task may be gone already
            running.scope.cancel()

    def _tell(self, caller: Any, token: Token | None) -> None:
        told = self._callers.pop(caller, None)
        if told is not None:  # who was told before may, at that, have ended what this one waited for
            told(token)

    async def _run(self, refresh: int, running: Running) -> None:
        """One refresh, of whose end the rules are told once."""
        try:
            with running.scope:
                i = await self._refreshed(refresh)
                self._feed(i)
        finally:
            del self._running[refresh]
            running.ended.set()

    async def _refreshed(self, refresh: int) -> TokenRefreshed | RefreshFailed:
        try:
            token = self._texts.handle(await self._fetch())
        except Exception as error:
            self.error = error
            LOG.warning("the credential could not be refreshed: %r", error)
            return RefreshFailed(refresh)
        self.error = None
        return TokenRefreshed(refresh, token)

    async def _fetch(self) -> object:
        """What the application's function gives, in time. Raises what it raises, and TimeoutError."""
        await anyio.lowlevel.checkpoint_if_cancelled()
        with anyio.move_on_after(self._timeout_s):
            await self.quiet()  # one that was cancelled may take its time to end: never two at once
            text = self._refresh()
            return await text if inspect.isawaitable(text) else text
        raise TimeoutError(f"no token within {self._timeout_s} s")
