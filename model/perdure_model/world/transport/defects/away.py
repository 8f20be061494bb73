"""Defects of clients that say that they will be away, and what is kept for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import stream
from perdure_model.core.common import NEVER
from perdure_model.core.rule import Decision
from perdure_model.core.server import SERVER, connection
from perdure_model.core.server.effects import Reject
from perdure_model.core.server.inputs import SuspendRequested
from perdure_model.core.server.parts import CONNECTION, OWNER
from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _late_suspend(i: Any, held: Any) -> Decision:
    return connection.on_suspend_requested(replace(i, attempt=held.generation) if held else i, held)


def _suspend_forgotten(i: Any, held: Any) -> Decision:
    _, effects = connection.on_suspend_requested(i, held)
    return (held,), effects


def _expires_who_is_away(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_grace_elapsed(i, replace(held, said_away=NEVER) if held else held, *more)


def _forgets_farewell(_i: Any, _link: Any) -> Decision:
    return (), ()


def _any_farewell(i: Any, link: Any) -> Decision:
    return stream.on_farewell_replied(replace(i, attempt=link.attempt), link)


def _keeps_for_nobody(i: Any, held: Any) -> Decision:
    """A suspend is taken under an id that the server made, like any other.

    Such a connection has no grace time: it expires with its stream, and what it owned goes with it, though
    its client was told that it is kept. Cured by saying no: the client knows that nothing waits for it.
    """
    if held is None:
        return connection.on_suspend_requested(i, held)
    (after,), effects = connection.on_suspend_requested(i, replace(held, fleeting=False))
    return (replace(after, fleeting=held.fleeting),), effects


def _marks_what_it_owns_now(i: Any, held: Any, owners: Any) -> Decision:
    """The suspend marks the sessions that the connection owns at that moment.

    A send that was under way when the client went to the background arrives after it, and makes its session
    the client's without the mark; expiry then detaches what the client was to find again. Cured by noting on
    the connection that its client is away, and by looking at what it owns when it expires.
    """
    (_,), effects = connection.on_suspend_requested(i, held)
    if held is None or any(isinstance(effect, Reject) for effect in effects):
        return (held, owners), effects
    return (held, {key: replace(owner, suspended=i.attempt) for key, owner in owners.items()}), effects


def _keeps_what_is_marked(i: Any, held: Any, watches: Any, owners: Any, windows: Any) -> Decision:
    marked = {key: owner for key, owner in owners.items() if owner.suspended != NEVER}
    others = {key: owner for key, owner in owners.items() if owner.suspended == NEVER}
    (kept, after, still, windows), effects = connection.on_grace_elapsed(i, held, watches, others, windows)
    return (kept, after, {**marked, **still}, windows), effects


def _any_request_brings_it_back(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    """The fence by attempt goes with the connection, when it expires.

    A stream request that was held up all the while finds nobody, and is taken for a newcomer's: the sessions
    that the client left suspended are its again, and go with it when its stream is seen to be dead. Cured by
    keeping, with what is suspended, the attempt since which its client has been away.
    """
    awake = {key: replace(owner, suspended=NEVER) for key, owner in owners.items()}
    return connection.on_stream_requested(i, held, watches, awake, logs)


suspending = SERVER[SuspendRequested]
defect(
    "T24b",
    "a suspend is taken, and not remembered",
    "P-EXPIRE-SCOPE",
    where="T away",
    on_suspend_requested=_suspend_forgotten,
)
defect(
    "T38",
    "a late suspend counts after the return",
    "P-STALE-CLOSE",
    "T twice away",
    on_suspend_requested=_late_suspend,
)
defect(
    "T06",
    "expiry detaches suspended sessions, too",
    "P-EXPIRE-SCOPE",
    "T away",
    on_grace_elapsed=_expires_who_is_away,
)
defect(
    "T35d",
    "a suspend that was not taken is forgotten",
    "P-ERRORS",
    where="T away",
    on_farewell_replied=_forgets_farewell,
)
defect(
    "T35c",
    "the reply to an earlier suspend counts for the present one",
    "P-ERRORS",
    where="T twice away",
    on_farewell_replied=_any_farewell,
)
defect(
    "N02",
    "a send that comes after the suspend makes its session one that expiry takes",
    "P-EXPIRE-SCOPE",
    where="T away",
    on_suspend_requested=replace(
        suspending, parts=(CONNECTION.one, OWNER.every("cid")), decide=_marks_what_it_owns_now
    ),
    on_grace_elapsed=_keeps_what_is_marked,
)
defect(
    "N30",
    "a request from before the client went away brings it back, and what it left is lost",
    "P-EXPIRE-SCOPE",
    where="T away",
    on_stream_requested=_any_request_brings_it_back,
)
defect(
    "N36",
    "a suspend under an id that the server made is taken, and nothing is kept",
    "P-EXPIRE-SCOPE",
    where="T old away",
    on_suspend_requested=_keeps_for_nobody,
)
