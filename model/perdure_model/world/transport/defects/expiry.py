"""Defects of the grace time, and what goes with a connection that expires."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.rule import Decision
from perdure_model.core.server import SERVER, connection
from perdure_model.core.server.effects import StartGrace
from perdure_model.core.server.inputs import GraceElapsed
from perdure_model.core.server.parts import CONNECTION, OWNER, WATCH, WINDOW, Watch
from perdure_model.world.defect import Catalogue, without

DEFECTS = Catalogue()
defect = DEFECTS.enter
EVERYBODYS = (CONNECTION.one, WATCH.every("cid"), OWNER.every(), WINDOW.every("cid"))
"""A connection, what it holds, and what others own."""


def _close_arms_anyway(i: Any, held: Any, *more: Any) -> Decision:
    parts, effects = connection.on_stream_closed(i, held, *more)
    armed = any(isinstance(effect, StartGrace) for effect in effects)
    if held is None or armed:
        return parts, effects
    return parts, (*effects, StartGrace(GraceElapsed(i.cid, i.generation), 60.0))


def _close_never_arms(i: Any, *more: Any) -> Decision:
    return without(connection.on_stream_closed(i, *more), StartGrace)


def _any_grace_timer_ends(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_grace_elapsed(replace(i, generation=held.generation) if held else i, held, *more)


def _detaches_others(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    mine = {key: owner for key, owner in owners.items() if key[1] == i.cid}
    (kept, after, still, windows), effects = connection.on_grace_elapsed(i, held, watches, mine, windows)
    freed = {key[0] for key in watches} if kept is None else set()
    others = {key: owner for key, owner in owners.items() if key[1] != i.cid and key[0] not in freed}
    return (kept, after, {**others, **still}, windows), effects


CHECKED = -1
"""The number by which the next variant knows that it has looked already."""


def _checks_first(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    if held is None or held.state != "inactive" or held.generation != i.generation:
        return (held, watches, owners, windows), ()
    if held.serial == CHECKED:
        return _detaches_others(i, held, watches, owners, windows)
    if not any(key[1] == i.cid for key in owners):
        mine: dict[Any, Any] = {}
        (kept, after, _, windows), effects = connection.on_grace_elapsed(i, held, watches, mine, windows)
        return (kept, after, owners, windows), effects
    return (replace(held, serial=CHECKED), watches, owners, windows), (StartGrace(i, 0.0),)


def _detaches_what_was_left(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    all_watched = {key: Watch(i.generation, None) for key in owners}
    (kept, after, *rest), effects = connection.on_grace_elapsed(
        i, held, {**all_watched, **watches}, owners, windows
    )
    return (kept, after if kept is None else watches, *rest), effects


elapsing = replace(SERVER[GraceElapsed], parts=EVERYBODYS)
defect("T03", "a stale close starts a grace timer all the same", "P-TTL", on_stream_closed=_close_arms_anyway)
defect(
    "T04",
    "an earlier wait's grace timer ends the present one",
    "P-TTL",
    where="T timers",
    on_grace_elapsed=_any_grace_timer_ends,
)
defect(
    "T39", "a lost stream starts no grace timer", "P-EXPIRES", "T return", on_stream_closed=_close_never_arms
)
defect(
    "T05",
    "expiry detaches a session that another connection has taken over",
    "P-TAKEOVER",
    where="T two",
    on_grace_elapsed=replace(elapsing, decide=_detaches_others),
)
defect(
    "T06b",
    "expiry detaches what was no longer watched",
    "P-EXPIRE-SCOPE",
    where="T unwatched",
    on_grace_elapsed=_detaches_what_was_left,
)
defect(
    "T32",
    "expiry looks who owns a session, and detaches it in a later step",
    "P-TAKEOVER",
    where="T two",
    on_grace_elapsed=replace(elapsing, emits=(*elapsing.emits, StartGrace), decide=_checks_first),
)
