"""Sinks for the trace beside files: the log, and OpenTelemetry where the application has it.

Each is given as `trace=` to a hub or a client; `sinks` joins several. Without any nothing is recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from perdure.bounds import needed
from perdure.errors import UsageError
from perdure.events import sender_of
from perdure.trace import Record, Sink

LOG = logging.getLogger("perdure")
NOTEWORTHY: Final = {
    "reconnecting": logging.INFO,
    "inactive": logging.INFO,
    "retrying": logging.INFO,
    "expired": logging.INFO,
    "terminal": logging.INFO,
    "refreshing": logging.INFO,
    "refused": logging.INFO,
    "renewing": logging.INFO,
    "dropped": logging.WARNING,
}
"""The states whose coming is worth more than debugging."""


def sinks(*several: Sink) -> Sink:
    """One sink that is several; one that fails keeps nothing from the others. Raises UsageError."""
    for sink in several:
        needed("record", sink=sink)

    def all_of_them(record: Record) -> None:
        for sink in several:
            try:
                sink(record)
            except Exception:
                LOG.exception("a sink of the trace failed; the others have this decision")

    return all_of_them


class Logged:
    """A sink that logs each transition, naming side, connection, generation, and session or send.

    It takes the records of `connect`, `Hub`, `follow`, `refreshing` and `Credential`; the last three have no
    connection. Connections go by the digest that `handler-failed` names a sender with, in `Telemetry` too.
    """

    def __init__(self, logger: logging.Logger = LOG) -> None:
        """Log to `logger`: `perdure` by default."""
        self._logger = logger

    def __call__(self, record: Record) -> None:
        """Log the transitions of one decision."""
        for effect in record["effects"]:
            if effect["type"] == "Moved":
                self._log(record, effect)

    def _log(self, record: Record, move: dict[str, Any]) -> None:
        level = NOTEWORTHY.get(move["target"], logging.DEBUG)
        if not self._logger.isEnabledFor(level):
            return
        said = {
            "side": record["side"],
            "connection": named(record["cid"]),
            "session": session_of(record, move),
            "generation": dotted(record["generation"]),
            "machine": move["machine"],
            "instance": instance_of(record, move),
            "event": move["event"],
            "source": move["source"],
            "target": move["target"],
        }
        self._logger.log(
            level,
            "%(side)s %(connection)s session=%(session)s generation=%(generation)s: "
            "%(machine)s %(instance)s %(source)s -> %(target)s (%(event)s)",
            said,
            extra={"perdure": said},
        )


def named(cid: object) -> str:
    """A connection as others may know it: with its id they could act as it."""
    return "" if cid is None else sender_of(str(cid))


def session_of(record: Record, move: dict[str, Any]) -> str | None:
    """The session that a transition is about; None where it is about a whole connection."""
    instance = move["instance"]
    of_send = instance[0] if isinstance(instance, list) and instance else None
    session: str | None = of_send or record["input"].get("session")
    return session


def instance_of(record: Record, move: dict[str, Any]) -> str:
    """Which machine has moved; a connection's goes by its id, which is not shown."""
    instance = move["instance"]
    return named(instance) if instance == record["cid"] else dotted(instance)


def dotted(value: Any) -> str:
    """A pair, a key, or a part's key, as people write it."""
    if isinstance(value, list):
        return ".".join(dotted(one) for one in value)
    return "" if value is None else str(value)


COUNTERS: Final = {
    "streams": "streams that clients asked for",
    "resumes": "connections that came back",
    "gaps": "gaps told with a snapshot",
    "retries": "attempts of sends that failed",
    "sends": "sends settled",
    "stalls": "streams that nobody read",
    "follow.streams": "streams that were asked for to follow",
    "follow.snapshots": "snapshots asked for",
    "follow.resyncs": "states asked for anew since a submission's did not arrive",
    "follow.submits": "submissions of which it is known what became of them",
    "follow.resubmits": "submissions tried again with another credential",
    "attempts": "responses asked for",
    "refreshes": "refreshes of credentials",
}
AGAIN: Final = {("FollowSession", "resync"): "follow.resyncs", ("Submission", "renewed"): "follow.resubmits"}
Said: TypeAlias = dict[str, Any]
"""An input or an effect, as a record has it."""
Hears: TypeAlias = Callable[[Record, Said], None]


