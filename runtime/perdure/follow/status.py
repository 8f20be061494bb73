"""How a followed session stands, and what is told of its streams."""

from __future__ import annotations

from dataclasses import dataclass

from perdure.errors import PerdureError, StreamError


@dataclass(frozen=True)
class FollowStatus:
    """How a followed session stands.

    state: connecting, awaiting (nothing is missing), reconnecting, terminal.
    failures: attempts lost since the last progress. `next_try_s`: seconds from the beginning of the wait to
    the next attempt, while one is waited for. `submitting`: what was submitted has not become a state yet.
    error: the latest failure that cost an attempt or the session, until nothing is missing again.
    """

    state: str
    outcome: str | None
    failures: int
    next_try_s: float | None
    submitting: bool
    error: PerdureError | None


@dataclass(frozen=True)
class Closed:
    """A stream request has ended: by itself (`error` says how), or because it was not wanted any more."""

    attempt: int
    error: StreamError | None
