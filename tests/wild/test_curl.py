"""A client made of curl alone: PROTOCOL.md is enough to write one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from perdure.identity import new_id

from tests.wild.programs import program
from tests.wild.readers import by_curl
from tests.wild.talking import Echo, until
from tests.wild.ways import DEFAULT, HYPERCORN, STRAIGHT, TLS, Served, Way, Ways

pytestmark = [pytest.mark.wild, pytest.mark.anyio]
FLAGS = {"1.1": "--http1.1", "2": "--http2-prior-knowledge"}
by_ways = pytest.mark.parametrize(
    ("way", "http"),
    [
        pytest.param(
            way,
            http,
            id=f"{way.name}-{http}",
            marks=pytest.mark.tried(what="curl", package="curl", http=http, way=way.name),
        )
        for way, http in [(STRAIGHT, "1.1"), (DEFAULT, "1.1"), (HYPERCORN, "2"), (TLS, "2")]
    ],
)


@pytest.fixture
def anyio_backend() -> str:
    """curl has none."""
    return "asyncio"


class Hand:
    """Posts by hand to a hub at the end of a way."""

    def __init__(self, echo: Echo, served: Served, ways: Ways, http: str) -> None:
        self.echo, self.served, self.ways, self.flag = echo, served, ways, FLAGS[http]

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """A POST's status, and the value of its answer."""
        command = [program("curl"), "--silent", "--show-error", self.flag, f"{self.served.url}{path}"]
        command += ["--cacert", str(self.ways.certificates.authority), "--data", json.dumps(body)]
        command += ["--header", "Content-Type: application/json", "--write-out", "\n%{http_code}"]
        done = await anyio.run_process(command)
        answer, _, status = done.stdout.decode().rpartition("\n")
        return int(status), json.loads(answer) if answer else None


@pytest.fixture
def hand(way: Way, http: str, ways: Ways) -> Iterator[Hand]:
    echo = Echo(grace_s=20)
    served = ways.lead(way, echo.hub.asgi())
    yield Hand(echo, served, ways, http)
    served.close(echo.hub.aclose)


@by_ways
@pytest.mark.tried(case="the whole protocol by hand")
async def test_a_client_of_curl_alone_is_welcomed_sends_returns_and_goes(hand: Hand) -> None:
    cid, sessions = new_id(), "session=chat"
    with anyio.fail_after(20):
        stream = f"{hand.served.url}/events?cid={cid}&attempt=1.1&{sessions}"
        async with by_curl(stream, {}, hand.ways.certificates, flag=hand.flag) as said:
            welcome = json.loads((await anext(said)).data)
            assert (welcome["connection"], welcome["generation"], welcome["resumed"]) == (cid, "1.1", False)
            who = {"cid": cid, "attempt": "1.1", "epoch": welcome["epoch"], "session": "chat"}
            items = [{"key": f"1.{number}", "data": {"text": f"m{number}"}} for number in (1, 2)]
            for items_now, verdicts in ((items[:1], ["accepted"]), (items, ["duplicate", "accepted"])):
                status, answer = await hand.post("/send", {**who, "items": items_now})
                assert status == 200
                assert [receipt["verdict"] for receipt in answer["receipts"]] == verdicts
            events = [await anext(said) for _ in range(2)]
        assert [json.loads(event.data)["text"] for event in events] == ["M1", "M2"]
        assert hand.echo.taken == ["m1", "m2"]

        again = stream.replace("attempt=1.1", "attempt=1.2")
        headers = {"Last-Event-ID": events[0].id}
        async with by_curl(again, headers, hand.ways.certificates, flag=hand.flag) as said:
            assert json.loads((await anext(said)).data)["resumed"] is True
            assert json.loads((await anext(said)).data)["text"] == "M2"
            status, problem = await hand.post("/close", {"cid": cid, "attempt": "1.1"})
            assert (status, problem["type"]) == (409, "urn:perdure:problem:stale-attempt")
        assert await hand.post("/close", {"cid": cid, "attempt": "1.2"}) == (204, None)
        await until(lambda: hand.echo.gone == [cid])
