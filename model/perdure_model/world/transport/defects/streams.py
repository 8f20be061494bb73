"""Defects of streams and their generations: which one counts, and what becomes of the one before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.common import NEVER
from perdure_model.core.rule import Decision
from perdure_model.core.server import SERVER, connection
from perdure_model.core.server.effects import CutStream, Reject, StartGrace
from perdure_model.core.server.inputs import CloseRequested, StreamClosed
from perdure_model.core.server.parts import ServerSettings
from perdure_model.world.defect import Catalogue, without

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _busy(i: Any, held: Any, *more: Any) -> Decision:
    if held is not None and held.state == "active":
        return (held, *more), (Reject(409, "stale-attempt"),)
    return connection.on_stream_requested(i, held, *more)


def _leaves_the_old_stream(i: Any, *more: Any) -> Decision:
    return without(connection.on_stream_requested(i, *more), CutStream)


def _unfenced_close(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_closed(replace(i, generation=held.generation) if held else i, held, *more)


def _observer_stays(i: Any, held: Any, watches: Any, *more: Any) -> Decision:
    (after, _, *rest), effects = connection.on_stream_closed(i, held, watches, *more)
    return (after, watches, *rest), effects


def _older_request_takes_over(i: Any, held: Any, *more: Any) -> Decision:
    return connection.on_stream_requested(i, replace(held, generation=NEVER) if held else held, *more)


def _close_waits(i: Any, *held: Any) -> Decision:
    return connection.on_stream_closed(StreamClosed(i.cid, i.attempt), *held, ServerSettings())


closing = SERVER[CloseRequested]
defect(
    "T26b",
    "a stream that was replaced is not ended",
    "P-STALE-CLOSE",
    where="T copied",
    on_stream_requested=_leaves_the_old_stream,
)
defect("T28", "a stream that looks attached blocks the next", "P-OWNER", "T spare", on_stream_requested=_busy)
defect(
    "T02",
    "an old stream's late close detaches the new one",
    "P-STALE-CLOSE",
    on_stream_closed=_unfenced_close,
)
defect("T07", "a lost stream stays among the observers", "P-NO-LEAK", on_stream_closed=_observer_stays)
defect(
    "T24",
    "a client that is done is waited for",
    "P-CLOSE",
    where="T timers",
    on_close_requested=replace(closing, emits=(*closing.emits, StartGrace), decide=_close_waits),
)
defect(
    "T26",
    "a stream request that was held up takes over a later stream",
    "P-STALE-CLOSE",
    on_stream_requested=_older_request_takes_over,
)
