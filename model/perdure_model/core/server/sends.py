"""Sends: taken at most once, in order, under the epoch that their client was welcomed with."""

from __future__ import annotations

from collections.abc import Mapping

from perdure_model.core.common import SendKey
from perdure_model.core.rule import Decision
from perdure_model.core.server.book import SERVER
from perdure_model.core.server.connection import GONE, STALE, STRANGER
from perdure_model.core.server.desk import Owners
from perdure_model.core.server.effects import Answer, Handle, Reject, ServerEffect
from perdure_model.core.server.inputs import PostArrived
from perdure_model.core.server.parts import CONNECTION, LOG, OWNER, WINDOW, Connection, Log, Owner, Window
from perdure_model.core.value import replace


@SERVER.rule(
    PostArrived,
    WINDOW.one,
    OWNER.every("session"),
    LOG.one,
    reads=(CONNECTION.one,),
    emits=(Reject, Answer, Handle),
)
def on_post_arrived(
    i: PostArrived, window: Window | None, owners: Owners, log: Log | None, connection: Connection | None
) -> Decision:
    """A verdict for each key; an accepted one is handled once, however often it comes (T23).

    A POST under another epoch is rejected: its receipts are gone, so that taking it might take it twice. So
    is one of an earlier life than the connection's present one: below the floor of the present one's
    receipts it would pass for a duplicate, and be lost (N04). Who sends to a session drives it from then
    on: ownership moves to that connection.
    """
    parts = (window, owners, log)
    if connection is None or connection.epoch != i.epoch:
        return parts, GONE
    if connection.principal != i.principal:
        return parts, STRANGER
    if i.attempt[0] < connection.generation[0]:
        return parts, STALE
    window, log = window or Window(), log or Log(i.fresh)
    known = dict(window.verdicts)
    unfit = dict(i.unfit)
    verdicts = tuple((key, verdict(key, window, known, log, unfit.get(key))) for key in i.keys)
    taken = [key for key, said in verdicts if said == "accepted"]
    floor = max(window.floor, i.keys[0])
    kept = {**known, **{key: said for key, said in verdicts if said != "duplicate"}}
    window = replace(window, floor=floor, verdicts=tuple((k, v) for k, v in kept.items() if k >= floor))
    owners = {(i.session, i.cid): Owner(i.principal)} if taken else owners
    effects: list[ServerEffect] = [Answer(verdicts), *(Handle(i.cid, i.session, key) for key in taken)]
    return (window, owners, log), tuple(effects)


def verdict(key: SendKey, window: Window, known: Mapping[SendKey, str], log: Log, unfit: str | None) -> str:
    """accepted, duplicate, or why refused; what was said once is said again. What is refused for its data is
    refused alone: those behind it are taken."""
    if key < window.floor or known.get(key) == "accepted":
        return "duplicate"
    if key in known:
        return known[key]
    if log.outcome is not None:
        return "the session is over"
    return unfit or "accepted"
