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
from perdure_model.core.server.parts import (
    CONNECTION,
    LIVES_MAX,
    LOG,
    OWNER,
    RECEIPTS_MAX,
    WINDOW,
    Connection,
    Log,
    Owner,
    Window,
)


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
    is one of an earlier life than the connection's present one (N04): what that had not settled, its next
    life posts. Who sends to a session drives it from then on: ownership moves to that connection.
    """
    parts = (window, owners, log)
    if connection is None or connection.epoch != i.epoch:
        return parts, GONE
    if connection.principal != i.principal:
        return parts, STRANGER
    if i.attempt[0] < connection.generation[0]:
        return parts, STALE
    window, log = window or Window(), log or Log(i.fresh)
    floors, known, unfit = dict(window.floors), dict(window.verdicts), dict(i.unfit)
    tellable = [key for key in i.keys if key[0] > window.past]  # what is older stays in doubt
    verdicts = tuple((key, verdict(key, floors, known, log, unfit.get(key))) for key in tellable)
    taken = [key for key, said in verdicts if said == "accepted"]
    window = raised(window, i.keys, {**known, **{key: said for key, said in verdicts if said != "duplicate"}})
    owners = {(i.session, i.cid): Owner(i.principal)} if taken else owners
    effects: list[ServerEffect] = [Answer(verdicts), *(Handle(i.cid, i.session, key) for key in taken)]
    return (window, owners, log), tuple(effects)


def raised(window: Window, keys: tuple[SendKey, ...], verdicts: Mapping[SendKey, str]) -> Window:
    """The receipts after a POST of these keys: what is below the first one of its life is settled."""
    floors = dict(window.floors)
    for life, first in dict(reversed(keys)).items():
        floors[life] = max(first, floors.get(life, 0))
    lives = sorted(life for life in floors if life > window.past)
    # Never one of this POST, as its answer may be lost, and it repeated; unless there are absurdly many.
    earlier = [life for life in lives[:-LIVES_MAX] if life < keys[0][0]]
    past = max([window.past, *earlier, *lives[:-RECEIPTS_MAX]])
    unsettled = sorted(key for key in verdicts if key[0] > past and key[1] >= floors[key[0]])
    floors |= {life: count + 1 for life, count in unsettled[:-RECEIPTS_MAX]}
    kept = tuple((key, v) for key, v in verdicts.items() if key[0] > past and key[1] >= floors[key[0]])
    return Window(tuple((life, floors[life]) for life in lives if life > past), kept, past)


def verdict(
    key: SendKey, floors: Mapping[int, int], known: Mapping[SendKey, str], log: Log, unfit: str | None
) -> str:
    """accepted, duplicate, or why refused; what was said once is said again. What is refused for its data is
    refused alone: those behind it are taken."""
    if key[1] < floors.get(key[0], 0) or known.get(key) == "accepted":
        return "duplicate"
    if key in known:
        return known[key]
    if log.outcome is not None:
        return "the session is over"
    return unfit or "accepted"
