"""What operators see: log lines that name connection, session and generation; counters and spans."""

from __future__ import annotations

import logging
import sys
from typing import Any

import anyio
import httpx2
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from perdure import (
    Credential,
    FollowSettings,
    Hub,
    SendFailed,
    Session,
    UsageError,
    connect,
    follow,
    kind_of_error,
    refreshing,
)
from perdure.events import sender_of
from perdure.observe import Logged, Telemetry, sinks
from perdure_model.core.server.parts import ServerSettings
from starlette.responses import Response
from starlette.types import Receive, Scope
from starlette.types import Send as SendFunction

from tests.runtime.asgi import CID, stream
from tests.runtime.flow import Flow
from tests.runtime.serving import QUICK, SHORT, Serve, echo_hub

pytestmark = pytest.mark.anyio


async def until(condition: Any) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.005)


async def cut(hub: Hub) -> None:
    for one in list(hub._streams.values()):
        one.cut()


async def take(session: Session, count: int) -> list[Any]:
    with anyio.fail_after(5):
        return [await anext(session) for _ in range(count)]


async def test_a_transition_is_logged_with_connection_session_and_generation(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "perdure")
    hub = echo_hub()
    server = serve(hub)
    async with connect(server.url, session="s", settings=QUICK, limits=SHORT, trace=Logged()) as session:
        receipt = await session.send({"text": "one"})
        cid, life = sender_of(session.connection_id), receipt.key.split(".")[0]
        await server.call(cut, hub)
        await until(lambda: session.status.attempt == 2 and session.status.state == "awaiting")
    lines = [record.getMessage() for record in caplog.records]
    start = f"client {cid} session="
    assert f"{start}None generation={life}.1: ClientSession  connecting -> awaiting (welcomed)" in lines
    assert f"{start}None generation={life}.1: ClientSession  awaiting -> reconnecting (lost)" in lines
    assert f"{start}s generation=1: SendItem s.{receipt.key} sending -> delivered (accepted)" in lines
    lost = next(record for record in caplog.records if record.getMessage().endswith("(lost)"))
    assert (lost.levelname, vars(lost)["perdure"]["connection"]) == ("INFO", cid)


async def test_what_is_not_worth_a_line_costs_none(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "perdure")
    server = serve(echo_hub())
    async with connect(server.url, session="s", settings=QUICK, limits=SHORT, trace=Logged()) as session:
        await session.send({"text": "one"})
    assert caplog.records == []


class Seen:
    """An application's OpenTelemetry, in memory."""

    def __init__(self) -> None:
        self._reader, self._spans = InMemoryMetricReader(), InMemorySpanExporter()
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._meters = MeterProvider([self._reader])
        self.sink = Telemetry(meter_provider=self._meters, tracer_provider=self._tracers)

    def counts(self) -> dict[str, Any]:
        """Each metric's points: the attributes' values (if any) and the value; of a histogram, its sum."""
        data = self._reader.get_metrics_data()
        found: dict[str, Any] = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
            points = metric.data.data_points
            found[metric.name] = {
                tuple((point.attributes or {}).values()): getattr(point, "value", getattr(point, "sum", None))
                for point in points
            }
        return found

    def spans(self, name: str) -> list[dict[str, Any]]:
        """The attributes of the spans of this name that have ended."""
        return [dict(span.attributes or {}) for span in self._spans.get_finished_spans() if span.name == name]


class Faulty:
    """Answers the first so many POSTs of sends with 503, and one that says `refuse` with 404."""

    def __init__(self, hub: Hub, count: int) -> None:
        self.app, self.left, self.refuses = hub.asgi(), count, False

    async def __call__(self, scope: Scope, receive: Receive, send: SendFunction) -> None:
        if scope.get("path") == "/send" and (self.left or self.refuses):
            self.left = max(0, self.left - 1)
            await Response(status_code=404 if self.refuses else 503)(scope, receive, send)
            return
        await self.app(scope, receive, send)


async def test_streams_sends_and_what_befell_them_are_counted_and_spanned(serve: Serve) -> None:
    client, host = Seen(), Seen()
    hub = Hub(trace=host.sink, settings=ServerSettings(log_max=3))
    way = Faulty(hub, 2)
    server = serve(hub, app=way)
    async with connect(server.url, session="s", settings=QUICK, limits=SHORT, trace=client.sink) as session:
        await session.send(1)
        way.refuses = True
        with pytest.raises(SendFailed):
            await session.send(2)
        await server.call(hub.session("s").publish, "one")
        await take(session, 1)
        await session.suspend()
        await until(lambda: not hub._streams)
        for n in range(2):
            await server.call(hub.session("s").publish, n)
        await session.resume()
        await take(session, 2)
        await session.suspend()
        await until(lambda: not hub._streams)
        for n in range(5):
            await server.call(hub.session("s").publish, n)
        await session.resume()
        await take(session, 1)
        cid = sender_of(session.connection_id)
    counts = client.counts()
    assert counts["perdure.streams"] == {(False,): 1, (True,): 2}
    assert counts["perdure.retries"] == {(): 2}
    assert counts["perdure.sends"] == {("delivered",): 1, ("failed",): 1}
    assert counts["perdure.queue"] == {(): 0}
    counts = host.counts()
    assert (counts["perdure.resumes"], counts["perdure.gaps"]) == ({(): 2}, {(): 1})
    assert counts["perdure.replay"] == {(): 2}
    sends = client.spans("perdure.send")
    assert [(one["perdure.session"], one["perdure.outcome"]) for one in sends] == [
        ("s", "delivered"),
        ("s", "failed"),
    ]
    streams = client.spans("perdure.stream")
    assert [one["perdure.connection"] for one in streams] == [cid] * 3
    assert client.sink._spans == host.sink._spans == {}
    await until(lambda: host.sink._back == set())


