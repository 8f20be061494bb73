"""`refreshing`: one clean stream, whatever becomes of its token; and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from perdure import Credential, Refreshing, UsageError, kind_of_error, refreshing
from perdure.response import Kind
from perdure.trace import Record

pytestmark = pytest.mark.anyio


class Refused(Exception):
    """An authentication error, with fields of its own."""

    def __init__(self, token: str, request_id: str) -> None:
        super().__init__(f"{request_id} refused")
        self.token, self.request_id, self.status_code = token, request_id, 401


def kind_of(item: object) -> Kind:
    """`start` and `ping` prove nothing; events of errors are dicts."""
    if isinstance(item, Exception):
        return kind_of_error(item)
    if isinstance(item, dict):
        return "auth_error" if item["error"] == "auth" else "error"
    return "prefix" if str(item).startswith(("start", "ping")) else "live"


class Provider:
    """Answers each request with what stands for its token; an exception in the script is raised."""

    def __init__(self, **scripts: list[Any]) -> None:
        self.scripts = scripts
        self.opened: list[str] = []
        self.closed: list[str] = []

    async def __call__(self, token: str) -> AsyncGenerator[Any, None]:
        self.opened.append(token)
        try:
            for step in self.scripts[token]:
                await checkpoint()
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, anyio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.closed.append(token)


GOOD = ["start 2", "Hello", " world"]
AUTH_ERRORS = [{"error": "auth", "id": "r1"}, Refused("t1", "r1")]


def fresh(token: str | Exception = "t2") -> Credential:
    """A credential whose token is t1, and whose refresh gives this."""

    def refresh() -> str:
        if isinstance(token, Exception):
            raise token
        return token

    return Credential("t1", refresh)


def call(provider: Any, credential: Credential | None = None, **more: Any) -> Refreshing[Any]:
    return refreshing(provider, credential or fresh(), classify=kind_of, **more)


async def outcome_of(stream: Refreshing[Any]) -> list[Any]:
    """All that the consumer sees, an exception that is raised to it last."""
    seen: list[Any] = []
    with anyio.fail_after(5):
        try:
            async for event in stream:
                seen.append(event)  # noqa: PERF401 - what came before an exception counts
        except Exception as error:
            seen.append(error)
    return seen


# -- one clean stream ----------------------------------------------------------------------------------


async def test_a_stream_whose_token_is_good_comes_as_it_is() -> None:
    provider = Provider(t1=["start", "Hello", " world"])
    stream = call(provider)
    assert await outcome_of(stream) == ["start", "Hello", " world"]
    assert (stream.outcome, stream.attempts) == ("completed", 1)
    assert provider.closed == ["t1"]
    assert await outcome_of(stream) == []


@pytest.mark.parametrize("error", AUTH_ERRORS, ids=["emitted", "raised"])
async def test_a_dead_token_leaves_no_trace_in_the_stream(error: Any) -> None:
    provider = Provider(t1=["start 1", error], t2=GOOD)
    stream = call(provider)
    assert await outcome_of(stream) == GOOD
    assert (stream.outcome, stream.attempts) == ("completed", 2)
    assert (provider.opened, provider.closed) == (["t1", "t2"], ["t1", "t2"])


async def test_a_stream_that_goes_on_after_the_error_that_it_emitted_is_closed_first() -> None:
    order: list[str] = []

    async def open_response(token: str) -> AsyncIterator[Any]:
        order.append(f"open {token}")
        try:
            if token == "t1":
                yield {"error": "auth"}
                yield "never seen"
            yield "Hello"
        finally:
            order.append(f"close {token}")

    assert await outcome_of(call(open_response)) == ["Hello"]
    assert order == ["open t1", "close t1", "open t2", "close t2"]


@pytest.mark.parametrize("error", AUTH_ERRORS, ids=["emitted", "raised"])
async def test_a_second_refusal_surfaces_the_original_error_as_it_was_and_no_start(error: Any) -> None:
    provider = Provider(t1=["start", error], t2=["start", Refused("t2", "r2")])
    stream = call(provider)
    (seen,) = await outcome_of(stream)
    assert seen is error
    assert (stream.outcome, provider.opened) == ("failed", ["t1", "t2"])


@pytest.mark.parametrize("error", AUTH_ERRORS, ids=["emitted", "raised"])
@pytest.mark.parametrize("token", ["t1", RuntimeError("no network")], ids=["the same", "fails"])
async def test_a_refresh_in_vain_surfaces_the_original_error_as_it_was(
    error: Any, token: str | Exception
) -> None:
    provider = Provider(t1=["start", error])
    (seen,) = await outcome_of(call(provider, fresh(token)))
    assert seen is error
    assert provider.opened == provider.closed == ["t1"]


@pytest.mark.parametrize("error", [{"error": "overloaded"}, ValueError("broken")], ids=["emitted", "raised"])
@pytest.mark.parametrize("before", [[], ["start"], ["start", "Hello"]], ids=["first", "held", "live"])
async def test_any_other_error_passes_through_behind_what_was_held(error: Any, before: list[str]) -> None:
    provider = Provider(t1=[*before, error])
    stream = call(provider)
    assert await outcome_of(stream) == [*before, error]
    assert (stream.outcome, provider.opened, provider.closed) == ("failed", ["t1"], ["t1"])


@pytest.mark.parametrize("error", AUTH_ERRORS, ids=["emitted", "raised"])
async def test_after_live_events_nothing_is_started_again(error: Any) -> None:
    provider = Provider(t1=["start", "Hello", error], t2=GOOD)
    assert await outcome_of(call(provider)) == ["start", "Hello", error]
    assert provider.opened == ["t1"]


async def test_what_is_held_comes_with_a_normal_end() -> None:
    assert await outcome_of(call(Provider(t1=["start"]))) == ["start"]
    assert await outcome_of(call(Provider(t1=[]))) == []


async def test_what_is_held_waits_for_proof() -> None:
    proof = anyio.Event()
    stream = call(Provider(t1=["start", proof, "Hello"]))
    seen: list[Any] = []

    async def consume() -> None:
        async for event in stream:
            seen.append(event)  # noqa: PERF401

    async with anyio.create_task_group() as group:
        group.start_soon(consume)
        for _ in range(20):
            await checkpoint()
        assert seen == []
        proof.set()
    assert seen == ["start", "Hello"]


@pytest.mark.parametrize(("bound", "cured"), [(0, False), (1, False), (2, True), (9, True)])
async def test_one_more_than_the_bound_counts_as_live(bound: int, cured: bool) -> None:
    first = ["start", "ping"]
    provider = Provider(t1=[*first, AUTH_ERRORS[0]], t2=GOOD)
    expected = GOOD if cured else [*first, AUTH_ERRORS[0]]
    assert await outcome_of(call(provider, prefix_max=bound)) == expected


# -- a credential that is shared -----------------------------------------------------------------------


async def test_many_calls_share_one_refresh_and_none_waits_for_anothers_stream() -> None:
    asked: list[int] = []
    forever = anyio.Event()

    async def refresh() -> str:
        asked.append(1)
        for _ in range(10):
            await checkpoint()
        return "t2"

    credential = Credential("t1", refresh)
    dead = ["start", AUTH_ERRORS[1]]
    endless = call(Provider(t1=dead, t2=["start", "Hello", forever]), credential)
    async with anyio.create_task_group() as group:
        group.start_soon(outcome_of, endless)
        seen: list[list[Any]] = []

        async def one() -> None:
            seen.append(await outcome_of(call(Provider(t1=dead, t2=GOOD), credential)))

        async with anyio.create_task_group() as others:
            for _ in range(10):
                others.start_soon(one)
        assert seen == [GOOD] * 10
        assert endless.outcome is None
        forever.set()
    assert len(asked) == 1


async def test_a_token_that_was_replaced_meanwhile_is_used_without_a_refresh() -> None:
    refused = anyio.Event()
    provider = Provider(t1=["start", refused, AUTH_ERRORS[0]], mine=GOOD)
    credential = fresh(RuntimeError("must not be asked"))
    async with anyio.create_task_group() as group:

        async def replace() -> None:
            await checkpoint()
            credential.replace("mine")
            refused.set()

        group.start_soon(replace)
        assert await outcome_of(call(provider, credential)) == GOOD
    assert credential.error is None


async def test_the_next_call_begins_with_the_new_token() -> None:
    credential = fresh()
    await outcome_of(call(Provider(t1=[AUTH_ERRORS[0]], t2=GOOD), credential))
    provider = Provider(t2=GOOD)
    await outcome_of(call(provider, credential))
    assert provider.opened == ["t2"]


# -- leaving -------------------------------------------------------------------------------------------


async def test_cancelling_the_consumer_closes_its_stream() -> None:
    provider = Provider(t1=["start", "Hello", anyio.Event()])
    stream = call(provider)
    with anyio.move_on_after(0.02) as scope:
        async for _ in stream:
            pass
    assert scope.cancelled_caught
    assert (stream.outcome, provider.closed) == ("cancelled", ["t1"])


async def test_a_stream_that_takes_its_time_to_close_is_waited_for_by_who_is_cancelled() -> None:
    exits: list[str] = []

    @asynccontextmanager
    async def opened(token: str) -> AsyncIterator[AsyncIterator[Any]]:
        yield Provider(t1=["start", anyio.Event()])(token)
        await anyio.sleep(0.01)
        exits.append(token)

    with anyio.move_on_after(0.02) as scope:
        await anext(call(opened))
    assert scope.cancelled_caught
    assert exits == ["t1"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_asyncio_cancels_leaves_no_task_either() -> None:
    ended: list[str] = []

    async def refresh() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("refresh")
        raise AssertionError

    before = asyncio.all_tasks()
    stream = call(Provider(t1=["start", AUTH_ERRORS[1]]), Credential("t1", refresh))
    task = asyncio.create_task(outcome_of(stream))
    await anyio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (stream.outcome, ended, asyncio.all_tasks()) == ("cancelled", ["refresh"], before)


@pytest.mark.parametrize("second", [GOOD, ["start 2", AUTH_ERRORS[0]]], ids=["completed", "failed"])
async def test_at_its_end_a_call_holds_no_payload_and_no_error(second: list[Any]) -> None:
    stream = call(Provider(t1=["start", AUTH_ERRORS[1]], t2=second))
    await outcome_of(stream)
    assert (stream._kept, stream._errors, stream._reading) == ({}, {}, None)


async def test_cancelling_the_one_who_waits_cancels_the_refresh_and_leaves_no_task() -> None:
    ended: list[str] = []

    async def refresh() -> str:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("refresh")
        raise AssertionError

    credential = Credential("t1", refresh)
    stream = call(Provider(t1=[AUTH_ERRORS[0]]), credential)
    with anyio.move_on_after(0.02):
        await anext(stream)
    assert ended == ["refresh"]
    assert (stream.outcome, credential.state) == ("cancelled", "usable")
    assert not credential._running
    assert not len(credential._tasks)
    assert not credential._callers


async def test_cancelling_one_of_two_leaves_the_refresh_to_the_other() -> None:
    let = anyio.Event()

    async def refresh() -> str:
        await let.wait()
        return "t2"

    credential = Credential("t1", refresh)
    provider = Provider(t1=[AUTH_ERRORS[0]], t2=GOOD)
    async with anyio.create_task_group() as group:
        with anyio.move_on_after(0.02):
            group.start_soon(wake, let)
            await anext(call(provider, credential))
        assert await outcome_of(call(provider, credential)) == GOOD


async def wake(event: anyio.Event) -> None:
    await anyio.sleep(0.05)
    event.set()


async def test_leaving_the_block_closes_the_stream() -> None:
    provider = Provider(t1=["start", "Hello", " world"])
    async with call(provider) as stream:
        async for _ in stream:
            break
    assert (stream.outcome, provider.closed) == ("cancelled", ["t1"])
    assert await outcome_of(stream) == []
    await stream.aclose()


async def test_a_call_that_is_closed_before_it_began_asks_for_nothing() -> None:
    provider = Provider(t1=GOOD)
    stream = call(provider)
    await stream.aclose()
    assert await outcome_of(stream) == []
    assert provider.opened == []


async def test_a_call_that_nobody_iterates_needs_no_closing() -> None:
    call(Provider(t1=GOOD))
    gc.collect()


async def test_two_tasks_cannot_iterate_one_call() -> None:
    stream = call(Provider(t1=[anyio.Event()]))
    async with anyio.create_task_group() as group:
        group.start_soon(outcome_of, stream)
        await checkpoint()
        await checkpoint()
        with pytest.raises(anyio.BusyResourceError, match="iterating"):
            await anext(stream)
        group.cancel_scope.cancel()


# -- however the stream is opened ----------------------------------------------------------------------


class SdkStream:
    """A stream as the SDKs make them: to be awaited for, a context manager, closed on exit."""

    def __init__(self, events: list[str]) -> None:
        self.events, self.exits = events, 0

    def __aiter__(self) -> AsyncIterator[str]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[str]:
        for event in self.events:
            yield event

    async def __aenter__(self) -> SdkStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.exits += 1


async def test_a_stream_that_is_awaited_for_and_entered() -> None:
    made: list[SdkStream] = []

    async def create(token: str) -> SdkStream:
        await checkpoint()
        if token == "t1":
            raise Refused(token, "r1")
        made.append(SdkStream(GOOD))
        return made[0]

    assert await outcome_of(call(create)) == GOOD
    assert made[0].exits == 1


async def test_a_stream_in_a_context_manager_is_exited_wherever_it_ends() -> None:
    exits: list[str] = []

    @asynccontextmanager
    async def opened(token: str) -> AsyncIterator[AsyncIterator[Any]]:
        try:
            yield Provider(t1=["start", AUTH_ERRORS[1]], t2=GOOD)(token)
        finally:
            await checkpoint()
            exits.append(token)

    assert await outcome_of(call(opened)) == GOOD
    assert exits == ["t1", "t2"]
    async with call(opened, Credential("t2", lambda: "t3")) as stream:
        await anext(stream)
    assert exits == ["t1", "t2", "t2"]


async def test_a_plain_iterable_of_events() -> None:
    class Events:
        def __init__(self) -> None:
            self.left = list(GOOD)

        def __aiter__(self) -> Events:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    assert await outcome_of(call(lambda _token: Events())) == GOOD


# -- whose fault it is ---------------------------------------------------------------------------------


async def test_what_cannot_be_iterated_is_told() -> None:
    (error,) = await outcome_of(call(lambda _token: 7))
    assert isinstance(error, UsageError)
    assert "int, which is no async iterable; write it as an async generator" in str(error)


@pytest.mark.parametrize("wrong", ["lively", None, "auth"])
async def test_a_kind_that_is_none_is_told_and_the_stream_closed(wrong: Any) -> None:
    provider = Provider(t1=GOOD)
    stream = refreshing(provider, fresh(), classify=lambda _item: wrong)
    (error,) = await outcome_of(stream)
    assert isinstance(error, UsageError)
    assert f"classify said {wrong!r} of str; return one of prefix, live, auth_error, error" in str(error)
    assert provider.closed == ["t1"]


async def test_an_exception_can_be_no_event() -> None:
    stream = refreshing(Provider(t1=[ValueError()]), fresh(), classify=lambda _item: "live")
    (error,) = await outcome_of(stream)
    assert isinstance(error, UsageError)
    assert "classify said 'live' of ValueError; return one of auth_error, error" in str(error)


async def test_what_classify_raises_comes_through_and_the_stream_is_closed() -> None:
    def fails(_item: object) -> Kind:
        raise KeyError("mine")

    provider = Provider(t1=GOOD)
    (error,) = await outcome_of(refreshing(provider, fresh(), classify=fails))
    assert isinstance(error, KeyError)
    assert provider.closed == ["t1"]


async def test_a_stream_that_fails_to_close_is_logged_and_disturbs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Sticky(SdkStream):
        async def __aexit__(self, *_: object) -> None:
            raise OSError("cannot close")

    assert await outcome_of(call(lambda _token: Sticky(GOOD))) == GOOD
    assert "closing a response's stream failed" in caplog.text
    assert "cannot close" in caplog.text


@pytest.mark.parametrize("wrong", [-1, 1.5, "1", None, True])
async def test_a_bound_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="give the number of events to hold"):
        call(Provider(), prefix_max=wrong)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SimpleNamespace(status_code=401), "auth_error"),
        (SimpleNamespace(status=401), "auth_error"),
        (SimpleNamespace(response=SimpleNamespace(status_code=401)), "auth_error"),
        (SimpleNamespace(status_code=403), "error"),
        (SimpleNamespace(response=SimpleNamespace(status_code=500)), "error"),
        (ValueError(), "error"),
    ],
)
async def test_the_kind_of_an_exception_is_its_status(error: Any, kind: str) -> None:
    assert kind_of_error(error) == kind


# -- the trace -----------------------------------------------------------------------------------------


async def test_each_decision_is_recorded_and_no_payload(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "perdure")
    records: list[Record] = []
    provider = Provider(t1=["start", Refused("t1", "r1")], t2=["start", "secret text"])
    await outcome_of(call(provider, trace=records.append))
    moves = [(record["event"], record["to"]) for record in records]
    assert moves == [
        (None, None),
        ("prefix", "holding"),
        ("auth_error", "refreshing"),
        ("refreshed", "holding"),
        ("prefix", "holding"),
        ("live", "streaming"),
        ("finished", "ended"),
    ]
    assert [record["generation"] for record in records] == [None, 1, 1, None, 2, 2, 2]
    assert "secret" not in str(records)
