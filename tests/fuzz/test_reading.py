"""A client takes arbitrary answers: each send and each session has a typed end, in bounded time.

Time is virtual: a wait of a day, which a server may ask for, takes none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from perdure import (
    ClientSettings,
    Event,
    Gap,
    HandlerFailed,
    Limits,
    Session,
    SessionError,
    connect,
    follow,
)
from perdure.errors import SendFailed, SendUncertain
from perdure_model.core.follow.parts import FollowSettings
from trio.testing import MockClock

from tests.fuzz.answers import EVENTS, WELCOMES, Answer, Answering, answers, event, raw
from tests.fuzz.requests import JSON, mostly

ENDS_WITHIN_S = 60 * 86_400.0
SETTINGS = ClientSettings(attempts_max=3, retries_max=1)
LIMITS = Limits(heartbeat_s=1, event_bytes_max=2000, inbox_max=4)
ANSWERS = st.lists(answers(WELCOMES, EVENTS), min_size=1, max_size=8)
QUIET = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

STATES = st.fixed_dictionaries(
    {
        "version": mostly(st.integers(1, 5), JSON),
        "step": st.sampled_from(["on", "on", "on", "done", "denied"]),
    }
)
FRAMES = st.one_of(
    st.builds(event, st.just("message"), STATES | JSON),
    st.builds(event, st.just("message"), STATES),
    st.builds(event, st.just("error"), st.fixed_dictionaries({"status": JSON, "fatal": JSON}) | JSON),
    st.binary(max_size=30).map(raw),
)
SHOWN = st.lists(answers(FRAMES, FRAMES), min_size=1, max_size=8)


class Raised(logging.Handler):
    """Keeps what is logged as an error: something that nobody has expected."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(f"{record.getMessage()}: {record.exc_info}")


@pytest.fixture
def raised() -> Iterator[Raised]:
    handler, log = Raised(), logging.getLogger("perdure")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


def in_virtual_time(work: Any, *args: Any) -> None:
    clock = MockClock(autojump_threshold=0)
    anyio.run(work, *args, backend="trio", backend_options={"clock": clock})


async def send(session: Session, n: int) -> None:
    """Whatever becomes of it, it is told."""
    with suppress(SendFailed, SendUncertain):
        assert (await session.send({"n": n})).key


async def converse(given_: list[Answer]) -> None:
    http = httpx2.AsyncClient(transport=Answering(given_))
    async with (
        http,
        connect("http://hub", session="chat", settings=SETTINGS, limits=LIMITS, http=http) as session,
    ):
        with anyio.fail_after(ENDS_WITHIN_S):
            async with anyio.create_task_group() as group:
                for n in range(3):
                    group.start_soon(send, session, n)
                await read(session)
        assert session.pending == 0


async def read(session: Session) -> None:
    """Take what comes, to the end: without a gap each event is the next one."""
    position = 0
    with suppress(SessionError):
        async for item in session:
            assert isinstance(item, Event | Gap | HandlerFailed)
            assert isinstance(item, Gap) or item.position == position + 1
            position = item.position
    assert session.outcome is not None


@QUIET
@given(given_=ANSWERS)
def test_arbitrary_answers_bring_a_session_to_a_typed_end(raised: Raised, given_: list[Answer]) -> None:
    in_virtual_time(converse, given_)
    assert raised.records == []


async def watch(given_: list[Answer]) -> None:
    http = httpx2.AsyncClient(transport=Answering(given_))
    following = follow(
        snapshot="http://there/state",
        events="http://there/events",
        outcome=lambda state: {"done": "succeeded", "denied": "failed"}.get(str(state.get("step"))),
        settings=FollowSettings(attempts_max=3),
        limits=LIMITS,
        http=http,
    )
    async with http, following as followed:
        with anyio.fail_after(ENDS_WITHIN_S), suppress(SessionError):
            async for state in followed:
                assert isinstance(state, dict)
        assert followed.outcome in ("succeeded", "failed", "expired")


@QUIET
@given(given_=SHOWN)
def test_arbitrary_answers_bring_a_followed_session_to_a_typed_end(
    raised: Raised, given_: list[Answer]
) -> None:
    in_virtual_time(watch, given_)
    assert raised.records == []