async def test_a_stream_that_nobody_reads_is_counted() -> None:
    host = Seen()
    hub = Hub(trace=host.sink, stall_s=0.02)
    async with stream(hub.asgi(), 1) as dead:
        await dead.until(1)
        dead.reads = anyio.Event()
        await hub.session("chat").publish(1)
        await until(lambda: not hub._streams)
    assert host.counts()["perdure.stalls"] == {(): 1}
    await hub.aclose()


FOLLOWING = FollowSettings(
    attempts_max=4, total_s=5, again_first_s=0.01, again_cap_s=0.05, steady_s=0.5, settle_s=0.1
)


async def followed(serve: Serve, trace: Any) -> None:
    """Follow what cuts a stream once, refuses a token once, and ignores a submission."""
    flow = Flow()
    server = serve(Hub(), app=flow.app)

    async def submit(data: Any, token: str | None) -> None:
        async with httpx2.AsyncClient() as http:
            headers = {"authorization": f"Bearer {token}"}
            (await http.post(f"{server.url}/submit", json=data, headers=headers)).raise_for_status()

    with anyio.fail_after(10):
        async with follow(
            snapshot=f"{server.url}/state",
            events=f"{server.url}/events",
            outcome=lambda _state: None,
            submit=submit,
            credential=Credential("old", lambda: "new", trace=trace),
            settings=FOLLOWING,
            limits=SHORT,
            trace=trace,
        ) as session:
            await anext(session)
            await server.call(flow.end_streams)
            await anext(session)
            flow.token, flow.mute, flow.idle = "new", True, True
            await session.submit({})
            await anext(session)


async def called(trace: Any, refresh: Any) -> list[Any]:
    """A call whose token is refused; what it brings, or what it raises."""

    class Refused(Exception):
        status_code = 401

    async def respond(token: str) -> Any:
        if token == "old":
            raise Refused
        yield token

    credential = Credential("old", refresh, trace=trace)
    try:
        return [
            event
            async for event in refreshing(
                respond,
                credential,
                classify=lambda item: kind_of_error(item) if isinstance(item, Exception) else "live",
                trace=trace,
            )
        ]
    except Refused as error:
        return [error]


async def test_what_follows_is_counted(serve: Serve) -> None:
    seen = Seen()
    await followed(serve, seen.sink)
    counts = seen.counts()
    assert counts["perdure.follow.streams"] == {(False,): 1, (True,): 2}
    assert counts["perdure.follow.snapshots"] == {(False,): 1, (True,): 2}
    assert counts["perdure.follow.resyncs"] == {(): 1}
    assert counts["perdure.follow.submits"] == {("taken",): 1}
    assert counts["perdure.follow.resubmits"] == {(): 1}
    assert counts["perdure.refreshes"] == {("refreshed",): 1}


async def test_calls_and_refreshes_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    seen = Seen()
    assert await called(seen.sink, lambda: "new") == ["new"]
    assert len(await called(seen.sink, lambda: "")) == 1
    credential = Credential("old", anyio.sleep_forever, trace=seen.sink)  # type: ignore[arg-type]
    caller = credential.caller()
    credential.reject(caller, credential.handle, lambda _token: None)
    credential.leave(caller)
    await credential.quiet()
    counts = seen.counts()
    assert counts["perdure.attempts"] == {(False,): 2, (True,): 1}
    assert counts["perdure.refreshes"] == {("refreshed",): 1, ("failed",): 1, ("cancelled",): 1}
    assert "sink failed" not in caplog.text


async def test_what_follows_calls_and_refreshes_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "perdure")
    await followed(serve, Logged())
    assert await called(Logged(), lambda: "new") == ["new"]
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    for level, line in (
        ("INFO", "follow  session=None generation=1: FollowSession  awaiting -> reconnecting (lost)"),
        ("DEBUG", "follow  session=None generation=2: FollowSession  reconnecting -> awaiting (synced)"),
        ("INFO", "follow  session=None generation=: Submission 1 submitting -> renewing (denied)"),
        ("INFO", "credential  session=None generation=: Credential  usable -> refreshing (rejected)"),
        ("DEBUG", "credential  session=None generation=1: Credential  refreshing -> usable (refreshed)"),
        ("INFO", "response  session=None generation=1: ResponseStream 1 holding -> refreshing (auth_error)"),
        ("DEBUG", "response  session=None generation=2: ResponseStream 1 holding -> streaming (live)"),
    ):
        assert (level, line) in lines


async def test_the_line_of_a_cut_stream_says_which_one_and_of_what(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "perdure")
    hub = Hub()
    app = hub.asgi()
    async with stream(app, 1) as first:
        await first.until(1)
        async with stream(app, 2):
            await first.ended()
    said = f"stream 1.1 of connection {sender_of(CID)} is cut: replaced (1 watched: 'chat')"
    assert said in [record.getMessage() for record in caplog.records]
    await hub.aclose()


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(UsageError, match="opentelemetry-api"):
        Telemetry()


def test_a_sink_that_fails_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []

    def broken(_record: Any) -> None:
        raise OSError("the disk is full")

    sinks(broken, seen.append)({"v": 1})
    assert seen == [{"v": 1}]
    assert "the disk is full" in caplog.text
