"""Defects of what the server takes, and what the client knows of it: receipts and doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import outbox
from perdure_model.core.common import NEVER
from perdure_model.core.rule import Decide, Decision
from perdure_model.core.server import sends
from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
defect = DEFECTS.enter
UNKNOWN = 409
BEYOND = 10**9
"""More sends than any life makes."""


def _all_drops(outcome: str) -> Decide:
    def variant(i: Any, *more: Any) -> Decision:
        parts, effects = outbox.on_post_replied(i, *more)
        dropped = ("failed", "uncertain")
        told = (
            replace(effect, outcome=outcome) if getattr(effect, "outcome", "") in dropped else effect
            for effect in effects
        )
        return parts, tuple(told)

    return variant


def _forgets_receipts(i: Any, _window: Any, *more: Any) -> Decision:
    return sends.on_post_arrived(i, None, *more)


def _surely_not_taken(i: Any, box: Any, items: Any, *more: Any) -> Decision:
    """A POST that is answered with 409 was not taken, and is posted again under another epoch.

    Of a POST that something on the way repeats, one copy is taken, and the other one comes after the server
    has forgotten the connection. Its 409 is the answer that the client hears; the next attempt is a second
    effect. Cured by leaving such a send in doubt: posted again only where the receipts are still known.
    """
    if i.status != UNKNOWN:
        return outbox.on_post_replied(i, box, items, *more)
    before = {key: item.doubt for key, item in items.items()}
    (box, after, *rest), effects = outbox.on_post_replied(i, box, items, *more)
    return (box, {key: replace(item, doubt=before[key]) for key, item in after.items()}, *rest), effects


def one_floor(i: Any, window: Any, *more: Any) -> Decision:
    """Everything below the first key of a POST counts as settled, whichever life of the client it is of.

    A client is killed with a send that it never posted, a copy of it sends, and it returns: what it had left
    is below the copy's floor: "duplicate", so it is reported as delivered, and nobody ever handled it. Cured
    by a floor for each life.
    """
    latest = max(window.floors, default=NEVER)[0] if window else 0
    below = {life: BEYOND for life, _ in i.keys if life < latest}
    if below:
        window = replace(window, floors=tuple(sorted({**dict(window.floors), **below}.items())))
    return sends.on_post_arrived(i, window, *more)


def _any_life_posts(i: Any, window: Any, owners: Any, log: Any, held: Any) -> Decision:
    """A POST is taken by its epoch alone, whatever life of the client made it.

    Two copies of one client share the connection, its epoch and its receipts. The winner's POST raises the
    floor below which all keys count as settled; the loser's, still under way, is below it: "duplicate", so
    it is reported as delivered, and nobody ever handled it. Cured by letting a POST carry the attempt that it
    was welcomed under, and by rejecting those of an earlier life; and by a floor for each life.
    """
    now = replace(i, attempt=held.generation) if held else i
    return one_floor(now, window, owners, log, held)


def _takes_any_data(i: Any, *more: Any) -> Decision:
    """Typed data is looked at when it is handled.

    The sender has its receipt by then; that its data was no good is an event of the session, which it may
    not watch. Cured by looking at it when it is posted, and by refusing that send alone.
    """
    return sends.on_post_arrived(replace(i, unfit=()), *more)


def _abandons_what_it_has_receipts_for(i: Any, *more: Any) -> Decision:
    """The end of a session ends its sends; what is in flight is uncertain.

    A handler that ends the session at once is told of by the stream, before the answer to the POST: the
    client hears of the end, and calls the very send uncertain that brought it about. Cured by writing the
    receipts with the end.
    """
    return outbox.on_abandon(replace(i, verdicts=()), *more)


defect(
    "T23c",
    "every drop is called uncertain",
    "P-UNCERTAIN",
    "T answers",
    on_post_replied=_all_drops("uncertain"),
)
defect("T23", "receipts are not looked up", "P-EFFECT-ONCE", on_post_arrived=_forgets_receipts)
defect(
    "T23b",
    "a send that is dropped after an attempt whose answer was lost is reported as failed",
    "P-UNCERTAIN",
    where="T losses",
    on_post_replied=_all_drops("failed"),
)
defect(
    "N44",
    "data that the application cannot take is accepted, and fails where nobody who sent it looks",
    "P-CLASS",
    where="T unfit",
    on_post_arrived=_takes_any_data,
)
defect(
    "N43",
    "a send that ended its session is called uncertain, since the end comes before the answer",
    "P-UNCERTAIN",
    where="T ends",
    on_abandon=_abandons_what_it_has_receipts_for,
)
defect(
    "N04",
    "of two copied clients, the loser's send passes for a duplicate of the winner's, and is lost",
    "P-CLASS",
    where="T copied",
    on_post_arrived=_any_life_posts,
)
defect(
    "N50",
    "a client that returns after its copy has sent: what it had left passes for a duplicate, and is lost",
    "P-CLASS",
    where="T copied return",
    on_post_arrived=one_floor,
)
defect(
    "N35",
    "of a POST that was repeated on the way the copy that was refused counts, and it is handled twice",
    "P-EFFECT-ONCE",
    where="T doubled",
    on_post_replied=_surely_not_taken,
)
