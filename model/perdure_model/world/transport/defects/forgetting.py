"""Defects of sessions that are over, and what is forgotten with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perdure_model.core.common import Cursor
from perdure_model.core.rule import Decision
from perdure_model.core.server import SERVER, forgetting, log
from perdure_model.core.server.effects import StartForget, WriteEnd
from perdure_model.core.server.inputs import ForgetDue
from perdure_model.core.server.parts import WINDOW, Watch
from perdure_model.world.defect import Catalogue, without

DEFECTS = Catalogue()
defect = DEFECTS.enter


def _receipts_go_with_it(i: Any, held: Any, owners: Any, stones: Any, receipts: Any, *more: Any) -> Decision:
    """A session that is forgotten is forgotten whole, with its receipts.

    An answer is lost, and the session ends. The client sits out its waits, longer than the session is kept:
    the name is free again, the epoch of the connection is the same, and nobody knows the key. It is handled
    twice. Cured by leaving receipts with their connection: they go when it goes, and its epoch with it.
    """
    (log_, owners, stones), effects = forgetting.on_forget_due(i, held, owners, stones, *more)
    return (log_, owners, stones, {} if log_ is None else receipts), effects


def _told_still_watches(i: Any, watch: Any, held: Any, *more: Any) -> Decision:
    """Who was told of the end counts among those who watch, as long as the stream lasts.

    A client of many sessions keeps its stream for days, and with it everything that has ended on it. Cured
    by taking the end for the end: who was told of it watches no more.
    """
    (after,), effects = log.on_events_due(i, watch, held, *more)
    told = any(isinstance(effect, WriteEnd) for effect in effects)
    return (Watch(i.generation, Cursor(held.epoch, held.head)) if told else after,), effects


def _taken_for_ever(*seen: Any) -> Decision:
    """A session that is over keeps the time that its log had when another process took it.

    The time is that of a log which is no more, so it says nothing, and the session stays for the life of the
    server. Cured by giving its new log a time of its own.
    """
    return without(log.on_log_lost(*seen), StartForget)


forgets = SERVER[ForgetDue]
defect(
    "N41",
    "what is forgotten with a session are its receipts, too: a send that is repeated is handled twice",
    "P-EFFECT-ONCE",
    where="T forgets",
    on_forget_due=replace(
        forgets, parts=(*forgets.parts, WINDOW.every("session")), decide=_receipts_go_with_it
    ),
)
defect(
    "N42",
    "who was told that a session is over keeps the server from forgetting it",
    "P-EXPIRES",
    where="T forgets one",
    on_events_due=_told_still_watches,
)
defect(
    "N48",
    "a session that is over is never forgotten where another process has taken its log",
    "P-EXPIRES",
    where="T taken ends",
    on_log_lost=_taken_for_ever,
)
