"""What a credential's rules can ask for: a closed union.

Order within a decision: `Moved` first; a refresh is ended before anybody is told; callers are told in the
order in which they came.
"""

from __future__ import annotations

from typing import TypeAlias

from perdure_model.core.common import Moved, Refused
from perdure_model.core.credential.inputs import Caller, Token
from perdure_model.core.value import value


@value
class RefreshToken:
    """Get another token than this one, which was refused; feed `TokenRefreshed` or `RefreshFailed`.

    Begin once every refresh that was cancelled has ended: that is up to who performs.
    """

    refresh: int
    token: Token


@value
class CancelRefresh:
    """Nobody waits for this refresh any more; what it still brings is of an earlier generation."""

    refresh: int


@value
class UseToken:
    """Tell the caller to go on with this token, which is another than it was refused with."""

    caller: Caller
    token: Token


@value
class GiveUpToken:
    """Tell the caller that there is no other token."""

    caller: Caller


CredentialEffect: TypeAlias = Moved | Refused | RefreshToken | CancelRefresh | UseToken | GiveUpToken
