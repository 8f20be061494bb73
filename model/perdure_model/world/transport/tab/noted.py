"""What is noted of a client beside its parts: how it is, its ids, and what the wires tell of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from perdure_model.core.common import NEVER, Attempt, Epoch

LIVE, AWAY, DEAD = "live", "away", "dead"
BACK = "back"
"""A client that was away, by the server's word, and has come back; the server does not know yet."""
OWN, NEW = "own", "new"
"""Handles of ids, as the client holds them: the one that it begins with, and the one that nobody has."""


class Note(NamedTuple):
    """What a client has written down of a send that is not settled: where it may have been taken."""

    epoch: Epoch | None = None


MANY = 8
"""More POSTs of a send than any bound allows: beyond it they are not counted."""


class Answers(NamedTuple):
    """What became of a send's POSTs, told by the wires alone: how often it was posted, how often its
    credential was refused, the latest answer and under which epoch, whether any has failed otherwise than by
    its credential, whether one may have been taken, and whether the server asked for a wait that still runs.

    `told`: whether the session's end brought the receipt of one that was taken. `wrong` says what a POST of
    it did that none may: go out too early, or under another id than welcomed.
    """

    latest: int | None = None
    failed: bool = False
    posted: int = 0
    denied: int = 0
    doubt: bool = False
    epoch: Epoch | None = None
    asked: bool = False
    told: bool = False
    wrong: str = ""

    def then(self, status: int, epoch: Epoch, *, left: bool = True) -> Answers:
        """With one more answer."""
        return self._replace(
            latest=status,
            failed=self.failed or status not in (200, 401),
            denied=self.denied + (status == 401),
            doubt=self.doubt or (status == 0 and left) or status in (408, 409) or status >= 500,
            epoch=epoch,
            asked=self.asked or status == 429,
        )

    def again(self, *, welcomed: bool) -> Answers:
        """Posted once more."""
        wrong = "hasty" if self.asked else self.wrong if welcomed else "stray"
        return self._replace(posted=min(self.posted + 1, MANY), wrong=wrong)


class Parting(NamedTuple):
    """What a client said last of leaving, as the wires tell it: whether that was not taken, and whether its
    application knows."""

    word: str = ""
    attempt: Attempt = NEVER
    said_no: bool = False
    told: bool = False


class Refresh(NamedTuple):
    """What a client asked for in place of its credential: of which one it asks now, how often it did; the
    credentials that the server had taken, as the wires tell it; whether it asked in place of another; and
    whether it was told that there is none."""

    of: Any = None
    times: int = 0
    taken: frozenset[Any] = frozenset({0})
    vain: bool = False
    none: bool = False


def taking(refresh: tuple[Refresh, ...], token: Any) -> tuple[Refresh, ...]:
    """With this credential among those that the server has taken."""
    return tuple(one._replace(taken=one.taken | {token}) for one in refresh)
