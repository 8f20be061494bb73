"""Defects of who a client is: its id, whose the id is, and who answers to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import outbox, stream
from perdure_model.core.client.inputs import StreamLost
from perdure_model.core.client.parts import Access, ClientState, Me
from perdure_model.core.rule import Decision
from perdure_model.core.server import connection
from perdure_model.core.server.parts import Owner
from perdure_model.world.defect import Catalogue
from perdure_model.world.transport.tab import NEW

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _another_id(i: Any, state: Any, link: Any, watching: Any, _me: Any, *more: Any) -> Decision:
    return stream.on_reconnect_due(i, state, link, watching, Me(NEW), *more)


def _forgets_id(i: Any, *more: Any) -> Decision:
    return stream.on_started(replace(i, kept=None), *more)


def _comes_back_all_the_same(
    i: Any, state: Any, link: Any, me: Any, settings: Any, watching: Any, boxes: Any
) -> Decision:
    lost = StreamLost(i.attempt, 0)
    parts, effects = stream.on_stream_lost(lost, state, link, me, Access(), watching, settings, boxes, {})
    return parts[:3], effects


def _grace_for_all(i: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(replace(i, made=False), *more)


def _posts_unwelcomed(i: Any, box: Any, items: Any, _state: Any, *more: Any) -> Decision:
    return outbox.on_send_requested(i, box, items, ClientState("awaiting"), *more)


def _keeps_its_own_id(i: Any, state: Any, link: Any, me: Any, *more: Any) -> Decision:
    return stream.on_welcomed(replace(i, cid=me.cid), state, link, me, *more)


def _any_principal(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(i, replace(held, principal=i.principal) if held else held, *more)


def _another_clients(i: Any, held: Any, *more: Any) -> Decision:
    """A stream request that is not newer than the attached one is another client's, or a late one.

    Something on the way (a browser whose kept-alive connection broke, a proxy) repeats the request that the
    server has attached already; the repetition is refused with the word that another holds the id, and the
    client gives its id up. Cured by telling the same attempt apart from an earlier one: it may pass, and the
    next attempt takes the stream over.
    """
    parts, effects = connection.on_stream_requested(i, held, *more)
    return parts, connection.STALE if effects == connection.REPEATED else effects


def _inherits(i: Any, held: Any, watches: Any, owners: Any, logs: Any) -> Decision:
    """The id is bound to its principal by the connection alone, which expires.

    A client that is away leaves sessions that outlive its connection. Whoever comes next under that id, with
    whatever principal, finds them. Cured by binding what is left behind to the principal, too.
    """
    given = {key: Owner(i.principal) for key in owners} if held is None else owners
    return connection.on_stream_requested(i, held, watches, given, logs)


def _renews_for_ever(i: Any, state: Any, link: Any, *more: Any) -> Decision:
    """A client that lost its id takes another, as often as it is told so.

    Something between answers 409 to everything: each id is said to be another's. Cured by counting it as a
    failed attempt, so that the bound on those holds.
    """
    first = replace(link, failures=0) if i.status == 409 else link
    (state, link, *rest), effects = stream.on_stream_lost(i, state, first, *more)
    return (state, replace(link, attempt=(1, link.attempt[1] % 3)), *rest), effects


defect("T01", "each reconnect makes a new id", "P-OWNER", where="T spare", on_reconnect_due=_another_id)
defect(
    "T25",
    "an id made by the server has a grace time",
    "P-IDENTITY",
    "T old",
    on_stream_requested=_grace_for_all,
)
defect(
    "T25b",
    "an id that the server made is not adopted",
    "P-IDENTITY",
    where="T old",
    on_welcomed=_keeps_its_own_id,
)
defect("T29", "a client that starts again has forgotten its id", "P-OWNER", "T spare", on_started=_forgets_id)
defect(
    "T30",
    "a client that was taken over comes back under the same id",
    "P-ONE-HOLDER",
    where="T copied",
    on_taken_over=_comes_back_all_the_same,
)
defect("T33", "sends are posted before the welcome", "P-IDENTITY", on_send_requested=_posts_unwelcomed)
defect(
    "T20",
    "an id answers to another principal",
    "P-NO-HIJACK",
    "T strangers",
    on_stream_requested=_any_principal,
)
defect(
    "N05",
    "what an id left suspended falls to the next principal that comes with it",
    "P-NO-HIJACK",
    where="T strangers",
    on_stream_requested=_inherits,
)
defect(
    "N33",
    "a stream request that was repeated on the way costs its client the id",
    "P-OWNER",
    where="T repeated",
    on_stream_requested=_another_clients,
)
defect(
    "N09",
    "a client whose every id is said to be another's takes new ones for ever, and at once",
    "P-TERMINATES",
    where="T outbid",
    on_stream_lost=_renews_for_ever,
)
