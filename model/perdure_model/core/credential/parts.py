"""What the state of a credential consists of."""

from __future__ import annotations

from perdure_model.core.credential.inputs import Token
from perdure_model.core.rule import Family
from perdure_model.core.value import value

TOKEN = Family("credential")
WAITER = Family("waiter", ("caller",))


@value
class SharedToken:
    """Where the Credential chart stands, the token in use, and the count of the refreshes so far, which is
    the generation of the latest."""

    state: str
    token: Token
    refresh: int = 0


@value
class Waiter:
    """A caller that waits for the refresh, and the token that it was refused with."""

    token: Token
