"""follow shows the state behind other people's servers, straight and through nginx, in HTTP/1.1 and 2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx2
import pytest
from perdure import Followed, FollowSettings, Limits, SessionExpired, SessionFailed, follow
from perdure.states import State, read

from tests.runtime.serving import Uvicorn
from tests.runtime.test_follow_mcp import note_of
from tests.wild import remotes
from tests.wild.nginx import nginx
from tests.wild.remotes import Remote
from tests.wild.ways import DEFAULT, HYPERCORN, STRAIGHT, TLS, TUNED_WAY, Way, Ways

pytestmark = [pytest.mark.wild, pytest.mark.anyio]
QUICK = FollowSettings(again_first_s=0.01, again_cap_s=0.05)
LIMITS = Limits(connect_s=2, heartbeat_s=1, post_s=5, goodbye_s=1)
Start = Callable[[Way, Ways], AbstractAsyncContextManager[Remote]]
SERVERS: dict[str, tuple[str, Start]] = {
    "sse-starlette": ("sse-starlette", partial(remotes.asgi, remotes.by_sse_starlette)),
    "FastAPI": ("fastapi", partial(remotes.asgi, remotes.by_fastapi)),
    "the MCP SDK": ("mcp", remotes.mcp),
    "Node's http": ("node", remotes.node),
}
ASGI = [(STRAIGHT, "1.1"), (TUNED_WAY, "1.1"), (TLS, "2"), (HYPERCORN, "2")]
WAYS = {
    "sse-starlette": [*ASGI, (DEFAULT, "1.1")],
    "FastAPI": [*ASGI, (DEFAULT, "1.1")],
    "the MCP SDK": ASGI,
    "Node's http": [(STRAIGHT, "1.1"), (DEFAULT, "1.1"), (TUNED_WAY, "1.1")],
}


def tried(server: str, way: Way, http: str) -> Any:
    """A server at the end of a way, as parameters of a test."""
    package, start = SERVERS[server]
    name = way.name if server != "Node's http" else way.name.replace("uvicorn", "").strip(", ") or "straight"
    mark = pytest.mark.tried(what=server, package=package, http=http, way=name)
    return pytest.param(start, way, http, id=f"{package}-{name}-{http}", marks=mark)


by_servers = pytest.mark.parametrize(
    ("start", "way", "http"), [tried(server, way, http) for server in SERVERS for way, http in WAYS[server]]
)


@pytest.fixture
def anyio_backend() -> str:
    """The loop of the servers; tests/runtime follows under both."""
    return "asyncio"


@asynccontextmanager
async def followed(remote: Remote, ways: Ways, http: str, **more: Any) -> AsyncIterator[Followed]:
    """A session that follows it."""
    version, of = ("step", note_of) if "mcp" in remote.events else ("version", read)
    usual = {"settings": QUICK, "limits": LIMITS, "silence_s": 10, "cursor": "cursor"}
    arguments: dict[str, Any] = {**usual, **more}
    http2 = http == "2"
    verify = ways.certificates.trusting
    async with (
        httpx2.AsyncClient(headers=remote.headers, http1=not http2, http2=http2, verify=verify) as client,
        follow(
            snapshot=f"{remote.url}/state",
            events=remote.events,
            outcome=lambda state: "succeeded" if state.get("done") else None,
            version=version,
            read=of,
            http=client,
            **arguments,
        ) as session,
    ):
        yield session


async def take(session: Followed) -> State:
    with anyio.fail_after(10):
        return await anext(session)


async def up(remote: Remote, streams: int) -> None:
    """Wait until so many streams were asked for."""
    with anyio.fail_after(10):
        while await remote.streams() < streams:
            await anyio.sleep(0.01)


@by_servers
@pytest.mark.tried(case="each state as it comes, comments, the outcome")
async def test_each_state_comes_before_the_next_step(start: Start, way: Way, http: str, ways: Ways) -> None:
    async with start(way, ways) as remote:
        await remote.step({"at": -1})
        async with followed(remote, ways, http) as session:
            assert (await take(session))["at"] == -1
            await up(remote, 1)
            for number, text in enumerate(["one", "zwei ✓", "a\nb\r\nc"]):
                await remote.step({"at": number, "text": text})
                state = await take(session)
                assert (state["at"], state["text"]) == (number, text)
            await anyio.sleep(0.4)  # comments, if it makes some
            await remote.step({"done": True})
            with anyio.fail_after(10):
                assert [state["done"] async for state in session] == [True]
            assert session.outcome == "succeeded"
            assert await remote.streams() <= 1


@by_servers
@pytest.mark.tried(case="resuming by Last-Event-ID")
async def test_no_step_is_lost_across_cuts(start: Start, way: Way, http: str, ways: Ways) -> None:
    async with start(way, ways) as remote:
        await remote.step({"at": -1})
        async with followed(remote, ways, http) as session:
            assert (await take(session))["at"] == -1
            for number in range(3):
                await up(remote, number + 1)
                await remote.step({"at": 2 * number})
                assert (await take(session))["at"] == 2 * number
                await remote.cut()
                await remote.step({"at": 2 * number + 1})
                assert (await take(session))["at"] == 2 * number + 1


@pytest.mark.tried(
    case="the SDK's stream through proxy_buffering on",
    limit="it sets no X-Accel-Buffering, so nginx as it comes holds it back: turn proxy_buffering off",
    what="the MCP SDK",
    package="mcp",
    http="1.1",
    way=DEFAULT.name,
)
async def test_a_stream_that_nginx_holds_back_ends_the_session_with_a_hint(ways: Ways) -> None:
    bounds = FollowSettings(attempts_max=2, again_first_s=0.01, again_cap_s=0.05)
    async with (
        remotes.mcp(DEFAULT, ways) as remote,
        followed(remote, ways, "1.1", settings=bounds, silence_s=0.5) as session,
    ):
        with anyio.fail_after(20), pytest.raises((SessionExpired, SessionFailed)) as failed:
            async for _ in session:
                pass
    assert "turn its buffering off" in failed.value.hint


IMPATIENT = Way("nginx, proxy_read_timeout 1s", "uvicorn", proxied=True, settings="proxy_read_timeout 1s;")


@pytest.mark.tried(
    case="a stream that nginx cuts in each pause",
    what="FastAPI",
    package="fastapi",
    http="1.1",
    way=IMPATIENT.name,
)
async def test_a_stream_that_a_timeout_cuts_is_taken_up_where_it_was(ways: Ways) -> None:
    """FastAPI's next comment would come after 15 s."""
    async with remotes.asgi(remotes.by_fastapi, IMPATIENT, ways) as remote:
        await remote.step({"at": -1})
        async with followed(remote, ways, "1.1") as session:
            assert (await take(session))["at"] == -1
            for number in range(3):
                await up(remote, number + 2)
                await remote.step({"at": number})
                assert (await take(session))["at"] == number


