"""The client's credential, whatever form the application gives it in: the rules see handles, never texts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Hashable
from inspect import isawaitable
from typing import Final, Protocol, TypeAlias, TypeVar

from perdure.bounds import needed
from perdure.credentials import Credential, token_text
from perdure.errors import NoCredential, UsageError

LOG = logging.getLogger("perdure")
T = TypeVar("T")
TEXTS_KEPT: Final = 8
Told: TypeAlias = Callable[[Hashable | None], None]
"""Hears of the handle to go on with; None: there is no other than the one refused."""
Spawn: TypeAlias = Callable[..., object]
Function: TypeAlias = Callable[[], str | Awaitable[str | None] | None]
CredentialLike: TypeAlias = str | Function | Credential | None
"""A bearer token; a function (async or not) that gives one, asked again when it is refused; a `Credential`
that many share; or none."""


class Access(Protocol):
    """What the client needs of a credential. `refreshes`: another one can be asked for."""

    refreshes: bool

    @property
    def handle(self) -> Hashable:
        """The one in use."""

    async def text(self, handle: Hashable) -> str | None:
        """The token that a handle, given lately, stands for. Raises NoCredential."""

    def ask(self, handle: Hashable, told: Told) -> None:
        """Ask for another than this one. `told` is called once, perhaps at once, unless the client leaves."""

    def leave(self) -> None:
        """Wait for no answer any more."""


class Fixed:
    """A text, or none: there is no other."""

    refreshes = False

    def __init__(self, text: str | None) -> None:
        self._text = text
        self.handle: Hashable = None if text is None else 1

    async def text(self, _handle: Hashable) -> str | None:
        """The text."""
        return self._text

    def ask(self, _handle: Hashable, told: Told) -> None:
        """There is no other."""
        told(None)

    def leave(self) -> None:
        """Nothing waits."""


class FromFunction:
    """What a function gives: asked when it is first needed, and again once that is refused."""

    refreshes = True

    def __init__(self, function: Function, spawn: Spawn) -> None:
        self._function, self._spawn = function, spawn
        self._texts: dict[Hashable, str | None] = {}
        self._count = 1

    @property
    def handle(self) -> Hashable:
        """The count of the texts that were in use."""
        return self._count

    async def text(self, handle: Hashable) -> str | None:
        """What the function gave for this handle; asked now, if it was not. Raises NoCredential."""
        if handle not in self._texts:
            self._texts.setdefault(handle, await self._fetch())
        return self._texts[handle]

    def ask(self, handle: Hashable, told: Told) -> None:
        """Ask the function again."""
        self._spawn(self._again, handle, told)

    def leave(self) -> None:
        """The task that asks ends with the client's tasks."""

    async def _again(self, handle: Hashable, told: Told) -> None:
        try:
            text = await self._fetch()
        except NoCredential as error:
            LOG.warning("there is no other credential: %s", error)
            told(None)
            return
        if text == self._texts.get(handle):  # the rules know handles, not texts: the same one is no other
            told(None)
            return
        self._count += 1
        self._texts = {**lately(self._texts), self._count: text}
        told(self._count)

    async def _fetch(self) -> str | None:
        try:
            text = self._function()
            text = await text if isawaitable(text) else text
            return None if text is None else token_text(text)
        except Exception as error:
            raise NoCredential(f"the credential function failed: {error!r}") from error


class Shared:
    """A `Credential` that others use, too."""

    refreshes = True

    def __init__(self, credential: Credential) -> None:
        self._credential, self._caller = credential, credential.caller()
        self.handle: Hashable = credential.handle
        self._texts: dict[Hashable, str] = {self.handle: credential.token}

    async def text(self, handle: Hashable) -> str | None:
        """The token, as it was when its handle was given."""
        return self._texts[handle]

    def ask(self, handle: Hashable, told: Told) -> None:
        """Report it as refused, to get another."""
        self._credential.reject(self._caller, handle, lambda other: self._go_on(other, told))  # type: ignore[arg-type]

    def leave(self) -> None:
        """Wait for no refresh any more."""
        self._credential.leave(self._caller)

    def _go_on(self, handle: Hashable | None, told: Told) -> None:
        if handle is not None:
            self.handle = handle
            self._texts = {**lately(self._texts), handle: self._credential.text(handle)}  # type: ignore[arg-type]
        told(handle)


def lately(texts: dict[Hashable, T]) -> dict[Hashable, T]:
    """The latest of them: what a request that is about to begin may still go out with."""
    return dict(list(texts.items())[-TEXTS_KEPT:])


def access_to(credential: CredentialLike, spawn: Spawn) -> Access:
    """The way to this credential; `spawn(function, *args)` starts a task. Raises UsageError, BadToken."""
    if isinstance(credential, Credential):
        return Shared(credential)
    if credential is None or isinstance(credential, str):
        return Fixed(None if credential is None else token_text(credential))
    if callable(credential):
        needed(waits=True, credential=credential)
        return FromFunction(credential, spawn)
    raise UsageError(
        f"{type(credential).__name__} is no credential",
        hint="give a token as a str, a function that returns one, or a perdure.Credential",
    )
