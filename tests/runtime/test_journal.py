"""Sends that outlive the program: kept before they are posted, sent by the next life, and reported once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from perdure import Event, FileIdentity, Hub, IdentityWarning, MemoryIdentity, Returned, Session, connect
from perdure.journal import SETTLED_BYTES, Journal, Left

from tests.runtime.serving import QUICK, SHORT, Serve, Server, echo_hub

A, B, C = (1 << 20, 1), (1 << 20, 2), (1 << 20, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "me.unsent"


# -- the file ------------------------------------------------------------------------------------------


def test_what_is_not_settled_is_left_with_the_epoch_of_its_latest_post(path: Path) -> None:
    journal = Journal(path)
    assert journal.start() == ()
    assert not path.exists()
    for key, session in ((A, "s"), (B, "t é,"), (C, "s")):
        journal.ask(key, session, '{"n":"\u2028é"}')
    journal.post([A, B], "e1")
    journal.settle(A)
    journal.post([B], "e2")
    data = json.dumps({"n": "\u2028é"})
    left = (Left("t é,", B, data, "e2"), Left("s", C, data))
    for _ in range(2):  # and it is still there for the life after the next
        assert Journal(path).start() == left


@pytest.mark.parametrize("torn", [1, 5, 20])
def test_a_line_that_a_kill_has_torn_was_never_written(path: Path, torn: int) -> None:
    journal = Journal(path)
    journal.start()
    journal.ask(A, "s", "1")
    journal.ask(B, "s", "2")
    path.write_bytes(path.read_bytes()[:-torn])
    assert [left.key for left in Journal(path).start()] == [A]


def test_a_word_of_what_was_settled_meanwhile_says_nothing(path: Path) -> None:
    path.write_text('{"posted": ["1048576.1"], "epoch": "e"}\n{"settled": "1048576.1"}\n')
    assert Journal(path).start() == ()


@pytest.mark.parametrize(
    "text", ["nonsense", "[1]", "7", '{"key": "1.1"}', '{"settled": 1}', '{"epoch": "e"}', "[" * 100_000]
)
def test_what_is_no_journal_is_said_and_the_client_starts_without(tmp_path: Path, text: str) -> None:
    FileIdentity(tmp_path / "me").start()
    (tmp_path / "me.unsent").write_text(text + "\n")
    source = FileIdentity(tmp_path / "me")
    with pytest.warns(IdentityWarning, match="keeps no sends"):
        assert source.start().left == ()
    assert not source.keeps_sends


def test_a_journal_that_cannot_be_written_keeps_nothing_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "me.unsent").mkdir()
    source = FileIdentity(tmp_path / "me")
    with pytest.warns(IdentityWarning, match="keeps no sends"):
        source.start()
    source.asked(A, "s", "1")
    source.posting([A], "e")
    source.settled(A)


def test_a_file_in_which_all_is_settled_does_not_grow_for_ever(path: Path) -> None:
    journal = Journal(path)
    journal.start()
    for n in range(1, 60):
        journal.ask((1, n), "s", json.dumps("x" * 10_000))
        journal.settle((1, n))
    assert path.stat().st_size < SETTLED_BYTES + 20_000


# -- a life after the other ----------------------------------------------------------------------------


class Killed(httpx2.AsyncClient):
    """A client's HTTP as it is when the client is killed: what is posted is taken, and nobody hears of it."""

    def __init__(self, *, taken: bool) -> None:
        super().__init__()
        self.taken, self.posted = taken, anyio.Event()

    async def send(self, request: httpx2.Request, **more: Any) -> httpx2.Response:
        if request.method == "GET":
            return await super().send(request, **more)
        if not request.url.path.endswith("/send"):
            raise httpx2.ConnectError("killed")
        if self.taken:
            await (await super().send(request, **more)).aclose()
        self.posted.set()
        await anyio.sleep_forever()
        raise AssertionError


def client(server: Server, path: Path, **more: Any) -> Any:
    identity = FileIdentity(path)
    return connect(server.url, session="s", identity=identity, settings=QUICK, limits=SHORT, **more)


