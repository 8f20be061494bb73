"""What a credential can be told: a closed union."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from perdure_model.core.value import value

Token: TypeAlias = int
"""A handle: equal for equal token texts, different for different ones."""
Caller: TypeAlias = Hashable
"""Whoever uses the token."""


@value
class TokenReplaced:
    """The application gives a token: the first one, or another."""

    token: Token


@value
class TokenRejected:
    """A caller was refused with this token, and wants another. It is answered once, unless it leaves."""

    caller: Caller
    token: Token


@value
class CallerLeft:
    """A caller does not want a token any more."""

    caller: Caller


@value
class TokenRefreshed:
    """The refresh of this generation brought a token."""

    refresh: int
    token: Token


@value
class RefreshFailed:
    """The refresh of this generation brought none."""

    refresh: int


CredentialInput: TypeAlias = TokenReplaced | TokenRejected | CallerLeft | TokenRefreshed | RefreshFailed