class Telemetry:
    """A sink that counts and spans what happens, through OpenTelemetry's API.

    Of `connect`: counters `perdure.streams` (by `again`), `perdure.retries`, `perdure.sends` (by `outcome`:
    delivered, failed, uncertain); `perdure.queue` goes up and down with the sends that are not settled; spans
    `perdure.stream` and `perdure.send`, from asking to the end.
    Of `Hub`: counters `perdure.resumes`, `perdure.gaps`, `perdure.stalls`; histogram `perdure.replay`: the
    events of the first write to a client that has come back.
    Of `follow`: counters `perdure.follow.streams` and `perdure.follow.snapshots` (by `again`: of an attempt
    after the first), `perdure.follow.resyncs`, `perdure.follow.submits` (by `outcome`: taken, failed,
    uncertain), `perdure.follow.resubmits`.
    Of `refreshing`: counter `perdure.attempts` (by `again`: the second of a call).
    Of `Credential`: counter `perdure.refreshes` (by `outcome`: refreshed, failed, cancelled).
    """

    def __init__(self, *, meter_provider: Any = None, tracer_provider: Any = None) -> None:
        """Use these providers, or the application's global ones. Raises UsageError without OpenTelemetry."""
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise UsageError(
                "there is no OpenTelemetry here",
                hint="pip install opentelemetry-api, and an SDK to export by",
            ) from error
        meter = metrics.get_meter("perdure", meter_provider=meter_provider)
        self._tracer = trace.get_tracer("perdure", tracer_provider=tracer_provider)
        self._counters = {
            name: meter.create_counter(f"perdure.{name}", description=says) for name, says in COUNTERS.items()
        }
        self._queue = meter.create_up_down_counter("perdure.queue", description="sends not settled")
        self._replay = meter.create_histogram("perdure.replay", unit="{event}")
        self._back: set[tuple[Any, ...]] = set()
        self._spans: dict[tuple[Any, ...], Any] = {}
        self._heard: dict[str, dict[str, Hears]] = {  # the sides have inputs and effects of the same names
            "client": {
                "Started": self._started,
                "SendRequested": self._requested,
                "StreamLost": self._lost,
                "OpenStream": self._opened,
                "EndStream": self._closed,
                "Settled": self._settled,
                "Moved": self._send_moved,
            },
            "server": {
                "StreamClosed": self._left,
                "Attach": self._attached,
                "WriteEvents": self._written,
                "WriteGap": self._gap,
                "CutStream": self._cut,
            },
            "follow": {
                "OpenStream": self._follows,
                "AskSnapshot": self._asks_snapshot,
                "Submitted": self._submitted,
                "Moved": self._follow_moved,
            },
            "response": {"OpenAttempt": self._attempted},
            "credential": {"Moved": self._credential_moved},
        }

    def __call__(self, record: Record) -> None:
        """Count one decision."""
        heard = self._heard.get(record["side"], {})
        for said in (record["input"], *record["effects"]):
            hears = heard.get(said["type"])
            if hears is not None:
                hears(record, said)

    def _count(self, name: str, **attributes: Any) -> None:
        self._counters[name].add(1, attributes)

    # -- of a client -------------------------------------------------------------------------------

    def _started(self, record: Record, i: Said) -> None:
        for session, key, *_ in i["unsent"]:
            self._asked(record["run"], session, key)

    def _requested(self, record: Record, i: Said) -> None:
        self._asked(record["run"], i["session"], i["key"])

    def _lost(self, record: Record, i: Said) -> None:
        self._end(("stream", record["run"], dotted(i["attempt"])), status=i["status"])

    def _asked(self, run: str, session: str, key: Any) -> None:
        self._queue.add(1)
        self._begin(("send", run, dotted(key)), session=session, key=dotted(key))

    def _opened(self, record: Record, effect: Said) -> None:
        attempt = dotted(effect["attempt"])
        self._count("streams", again=effect["attempt"][1] > 1)
        connection = named(effect["cid"])
        self._begin(("stream", record["run"], attempt), connection=connection, generation=attempt)

    def _closed(self, record: Record, effect: Said) -> None:
        self._end(("stream", record["run"], dotted(effect["attempt"])))

    def _settled(self, record: Record, effect: Said) -> None:
        self._queue.add(-1)
        self._count("sends", outcome=effect["outcome"])
        self._end(
            ("send", record["run"], dotted(effect["key"])), outcome=effect["outcome"], why=effect["why"]
        )

    def _send_moved(self, _record: Record, effect: Said) -> None:
        if (effect["machine"], effect["target"]) == ("SendItem", "retrying"):
            self._count("retries")

    # -- of a hub ----------------------------------------------------------------------------------

    def _left(self, record: Record, i: Said) -> None:
        self._back.discard((record["run"], i["cid"], dotted(i["generation"])))

    def _attached(self, record: Record, effect: Said) -> None:
        if effect["resumed"]:
            self._count("resumes")
            self._back.add((record["run"], effect["cid"], dotted(effect["generation"])))

    def _written(self, record: Record, effect: Said) -> None:
        stream = (record["run"], effect["cid"], dotted(effect["generation"]))
        if stream in self._back:
            self._back.discard(stream)
            self._replay.record(effect["last"] - effect["first"] + 1)

    def _gap(self, _record: Record, _effect: Said) -> None:
        self._count("gaps")

    def _cut(self, _record: Record, effect: Said) -> None:
        if effect["reason"] == "stalled":
            self._count("stalls")

    # -- of what follows, calls, and credentials ---------------------------------------------------

    def _follows(self, _record: Record, effect: Said) -> None:
        self._count("follow.streams", again=effect["attempt"] > 1)

    def _asks_snapshot(self, _record: Record, effect: Said) -> None:
        self._count("follow.snapshots", again=effect["attempt"] > 1)

    def _submitted(self, _record: Record, effect: Said) -> None:
        self._count("follow.submits", outcome=effect["outcome"])

    def _follow_moved(self, _record: Record, effect: Said) -> None:
        name = AGAIN.get((effect["machine"], effect["event"]))
        if name is not None:
            self._count(name)

    def _attempted(self, _record: Record, effect: Said) -> None:
        self._count("attempts", again=effect["attempt"] > 1)

    def _credential_moved(self, _record: Record, effect: Said) -> None:
        """A refresh ends where `refreshing` is left: with a token, with none, or with nobody who waits."""
        if effect["source"] != "refreshing" or effect["target"] == "refreshing":
            return
        outcome = "refreshed" if effect["event"] == "refreshed" else "cancelled"
        self._count("refreshes", outcome="failed" if effect["target"] == "refused" else outcome)

    # -- spans -------------------------------------------------------------------------------------

    def _begin(self, key: tuple[Any, ...], /, **attributes: Any) -> None:
        named = {f"perdure.{name}": value for name, value in attributes.items()}
        self._spans[key] = self._tracer.start_span(f"perdure.{key[0]}", attributes=named)

    def _end(self, key: tuple[Any, ...], /, **attributes: Any) -> None:
        span = self._spans.pop(key, None)
        if span is not None:
            span.set_attributes({f"perdure.{name}": value for name, value in attributes.items()})
            span.end()
