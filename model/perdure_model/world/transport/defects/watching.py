"""Defects of what a client watches, and what the server is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.client import stream
from perdure_model.core.rule import Decision
from perdure_model.core.server import connection
from perdure_model.core.server import watching as watched
from perdure_model.world.defect import Catalogue

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _returns_unwatching(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(replace(i, cursors=()) if held else i, held, *more)


def _swallows(_i: Any, watching: Any, _link: Any) -> Decision:
    return (watching,), ()


def _tells_nothing_more(
    i: Any, state: Any, link: Any, me: Any, access: Any, watching: Any, *more: Any
) -> Decision:
    """A session that is watched or unwatched while the stream's request is under way is only noted.

    The request has left without it, and the next one may be hours away. Cured by telling, at the welcome, of
    all that differs from what the request said.
    """
    told = replace(watching, told=watching.sessions)
    return stream.on_welcomed(i, state, link, me, access, told, *more)


def _hears_in_any_order(i: Any, held: Any, *more: Any) -> Decision:
    """Words about what is watched carry the attempt alone, as the other requests do.

    "Watch" and "unwatch" of one stream travel on two connections, and the first arrives last. Cured by
    numbering them: one that was overtaken is refused, and its client says all of it anew on another stream.
    """
    return watched.on_watch_requested(replace(i, serial=held.serial + 1) if held else i, held, *more)


def _unhears_in_any_order(i: Any, held: Any, *more: Any) -> Decision:
    return watched.on_unwatch_requested(replace(i, serial=held.serial + 1) if held else i, held, *more)


defect("T31", "a reconnect forgets what was watched", "P-WATCH", on_stream_requested=_returns_unwatching)
defect("T35", "a watch that failed is forgotten", "P-RECONVERGE", "T not watched", on_watch_replied=_swallows)
defect(
    "N06",
    "what is watched between the request and the welcome is never told",
    "P-WATCH",
    where="T watching",
    on_welcomed=_tells_nothing_more,
)
defect(
    "N08",
    "of two words about one session, the one that was overtaken counts",
    "P-WATCH",
    where="T watching",
    on_watch_requested=_hears_in_any_order,
    on_unwatch_requested=_unhears_in_any_order,
)