async def killed(server: Server, path: Path, folder: Path, *, taken: bool) -> None:
    """A life whose first send is on its way, and whose second waits, when it ends: what is on the disk."""
    async with (
        Killed(taken=taken) as http,
        client(server, path, http=http) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(session.send, {"text": "one"})
        with anyio.fail_after(5):
            await http.posted.wait()
        group.start_soon(session.send, {"text": "two"})
        while session.pending < 2:
            await anyio.sleep(0.005)
        for name in (path.name, f"{path.name}.unsent"):
            (folder / name).write_bytes((path.parent / name).read_bytes())
        group.cancel_scope.cancel()


async def take(session: Session, count: int) -> list[Any]:
    with anyio.fail_after(5):
        return [await anext(session) for _ in range(count)]


@pytest.mark.anyio
@pytest.mark.parametrize("taken", [True, False])
async def test_what_a_killed_client_left_is_sent_by_the_next_life_once_and_before_its_own(
    serve: Serve, tmp_path: Path, taken: bool
) -> None:
    server = serve(echo_hub())
    kept = tmp_path / "kept"
    kept.mkdir()
    await killed(server, tmp_path / "me", kept, taken=taken)
    told: list[Returned] = []
    async with client(server, kept / "me", on_returned=told.append) as session:
        await session.send({"text": "three"})
        events = await take(session, 3)
    assert [event.data["text"] for event in events] == ["ONE", "TWO", "THREE"]
    assert [(one.session, one.data, one.outcome) for one in told] == [
        ("s", {"text": "one"}, "delivered"),
        ("s", {"text": "two"}, "delivered"),
    ]
    async with client(server, kept / "me", on_returned=told.append) as session:
        await session.send({"text": "four"})
    assert len(told) == 2


@pytest.mark.anyio
async def test_what_may_have_been_taken_under_an_epoch_that_is_gone_is_uncertain(
    serve: Serve, tmp_path: Path
) -> None:
    server, other = serve(echo_hub()), serve(echo_hub())
    kept = tmp_path / "kept"
    kept.mkdir()
    await killed(server, tmp_path / "me", kept, taken=True)
    told: list[Returned] = []
    async with client(other, kept / "me", on_returned=told.append) as session:
        assert await take(session, 1) == [Event({"text": "TWO"}, 1)]
        with anyio.fail_after(5):
            while len(told) < 2:
                await anyio.sleep(0.005)
    assert [(one.data["text"], one.outcome) for one in told] == [("one", "uncertain"), ("two", "delivered")]
    assert told[0].why == "the server has lost its receipts"


@pytest.mark.anyio
async def test_what_is_left_of_a_session_that_is_not_watched_is_sent_too(
    serve: Serve, tmp_path: Path
) -> None:
    hub = Hub()
    server = serve(hub)
    FileIdentity(tmp_path / "me").start()
    Journal(tmp_path / "me.unsent").ask(A, "other", '"hello"')
    told: list[Returned] = []
    async with client(server, tmp_path / "me", on_returned=told.append):
        with anyio.fail_after(5):
            while not told:
                await anyio.sleep(0.005)
    assert (told[0].session, told[0].data, told[0].outcome) == ("other", "hello", "delivered")


class Failing(MemoryIdentity):
    """A keeper of one's own that fails at everything it is told."""

    keeps_sends = True

    def fail(self, *_: Any) -> None:
        raise OSError("the database is away")

    renamed = asked = posting = settled = fail  # type: ignore[assignment]


@pytest.mark.anyio
async def test_a_keeper_that_fails_is_logged_and_the_session_goes_on(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server, keeper = serve(echo_hub()), Failing()
    async with connect(server.url, session="s", identity=keeper, settings=QUICK, limits=SHORT) as first:
        await first.send({"text": "one"})
        assert caplog.text.count("OSError: the database is away") == 3
        async with connect(server.url, session="s", identity=keeper, settings=QUICK, limits=SHORT):
            with anyio.fail_after(5):
                while first.status.identity != "renewed":
                    await anyio.sleep(0.005)
            await first.send({"text": "two"})
    assert caplog.text.count("OSError: the database is away") == 7


@pytest.mark.anyio
async def test_who_leaves_in_order_leaves_nothing_to_the_next_life(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo_hub())
    kept = tmp_path / "kept"
    kept.mkdir()
    await killed(server, tmp_path / "me", kept, taken=False)
    assert len(FileIdentity(kept / "me").start().left) == 2
    assert FileIdentity(tmp_path / "me").start().left == ()
