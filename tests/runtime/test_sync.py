"""The client for scripts: the same sessions without `await`, and nothing left behind."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from perdure import Event, PayloadError, SendFailed, SessionFailed, Status, UsageError, client, sync
from perdure_model.core.server.parts import CONNECTION

from tests.runtime.serving import QUICK, SHORT, Serve, Server, echo_hub


def quick(server: Server, session: str = "a", **more: Any) -> Any:
    return sync.connect(server.url, session=session, settings=QUICK, limits=SHORT, **more)


@pytest.fixture(autouse=True)
def no_thread_left() -> Any:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(2)
    assert [thread for thread in left if thread.is_alive()] == []


@pytest.fixture
def server(no_thread_left: Any, serve: Serve) -> Server:
    return serve(echo_hub())


def test_a_script_sends_and_iterates_to_the_end(server: Server) -> None:
    statuses: list[Status] = []
    with quick(server, on_status=statuses.append) as session:
        for n in range(3):
            assert session.send({"text": f"m{n}"}).key.endswith(f".{n + 1}")
        assert (session.status.state, session.outcome, session.error, session.pending) == (
            "awaiting",
            None,
            None,
            0,
        )
        assert server.hub.session("a").owner == session.connection_id
        assert [next(session).data["text"] for _ in range(3)] == ["M0", "M1", "M2"]
        server._uvicorn.submit(server.hub.session("a").end).result(5)
        assert list(session) == []
        assert session.outcome == "succeeded"
    assert statuses
    assert server.hub._rules.parts(CONNECTION) == {}


def test_a_script_may_watch_another_session_and_go_to_the_background(server: Server) -> None:
    with quick(server) as a:
        b = a.watch("b")
        b.send({"text": "b"})
        a.suspend()
        assert a.status.state == "reconnecting"
        a.resume()
        assert b.take(5) == Event({"text": "B"}, 1)
        b.unwatch()
        assert b.take() is None
        a.leave()
        assert a.outcome == "closed"


def test_a_script_may_hear_of_each_status_and_know_the_epoch(server: Server) -> None:
    first: list[Status] = []
    second: list[Status] = []
    with quick(server, on_status=first.append) as session:
        session.send({"text": "one"})
        epoch = session.epoch
        assert epoch
        session.on_status(second.append)
        told = len(first)
        session.suspend()
        assert (len(first), second[-1].state) == (told, "reconnecting")
        session.resume()
        session.send({"text": "two"})
        assert (session.epoch, second[-1].state) == (epoch, "awaiting")
        session.on_status(None)
        told = len(second)
        session.suspend()
        assert len(second) == told


def test_a_script_has_all_that_a_program_has() -> None:
    public = {name for name in vars(client.Session) if not name.startswith("_")}
    assert public <= {name for name in vars(sync.Session) if not name.startswith("_")}


def test_a_script_waits_as_long_as_it_likes_and_misses_nothing(server: Server) -> None:
    with quick(server) as session:
        with pytest.raises(TimeoutError):
            session.take(0.05)
        session.send({"text": "now"})
        assert session.take(5) == Event({"text": "NOW"}, 1)


class Late(Future[Any]):
    """Has its result in the very moment of giving up."""

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self.set_result(Event("late", 1))
            raise TimeoutError
        return super().result(timeout)


class LatePortal:
    def start_task_soon(self, *_: Any) -> Late:
        return Late()


class Nameless:
    name = "a"


def test_what_comes_in_the_very_moment_of_giving_up_is_the_next_event() -> None:
    session = sync.Session(LatePortal(), Nameless())  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        session.take(0.01)
    assert session.take(0.01) == Event("late", 1)


def test_events_go_to_one_of_many_threads_each(server: Server) -> None:
    with quick(server) as session, ThreadPoolExecutor(4) as pool:
        taken = [pool.submit(session.take, 5) for _ in range(8)]
        for n in range(8):
            session.send({"text": f"m{n}"})
        assert sorted(one.result(5).position for one in taken) == list(range(1, 9))


def test_what_goes_wrong_is_raised_where_it_is_asked_for(server: Server) -> None:
    with pytest.raises(UsageError, match="not the address"), sync.connect("nowhere", session="a"):
        pass
    with quick(server) as session:
        with pytest.raises(PayloadError):
            session.send(object())
        server._uvicorn.submit(server.hub.session("a").end, "failed").result(5)
        with pytest.raises(SessionFailed):
            session.take(5)
        with pytest.raises(SendFailed):
            session.send(1)


def test_an_error_in_the_script_leaves_as_it_is(server: Server) -> None:
    def script() -> None:
        with quick(server) as session:
            session.send({"text": "hello"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        script()
    assert server.hub._rules.parts(CONNECTION) == {}