@pytest.mark.tried(
    case="502 while the server restarts",
    what="sse-starlette",
    package="sse-starlette",
    http="1.1",
    way=DEFAULT.name,
)
async def test_a_server_that_is_started_again_is_followed_from_what_it_knows(ways: Ways) -> None:
    """It keeps no events: what came meanwhile is in the snapshot alone."""
    first, second = remotes.Steps(), remotes.Steps()
    server = Uvicorn(remotes.by_sse_starlette(first))
    bounds = FollowSettings(attempts_max=50, again_first_s=0.05, again_cap_s=0.1)
    with nginx(server.port) as proxy:
        remote = Remote(proxy.url, no_step, no_step, no_streams)
        async with followed(remote, ways, "1.1", settings=bounds, cursor=None) as session:
            assert (await take(session))["version"] == 1
            await anyio.to_thread.run_sync(server.stop)
            with anyio.fail_after(10):
                while not any('" 502 ' in line for line in proxy.accesses()):
                    await anyio.sleep(0.01)
            second.state = {"version": 7, "at": "what was done meanwhile"}
            server = Uvicorn(remotes.by_sse_starlette(second), server.port)
            try:
                assert (await take(session))["at"] == "what was done meanwhile"
                assert session.status.state in ("reconnecting", "awaiting")
            finally:
                session.leave()
                await anyio.to_thread.run_sync(server.stop)


async def no_step(*_: object) -> None:
    """Nobody takes steps."""


async def no_streams() -> int:
    """Nobody counts."""
    return 0
