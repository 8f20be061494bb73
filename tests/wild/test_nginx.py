"""perdure behind an nginx that cuts, refuses, repeats, holds back or is set anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx2
import pytest
from perdure import Event, Gap, Limits, Session, SessionFailed, Status, UsageError, connect
from perdure.identity import new_id

from tests.runtime.serving import QUICK, Uvicorn
from tests.wild.certificates import Certificates
from tests.wild.gate import Gate
from tests.wild.nginx import TUNED, Nginx, nginx
from tests.wild.talking import Echo, talk, texts, until

pytestmark = [
    pytest.mark.wild,
    pytest.mark.anyio,
    pytest.mark.tried(what="nginx", package="nginx", http="1.1", way="uvicorn"),
]


@pytest.fixture
def anyio_backend() -> str:
    """What nginx does is the same under trio; test_proxied.py has both."""
    return "asyncio"


class Behind:
    """A hub behind an nginx of its own. It can go, and another come in its place."""

    def __init__(self, echo: Echo, certificates: Certificates) -> None:
        self.echo, self._certificates = echo, certificates
        self.gate = Gate(echo.hub.asgi())
        self.uvicorn = Uvicorn(self.gate)

    def front(self, proxy: Nginx) -> None:
        """This is the nginx."""
        self.proxy, self.url = proxy, proxy.url

    def talk(self, **more: Any) -> Any:
        """A client that is up."""
        return talk(self.url, self._certificates, **more)

    async def publish(self, *said: str) -> None:
        """Publish these."""
        for text in said:
            await self.call(self.echo.hub.session("chat").publish, {"text": text})

    async def call(self, work: Any, *args: Any) -> Any:
        """The result of `await work(*args)` on the server's loop."""
        return await anyio.to_thread.run_sync(self.uvicorn.submit(work, *args).result, 10)

    def stop(self) -> None:
        """The server goes; nginx stays, and has nobody to ask."""
        self.uvicorn.stop(self.echo.hub.aclose)

    def start(self, echo: Echo) -> None:
        """Another server comes in its place, which knows nothing of the one before."""
        self.echo, self.gate = echo, Gate(echo.hub.asgi())
        self.uvicorn = Uvicorn(self.gate, self.uvicorn.port)

    def streams(self) -> int:
        """How many streams were asked for."""
        return self.gate.paths().count("/events")


@pytest.fixture
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def behind(
    certificates: Certificates,
    settings: str = "",
    *,
    http: str = "",
    servers: int = 1,
    heartbeat_s: float = 0.3,
) -> Iterator[Behind]:
    """A hub behind an nginx with these settings, to which it is as many servers."""
    one = Behind(Echo(heartbeat_s=heartbeat_s, grace_s=20), certificates)
    try:
        with nginx(*[one.uvicorn.port] * servers, settings=settings, http=http) as proxy:
            one.front(proxy)
            yield one
    finally:
        one.stop()


def up(session: Session) -> bool:
    """Whether nothing is missing."""
    return session.status.state == "awaiting"


@pytest.mark.tried(case="a short proxy_read_timeout, heartbeats within it")
async def test_heartbeats_keep_a_stream_through_a_short_timeout(certificates: Certificates) -> None:
    with behind(certificates, "proxy_read_timeout 2s;") as far:
        async with far.talk() as session:
            await anyio.sleep(4.5)
            await far.publish("still the first")
            assert await texts(session, 1) == ["still the first"]
        assert far.streams() == 1


@pytest.mark.tried(case="a proxy_read_timeout shorter than the heartbeats: cut each time, and back")
async def test_streams_that_a_timeout_cuts_come_back_and_miss_nothing(certificates: Certificates) -> None:
    with behind(certificates, "proxy_read_timeout 1s;", heartbeat_s=30) as far:
        async with far.talk() as session:
            for number in range(3):
                while far.streams() < number + 2:
                    await anyio.sleep(0.01)
                await far.publish(str(number))
            assert await texts(session, 3) == ["0", "1", "2"]


@pytest.mark.tried(
    case="504 where an answer does not come in time: repeated under the same key, handled once"
)
async def test_a_send_whose_answer_comes_too_late_for_nginx_is_handled_once(
    certificates: Certificates,
) -> None:
    with behind(certificates, "proxy_read_timeout 1s;") as far:
        async with far.talk() as session:
            far.gate.mute = 1
            await session.send({"text": "once"})
            assert await texts(session, 1) == ["ONCE"]
        assert far.echo.taken == ["once"]
        assert any('"POST /send HTTP/1.1" 504' in line for line in far.proxy.accesses())


@pytest.mark.tried(case="502 while the server restarts: back with a gap, sends in doubt told as such")
async def test_a_client_outlasts_a_server_that_is_started_again(certificates: Certificates) -> None:
    with behind(certificates) as far:
        async with far.talk(settings=PATIENT) as session:
            await session.send({"text": "before"})
            assert await texts(session, 1) == ["BEFORE"]
            epoch = session.epoch
            await anyio.to_thread.run_sync(far.stop)
            await until(lambda: any('" 502 ' in line for line in far.proxy.accesses()))
            async with anyio.create_task_group() as group:
                group.start_soon(session.send, {"text": "meanwhile"})
                far.start(Echo())
            with anyio.fail_after(10):
                assert isinstance(await anext(session), Gap)
            assert await texts(session, 1) == ["MEANWHILE"]
            assert session.epoch != epoch
        assert far.echo.taken == ["meanwhile"]


