"""Sinks for the trace beside files: the log, and OpenTelemetry where the application has it.

Each is given as `trace=` to a hub or a client; `sinks` joins several. Without any nothing is recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

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

    Connections go by the digest that `handler-failed` names a sender with, here and in `Telemetry`.
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


class Telemetry:
    """A sink that counts and spans what happens, through OpenTelemetry's API.

    Counters: `perdure.streams` (by `again`), `perdure.resumes`, `perdure.gaps`, `perdure.retries`,
    `perdure.sends` (by `outcome`: delivered, failed, uncertain), `perdure.stalls`; `perdure.queue` goes up
    and down with the sends that are not settled; histogram `perdure.replay`: the events of the first write
    to a client that has come back. Spans: `perdure.stream` and `perdure.send`, from asking to the end.
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
        self._streams = meter.create_counter("perdure.streams", description="streams that clients asked for")
        self._resumes = meter.create_counter("perdure.resumes", description="connections that came back")
        self._gaps = meter.create_counter("perdure.gaps", description="gaps told with a snapshot")
        self._retries = meter.create_counter("perdure.retries", description="attempts of sends that failed")
        self._sends = meter.create_counter("perdure.sends", description="sends settled")
        self._stalls = meter.create_counter("perdure.stalls", description="streams that nobody read")
        self._queue = meter.create_up_down_counter("perdure.queue", description="sends not settled")
        self._replay = meter.create_histogram("perdure.replay", unit="{event}")
        self._back: set[tuple[Any, ...]] = set()
        self._spans: dict[tuple[Any, ...], Any] = {}
        self._heard: dict[str, Callable[[Record, dict[str, Any]], None]] = {
            "OpenStream": self._opened,
            "EndStream": self._closed,
            "Settled": self._settled,
            "Moved": self._moved,
            "Attach": self._attached,
            "WriteEvents": self._written,
            "WriteGap": self._gap,
            "CutStream": self._cut,
        }

    def __call__(self, record: Record) -> None:
        """Count one decision."""
        self._input(record)
        for effect in record["effects"]:
            heard = self._heard.get(effect["type"])
            if heard is not None:
                heard(record, effect)

    def _input(self, record: Record) -> None:
        i, run = record["input"], record["run"]
        match i["type"]:
            case "Started":
                for session, key, *_ in i["unsent"]:
                    self._asked(run, session, key)
            case "SendRequested":
                self._asked(run, i["session"], i["key"])
            case "StreamLost":
                self._end(("stream", run, dotted(i["attempt"])), status=i["status"])
            case "StreamClosed":
                self._back.discard((run, i["cid"], dotted(i["generation"])))
            case _:
                pass

    def _asked(self, run: str, session: str, key: Any) -> None:
        self._queue.add(1)
        self._begin(("send", run, dotted(key)), session=session, key=dotted(key))

    def _opened(self, record: Record, effect: dict[str, Any]) -> None:
        attempt = dotted(effect["attempt"])
        self._streams.add(1, {"again": effect["attempt"][1] > 1})
        connection = named(effect["cid"])
        self._begin(("stream", record["run"], attempt), connection=connection, generation=attempt)

    def _closed(self, record: Record, effect: dict[str, Any]) -> None:
        self._end(("stream", record["run"], dotted(effect["attempt"])))

    def _settled(self, record: Record, effect: dict[str, Any]) -> None:
        self._queue.add(-1)
        self._sends.add(1, {"outcome": effect["outcome"]})
        self._end(
            ("send", record["run"], dotted(effect["key"])), outcome=effect["outcome"], why=effect["why"]
        )

    def _moved(self, _record: Record, effect: dict[str, Any]) -> None:
        if (effect["machine"], effect["target"]) == ("SendItem", "retrying"):
            self._retries.add(1)

    def _attached(self, record: Record, effect: dict[str, Any]) -> None:
        if effect["resumed"]:
            self._resumes.add(1)
            self._back.add((record["run"], effect["cid"], dotted(effect["generation"])))

    def _written(self, record: Record, effect: dict[str, Any]) -> None:
        stream = (record["run"], effect["cid"], dotted(effect["generation"]))
        if stream in self._back:
            self._back.discard(stream)
            self._replay.record(effect["last"] - effect["first"] + 1)

    def _gap(self, _record: Record, _effect: dict[str, Any]) -> None:
        self._gaps.add(1)

    def _cut(self, _record: Record, effect: dict[str, Any]) -> None:
        if effect["reason"] == "stalled":
            self._stalls.add(1)

    def _begin(self, key: tuple[Any, ...], /, **attributes: Any) -> None:
        named = {f"perdure.{name}": value for name, value in attributes.items()}
        self._spans[key] = self._tracer.start_span(f"perdure.{key[0]}", attributes=named)

    def _end(self, key: tuple[Any, ...], /, **attributes: Any) -> None:
        span = self._spans.pop(key, None)
        if span is not None:
            span.set_attributes({f"perdure.{name}": value for name, value in attributes.items()})
            span.end()
