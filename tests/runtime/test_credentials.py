"""A credential that many share: one refresh for all, told once to each, and no task left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from perdure import BadToken, Credential, UsageError
from perdure.trace import Record

pytestmark = pytest.mark.anyio


class Issuer:
    """Gives tokens when it is let; counts how often it is asked."""

    def __init__(self, *tokens: Any) -> None:
        self.tokens = list(tokens)
        self.asked = self.cancelled = 0
        self.let = anyio.Event()

    async def __call__(self) -> str:
        self.asked += 1
        try:
            await self.let.wait()
        except BaseException:
            self.cancelled += 1
            raise
        token = self.tokens.pop(0)
        if isinstance(token, Exception):
            raise token
        return str(token) if isinstance(token, str) else token


class Callers:
    """Some callers of a credential, and what they are told."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self.told: dict[int, list[str | None]] = {}

    def reject(self, text: str | None = None) -> int:
        """One more caller, refused with this token or the one in use."""
        credential = self.credential
        caller = credential.caller()
        told = self.told[caller] = []
        token = credential.handle if text is None else credential._texts.handle(text)
        credential.reject(caller, token, lambda t: told.append(credential.text(t) if t else None))
        return caller


@pytest.fixture
def issuer() -> Issuer:
    return Issuer("t2", "t3")


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.001)


async def test_many_who_are_refused_share_one_refresh(issuer: Issuer) -> None:
    credential = Credential("t1", issuer)
    callers = Callers(credential)
    names = [callers.reject() for _ in range(20)]
    await until(lambda: issuer.asked)
    assert credential.state == "refreshing"
    assert not any(callers.told.values())
    issuer.let.set()
    await until(lambda: callers.told[names[-1]])
    assert callers.told == {name: ["t2"] for name in names}
    assert (issuer.asked, credential.token, credential.state) == (1, "t2", "usable")


async def test_who_was_refused_with_a_token_replaced_meanwhile_is_told_the_new_one_at_once() -> None:
    issuer = Issuer()
    credential = Credential("t1", issuer)
    credential.replace("t2")
    callers = Callers(credential)
    name = callers.reject("t1")
    assert callers.told[name] == ["t2"]
    assert issuer.asked == 0


async def test_a_token_given_while_a_refresh_runs_is_everybodys_and_ends_the_refresh(issuer: Issuer) -> None:
    credential = Credential("t1", issuer)
    callers = Callers(credential)
    one, other = callers.reject(), callers.reject()
    await until(lambda: issuer.asked)
    credential.replace("mine")
    assert callers.told == {one: ["mine"], other: ["mine"]}
    await credential.quiet()
    assert issuer.cancelled == 1
    assert (credential.token, credential.state) == ("mine", "usable")


async def test_who_leaves_because_another_was_told_before_it_is_not_told_and_those_behind_it_are() -> None:
    """Found by simulation: one session, which ends where it is told that there is no other token, waited
    with its stream and with what it submitted. All who waited behind it were forgotten."""

    async def refresh() -> str:
        raise RuntimeError("no network")

    credential = Credential("t1", refresh)
    told: list[str] = []
    one, other, third = (credential.caller() for _ in range(3))

    def ends(_token: object) -> None:
        told.append("one")
        credential.leave(other)

    credential.reject(one, credential.handle, ends)
    credential.reject(other, credential.handle, lambda _token: told.append("other"))
    credential.reject(third, credential.handle, lambda _token: told.append("third"))
    await until(lambda: credential.state == "refused")
    assert told == ["one", "third"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (RuntimeError("no network"), RuntimeError),
        ("t1", None),
        ("", BadToken),
        (b"t2", BadToken),
        (None, BadToken),
    ],
    ids=["fails", "the same", "empty", "bytes", "nothing"],
)
async def test_a_refresh_in_vain_is_told_to_all_and_not_repeated_until_another_token_is_given(
    given: Any, error: type[Exception] | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "perdure")
    issuer = Issuer(given)
    issuer.let.set()
    credential = Credential("t1", issuer)
    callers = Callers(credential)
    names = [callers.reject(), callers.reject()]
    await until(lambda: callers.told[names[1]])
    later = callers.reject()
    assert callers.told == {name: [None] for name in (*names, later)}
    assert (issuer.asked, credential.state) == (1, "refused")
    assert (credential.error is None) == (error is None)
    if error is not None:
        assert isinstance(credential.error, error)
        assert "could not be refreshed" in caplog.text
    credential.replace("t1")
    assert credential.state == "refused"
    credential.replace("t2")
    assert credential.state == "usable"
    assert issuer.asked == 1


async def test_a_refresh_that_succeeds_after_one_that_failed_leaves_no_error() -> None:
    issuer = Issuer(RuntimeError("no network"), "t3")
    issuer.let.set()
    credential = Credential("t1", issuer)
    callers = Callers(credential)
    name = callers.reject()
    await until(lambda: callers.told[name])
    assert isinstance(credential.error, RuntimeError)
    credential.replace("t2")
    other = callers.reject()
    await until(lambda: callers.told[other])
    assert callers.told[other] == ["t3"]
    assert repr(credential.error) == "None"