PATIENT = type(QUICK)(
    attempts_max=50, reconnect_first_s=0.05, reconnect_cap_s=0.2, retry_first_s=0.05, retry_cap_s=0.2
)
"""For a server that is away for seconds."""


@pytest.mark.tried(case="a reload that cuts the streams of the old workers: back, and nothing missed")
async def test_a_reload_of_nginx_loses_nothing(certificates: Certificates) -> None:
    with behind(certificates, TUNED) as far:
        async with far.talk() as session:
            await far.publish("one")
            far.proxy.reload()
            await until(lambda: far.streams() == 2)
            await far.publish("two")
            await session.send({"text": "three"})
            assert await texts(session, 3) == ["one", "two", "THREE"]


@pytest.mark.tried(case="a POST that nginx itself repeats (non_idempotent): handled once")
async def test_a_post_that_the_proxy_repeats_is_handled_once(certificates: Certificates) -> None:
    repeating = "proxy_next_upstream error timeout http_502 non_idempotent; proxy_next_upstream_tries 2;"
    with behind(certificates, repeating, servers=2) as far:
        async with far.talk() as session:
            far.gate.lose = 1
            await session.send({"text": "once"})
            await session.send({"text": "twice"})
            assert await texts(session, 2) == ["ONCE", "TWICE"]
        assert far.gate.paths().count("/send") == 3
        assert sum("POST /send" in line for line in far.proxy.accesses()) == 2
        assert far.echo.taken == ["once", "twice"]


@pytest.mark.tried(case="compression of the stream, which perdure's client declines and others take")
async def test_a_stream_that_is_compressed_is_not_held_back(certificates: Certificates) -> None:
    compressing = "gzip_types *; gzip_proxied any; gzip_min_length 0; gzip_http_version 1.0;"
    with behind(certificates, http=compressing) as far:
        url = f"{far.url}/events?session=chat"
        async with httpx2.AsyncClient() as http:
            for asked, given in (("gzip", "gzip"), ("identity", None)):
                async with http.sse(url, headers={"accept-encoding": asked}) as source:
                    assert source.response.headers.get("content-encoding") == given
                    with anyio.fail_after(5):
                        assert (await anext(aiter(source))).event == "welcome"


@pytest.mark.tried(
    case="proxy_ignore_headers X-Accel-Buffering",
    limit="the stream is held back; the client fails, and says why",
)
async def test_a_proxy_that_is_told_to_hold_back_all_the_same_is_told_of(certificates: Certificates) -> None:
    """Which shows as well that it is the header that keeps the others from it."""
    statuses: list[Status] = []
    limits = Limits(connect_s=2, heartbeat_s=0.2, silent_intervals=3, goodbye_s=0.2)
    with behind(certificates, "proxy_ignore_headers X-Accel-Buffering;") as far:
        async with connect(
            far.url, session="chat", settings=QUICK, limits=limits, on_status=statuses.append
        ) as session:
            with anyio.fail_after(20), pytest.raises(SessionFailed, match="nothing was heard") as failed:
                await anext(session)
    assert "turn its buffering off" in failed.value.hint
    assert not any(status.state == "awaiting" for status in statuses)


@pytest.mark.tried(
    case="sessions whose names and cursors fill more than 8 kB",
    limit="refused with 414 or 400: raise large_client_header_buffers",
)
async def test_names_that_are_too_long_for_nginx_are_told_of(certificates: Certificates) -> None:
    names = [f"{new_id()}-{'x' * 80}" for _ in range(80)]
    with behind(certificates) as far:
        async with far.talk(session=names[0]) as session:
            try:
                for name in names[1:]:
                    await session.watch(name)
            except UsageError:  # a stream that is lost by itself meanwhile may end it sooner
                assert session.outcome is not None
            with anyio.fail_after(10):
                while session.outcome is None:  # the first stream has but one of the names
                    await far.call(far.gate.cut)
                    await anyio.sleep(0.05)
            with pytest.raises(SessionFailed) as failed:
                await anext(session)
    assert failed.value.status in (400, 414)


@pytest.mark.tried(case="large_client_header_buffers 4 32k, for long names")
async def test_long_names_pass_where_nginx_takes_long_headers(certificates: Certificates) -> None:
    names = [f"{new_id()}-{'x' * 80}" for _ in range(80)]
    with behind(certificates, http="large_client_header_buffers 4 32k;") as far:
        async with far.talk(session=names[0]) as session:
            others = [await session.watch(name) for name in names[1:]]
            for name in names:
                await far.call(far.echo.hub.session(name).publish, {"text": name})
            for place, name in zip([session, *others], names, strict=True):
                assert await texts(place, 1) == [name]
            await far.call(far.gate.cut)
            await until(lambda: far.streams() >= 2 and up(session))
            await far.call(far.echo.hub.session(names[-1]).publish, {"text": "again"})
            with anyio.fail_after(10):
                assert await anext(others[-1]) == Event({"text": "again"}, 2)


def test_a_configuration_that_is_none_is_told_and_leaves_nothing_behind(certificates: Certificates) -> None:
    told = pytest.raises(AssertionError, match='unknown directive "proxy_bufering"')
    with told, behind(certificates, "proxy_bufering off;"):
        pass
