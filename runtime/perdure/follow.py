"""System A: a session that follows remote state; `follow` gives it.

All decisions are the rules'. This file feeds them what happens, and performs what they ask for.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from inspect import isawaitable
from itertools import count
from typing import Any, Final, assert_never

import anyio
import httpx2
from anyio.abc import TaskGroup
from perdure_model.core.common import Moved, Refused
from perdure_model.core.follow import FOLLOW
from perdure_model.core.follow.effects import (
    AskCredential,
    AskSnapshot,
    CancelTimer,
    DropSnapshot,
    DropSubmit,
    EndStream,
    Finish,
    FollowEffect,
    Hold,
    LeaveCredential,
    Next,
    OpenStream,
    PostSubmit,
    Report,
    Show,
    Skip,
    StartTimer,
    StreamClosed,
    Submitted,
)
from perdure_model.core.follow.inputs import (
    AgainDue,
    CredentialGiven,
    FollowInput,
    FollowLeft,
    FollowLost,
    FollowStarted,
    GiveUpDue,
    SettleDue,
    SnapshotReplied,
    SteadyDue,
    StreamOpened,
    SubmitCredentialGiven,
    SubmitReplied,
    SubmitRequested,
)
from perdure_model.core.follow.parts import (
    ATTEMPT,
    SETTINGS,
    STATE,
    SUBMIT,
    FollowSettings,
    FollowState,
    Tried,
)
from perdure_model.core.rule import Book

from perdure import states
from perdure.addresses import shown
from perdure.bounds import at_least, counts, functions, of_type
from perdure.callbacks import Callbacks
from perdure.credentials import Credential, token_text
from perdure.errors import (
    NoCredential,
    PerdureError,
    SessionError,
    SessionExpired,
    SessionFailed,
    StreamBroken,
    StreamError,
    SubmitFailed,
    SubmitUncertain,
    UsageError,
)
from perdure.feed import Feed
from perdure.inbox import Inbox
from perdure.remote import (
    FedLast,
    Fetch,
    Outcome,
    Read,
    Reading,
    Remote,
    Send,
    Token,
    check,
    outcome_of,
    snapshot_error,
)
from perdure.source import Source
from perdure.sse import Parser
from perdure.states import Arrived, Field, State
from perdure.tasks import ending_tasks
from perdure.timers import Timers
from perdure.trace import Recorder, Sink
from perdure.transport import NOT_CONNECTED, Limits

WELL: Final = (None, "succeeded", "closed")
DEFAULTS: Final = FollowSettings()
LIMITS: Final = Limits()


@dataclass(frozen=True)
class FollowStatus:
    """How a followed session stands.

    state: connecting, awaiting (nothing is missing), reconnecting, terminal.
    failures: attempts lost since the last progress. `next_try_s`: seconds from the beginning of the wait to
    the next attempt, while one is waited for. `submitting`: what was submitted has not become a state yet.
    error: the latest failure, until nothing is missing again.
    """

    state: str
    outcome: str | None
    failures: int
    next_try_s: float | None
    submitting: bool
    error: PerdureError | None


@dataclass(frozen=True)
class Closed:
    """A stream request has ended: by itself (`error` says how), or because it was not wanted any more."""

    attempt: int
    error: StreamError | None


class Submission:
    """Something that was submitted: its data, and who waits for what becomes of it."""

    __slots__ = ("data", "done", "error", "outcome", "why")

    def __init__(self, data: Any) -> None:
        self.data = data
        self.done = anyio.Event()
        self.outcome, self.why = "", ""
        self.error: BaseException | None = None


class Followed:
    """A session that follows remote state; made by `follow`.

    Iterate it for the states: each is a dict of its own, never older than the one before. Iteration ends
    where the session succeeded or was left; else it raises SessionFailed or SessionExpired.
    """

    def __init__(
        self,
        remote: Remote,
        source: Source,
        tasks: TaskGroup,
        credential: Credential | str | Callable[[], str | Awaitable[str]] | None,
        *,
        settings: FollowSettings,
        limits: Limits,
        silence_s: float,
        callbacks: Callbacks,
        trace: Sink | None,
        book: Book,
    ) -> None:
        self._remote, self._source, self._tasks, self._credential = remote, source, tasks, credential
        self._limits, self._silence_s, self._callbacks = limits, silence_s, callbacks
        recorder = Recorder("follow", trace, settings=settings) if trace is not None else None
        self._rules: Feed[FollowInput, FollowEffect] = Feed(
            book, self._perform, {SETTINGS: settings}, recorder
        )
        self._timers: Timers[AgainDue | GiveUpDue | SteadyDue | SettleDue] = Timers(
            tasks.start_soon, self._feed
        )
        self._running: dict[tuple[str, int], anyio.CancelScope] = {}
        self._tokens: dict[str, int] = {}
        self._callers: dict[str, int] = {}
        self._kept: dict[int, Arrived] = {}
        self._released = anyio.Event()
        self._submissions: dict[int, Submission] = {}
        self._serials, self._numbers = count(1), count(1)
        self._inbox: Inbox[State] = Inbox(limits.inbox_max)
        self._fields: State = {}
        self._cause: PerdureError | None = None
        self._next_try_s: float | None = None
        self._shown: FollowStatus | None = None
        self._feed(FollowStarted())

    # -- for the application -----------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[State]:
        return self

    async def __anext__(self) -> State:
        state = await self._inbox.get()
        if state is not None:
            return state
        if self.error is not None:
            raise self.error
        raise StopAsyncIteration

    @property
    def state(self) -> State:
        """The latest state, a copy; empty before the first one."""
        return dict(self._fields)

    @property
    def outcome(self) -> str | None:
        """None while the session lives; then succeeded, failed, expired or closed."""
        part: FollowState = self._rules.part(STATE)
        return part.outcome

    @property
    def error(self) -> SessionError | None:
        """The error that iteration raises at its end, if the session ended otherwise than well."""
        outcome = self.outcome
        if outcome in WELL:
            return None
        cause = self._cause
        kind = SessionExpired if outcome == "expired" else SessionFailed
        error = kind(
            f"the session at {shown(self._remote.events)} has {outcome}"
            + (f": {cause.says}" if cause else ""),
            status=cause.status if cause else 0,
            hint=cause.hint if cause else "",
        )
        error.__cause__ = cause
        return error

    @property
    def status(self) -> FollowStatus:
        """How the session stands."""
        part: FollowState = self._rules.part(STATE)
        tried: Tried = self._rules.part(ATTEMPT)
        return FollowStatus(
            state=part.state,
            outcome=part.outcome,
            failures=tried.failures,
            next_try_s=self._next_try_s if tried.doing == "waiting" else None,
            submitting=self._rules.part(SUBMIT) is not None,
            error=self._cause,
        )

    async def submit(self, data: Any) -> None:
        """Submit; returns once the server has taken it. The state that it makes comes as any other.

        Until that has come, `status.submitting` is True. Cancelling the call does not take it back.

        Raises:
            SubmitFailed: it was surely not taken; the session is where it was, or where events took it.
            SubmitUncertain: it may have been taken, and nobody can tell.
            UsageError: the session was opened without `submit`.
        """
        if self._remote.submit is None:
            raise UsageError("this session cannot submit", hint="give follow() a function as submit=")
        number = next(self._numbers)
        mine = self._submissions[number] = Submission(data)
        self._feed(SubmitRequested(number))
        await mine.done.wait()
        if mine.outcome == "taken":
            return
        kind = SubmitUncertain if mine.outcome == "uncertain" else SubmitFailed
        raise kind(mine.why, status=states.status_of(mine.error) if mine.error else 0) from mine.error

    def on_state(self, callback: Callable[[State], object] | None) -> None:
        """Call this with each state, in place of any callback before; None: nobody."""
        self._callbacks.register("on_state", callback)

    def on_status(self, callback: Callable[[FollowStatus], object] | None) -> None:
        """Call this with each new status, in place of any callback before; None: nobody."""
        self._callbacks.register("on_status", callback)

    def on_error(self, callback: Callable[[PerdureError], object] | None) -> None:
        """Call this with each failure, fatal or not, in place of any callback before; None: nobody."""
        self._callbacks.register("on_error", callback)

    def on_close(self, callback: Callable[[Closed], object] | None) -> None:
        """Call this at the end of each stream, in place of any callback before; None: nobody."""
        self._callbacks.register("on_close", callback)

    def leave(self) -> None:
        """Be done with the session. Leaving `async with` does it as well."""
        self._feed(FollowLeft())

    # -- feeding and performing --------------------------------------------------------------------

    def _feed(self, i: FollowInput, cargo: Any = None) -> None:
        self._rules(i, cargo)
        status = self.status
        if status.state == "awaiting" and self._cause is not None:
            self._cause = None
            status = self.status
        if status != self._shown:
            self._shown = status
            self._callbacks.call("on_status", status)

    def _perform(self, effect: FollowEffect, cargo: Any) -> None:  # noqa: C901 - one exhaustive match
        match effect:
            case Moved() | Refused():
                pass  # for the trace, and for `status`, which reads the parts
            case OpenStream():
                self._start("stream", effect.attempt, self._follow, effect.cursor)
            case EndStream():
                self._stop("stream", effect.attempt)
            case StreamClosed():
                error = cargo if isinstance(cargo, StreamError) else None
                self._callbacks.call("on_close", Closed(effect.attempt, error))
            case AskSnapshot():
                self._start("snapshot", effect.attempt, self._ask)
            case DropSnapshot():
                self._stop("snapshot", effect.attempt)
            case StartTimer():
                self._start_timer(effect)
            case CancelTimer():
                self._timers.cancel(effect.due)
            case AskCredential():
                self._ask_credential(effect.answer)
            case LeaveCredential():
                self._leave_credential(effect.answer)
            case Hold():
                self._kept[self._serial(effect.serial)] = cargo
            case Show():
                self._show(self._kept.pop(self._serial(effect.serial), cargo))
            case Skip():
                self._kept.pop(self._serial(effect.serial), None)
                self._let_go()
            case Report():
                self._cause = cargo
                self._callbacks.call("on_error", cargo)
            case PostSubmit():
                self._start("submit", effect.submit, self._post)
            case DropSubmit():
                self._stop("submit", effect.submit)
            case Submitted():
                self._settle(effect, cargo)
            case Finish():
                self._inbox.end()
                self._let_go()
            case Next():
                self._rules.follow(effect.input)
            case _:
                assert_never(effect)

    @staticmethod
    def _serial(serial: object) -> int:
        assert isinstance(serial, int)
        return serial

    def _start(self, kind: str, number: int, work: Callable[..., Awaitable[FedLast]], *args: Any) -> None:
        scope = self._running[kind, number] = anyio.CancelScope()
        self._tasks.start_soon(self._run, kind, number, scope, work, args)

    def _stop(self, kind: str, number: int) -> None:
        scope = self._running.pop((kind, number), None)
        if scope is not None:
            scope.cancel()

    def _start_timer(self, effect: StartTimer) -> None:
        if isinstance(effect.due, AgainDue):
            self._next_try_s = effect.seconds
        self._timers.start(effect.due, effect.seconds)

    def _show(self, arrived: Arrived) -> None:
        self._cause = None  # whatever failed before, it is not why a state ends the session
        self._fields = states.merged(self._fields, arrived, self._remote.volatile)
        self._inbox.put(dict(self._fields))
        self._callbacks.call("on_state", dict(self._fields))
        self._let_go()

    def _let_go(self) -> None:
        self._released.set()
        self._released = anyio.Event()

    def _settle(self, effect: Submitted, cargo: Any) -> None:
        mine = self._submissions.pop(effect.submit)
        mine.outcome, mine.why = effect.outcome, effect.why
        if isinstance(cargo, Exception):
            mine.error = cargo
            self._cause = SubmitFailed(f"{effect.why}: {cargo!r}", status=states.status_of(cargo))
        mine.done.set()

    # -- credentials -------------------------------------------------------------------------------

    async def _token(self, kind: str) -> Token:
        """The token to use; which one it was is remembered, for a refusal. Raises NoCredential."""
        credential = self._credential
        if isinstance(credential, Credential):
            self._tokens[kind] = credential.handle
            return credential.token
        try:
            token = credential() if callable(credential) else credential
            token = await token if isawaitable(token) else token
            return None if token is None else token_text(token)
        except Exception as error:
            raise NoCredential(f"the credential function failed: {error!r}") from error

    def _ask_credential(self, answer: CredentialGiven | SubmitCredentialGiven) -> None:
        assert isinstance(self._credential, Credential)
        kind = kind_of(answer)
        caller = self._callers[kind] = self._credential.caller()

        def told(token: object) -> None:
            self._feed(given(answer, token is not None))

        self._credential.reject(caller, self._tokens[kind], told)

    def _leave_credential(self, answer: CredentialGiven | SubmitCredentialGiven) -> None:
        assert isinstance(self._credential, Credential)
        self._credential.leave(self._callers[kind_of(answer)])

    # -- tasks: what takes time --------------------------------------------------------------------

    async def _run(
        self,
        kind: str,
        number: int,
        scope: anyio.CancelScope,
        work: Callable[..., Awaitable[FedLast]],
        args: tuple[Any, ...],
    ) -> None:
        """One request, of whose end the rules are told once, unless it was given up."""
        with scope:
            i, cargo = await work(number, *args)
            self._running.pop((kind, number), None)
            self._feed(i, cargo)

    async def _follow(self, attempt: int, cursor: str | None) -> FedLast:
        parser = Parser(event_bytes_max=self._limits.event_bytes_max)
        reading = Reading(attempt, self._remote, parser, self._feed, self._serials)
        try:
            token = await self._token("stream")
            async with self._source.stream(self._remote.events, cursor, token, self._silence_s) as read:
                self._feed(StreamOpened(attempt))
                while chunk := await read():
                    reading.take(chunk)
                    await self._room()
            ended: StreamError = StreamBroken("the server ended the stream", status=200)
        except StreamError as error:
            ended = error
        wait_s = ended.retry_after_s if ended.retry_after_s is not None else reading.retry_s
        return FollowLost(attempt, ended.status, wait_s, random.random()), ended

    async def _room(self) -> None:
        """Wait until there is room for more states, those that are held included."""
        await self._inbox.room()
        while len(self._kept) >= self._limits.inbox_max:
            await self._released.wait()

    async def _ask(self, attempt: int) -> FedLast:
        remote = self._remote
        try:
            token = await self._token("stream")
            with anyio.fail_after(self._limits.post_s):
                fields = await self._snapshot(token)
            return (
                SnapshotReplied(
                    attempt,
                    200,
                    next(self._serials),
                    states.version_of(fields, remote.version),
                    states.cursor_of(fields, remote.cursor),
                    outcome_of(remote.outcome, fields),
                ),
                Arrived(fields, whole=True),
            )
        except Exception as error:
            failed = snapshot_error(error)
            wait_s = failed.retry_after_s if isinstance(failed, StreamError) else None
            reply = SnapshotReplied(attempt, failed.status, retry_after_s=wait_s, chance=random.random())
            return reply, failed

    async def _snapshot(self, token: Token) -> State:
        if isinstance(self._remote.snapshot, str):
            return await self._source.snapshot(self._remote.snapshot, token)
        fields = self._remote.snapshot(token)
        return dict(await fields if isawaitable(fields) else fields)

    async def _post(self, number: int) -> FedLast:
        remote, data = self._remote, self._submissions[number].data
        assert remote.submit is not None
        try:
            token = await self._token("submit")
            with anyio.fail_after(self._limits.post_s):
                told = remote.submit(data, token)
                fields = await told if isawaitable(told) else told
            if fields is None:
                return SubmitReplied(number, 200), None
            version = states.version_of(dict(fields), remote.version)
            outcome = outcome_of(remote.outcome, dict(fields))
            reply = SubmitReplied(number, 200, True, next(self._serials), version, outcome)
            return reply, Arrived(dict(fields), whole=False)
        except Exception as error:
            sent = not isinstance(error, (*NOT_CONNECTED, NoCredential))
            return SubmitReplied(number, states.status_of(error), sent), error


def kind_of(answer: CredentialGiven | SubmitCredentialGiven) -> str:
    """For which kind of request a credential was asked."""
    return "stream" if isinstance(answer, CredentialGiven) else "submit"


def given(answer: CredentialGiven | SubmitCredentialGiven, is_given: bool) -> FollowInput:
    """The answer, and whether there is a credential."""
    if isinstance(answer, CredentialGiven):
        return CredentialGiven(answer.attempt, is_given)
    return SubmitCredentialGiven(answer.submit, is_given)


@asynccontextmanager
async def follow(
    *,
    snapshot: str | Fetch,
    events: str,
    outcome: Outcome,
    submit: Send | None = None,
    version: Field | None = "version",
    cursor: Field | None = None,
    volatile: Collection[str] = (),
    read: Read = states.read,
    credential: Credential | str | Callable[[], str | Awaitable[str]] | None = None,
    settings: FollowSettings = DEFAULTS,
    limits: Limits = LIMITS,
    silence_s: float = 90.0,
    on_state: Callable[[State], object] | None = None,
    on_status: Callable[[FollowStatus], object] | None = None,
    on_error: Callable[[PerdureError], object] | None = None,
    on_close: Callable[[Closed], object] | None = None,
    trace: Sink | None = None,
    http: httpx2.AsyncClient | None = None,
    book: Book = FOLLOW,
) -> AsyncIterator[Followed]:
    """Follow remote state until the `async with` is left: a snapshot, and a stream of events merged into it.

    Entering does not wait for the server. A server that stays away ends the session, once the bounds of
    `settings` are spent.

    snapshot: the whole state: an address that answers with a JSON object, or a function (async or not) that
        is called with the token to use (None: there is none) and gives a dict.
    events: the address of the stream: server-sent events that carry JSON objects. One named `error` says what
        went wrong: `status`, `message`, and `fatal` (true unless it says false).
    outcome: the outcome that a state stands for: succeeded, failed, expired, or None while it goes on.
    submit: called with the data and the token; gives the state that came of it, or None.
    version: the field, or a function of the state, that orders states: an int that grows. Without one, states
        are shown as they come, which is right as far as the server keeps their order.
    cursor: for a server that resumes after Last-Event-ID: the field, or a function of a snapshot, with the id
        of the event that the snapshot stands for.
    volatile: fields that an event clears by leaving them out; all others stay until something brings them.
    read: the fields that an event carries, if they are not simply its data.
    credential: a bearer token, a function that gives one, or a `Credential`, which is refreshed once where it
        is refused.
    silence_s: seconds of silence, comments included, after which a stream counts as lost; math.inf: never.
    on_state, on_status, on_error, on_close: see the session's methods of these names.
    http: an httpx2 client to use; it is not closed. `trace`: called with a record of each decision.

    Raises UsageError where an address is none, or something cannot be called.
    """
    remote = Remote(snapshot, events, outcome, submit, version, cursor, volatile, read)
    check(remote)
    check_rest(settings, limits, silence_s, book)
    if not (credential is None or isinstance(credential, str | Credential) or callable(credential)):
        raise UsageError(
            f"{type(credential).__name__} is no credential",
            hint="give a token as a str, a function that returns one, or a perdure.Credential",
        )
    functions(on_state=on_state, on_status=on_status, on_error=on_error, on_close=on_close, trace=trace)
    if http is not None:
        of_type(httpx2.AsyncClient, http=http)
    known = {"resumes": cursor is not None, "renews": isinstance(credential, Credential)}
    bounds = FollowSettings(**{**asdict(settings), **known})
    callbacks = Callbacks(on_state=on_state, on_status=on_status, on_error=on_error, on_close=on_close)
    async with AsyncExitStack() as stack:
        client = http if http is not None else await stack.enter_async_context(await http_client(events))
        tasks = await stack.enter_async_context(ending_tasks())
        followed = Followed(
            remote,
            Source(client, limits),
            tasks,
            credential,
            settings=bounds,
            limits=limits,
            silence_s=silence_s,
            callbacks=callbacks,
            trace=trace,
            book=book,
        )
        try:
            yield followed
        finally:
            followed.leave()
            if isinstance(credential, Credential):
                with anyio.CancelScope(shield=True):  # a refresh that was cancelled ends soon
                    await credential.quiet()


def check_rest(settings: FollowSettings, limits: Limits, silence_s: float, book: Book) -> None:
    """Raises UsageError for bounds that nothing could keep to."""
    of_type(FollowSettings, settings=settings)
    of_type(Limits, limits=limits)
    of_type(Book, book=book)
    s = settings
    counts(3, numbers=s.numbers)
    counts(0, attempts_max=s.attempts_max)
    at_least(0, again_first_s=s.again_first_s, again_cap_s=s.again_cap_s, steady_s=s.steady_s)
    at_least(0, settle_s=s.settle_s)
    if s.total_s != math.inf:  # never, of these two
        at_least(0, total_s=s.total_s)
    if silence_s != math.inf:
        at_least(0.001, silence_s=silence_s)


async def http_client(url: str) -> httpx2.AsyncClient:
    """An HTTP client; the certificates, which take their time to load, only where they are used."""
    return await anyio.to_thread.run_sync(lambda: httpx2.AsyncClient(verify=url.startswith("https:")))