async def test_a_refresh_that_takes_too_long_has_failed() -> None:
    issuer = Issuer()
    credential = Credential("t1", issuer, timeout_s=0.01)
    callers = Callers(credential)
    name = callers.reject()
    await until(lambda: callers.told[name])
    assert callers.told[name] == [None]
    assert isinstance(credential.error, TimeoutError)
    assert str(credential.error) == "no token within 0.01 s"
    assert issuer.cancelled == 1


async def test_the_refresh_goes_on_for_those_who_stay_and_ends_with_the_last(issuer: Issuer) -> None:
    credential = Credential("t1", issuer)
    callers = Callers(credential)
    one, other = callers.reject(), callers.reject()
    await until(lambda: issuer.asked)
    credential.leave(one)
    await credential.quiet()
    assert (issuer.cancelled, credential.state) == (0, "refreshing")
    credential.leave(other)
    await credential.quiet()
    assert (issuer.cancelled, credential.state) == (1, "usable")
    assert callers.told == {one: [], other: []}
    again = callers.reject()
    issuer.let.set()
    await until(lambda: callers.told[again])
    assert (callers.told[again], issuer.asked) == (["t2"], 2)


async def test_a_refresh_that_is_cancelled_before_it_began_never_begins(issuer: Issuer) -> None:
    credential = Credential("t1", issuer)
    credential.leave(Callers(credential).reject())
    await credential.quiet()
    assert issuer.asked == 0


async def test_who_leaves_after_the_refresh_s_task_was_cancelled_raises_nothing(issuer: Issuer) -> None:
    credential = Credential("t1", issuer)
    callers = Callers(credential)
    one = callers.reject()
    await until(lambda: issuer.asked)
    await credential._tasks.aclose()  # as an event loop's end does, where callers may hear of it later
    credential.leave(one)
    assert (issuer.cancelled, credential.state, callers.told) == (1, "usable", {one: []})
    again = callers.reject()
    issuer.let.set()
    await until(lambda: callers.told[again])
    assert callers.told[again] == ["t2"]


async def test_what_a_cancelled_refresh_brings_all_the_same_is_nobodys() -> None:
    held = anyio.Event()
    tokens = iter(["late", "t2"])
    running: list[str] = []

    async def stubborn() -> str:
        assert not running, "two at once"
        running.append(token := next(tokens))
        with anyio.CancelScope(shield=True):
            await held.wait()
        running.clear()
        return token

    credential = Credential("t1", stubborn)
    callers = Callers(credential)
    one = callers.reject()
    for _ in range(5):
        await checkpoint()
    credential.leave(one)
    other = callers.reject()
    for _ in range(5):
        await checkpoint()
    assert running == ["late"]
    held.set()
    await until(lambda: callers.told[other])
    assert callers.told == {one: [], other: ["t2"]}
    assert credential.token == "t2"


async def test_a_plain_function_serves_as_well() -> None:
    credential = Credential("t1", lambda: "t2")
    callers = Callers(credential)
    name = callers.reject()
    await until(lambda: callers.told[name])
    assert callers.told[name] == ["t2"]


async def test_no_text_of_a_token_reaches_trace_log_or_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "perdure")
    records: list[Record] = []
    credential = Credential("secret-1", lambda: "secret-2", trace=records.append)
    callers = Callers(credential)
    name = callers.reject()
    await until(lambda: callers.told[name])
    assert [record["event"] for record in records] == [None, "rejected", "refreshed"]
    assert [record["generation"] for record in records] == [None, None, 1]
    assert credential.token == "secret-2"
    for shown in (str(records), caplog.text, repr(credential)):
        assert "secret" not in shown
    with pytest.raises(BadToken) as wrong:
        credential.replace(["secret-3"])  # type: ignore[arg-type]
    assert "list" in str(wrong.value)
    assert "secret" not in str(wrong.value)


async def test_the_texts_of_old_tokens_are_not_kept_for_ever() -> None:
    credential = Credential("t0", Issuer())
    for n in range(1000):
        credential.replace(f"t{n}")
    assert len(credential._texts._handles) <= 64
    assert credential.token == "t999"


@pytest.mark.parametrize("wrong", ["", None, b"t", 7])
async def test_a_token_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(BadToken, match="give the token itself"):
        Credential(wrong, lambda: "t")


async def test_what_cannot_be_called_or_waited_for_is_refused() -> None:
    with pytest.raises(UsageError, match="give a function that gets a token"):
        Credential("t", "t2")  # type: ignore[arg-type]
    for timeout_s in (0, -1, float("nan")):
        with pytest.raises(UsageError, match=r"timeout_s=.*give a number"):
            Credential("t", lambda: "t2", timeout_s=timeout_s)
