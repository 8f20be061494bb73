"""What the state of a call consists of."""

from __future__ import annotations

from perdure_model.core.credential.inputs import Token
from perdure_model.core.rule import Family
from perdure_model.core.value import value

CALL = Family("call", ("call",))
SETTINGS = Family("response settings")


@value
class Call:
    """Where the ResponseStream chart stands, the latest attempt and its token, the events held back, and the
    outcome once it has ended."""

    state: str
    token: Token
    attempt: int = 1
    held: tuple[int, ...] = ()
    outcome: str | None = None


@value
class ResponseSettings:
    """A call's bounds. `prefix_max`: how many events are held back; one more counts as live."""

    prefix_max: int = 1
