"""Every public signature with wrong values: each is refused at once, and told what to give instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import anyio
import pytest
from perdure import (
    ClientSettings,
    Credential,
    FileIdentity,
    FollowSettings,
    Hub,
    HubLimits,
    JsonLines,
    Limits,
    MemoryIdentity,
    ServerSettings,
    UsageError,
    connect,
    follow,
    refreshing,
    sinks,
    sync,
)
from perdure.bounds import functions

from tests.runtime.asgi import CID
from tests.runtime.asgi import Call as InMemory

NOWHERE = "http://127.0.0.1:9"
NUMBERS: tuple[Any, ...] = (None, "x", b"x", -1, math.nan, -math.inf, True, [], object(), 10**400)
SECONDS = (*NUMBERS, math.inf)
COUNTS = (*NUMBERS, math.inf, 1.5)
FUNCTIONS: tuple[Any, ...] = ("x", b"x", 0, 1.5, True, [], {}, object())
OTHERS: tuple[Any, ...] = (None, "x", 0, 1.5, True, [], {}, object(), int)
Call = Callable[..., Any]


def entered(function: Call) -> Call:
    """What opens with `async with`, as a function that opens it and leaves."""

    def call(**given: Any) -> None:
        async def run() -> None:
            async with function(**given):
                pass

        anyio.run(run)

    return call


def with_sync(**given: Any) -> None:
    with sync.connect(**given):
        pass


def on_send(data: Any) -> None:
    async def handler(_send: Any, _session: Any) -> None: ...

    Hub().on_send(data=data)(handler)


def published(data: Any) -> None:
    anyio.run(Hub().session("s").publish, data)


def ended(outcome: Any) -> None:
    anyio.run(Hub().session("s").end, outcome)


def in_settings(call: Call, kind: Any) -> Call:
    """A call whose settings have this one field."""
    return lambda **given: call(settings=kind(**given))


def sync_function(*_any: Any) -> None: ...


async def async_function(*_any: Any) -> None: ...


async def async_events(*_any: Any) -> Any:
    yield


class AsyncCalled:
    async def __call__(self, *_any: Any) -> None: ...


async def async_of_one(_one: Any) -> None: ...


async def async_of_three(_one: Any, _two: Any, _three: Any) -> None: ...


def of_a_name(*, _name: Any) -> None: ...


CONNECT: dict[str, Any] = {"url": NOWHERE, "session": "s"}
FOLLOW: dict[str, Any] = {"snapshot": NOWHERE, "events": NOWHERE, "outcome": lambda _state: None}
REFRESHING: dict[str, Any] = {
    "open_response": sync_function,
    "credential": Credential("t", lambda: "u"),
    "classify": lambda _event: "live",
}
CREDENTIAL: dict[str, Any] = {"token": "t", "refresh": lambda: "u"}


def connecting(**given: Any) -> None:
    entered(connect)(**CONNECT | given)


def following(**given: Any) -> None:
    entered(follow)(**FOLLOW | given)


def listening(on_status: Any) -> None:
    async def run() -> None:
        async with connect(**CONNECT) as session:
            session.on_status(on_status)

    anyio.run(run)


def registering(**given: Any) -> None:
    async def run() -> None:
        async with follow(**FOLLOW) as session:
            for name, callback in given.items():
                getattr(session, name)(callback)

    anyio.run(run)


ASYNC = (sync_function, *FUNCTIONS)
WAITED: tuple[Any, ...] = (async_function, async_events, AsyncCalled(), partial(async_function, 1))
"""What nothing would await where a plain function is called."""
NONE: tuple[Any, ...] = (lambda: 1, of_a_name, partial(lambda _one: 1, 1))
TWO: tuple[Any, ...] = (lambda _one, _two: 1, async_of_three)
"""What cannot be called with one argument: such as take none, and such as take more."""
ONE: tuple[Any, ...] = (lambda _one: 1, async_of_one)
ADDRESSES: tuple[Any, ...] = (None, "", "x", "ftp://host", "http://", b"http://host", 0, [], object())
HOOKS = ("on_status", "on_returned", "on_error", "trace")
OBSERVED = ("on_state", "on_status", "on_error", "on_close", "trace")

WRONG: list[tuple[Call, dict[str, Any], str, tuple[Any, ...]]] = [
    *(
        (Hub, {}, name, SECONDS)
        for name in ("heartbeat_s", "stall_s", "handler_s", "hook_s", "closing_s", "retry_s")
    ),
    *((Hub, {}, name, (0,)) for name in ("heartbeat_s", "stall_s", "handler_s", "hook_s", "retry_s")),
    *((Hub, {}, name, FUNCTIONS) for name in ("authenticate", "authorize", "trace")),
    (Hub, {}, "authenticate", (*NONE, *TWO)),
    (Hub, {}, "authorize", (*NONE, *ONE, async_of_three)),
    (Hub, {}, "trace", (*NONE, *TWO, *WAITED)),
    *((Hub, {}, name, OTHERS) for name in ("settings", "limits", "book")),
    (Hub, {}, "store", OTHERS[1:]),
    (Hub, {}, "routed", (None, "x", 0, 1)),
    (Hub, {}, "cors_origins", (None, "*", b"*", 0, [0], ["example.org"], ["https://example.org/"], object())),
    *(
        (in_settings(Hub, ServerSettings), {}, f"{name}_s", SECONDS)
        for name in ("grace", "ended", "tombstone")
    ),
    *((in_settings(Hub, ServerSettings), {}, name, (*COUNTS, 0)) for name in ("log_max", "batch_max")),
    (in_settings(Hub, ServerSettings), {}, "tombstones_max", COUNTS),
    *((HubLimits, {}, one.name, (*COUNTS, 0)) for one in fields(HubLimits) if one.name != "body_s"),
    (HubLimits, {}, "body_s", (*SECONDS, 0)),
    *((Limits, {}, one.name, (*SECONDS, 0)) for one in fields(Limits) if one.type == "float"),
    *((Limits, {}, one.name, (*COUNTS, 0)) for one in fields(Limits) if one.type == "int"),
    (Hub().on_send, {}, "handler", (*ASYNC, async_of_one, async_of_three)),
    (on_send, {}, "data", (7, "x y", b"x", {}, [], object())),
    (Hub().on_connect, {}, "hook", (*ASYNC, async_of_three)),
    (Hub().on_expire, {}, "hook", (*ASYNC, async_of_one, async_of_three)),
    (Hub().snapshot, {}, "hook", (*FUNCTIONS, *NONE, *TWO)),
    (Hub().session, {}, "name", (None, "", b"x", 0, "a\n", "x" * 201, object())),
    (
        published,
        {},
        "data",
        (math.nan, math.inf, object(), b"\xff", {1, math.inf}, "\ud800", {"a": object()}),
    ),
    (ended, {}, "outcome", (None, "", "over", b"failed", 0, [])),
    (connecting, {}, "url", ADDRESSES),
    (connecting, {}, "session", (None, "", b"x", 0, "a\n", object())),
    (connecting, {}, "credential", (b"t", 0, [], object(), *ONE)),
    (connecting, {}, "identity", OTHERS[1:]),
    (connecting, {}, "http", OTHERS[1:]),
    *((connecting, {}, name, OTHERS) for name in ("settings", "limits", "book")),
    *((connecting, {}, name, (*FUNCTIONS, *NONE, *TWO, *WAITED)) for name in HOOKS),
    (listening, {}, "on_status", (*FUNCTIONS, *NONE, *TWO, *WAITED)),
    *(
        (in_settings(connecting, ClientSettings), {}, f"{name}_s", SECONDS)
        for name in ("retry_first", "retry_cap")
    ),
    *(
        (in_settings(connecting, ClientSettings), {}, f"reconnect_{name}_s", SECONDS)
        for name in ("first", "cap")
    ),
    *(
        (in_settings(connecting, ClientSettings), {}, f"{name}_max", (*COUNTS, 0))
        for name in ("attempts", "queue", "batch")
    ),
    (in_settings(connecting, ClientSettings), {}, "batch_max", (1001,)),
    (in_settings(connecting, ClientSettings), {}, "retries_max", COUNTS),
    (with_sync, CONNECT, "url", ADDRESSES[:4]),
    (with_sync, CONNECT, "session", (None, "", 0)),
    *((following, {}, name, ADDRESSES) for name in ("snapshot", "events")),
    *((following, {}, name, (*FUNCTIONS, *NONE, *TWO, *WAITED)) for name in OBSERVED),
    *((registering, {}, name, (*FUNCTIONS, *NONE, *TWO, *WAITED)) for name in OBSERVED[:-1]),
    (following, {}, "submit", (*FUNCTIONS, *NONE, *ONE, async_of_three)),
    (following, {}, "snapshot", (*NONE, *TWO)),
    *((following, {}, name, (None, *FUNCTIONS, *NONE, *TWO, *WAITED)) for name in ("outcome", "read")),
    *((following, {}, name, (*FUNCTIONS[1:], *NONE, *TWO, *WAITED)) for name in ("version", "cursor")),
    (following, {}, "volatile", (None, "x", 0, [1], object())),
    (following, {}, "credential", (b"t", 0, [], object(), *ONE)),
    (following, {}, "http", OTHERS[1:]),
    (following, {}, "silence_s", (*NUMBERS, 0)),
    *((following, {}, name, OTHERS) for name in ("settings", "limits", "book")),
    *(
        (in_settings(following, FollowSettings), {}, f"{name}_s", SECONDS)
        for name in ("again_first", "again_cap", "steady", "settle")
    ),
    (in_settings(following, FollowSettings), {}, "total_s", NUMBERS),
    (in_settings(following, FollowSettings), {}, "attempts_max", COUNTS),
    *(
        (refreshing, REFRESHING, name, (None, *FUNCTIONS, *NONE, *TWO))
        for name in ("open_response", "classify")
    ),
    (refreshing, REFRESHING, "classify", WAITED),
    (refreshing, REFRESHING, "credential", OTHERS),
    (refreshing, REFRESHING, "prefix_max", COUNTS[:-4]),
    (refreshing, REFRESHING, "trace", (*FUNCTIONS, *NONE, *TWO, *WAITED)),
    (refreshing, REFRESHING, "book", OTHERS),
    (Credential, CREDENTIAL, "token", (None, "", b"t", 0, "a\nb", object())),
    (Credential, CREDENTIAL, "refresh", (None, *FUNCTIONS, *ONE)),
    (Credential, CREDENTIAL, "timeout_s", (*NUMBERS, 0)),
    (Credential, CREDENTIAL, "trace", (*FUNCTIONS, *NONE, *TWO, *WAITED)),
    (Credential, CREDENTIAL, "book", OTHERS),
    *((kind, {}, "path", (None, b"x", 0, 1.5, True, object())) for kind in (JsonLines, FileIdentity)),
    (MemoryIdentity, {}, "known", ("", "me", b"x", 0, object())),
    (lambda sink: sinks(sink), {}, "sink", (None, *FUNCTIONS, *NONE, *TWO, *WAITED)),
]
SECRET = ("token", "credential")
"""What is not shown, whatever it is: it may be a secret in the wrong place."""


CASES = [pytest.param(*wrong, id=f"{n}-{wrong[2]}") for n, wrong in enumerate(WRONG)]


@pytest.mark.parametrize(("call", "others", "name", "values"), CASES)
def test_a_wrong_argument_is_refused_at_once(
    call: Call, others: dict[str, Any], name: str, values: tuple[Any, ...]
) -> None:
    for value in values:
        with pytest.raises(UsageError) as raised:
            call(**others | {name: value})
        assert raised.value.says, value
        assert raised.value.hint, (name, value)
        assert len(str(raised.value)) < 500
        if name in SECRET and isinstance(value, str | bytes) and value:
            assert str(value) not in str(raised.value).replace("a str", "")


@pytest.mark.anyio
@pytest.mark.parametrize("hook", ["authenticate", "authorize"])
async def test_a_hook_that_fails_is_the_applications_fault(
    hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_any: Any) -> Any:
        raise RuntimeError("a mistake of the application's")

    def unhashable(*_any: Any) -> Any:
        return {}

    for function in (fails, unhashable)[: 2 if hook == "authenticate" else 1]:
        hub = Hub(**{hook: function})  # type: ignore[arg-type]
        call = InMemory("GET", "/events", [("cid", CID), ("attempt", "1.1"), ("session", "s")])
        await call.run(hub.asgi())
        assert call.status == 500
        assert "urn:perdure:problem:hook-failed" in call.writes[0].decode()
        assert "mistake" not in call.writes[0].decode()
        assert f"the hook {hook} failed" in caplog.text
        await hub.aclose()


@pytest.mark.parametrize(
    "function", [print, [].append, lambda *_any: None, lambda _one, _more=1: None, int, max]
)
def test_whatever_can_be_called_with_it_is_taken(function: Any) -> None:
    functions("status", on_status=function)


def test_what_an_unreadable_signature_says_is_not_asked() -> None:
    def odd(*_any: Any) -> None: ...

    odd.__signature__ = "none"  # type: ignore[attr-defined]
    functions("status", on_status=odd)


def test_a_function_that_does_not_fit_is_named_with_what_it_would_be_given() -> None:
    with pytest.raises(UsageError) as raised:
        Hub(authenticate=lambda: 1)  # type: ignore[arg-type, misc]
    assert raised.value.says == "authenticate cannot be called with (request)"
    assert raised.value.hint == "give a function like def authenticate(request), async or not"
    with pytest.raises(UsageError) as raised:
        Hub(trace=async_function)  # type: ignore[arg-type]
    assert raised.value.says == "trace is async, and nothing awaits it"
    assert raised.value.hint == "give a plain function: def trace(record)"
