"""The simulated network: what each fault does to one request, seen from both of its ends."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import anyio
import httpx2
import pytest
from perdure.answers import unwinding
from perdure.testing.faults import Answer, HoldRequest, LoseRequest, LoseResponse
from perdure.testing.simulation import Stepper
from perdure.testing.simulation.exchange import WINDOW_BYTES
from perdure.testing.simulation.faults import Double
from perdure.testing.simulation.network import Network
from starlette.types import Receive, Scope, Send


class World:
    """One tab, and an app that answers a send with its body, and streams to whoever asks."""

    def __init__(self) -> None:
        self.stepper = Stepper(random.Random(1))
        self.network = Network(self.stepper, random.Random(1), lambda *_: None)
        self.link = self.network.link("a")
        self.http = httpx2.AsyncClient(transport=self.link, trust_env=False)
        self.seen: list[tuple[float, str]] = []
        self.gone: list[float] = []
        self.written = 0
        self.ended: list[tuple[float, str]] = []
        self.got = b""
        self.network.attach(self.app, self.stepper.nursery)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        self.seen.append((self.now, f"{scope['method']} {scope['path']} {body.decode()}".strip()))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-from", b"app")]})
        if scope["method"] == "POST":
            await send({"type": "http.response.body", "body": b"took " + body})
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.until_gone, receive, tasks.cancel_scope)
            while True:
                await send({"type": "http.response.body", "body": b"0123456789" * 100, "more_body": True})
                self.written += 1000
                await anyio.sleep(1)

    async def until_gone(self, receive: Receive, scope: anyio.CancelScope) -> None:
        assert (await receive())["type"] == "http.disconnect"
        self.gone.append(self.now)
        scope.cancel()

    @property
    def now(self) -> float:
        return round(self.stepper.clock.now, 3)

    async def post(self, body: str) -> None:
        try:
            answer = await self.http.post("http://hub/send", content=body, timeout=None)
            self.ended.append((self.now, f"{answer.status_code} {answer.text}"))
        except httpx2.HTTPError as error:
            self.ended.append((self.now, type(error).__name__))

    async def read(self, *, pause_s: float = 0.0, leave_after_s: float = 1e9) -> None:
        with anyio.move_on_after(leave_after_s):
            try:
                async with (
                    self.http.stream("GET", "http://hub/events", timeout=None) as answer,
                    unwinding(answer.aiter_bytes()) as chunks,
                ):
                    async for chunk in chunks:
                        self.got += chunk
                        await anyio.sleep(pause_s)
            except httpx2.HTTPError as error:
                self.ended.append((self.now, type(error).__name__))


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stepper.close()


def after(world: World, seconds: float, *bodies: str) -> None:
    for body in bodies:
        world.stepper.start(world.post, body)
    world.stepper.advance(seconds)


def inside(world: World, function: Callable[..., None], *args: float) -> None:
    async def call() -> None:
        function(*args)

    world.stepper.run(call)


def told(times: list[tuple[float, str]]) -> list[str]:
    return [what for _, what in times]


def test_a_request_arrives_whole_and_is_answered(world: World) -> None:
    after(world, 3, "x" * 500)
    assert told(world.seen) == [f"POST /send {'x' * 500}"]
    assert told(world.ended) == [f"200 took {'x' * 500}"]
    assert 0.002 <= world.ended[0][0] < 3
    assert not world.network.exchanges


def test_a_lost_request_is_never_seen(world: World) -> None:
    world.link.add(LoseRequest())
    after(world, 3, "x")
    assert (world.seen, told(world.ended)) == ([], ["ReadError"])


def test_a_lost_response_was_taken(world: World) -> None:
    world.link.add(LoseResponse())
    after(world, 3, "x")
    assert (told(world.seen), told(world.ended)) == (["POST /send x"], ["ReadError"])


def test_an_answer_in_the_hubs_place_is_never_seen_by_it(world: World) -> None:
    world.link.add(Answer(status=503, retry_after_s=7))
    after(world, 3, "x")
    assert world.seen == []
    assert world.ended[0][1].startswith("503 ")


def test_a_held_request_arrives_later_even_if_nobody_waits(world: World) -> None:
    world.link.add(HoldRequest(for_s=20))

    async def give_up() -> None:
        with anyio.move_on_after(1):
            await world.post("x")

    world.stepper.start(give_up)
    world.stepper.advance(19)
    assert world.seen == []
    world.stepper.advance(5)
    assert told(world.seen) == ["POST /send x"]
    assert world.ended == []
    assert not world.network.exchanges


def test_a_doubled_request_arrives_twice_and_is_answered_once(world: World) -> None:
    world.link.add(Double(after_s=5))
    after(world, 10, "x")
    assert told(world.seen) == ["POST /send x", "POST /send x"]
    assert world.seen[1][0] > 5
    assert told(world.ended) == ["200 took x"]


def test_each_fault_strikes_one_request_of_its_kind_in_turn(world: World) -> None:
    world.link.add(LoseRequest(on="stream"))
    world.link.add(Answer(status=404))
    world.link.add(Answer(status=500))
    for body in "xyz":
        after(world, 3, body)
    assert [said[:3] for said in told(world.ended)] == ["404", "500", "200"]
    assert world.network.struck == {"answer send": 2}


def test_requests_overtake_each_other(world: World) -> None:
    orders = set()
    for _ in range(40):
        world.seen.clear()
        after(world, 3, "x", "y")
        orders.add(tuple(told(world.seen)))
    assert len(orders) == 2


def test_a_stream_keeps_its_order_however_it_is_chopped(world: World) -> None:
    world.stepper.start(world.read)
    world.stepper.advance(30)
    assert len(world.got) > 20_000
    assert world.got == (b"0123456789" * (len(world.got) // 10 + 1))[: len(world.got)]


def test_a_cut_stream_breaks_at_once_and_the_server_learns_of_it_late(world: World) -> None:
    world.stepper.start(world.read)
    world.stepper.advance(5)
    inside(world, world.link.cut, 3.0)
    world.stepper.advance(10)
    assert world.ended == [(5.0, "ReadError")]
    assert world.gone == [8.0]
    assert not world.network.exchanges


def test_a_half_open_stream_tells_nobody_until_it_breaks(world: World) -> None:
    world.stepper.start(world.read)
    world.stepper.advance(5)
    got = len(world.got)
    inside(world, world.link.half_open, 60.0)
    world.stepper.advance(59)
    assert (len(world.got), world.ended, world.gone) == (got, [], [])
    assert world.written <= WINDOW_BYTES + 5 * 1000 + 2000
    world.stepper.advance(2)
    assert (world.ended, world.gone) == ([(65.0, "ReadError")], [65.0])


def test_healing_ends_a_half_open_stream(world: World) -> None:
    world.stepper.start(world.read)
    world.stepper.advance(5)
    inside(world, world.link.half_open, 3600.0)
    world.link.add(LoseRequest())
    world.stepper.advance(5)
    inside(world, world.network.heal)
    world.stepper.advance(1)
    assert (world.ended, world.gone) == ([(10.0, "ReadError")], [10.0])
    after(world, 3, "x")
    assert told(world.seen)[-1] == "POST /send x"


def test_a_stream_that_nobody_reads_fills_its_window_and_no_more(world: World) -> None:
    world.stepper.start(lambda: world.read(pause_s=1e6))
    world.stepper.advance(100)
    assert WINDOW_BYTES < world.written <= WINDOW_BYTES + 2 * 1000  # what is read, and one write more


def test_a_client_that_leaves_is_noticed_later(world: World) -> None:
    world.link.late_close(4.0)
    world.stepper.start(lambda: world.read(leave_after_s=5.0))
    world.stepper.advance(20)
    assert world.gone == [9.0]
    world.stepper.start(lambda: world.read(leave_after_s=5.0))
    world.stepper.advance(20)
    assert 25.0 < world.gone[1] < 26.0, "only one was to be late"


def test_a_hub_that_is_down_or_gone_is_not_reached(world: World) -> None:
    world.stepper.start(world.read)
    world.stepper.advance(2)
    inside(world, world.network.down, 10.0)
    after(world, 3, "x")
    assert told(world.ended) == ["ReadError", "ConnectError"]
    world.stepper.advance(10)
    after(world, 3, "y")
    assert told(world.ended)[-1] == "200 took y"
    world.network.detach()
    after(world, 3, "z")
    assert told(world.ended)[-1] == "ConnectError"


def test_an_app_that_ends_in_the_middle_breaks_the_stream_and_is_told_of(world: World) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ZeroDivisionError

    world.network.attach(app, world.stepper.nursery)
    after(world, 3, "x")
    assert told(world.ended) == ["RemoteProtocolError"]
    assert [type(error) for error in world.network.failed] == [ZeroDivisionError]


def test_nothing_of_a_tab_that_is_gone_gets_out(world: World) -> None:
    world.stepper.start(world.read)
    world.stepper.advance(2)
    inside(world, world.link.sever)
    after(world, 3, "x")
    assert told(world.seen) == ["GET /events"]
    assert told(world.ended) == ["ConnectError"]
    assert len(world.gone) == 1
