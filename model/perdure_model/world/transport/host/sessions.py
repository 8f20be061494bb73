"""The rules for what happens to a session: events, its end, and that it is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perdure_model.core.server import inputs as told
from perdure_model.core.server import parts as theirs
from perdure_model.world.bind import Arrival

if TYPE_CHECKING:
    from perdure_model.world.transport.host.host import Host


def log_rules(host: Host) -> None:
    """Bind that events are published, and that sessions end."""
    lives = host.world.lives

    def publishing(session: str) -> Any:
        def arrivals(left: int, life: int) -> Iterator[Arrival]:
            if left:
                yield told.Published(session, host.log_epoch(life, "event", left)), (left - 1, life), None

        return arrivals

    def ending(session: str) -> Any:
        def arrivals(left: int, life: int) -> Iterator[Arrival]:
            if left:
                outcome = "failed" if session == host.sessions[0] else "succeeded"
                yield (
                    told.Ended(session, outcome, host.log_epoch(life, "end", left)),
                    (left - 1, life),
                    None,
                )

        return arrivals

    for session in host.sessions:
        events, ends = host.world.events[session], host.world.budget["ends"]
        where = {"session": session}
        name = f"an event for {session}"
        host.bind(
            told.Published, [events, lives], publishing(session), name, {"session": session}, fair=False
        )
        name = f"{session} ends"
        host.bind(told.Ended, [ends, lives], ending(session), name, where, fair=False)


def store_rules(host: Host) -> None:
    """The store gives a log to another process, and says so when the log is next written or read; it may say
    so twice, where two asked."""
    left = host.world.budget["taken"]

    def losing(session: str) -> Any:
        def arrivals(left: int, log: theirs.Log | None) -> Iterator[Arrival]:
            if left and log is not None:
                yield told.LogLost(session, log.epoch, ("log", "anew", left)), (left - 1, log), None
                yield told.LogLost(session, ("log", "before"), ("log", "anew", left)), (left - 1, log), None

        return arrivals

    for session in host.sessions:
        name = f"the log of {session} is another process's"
        sources = [left, host.logs[session]]
        host.bind(told.LogLost, sources, losing(session), name, {"session": session}, fair=False)


def forget_rules(host: Host) -> None:
    """Sessions that are over run out of their time; its end may also come after all was lost."""

    def running_out(session: str) -> Any:
        def arrivals(running: frozenset[Any]) -> Iterator[Arrival]:
            for epoch in sorted(running, key=repr):
                yield told.ForgetDue(session, epoch), (running - {epoch},), None

        return arrivals

    for session in host.sessions:
        name = f"the time of {session}, which is over, has passed"
        where = {"session": session}
        host.bind(told.ForgetDue, [host.forgets[session]], running_out(session), name, where)
