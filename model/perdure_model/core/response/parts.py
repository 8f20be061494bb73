"""What the state of a call consists of."""

from __future__ import annotations

from dataclasses import dataclass

from perdure_model.core.credential.inputs import Token
from perdure_model.core.rule import Family

CALL = Family("call", ("call",))
SETTINGS = Family("response settings")


@dataclass(frozen=True, slots=True)
class Call:
    """Where the ResponseStream chart stands, the latest attempt and its token, the events held back, and the
    outcome once it has ended."""

    state: str
    token: Token
    attempt: int = 1
    held: tuple[int, ...] = ()
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseSettings:
    """A call's bounds. `prefix_max`: how many events are held back; one more counts as live."""

    prefix_max: int = 1
