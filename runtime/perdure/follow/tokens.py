"""The tokens of a followed session: which one a request carries, and another where it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeAlias

from perdure_model.core.follow.inputs import CredentialGiven, FollowInput, SubmitCredentialGiven

from perdure.credentials import Credential, token_text
from perdure.errors import NoCredential
from perdure.remote import Token

Given: TypeAlias = Credential | str | Callable[[], str | Awaitable[str]] | None
"""What the application gives: a credential, a token, a function that returns one, or nothing."""


class Tokens:
    """The tokens of one session. `feed` is called with what came of asking for another."""

    def __init__(self, credential: Given, feed: Callable[[FollowInput], None]) -> None:
        self._credential, self._feed = credential, feed
        self._used: dict[str, int] = {}
        self._callers: dict[str, int] = {}

    async def token(self, kind: str) -> Token:
        """The token to use; which one it was is remembered, for a refusal. Raises NoCredential."""
        credential = self._credential
        if isinstance(credential, Credential):
            self._used[kind] = credential.handle
            return credential.token
        try:
            token = credential() if callable(credential) else credential
            token = await token if isawaitable(token) else token
            return None if token is None else token_text(token)
        except Exception as error:
            raise NoCredential(f"the credential function failed: {error!r}") from error

    def ask(self, answer: CredentialGiven | SubmitCredentialGiven) -> None:
        """Ask for another credential in place of the refused one; the rules are told what came of it."""
        assert isinstance(self._credential, Credential)
        kind = kind_of(answer)
        caller = self._callers[kind] = self._credential.caller()

        def told(token: object) -> None:
            self._feed(given(answer, token is not None))

        self._credential.reject(caller, self._used[kind], told)

    def leave(self, answer: CredentialGiven | SubmitCredentialGiven) -> None:
        """Do not wait for the credential any more."""
        assert isinstance(self._credential, Credential)
        self._credential.leave(self._callers[kind_of(answer)])


def kind_of(answer: CredentialGiven | SubmitCredentialGiven) -> str:
    """For which kind of request a credential was asked."""
    return "stream" if isinstance(answer, CredentialGiven) else "submit"


def given(answer: CredentialGiven | SubmitCredentialGiven, is_given: bool) -> FollowInput:
    """The answer, and whether there is a credential."""
    if isinstance(answer, CredentialGiven):
        return CredentialGiven(answer.attempt, is_given)
    return SubmitCredentialGiven(answer.submit, is_given)
