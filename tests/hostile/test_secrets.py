"""Tokens, ids and payloads come to nobody but those they are meant for: a whole life, with what can fail in
it, is searched for them, in logs, traces, telemetry, warnings, errors and reprs."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from perdure import (
    Credential,
    FileIdentity,
    Gap,
    Hub,
    HubSession,
    JsonLines,
    Limits,
    Logged,
    PerdureError,
    Send,
    SendError,
    SessionError,
    Telemetry,
    Unauthenticated,
    UsageError,
    connect,
    follow,
    refreshing,
    sinks,
)
from perdure.events import sender_of
from perdure_model.core.client.parts import ClientSettings
from perdure_model.core.server.parts import ServerSettings
from pydantic import BaseModel
from starlette.requests import Request

from tests.hostile.beside import until
from tests.hostile.servers.attacker import Asked, Write, attacker, head, once, welcomed
from tests.runtime.serving import QUICK, SHORT, Serve

pytestmark = pytest.mark.anyio

TOKEN, DEAD, REFUSED = "canary-token", "canary-dead-token", "canary-refused-token"
PRINCIPAL = "canary-principal"
PAYLOAD = "canary-payload"
SECRETS = ("canary",)


class Note(BaseModel):
    text: int | str
    canary_free: bool = True


def telling(*said: object) -> Iterator[str]:
    """What an error says to whoever prints or logs it, with its causes."""
    for one in said:
        error = one
        while isinstance(error, BaseException):
            yield str(error)
            yield repr(error)
            error = error.__cause__
        if not isinstance(one, BaseException):
            yield str(one)
            yield repr(one)


class Outputs:
    """Everything that leaves the program beside the wire."""

    def __init__(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self._caplog, self._spans = caplog, InMemorySpanExporter()
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider([self._reader])
        self._file = folder / "trace"
        self._lines = JsonLines(self._file)
        self.sink = sinks(self._lines, Logged(), self.telemetry())
        self.said: list[str] = []

    def telemetry(self) -> Telemetry:
        return Telemetry(meter_provider=self._meters, tracer_provider=self._tracers)

    def says(self, *what: object) -> None:
        self.said += telling(*what)

    def found(self) -> dict[str, str]:
        """By the way out: all that went it."""
        self._lines.close()
        formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")
        data = self._reader.get_metrics_data()
        records = self._caplog.records
        return {
            "logs": "\n".join(formatter.format(one) for one in records if one.name != "asyncio"),
            "own logs": "\n".join(
                formatter.format(one) + json.dumps(vars(one).get("perdure"))
                for one in records
                if one.name == "perdure"
            ),
            "trace": self._file.read_text(),
            "spans": "\n".join(span.to_json() for span in self._spans.get_finished_spans()),
            "metrics": data.to_json() if data else "",
            "errors": "\n".join(self.said),
        }


@pytest.fixture
def outputs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Outputs:
    return Outputs(tmp_path, caplog)


def clean(outputs: Outputs, cids: set[str]) -> None:
    """No secret went any way; ids stand in traces, to be kept by who keeps them, and in no log of ours."""
    found = outputs.found()
    assert all(found[way] for way in ("logs", "own logs", "trace", "errors"))
    for way, text in found.items():
        lines = [line for line in text.splitlines() if any(secret in line for secret in SECRETS)]
        assert lines == [], way
    for way in ("own logs", "spans", "metrics"):
        assert not any(cid in found[way] for cid in cids), way
    assert any(sender_of(cid) in found["own logs"] for cid in cids)


def guarded(outputs: Outputs) -> Hub:
    """A hub whose hooks fail now and then."""

    def authenticate(request: Request) -> str:
        given = request.headers.get("authorization", "")
        if given != f"Bearer {TOKEN}":
            raise Unauthenticated("no such token")
        return PRINCIPAL

    async def authorize(_principal: object, session: str) -> bool:
        return session != "forbidden"

    hub = Hub(
        authenticate=authenticate,
        authorize=authorize,
        settings=ServerSettings(grace_s=0.2, log_max=3),
        trace=outputs.sink,
        stall_s=0.5,
    )

    @hub.on_send(data=Note)
    async def handle(send: Send, session: HubSession) -> None:
        if "fail" in send.data.text:
            raise LookupError("the handler failed")
        await session.publish({"text": send.data.text})

    @hub.snapshot
    def snapshot(_session: HubSession) -> dict[str, str]:
        return {"whole": PAYLOAD}

    outputs.says(hub, hub.session("s"))
    return hub


async def test_a_session_s_life_tells_nobody_its_secrets(
    serve: Serve, outputs: Outputs, tmp_path: Path
) -> None:
    server = serve(guarded(outputs))
    tokens = iter([DEAD, TOKEN])
    cids = set()
    given: dict[str, Any] = {"settings": QUICK, "limits": SHORT, "trace": outputs.sink}
    identity = FileIdentity(tmp_path / "me")
    async with connect(
        server.url, session="s", credential=lambda: next(tokens), identity=identity, **given
    ) as session:
        cids.add(session.connection_id)
        outputs.says(session, session.status)
        await session.send({"text": PAYLOAD})
        outputs.says((await session.send({"text": f"{PAYLOAD} fail"})).key)
        for wrong in ({"texts": PAYLOAD}, {PAYLOAD: 1}, PAYLOAD, {"text": {PAYLOAD: PAYLOAD}}):
            try:
                await session.send(wrong)
            except SendError as error:
                outputs.says(error)
        with pytest.raises(PerdureError) as bad:
            await session.send({"text": object()})
        outputs.says(bad.value)
        other = await session.watch("forbidden")
        with anyio.fail_after(5), pytest.raises(SessionError) as refused:
            await anext(other)
        outputs.says(refused.value)
        await session.suspend()
        await until(lambda: not server.hub._streams)
        for _ in range(9):
            await server.call(server.hub.session("s").publish, PAYLOAD)
        await session.resume()
        with anyio.fail_after(5):
            async for item in session:
                if isinstance(item, Gap):
                    break
        with pytest.raises(SendError) as large:
            raise await failing(session.send("x" * (2 << 20)))
        outputs.says(large.value)
    async with connect(server.url, session="s", credential=REFUSED, **given) as stranger:
        cids.add(stranger.connection_id)
        with anyio.fail_after(5), pytest.raises(SessionError) as expired:
            await anext(stranger)
        outputs.says(expired.value, stranger, stranger.status)
    await until(lambda: not server.hub._streams)
    await anyio.to_thread.run_sync(server.stop)
    clean(outputs, cids)


async def failing(work: Any) -> BaseException:
    """What awaiting it raises, as a SendError."""
    try:
        await work
    except PerdureError as error:
        return SendError(str(error), key="", why="")
    raise AssertionError


async def test_a_server_that_talks_nonsense_does_not_make_a_client_tell(outputs: Outputs) -> None:
    """What cannot be read may be a payload, or what was sent before: errors show none of it."""
    settings = ClientSettings(attempts_max=1, reconnect_first_s=0.001, retries_max=0, retry_first_s=0.001)
    limits = Limits(heartbeat_s=0.1, goodbye_s=0.1, post_s=1)
    canary = PAYLOAD.encode()
    nonsense = [
        b"id: s:e:1\ndata: " + canary + b"\n\n",
        b"event: end\ndata: [" + canary + b"\n\n",
        b'event: end\ndata: {"outcome": {"x": "' + canary + b'"}}\n\n',
        b'id: s:e:1\nevent: gap\ndata: "' + canary + b'"\n\n',
        b'id: s:e:1\nevent: handler-failed\ndata: {"sender": 7, "x": "' + canary + b'"}\n\n',
    ]
    scripts = [welcomed(once(one)) for one in nonsense]
    scripts.append(once(head(), b'event: welcome\ndata: {"epoch": "' + canary + b'"}\n\n'))
    cids = set()
    for script in scripts:
        async with (
            attacker(script) as server,
            connect(
                server.url,
                session="s",
                settings=settings,
                limits=limits,
                trace=outputs.sink,
            ) as session,
        ):
            cids.add(session.connection_id)
            with anyio.fail_after(5), pytest.raises(SessionError) as raised:
                _ = [item async for item in session]
            outputs.says(raised.value, session.status)
            try:
                await session.send({"text": PAYLOAD})
            except SendError as error:
                outputs.says(error)
    clean(outputs, cids)


async def test_follow_and_refreshing_tell_nobody_their_tokens(outputs: Outputs) -> None:
    async def script(asked: Asked, write: Write) -> None:
        dead = asked.headers.get("authorization") == f"Bearer {DEAD}"
        if dead:
            await write(head(401))
        elif asked.path == "/state":
            await write(head(200, "application/json") + b'{"version": "%b"}' % PAYLOAD.encode())
        else:
            await write(head() + b'data: {"version": "%b"}\n\n' % PAYLOAD.encode())

    async def answer(token: str) -> Any:
        if token == DEAD:
            raise Refusing
        yield PAYLOAD

    async def refresh() -> str:
        return TOKEN

    credential = Credential(DEAD, refresh, trace=outputs.sink)
    outputs.says(credential)
    async with attacker(script) as server:
        url = server.url.replace("//", "//canary:canary@")
        async with follow(
            snapshot=f"{server.url}/state?key=canary",
            events=f"{server.url}/events?key=canary",
            outcome=lambda _: None,
            settings=quick_follow(),
            credential=credential,
            trace=outputs.sink,
            on_error=outputs.says,
        ) as session:
            with anyio.fail_after(10), pytest.raises(SessionError) as raised:
                _ = [state async for state in session]
            outputs.says(raised.value, session, session.status)
        for wrong in (url, f"{server.url}?token=canary", url.replace("http", "ftp"), f"{url}:99999999"):
            with pytest.raises(UsageError) as refused:
                async with connect(wrong, session="s"):
                    pass
            outputs.says(refused.value)
        with pytest.raises(UsageError, match="user or a password") as refused:
            async with follow(snapshot=url, events=url, outcome=lambda _: None):
                pass
        outputs.says(refused.value)
    again = Credential(DEAD, refresh, trace=outputs.sink)
    call = refreshing(answer, again, classify=lambda item: "live" if item == PAYLOAD else "auth_error")
    assert [event async for event in call] == [PAYLOAD]
    outputs.says(call, again)
    found = outputs.found()
    del found["logs"]  # the HTTP client logs addresses as they are: no secrets in queries
    for way, text in found.items():
        assert not any(secret in line for line in text.splitlines() for secret in SECRETS), way


class Refusing(Exception):
    """A response that refuses the token."""


def quick_follow() -> Any:
    from perdure import FollowSettings

    return FollowSettings(attempts_max=2, again_first_s=0.001, again_cap_s=0.002)


def test_a_file_that_cannot_be_kept_is_named_without_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "me"
    path.write_text(json.dumps({"connection_id": "cid-canary", "incarnation": "canary"}))
    (tmp_path / "me.unsent").write_text('{"key": "1.1", "session": "s", "data": "canary"')
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        FileIdentity(path).start()
    assert told
    assert not any("canary" in str(one.message) for one in told)
