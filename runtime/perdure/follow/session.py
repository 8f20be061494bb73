"""A followed session: feeds the rules what happens, and performs what they ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any, Final, assert_never

import anyio
from anyio.abc import TaskGroup
from perdure_model.core.common import Moved, Refused
from perdure_model.core.follow.effects import (
    AskCredential,
    AskSnapshot,
    Blame,
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
    Recovered,
    Report,
    Show,
    Skip,
    StartTimer,
    StreamClosed,
    Submitted,
)
from perdure_model.core.follow.inputs import (
    AgainDue,
    FollowInput,
    FollowLeft,
    FollowStarted,
    GiveUpDue,
    SettleDue,
    SteadyDue,
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
from perdure.bounds import functions
from perdure.callbacks import Callbacks
from perdure.errors import (
    PerdureError,
    SessionError,
    SessionExpired,
    SessionFailed,
    SubmitFailed,
    SubmitUncertain,
    UsageError,
)
from perdure.feed import Feed
from perdure.follow.requests import Ended, Requests
from perdure.follow.status import Closed, FollowStatus
from perdure.follow.tokens import Given, Tokens
from perdure.inbox import Inbox
from perdure.remote import FedLast, Remote
from perdure.source import Source
from perdure.states import Arrived, State
from perdure.timers import Timers
from perdure.trace import Recorder, Sink
from perdure.transport import Limits

WELL: Final = (None, "succeeded", "closed")


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

    A callback is a plain function of what it hears of; another one raises UsageError when it is given.
    """

    def __init__(
        self,
        remote: Remote,
        source: Source,
        tasks: TaskGroup,
        credential: Given,
        *,
        settings: FollowSettings,
        limits: Limits,
        silence_s: float,
        callbacks: Callbacks,
        trace: Sink | None,
        book: Book,
    ) -> None:
        self._remote, self._tasks, self._limits, self._callbacks = remote, tasks, limits, callbacks
        self._tokens = Tokens(credential, self._feed)
        self._requests = Requests(
            remote, source, self._tokens, limits=limits, silence_s=silence_s, feed=self._feed, room=self._room
        )
        recorder = Recorder("follow", trace, settings=settings) if trace is not None else None
        self._rules: Feed[FollowInput, FollowEffect] = Feed(
            book, self._perform, {SETTINGS: settings}, recorder
        )
        self._timers: Timers[AgainDue | GiveUpDue | SteadyDue | SettleDue] = Timers(
            tasks.start_soon, self._feed
        )
        self._running: dict[tuple[str, int], anyio.CancelScope] = {}
        self._kept: dict[int, Arrived] = {}
        self._released = anyio.Event()
        self._submissions: dict[int, Submission] = {}
        self._numbers = count(1)
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
        functions("state", on_state=callback)
        self._callbacks.register("on_state", callback)

    def on_status(self, callback: Callable[[FollowStatus], object] | None) -> None:
        """Call this with each new status, in place of any callback before; None: nobody."""
        functions("status", on_status=callback)
        self._callbacks.register("on_status", callback)

    def on_error(self, callback: Callable[[PerdureError], object] | None) -> None:
        """Call this with each failure, fatal or not, in place of any callback before; None: nobody."""
        functions("error", on_error=callback)
        self._callbacks.register("on_error", callback)

    def on_close(self, callback: Callable[[Closed], object] | None) -> None:
        """Call this at the end of each stream, in place of any callback before; None: nobody."""
        functions("closed", on_close=callback)
        self._callbacks.register("on_close", callback)

    def leave(self) -> None:
        """Be done with the session. Leaving `async with` does it as well."""
        self._feed(FollowLeft())

    # -- feeding and performing --------------------------------------------------------------------

    def _feed(self, i: FollowInput, cargo: Any = None) -> None:
        self._rules(i, cargo)
        status = self.status
        if status != self._shown:
            self._shown = status
            self._callbacks.call("on_status", status)

    def _perform(self, effect: FollowEffect, cargo: Any) -> None:  # noqa: C901 - one exhaustive match
        match effect:
            case Moved() | Refused():
                pass  # for the trace, and for `status`, which reads the parts
            case OpenStream():
                self._start("stream", effect.attempt, self._requests.follow, effect.cursor)
            case EndStream():
                self._stop("stream", effect.attempt)
            case StreamClosed():
                error = cargo.error if isinstance(cargo, Ended) else None
                self._callbacks.call("on_close", Closed(effect.attempt, error))
            case AskSnapshot():
                self._start("snapshot", effect.attempt, self._requests.ask)
            case DropSnapshot():
                self._stop("snapshot", effect.attempt)
            case StartTimer():
                self._start_timer(effect)
            case CancelTimer():
                self._timers.cancel(effect.due)
            case AskCredential():
                self._tokens.ask(effect.answer)
            case LeaveCredential():
                self._tokens.leave(effect.answer)
            case Hold():
                self._kept[self._serial(effect.serial)] = cargo
            case Show():
                self._show(self._kept.pop(self._serial(effect.serial), cargo))
            case Skip():
                self._kept.pop(self._serial(effect.serial), None)
                self._let_go()
            case Report():
                self._callbacks.call("on_error", failure(cargo))
            case Blame():
                self._cause = blamed(effect.why, cargo) if effect.why else failure(cargo)
            case Recovered():
                self._cause = None
            case PostSubmit():
                data = self._submissions[effect.submit].data
                self._start("submit", effect.submit, self._requests.post, data)
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

    def _start_timer(self, effect: StartTimer) -> None:
        if isinstance(effect.due, AgainDue):
            self._next_try_s = effect.seconds
        self._timers.start(effect.due, effect.seconds)

    def _show(self, arrived: Arrived) -> None:
        self._cause = None
        self._fields = states.merged(self._fields, arrived, self._remote.volatile)
        self._inbox.put(dict(self._fields))
        self._callbacks.call("on_state", dict(self._fields))
        self._let_go()

    async def _room(self) -> None:
        """Wait until there is room for more states, those that are held included."""
        await self._inbox.room()
        while len(self._kept) >= self._limits.inbox_max:
            await self._released.wait()

    def _let_go(self) -> None:
        self._released.set()
        self._released = anyio.Event()

    def _settle(self, effect: Submitted, cargo: Any) -> None:
        mine = self._submissions.pop(effect.submit)
        mine.outcome, mine.why = effect.outcome, effect.why
        if isinstance(cargo, Exception):
            mine.error = cargo
        mine.done.set()


def failure(cargo: Any) -> PerdureError:
    """The error of what came: of a stream's end, or itself."""
    error: PerdureError = cargo.error if isinstance(cargo, Ended) else cargo
    return error


def blamed(why: str, cargo: Any) -> SubmitFailed:
    """The error of a submission that ends the session."""
    if cargo is None:
        return SubmitFailed(why)
    return SubmitFailed(f"{why}: {cargo!r}", status=states.status_of(cargo))
