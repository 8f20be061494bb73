"""A session that follows remote state, against a server that is not ours, under asyncio and trio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest
from perdure import (
    Closed,
    Credential,
    ErrorFrame,
    Followed,
    FollowSettings,
    FollowStatus,
    Hub,
    Limits,
    ServerUnreachable,
    SessionExpired,
    SessionFailed,
    SnapshotFailed,
    StreamBroken,
    StreamRefused,
    SubmitFailed,
    SubmitUncertain,
    UnreadableState,
    UsageError,
    follow,
)
from perdure.errors import PerdureError
from perdure.states import State

from tests.runtime.flow import Flow
from tests.runtime.serving import SHORT, Serve, Server

pytestmark = pytest.mark.anyio

QUICK = FollowSettings(
    attempts_max=4, total_s=5, again_first_s=0.01, again_cap_s=0.05, steady_s=0.5, settle_s=0.1
)


class Served:
    """A flow behind a real server, and what a session of it is opened with."""

    def __init__(self, serve: Serve) -> None:
        self.flow = Flow()
        self.server: Server = serve(Hub(), app=self.flow.app)
        self.errors: list[PerdureError] = []
        self.closed: list[Closed] = []
        self.statuses: list[FollowStatus] = []

    def follow(self, **more: Any) -> Any:
        arguments = {
            "snapshot": f"{self.server.url}/state",
            "events": f"{self.server.url}/events",
            "outcome": lambda state: state.get("outcome"),
            "settings": QUICK,
            "limits": SHORT,
            "on_error": self.errors.append,
            "on_close": self.closed.append,
            "on_status": self.statuses.append,
        }
        return follow(**{**arguments, **more})

    async def call(self, work: Callable[..., Any], **fields: Any) -> Any:
        async def run() -> Any:
            return await work(**fields)

        return await self.server.call(run)

    async def change(self, **fields: Any) -> None:
        await self.call(self.flow.change, **fields)

    def submitting(self) -> Any:
        """A submit function, as an application would write it."""

        async def send(data: Any, token: str | None) -> State | None:
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            async with httpx2.AsyncClient() as http:
                response = await http.post(f"{self.server.url}/submit", json=data, headers=headers)
                response.raise_for_status()
                return response.json() if response.content else None

        return send


@pytest.fixture
def served(serve: Serve) -> Served:
    return Served(serve)


async def take(session: Followed) -> State:
    with anyio.fail_after(5):
        return await anext(session)


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.005)


async def rest(session: Followed) -> list[State]:
    with anyio.fail_after(5):
        return [state async for state in session]


# -- following -----------------------------------------------------------------------------------------


async def test_the_snapshot_comes_first_and_events_are_merged_into_it(served: Served) -> None:
    async with served.follow() as session:
        first = await take(session)
        assert first == {"version": 1, "step": "form", "theme": "dark", "cursor": "1", "only": "snapshot"}
        assert session.status.state == "awaiting"
        await served.change(step="code", unknown={"a": 1})
        second = await take(session)
        assert second == {**first, "version": 2, "step": "code", "unknown": {"a": 1}}
        assert session.state == second
    assert session.outcome == "closed"
    assert await rest(session) == []


async def test_volatile_fields_that_an_event_leaves_out_are_cleared(served: Served) -> None:
    async with served.follow(volatile=("hint",)) as session:
        await take(session)
        await served.change(hint="wrong code")
        assert (await take(session))["hint"] == "wrong code"
        await served.change(step="code")
        state = await take(session)
        assert "hint" not in state
        assert state["only"] == "snapshot"


async def test_what_the_stream_brings_before_the_snapshot_is_in_is_held_and_none_is_lost(
    served: Served,
) -> None:
    served.flow.snapshots_wait = wait = asyncio.Event()
    async with served.follow() as session:
        await until(lambda: len(served.flow.asked) == 2)
        await served.change(step="second")
        await until(lambda: session._kept)
        assert session.status.state == "connecting"

        async def go_on() -> None:
            wait.set()

        await served.call(go_on)
        assert [(await take(session))["version"] for _ in range(2)] == [1, 2]


async def test_the_last_state_is_shown_and_ends_the_session_with_its_outcome(served: Served) -> None:
    async with served.follow() as session:
        await served.change(step="done", outcome="succeeded")
        states = await rest(session)
        assert states[-1]["step"] == "done"
        assert session.outcome == "succeeded"
        assert session.error is None
        await until(lambda: not session._running)
    assert session.outcome == "succeeded"
    assert [status.state for status in served.statuses].count("terminal") == 1


@pytest.mark.parametrize(("outcome", "error"), [("failed", SessionFailed), ("expired", SessionExpired)])
async def test_an_end_that_is_not_well_is_raised(
    served: Served, outcome: str, error: type[Exception]
) -> None:
    served.flow.state["outcome"] = outcome
    async with served.follow() as session:
        assert (await take(session))["outcome"] == outcome
        for _ in range(2):
            with pytest.raises(error, match=outcome):
                await take(session)


async def test_a_failure_that_was_overcome_is_not_the_cause_of_the_end(served: Served) -> None:
    served.flow.faults["state"] = [503]
    served.flow.state["outcome"] = "failed"
    async with served.follow() as session:
        with pytest.raises(SessionFailed) as raised:
            await rest(session)
    assert raised.value.status == 0
    assert raised.value.__cause__ is None
    assert [error.status for error in served.errors] == [503]


async def test_within_on_error_the_session_names_that_error(served: Served) -> None:
    seen: list[Any] = []

    def told(error: PerdureError) -> None:
        assert session.error is not None
        seen.append((session.status.state, session.status.error is error, session.error.status))

    async with served.follow(on_error=told) as session:
        await take(session)
        fatal = '{"status": 503, "message": "dead", "fatal": true}'
        await served.call(served.flow.say, event="error", data=fatal)
        with pytest.raises(SessionFailed):
            await rest(session)
    assert seen == [("terminal", True, 503)]


async def test_within_on_state_what_failed_before_is_overcome(served: Served) -> None:
    seen: list[Any] = []
    served.flow.faults["events"] = [503]
    session: Followed

    def shown(_state: State) -> None:
        seen.append((session.status.state, session.status.error))

    async with served.follow(on_state=shown) as session:
        await take(session)
    assert seen == [("awaiting", None)]


async def test_a_stream_that_is_cut_comes_back_and_what_was_missed_is_shown(served: Served) -> None:
    async with served.follow() as session:
        await take(session)
        for version in range(2, 5):
            await served.call(served.flow.end_streams)
            await served.change(step=f"step {version}")
            while (await take(session))["version"] != version:
                pass
        await until(lambda: session.status.state == "awaiting")
    assert "reconnecting" in {status.state for status in served.statuses}
    assert any(status.next_try_s is not None for status in served.statuses)
    streams = [name for name, _ in served.flow.asked].count("events")
    assert [closed.attempt for closed in served.closed] == list(range(1, streams + 1))
    assert served.closed[-1].error is None
    assert all(closed.error is not None for closed in served.closed[:-1])


async def test_with_a_cursor_the_stream_goes_on_where_it_was_and_no_snapshot_is_taken(
    served: Served,
) -> None:
    async with served.follow(cursor="cursor", version=None) as session:
        assert (await take(session))["version"] == 1
        await served.change(step="two")
        assert (await take(session))["version"] == 2
        await served.call(served.flow.end_streams)
        await served.change(step="three")
        assert (await take(session))["version"] == 3
        await served.change(step="four")
        assert (await take(session))["version"] == 4
    names = [name for name, _ in served.flow.asked]
    assert names == ["state", "events", "events"]
    assert [headers.get("last-event-id") for name, headers in served.flow.asked if name == "events"] == [
        "1",
        "2",
    ]


async def test_an_application_s_function_can_give_the_snapshot(served: Served) -> None:
    async with served.follow(
        snapshot=lambda token: {"version": 7, "token": token}, credential="t"
    ) as session:
        assert await take(session) == {"version": 7, "token": "t"}


# -- failures ------------------------------------------------------------------------------------------


async def test_a_server_that_never_returns_ends_the_session_within_its_bounds(served: Served) -> None:
    served.flow.faults["events"] = [503] * 99
    async with served.follow() as session:
        with pytest.raises(SessionFailed) as raised:
            await take(session)
        assert raised.value.status == 503
        assert isinstance(raised.value.__cause__, StreamRefused)
        assert raised.value.hint == "a fault"
    assert len(served.flow.asked) == 1 + QUICK.attempts_max
    assert [error.status for error in served.errors] == [503] * (1 + QUICK.attempts_max)
    assert len(served.closed) == len(served.errors)


async def test_a_server_that_accepts_and_closes_is_not_asked_for_ever(served: Served) -> None:
    served.flow.cut.set()
    settings = FollowSettings(attempts_max=4, again_first_s=0.01, again_cap_s=0.05, steady_s=9)
    async with served.follow(settings=settings) as session:
        with pytest.raises(SessionFailed, match="ended the stream"):
            await rest(session)
    streams = [name for name, _ in served.flow.asked].count("events")
    assert 5 <= streams <= 5 + 4  # the first state, if it comes through, is progress


async def test_the_time_is_a_bound_too(served: Served) -> None:
    served.flow.faults["events"] = [500] * 999
    settings = FollowSettings(attempts_max=999, total_s=0.2, again_first_s=0.01, again_cap_s=0.02)
    async with served.follow(settings=settings) as session:
        with pytest.raises(SessionFailed):
            await take(session)
        assert session.status.failures < 999


async def test_nobody_at_the_address_is_an_error_without_a_status(served: Served) -> None:
    async with served.follow(events="http://127.0.0.1:9/events") as session:
        with pytest.raises(SessionFailed, match="not to be reached") as raised:
            await take(session)
        assert raised.value.status == 0
    assert {error.status for error in served.errors} == {0}


@pytest.mark.parametrize("path", ["events", "state"])
@pytest.mark.parametrize("status", [401, 410])
async def test_401_and_410_end_in_expired(served: Served, path: str, status: int) -> None:
    served.flow.faults[path] = [status]
    async with served.follow() as session:
        with pytest.raises(SessionExpired) as raised:
            await rest(session)
        assert raised.value.status == status
        assert session.outcome == "expired"


@pytest.mark.parametrize("path", ["events", "state"])
async def test_a_401_refreshes_the_credential_once(served: Served, path: str) -> None:
    served.flow.token = "new"
    credential = Credential("old", lambda: "new")
    async with served.follow(credential=credential) as session:
        assert (await take(session))["version"] == 1
        assert credential.token == "new"
        await served.change(step="two")
        assert (await take(session))["version"] == 2
    assert all("authorization" in headers for _, headers in served.flow.asked)


async def test_a_refresh_that_brings_nothing_ends_in_expired(served: Served) -> None:
    served.flow.token = "another"
    async with served.follow(credential=Credential("old", lambda: "new")) as session:
        with pytest.raises(SessionExpired):
            await take(session)
    assert len(served.flow.asked) == 2


async def test_leaving_during_a_refresh_ends_it(served: Served) -> None:
    served.flow.token = "new"
    told: list[str] = []

    async def slow() -> str:
        told.append("begun")
        try:
            await anyio.sleep_forever()
        finally:
            told.append("ended")
        return "never"

    credential = Credential("old", slow)
    async with served.follow(credential=credential) as session:
        await until(lambda: told == ["begun"])
        assert (credential.state, session.status.state) == ("refreshing", "reconnecting")
    assert told == ["begun", "ended"]
    assert credential.state == "usable"


async def test_a_credential_function_that_fails_is_a_failed_attempt(served: Served) -> None:
    def broken() -> str:
        raise ZeroDivisionError

    async with served.follow(credential=broken) as session:
        with pytest.raises(SessionFailed, match="credential function"):
            await take(session)
    assert served.flow.asked == []


async def test_an_event_that_is_no_state_is_told_and_the_stream_goes_on(served: Served) -> None:
    async with served.follow() as session:
        await take(session)
        for data in ("no json", "[1]", '{"version": "x"}', '{"version": 9, "outcome": "nonsense"}'):
            await served.call(served.flow.say, data=data)
        await served.change(step="fine")
        assert (await take(session))["step"] == "fine"
        assert [type(error) for error in served.errors] == [UnreadableState] * 4
        assert [getattr(error, "text", None) for error in served.errors][:2] == ["no json", "[1]"]
        assert session.outcome is None
    assert len(served.closed) == 1


async def test_an_error_frame_is_fatal_unless_it_says_no(served: Served) -> None:
    async with served.follow() as session:
        await take(session)
        await served.call(
            served.flow.say, event="error", data='{"status": 429, "message": "slow", "fatal": false}'
        )
        await served.change(step="fine")
        assert (await take(session))["step"] == "fine"
        await served.call(served.flow.say, event="error", data="<html>")
        with pytest.raises(SessionFailed, match="cannot be read") as raised:
            await take(session)
        assert raised.value.status == 0
    assert [(type(error), error.status) for error in served.errors] == [(ErrorFrame, 429), (ErrorFrame, 0)]


async def test_a_snapshot_that_fails_counts_as_a_lost_attempt(served: Served) -> None:
    served.flow.faults["state"] = [404, 500]
    async with served.follow() as session:
        assert (await take(session))["version"] == 1
        assert session.status.failures == 0
    assert [error.status for error in served.errors] == [404, 500]


async def test_a_stream_given_up_for_its_snapshot_s_sake_is_closed_without_an_error_of_its_own(
    served: Served,
) -> None:
    async with served.follow(snapshot="http://127.0.0.1:9/state") as session:
        with pytest.raises(SessionFailed, match="not to be reached"):
            await take(session)
    assert {type(error) for error in served.errors} == {ServerUnreachable}
    assert [closed.error for closed in served.closed] == [None] * (1 + QUICK.attempts_max)


async def test_a_stream_that_ends_by_itself_is_closed_with_the_error_that_says_how(served: Served) -> None:
    served.flow.faults["events"] = [503]
    async with served.follow() as session:
        await take(session)
        await served.call(served.flow.end_streams)
        await until(lambda: len(served.closed) == 2)
    ended = [closed.error for closed in served.closed[:2]]
    assert ([type(error) for error in ended], ended) == ([StreamRefused, StreamBroken], served.errors)


async def test_a_stream_that_is_silent_for_too_long_counts_as_lost(served: Served) -> None:
    served.flow.ping_s = 60
    async with served.follow(silence_s=0.1) as session:
        await take(session)
        await until(lambda: served.errors)
        assert "nothing was heard" in served.errors[0].says
    served.flow.ping_s, served.errors[:] = 0.02, []
    async with served.follow(silence_s=0.3) as session:
        await take(session)
        await anyio.sleep(0.5)
        assert (session.status.state, served.errors) == ("awaiting", [])


async def test_a_snapshot_that_takes_too_long_is_a_failed_attempt(served: Served) -> None:
    waits = [True, False]

    async def get_state(_token: str | None) -> State:
        if waits.pop(0):
            await anyio.sleep_forever()
        return {"version": 1}

    async with served.follow(snapshot=get_state, limits=Limits(post_s=0.1)) as session:
        assert await take(session) == {"version": 1}
    assert [type(error) for error in served.errors] == [SnapshotFailed]
    assert "in time" in served.errors[0].says


async def test_the_wait_that_the_stream_asks_for_is_kept(served: Served) -> None:
    async with served.follow() as session:
        await take(session)
        await served.call(served.flow.say, data='{"version": 2}', retry=700)
        await take(session)
        await served.call(served.flow.end_streams)
        await until(lambda: session.status.next_try_s)
        assert session.status.next_try_s == 0.7


async def test_a_credential_is_refreshed_again_after_progress(served: Served) -> None:
    fresh = iter(["second", "third"])
    served.flow.token = "second"
    async with served.follow(credential=Credential("first", lambda: next(fresh))) as session:
        await take(session)
        served.flow.token = "third"
        await served.call(served.flow.end_streams)
        await served.change(step="two")
        assert (await take(session))["step"] == "two"
        assert session.outcome is None
    assert list(fresh) == []


@pytest.mark.parametrize("holding", [False, True])
async def test_what_is_not_taken_stops_the_reading_and_nothing_is_lost(served: Served, holding: bool) -> None:
    wait = served.flow.snapshots_wait = asyncio.Event()

    async def go_on() -> None:
        wait.set()

    if not holding:
        await served.call(go_on)
    body = "x" * 20_000
    limits = Limits(heartbeat_s=5, post_s=9, inbox_max=10)
    async with served.follow(limits=limits) as session:
        await until(lambda: len(served.flow.asked) == 2)
        await until(lambda: holding or session.status.state == "awaiting")
        for _ in range(400):
            await served.change(body=body)
        await anyio.sleep(0.2)
        assert len(session._inbox) + len(session._kept) < 100
        await served.call(go_on)
        versions = [(await take(session))["version"]]
        while versions[-1] < 401:
            versions.append((await take(session))["version"])
    assert versions == list(range(versions[0], 402))


async def test_an_event_without_an_id_of_its_own_is_not_taken_for_one_that_is_known(served: Served) -> None:
    async with served.follow(cursor="cursor", version=None) as session:
        await take(session)
        await served.change(step="two")
        await served.call(served.flow.say, data='{"step": "three"}')
        assert [(await take(session))["step"] for _ in range(2)] == ["two", "three"]


async def test_an_event_that_is_too_large_is_told_and_breaks_the_stream(served: Served) -> None:
    async with served.follow(limits=Limits(event_bytes_max=500)) as session:
        await take(session)
        await served.change(body="x" * 1000)
        assert len((await take(session))["body"]) == 1000  # from the next snapshot
    assert "larger" in served.errors[0].says


async def test_leaving_ends_all_at_once(served: Served) -> None:
    served.flow.snapshots_wait = asyncio.Event()
    async with served.follow() as session:
        await until(lambda: len(served.flow.asked) == 2)
        session.leave()
        assert session.outcome == "closed"
        assert not session._running
        assert len(session._timers) == 0
        assert await rest(session) == []
        session.leave()
    assert len(served.closed) == 1

    async def release() -> None:
        assert served.flow.snapshots_wait is not None
        served.flow.snapshots_wait.set()

    await served.call(release)


# -- submitting ----------------------------------------------------------------------------------------


async def test_a_submission_brings_the_state_that_it_made(served: Served) -> None:
    async with served.follow(submit=served.submitting()) as session:
        await take(session)
        await session.submit({"name": "x"})
        state = await take(session)
        assert (state["version"], state["step"], state["form"]) == (2, "waiting", {"name": "x"})
        await until(lambda: not session.status.submitting)
    assert any(status.submitting for status in served.statuses)


async def test_a_submission_is_shown_as_under_way_until_its_state_has_come(served: Served) -> None:
    served.flow.mute = True
    async with served.follow(submit=served.submitting()) as session:
        await take(session)
        await session.submit({})
        assert (await take(session))["step"] == "waiting"
        assert not session.status.submitting


async def test_a_submission_that_changes_nothing_is_settled_by_a_fresh_snapshot(served: Served) -> None:
    served.flow.mute = served.flow.idle = True
    async with served.follow(submit=served.submitting()) as session:
        await take(session)
        await session.submit({})
        assert session.status.submitting
        assert (await take(session))["version"] == 1
        assert not session.status.submitting
    assert [name for name, _ in served.flow.asked] == ["events", "state", "submit", "events", "state"]


@pytest.mark.parametrize(
    ("status", "error"), [(422, SubmitFailed), (429, SubmitFailed), (500, SubmitUncertain)]
)
async def test_a_submission_that_fails_leaves_the_session_where_it_is(
    served: Served, status: int, error: type[PerdureError]
) -> None:
    served.flow.faults["submit"] = [status]
    async with served.follow(submit=served.submitting()) as session:
        await take(session)
        with pytest.raises(error) as raised:
            await session.submit({})
        assert raised.value.status == status
        assert session.outcome is None
        assert not session.status.submitting
        await served.change(step="on")
        assert (await take(session))["step"] == "on"


async def test_a_submission_that_is_answered_with_410_ends_the_session(served: Served) -> None:
    served.flow.faults["submit"] = [410]
    async with served.follow(submit=served.submitting()) as session:
        await take(session)
        with pytest.raises(SubmitFailed):
            await session.submit({})
        with pytest.raises(SessionExpired) as raised:
            await rest(session)
        assert raised.value.status == 410
        with pytest.raises(SubmitFailed, match="over"):
            await session.submit({})


async def test_a_submission_refreshes_the_credential_once(served: Served) -> None:
    credential = Credential("old", lambda: "new")
    async with served.follow(credential=credential, submit=served.submitting()) as session:
        await take(session)
        served.flow.token = "new"
        await session.submit({})
        assert (await take(session))["step"] == "waiting"
        assert session.outcome is None


async def test_one_submission_at_a_time(served: Served) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    async def slow(_data: Any, _token: Any) -> None:
        begun.set()
        await go_on.wait()

    async with served.follow(submit=slow) as session, anyio.create_task_group() as group:
        await take(session)
        group.start_soon(session.submit, {})
        await begun.wait()
        with pytest.raises(SubmitFailed, match="under way"):
            await session.submit({})
        go_on.set()


async def test_a_submission_that_surely_never_left_has_failed(served: Served) -> None:
    async def send(_data: Any, _token: Any) -> None:
        async with httpx2.AsyncClient() as http:
            await http.post("http://127.0.0.1:9/")

    async with served.follow(submit=send) as session:
        await take(session)
        with pytest.raises(SubmitFailed) as raised:
            await session.submit({})
        assert raised.value.status == 0
        assert isinstance(raised.value.__cause__, httpx2.ConnectError)


async def test_a_session_that_is_left_tells_who_submitted_that_nobody_knows(served: Served) -> None:
    async def slow(_data: Any, _token: Any) -> None:
        await anyio.sleep_forever()

    seen: list[BaseException] = []

    async with served.follow(submit=slow) as session, anyio.create_task_group() as group:

        async def submit() -> None:
            with pytest.raises(SubmitUncertain) as raised:
                await session.submit({})
            seen.append(raised.value)

        group.start_soon(submit)
        await until(lambda: session.status.submitting)
        assert len(session._running) > 0
        session.leave()
        assert session._running == {}
    assert len(seen) == 1


async def test_a_session_without_submit_says_so(served: Served) -> None:
    async with served.follow() as session:
        with pytest.raises(UsageError, match="submit="):
            await session.submit({})


# -- callbacks and arguments ---------------------------------------------------------------------------


async def test_the_callback_registered_last_is_called_and_one_that_fails_disturbs_nothing(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    first: list[State] = []
    second: list[State] = []
    async with served.follow(on_state=first.append) as session:
        await take(session)
        session.on_state(second.append)
        await served.change(step="two")
        await take(session)
        assert (len(first), len(second)) == (1, 1)

        def broken(_state: State) -> None:
            raise ZeroDivisionError

        session.on_state(broken)
        await served.change(step="three")
        assert (await take(session))["step"] == "three"
        session.on_state(None)
        session.on_error(None)
        session.on_close(None)
        session.on_status(None)
    assert "on_state failed" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": "no address"},
        {"events": "ftp://host/"},
        {"snapshot": "/path"},
        {"outcome": "succeeded"},
        {"submit": 7},
        {"read": 7},
    ],
)
async def test_what_is_of_no_use_is_refused_at_once(served: Served, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="give"):
        async with served.follow(**wrong):
            pytest.fail("it should not begin")


async def test_the_trace_has_a_record_of_each_decision_and_no_fields_of_states(served: Served) -> None:
    records: list[dict[str, Any]] = []
    async with served.follow(trace=records.append) as session:
        await take(session)
    assert [record["input"]["type"] for record in records][:3] == [
        "FollowStarted",
        "StreamOpened",
        "SnapshotReplied",
    ]
    assert {record["side"] for record in records} == {"follow"}
    assert "dark" not in repr(records)
